//! The facts of a bundle as tables for people.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use skewless_core::explanation::Method;
use skewless_core::spec::{Input, Role};

use crate::inspect::metrics;
use crate::inspect::report::{ExplainFacts, ModelFacts, Report, allowed, answer};

/// Columns of text where the terminal does not say how many it has.
const WIDTH: u16 = 120;

/// Columns of text that fit on a line of standard output.
pub(crate) fn width() -> u16 {
    terminal_size::terminal_size().map_or(WIDTH, |(width, _)| width.0.max(60))
}

impl Report<'_> {
    pub(super) fn to_text(&self, width: u16) -> String {
        let mut sections = vec![
            self.head(width),
            section("Inputs", &self.inputs_table(width)),
            section("Features", &self.features_table(width)),
            section("Model", &self.model_table(width)),
        ];
        for (what, measured) in self.metrics.iter().flatten() {
            let rows = metrics::rows_measured(measured).map(|rows| format!(", {rows}"));
            let title = format!("Metrics: {what}{}", rows.unwrap_or_default());
            sections.push(section(&title, &metrics::table(measured, table(width))));
            let beside = [
                (
                    "Coverage of the test rows",
                    metrics::coverage_table(measured, table(width)),
                ),
                (
                    "Slices of the test rows",
                    metrics::slices_table(measured, table(width)),
                ),
            ];
            let present = beside
                .into_iter()
                .filter_map(|(title, table)| Some(section(title, &table?)));
            sections.extend(present);
        }
        if let Some(provenance) = &self.provenance {
            sections.push(section(
                "Provenance",
                &metrics::provenance_table(provenance, table(width)),
            ));
        }
        sections.push(section("Parts", &self.parts_table(width)));
        sections.join("\n")
    }

    fn head(&self, width: u16) -> String {
        let mut table = table(width);
        table.add_row(["sha256", self.sha256]);
        table.add_row(["size", &format!("{} bytes", grouped(self.size))]);
        table.add_row([
            "engine",
            &format!("{}, bundle format {}", self.engine, self.format_version),
        ]);
        format!("{} {}\n{}\n", self.name, self.version, trimmed(&table))
    }

    fn inputs_table(&self, width: u16) -> Table {
        let mut table = table(width);
        table.set_header(["name", "type", "unit", "allowed", "nullable", "meaning"]);
        for input in self.inputs {
            table.add_row([
                input.name.clone(),
                input.kind.name().to_owned(),
                input.unit.clone().unwrap_or_default(),
                allowed(input),
                (if input.nullable { "yes" } else { "no" }).to_owned(),
                meaning(input),
            ]);
        }
        table
    }

    fn features_table(&self, width: u16) -> Table {
        let mut table = table(width);
        table.set_header(["name", "made from the inputs"]);
        for feature in &self.features {
            let hidden = if feature.hidden {
                " (not given to the model)"
            } else {
                ""
            };
            table.add_row([feature.name.to_owned(), format!("{}{hidden}", feature.made)]);
        }
        table
    }

    fn model_table(&self, width: u16) -> Table {
        let mut table = table(width);
        let columns = self.columns.len();
        let (what, size) = match &self.model {
            ModelFacts::Trees {
                trees,
                leaves,
                depth,
                thresholds,
                columns_used,
                ..
            } => (
                "trees",
                format!(
                    "{} trees, {} leaves, depth {depth}, {} thresholds, {columns_used} of {columns} columns used",
                    grouped(*trees),
                    grouped(*leaves),
                    grouped(*thresholds)
                ),
            ),
            ModelFacts::Linear { weights, nonzero } => (
                "linear",
                format!("{weights} coefficients over {columns} columns, {nonzero} of them not 0"),
            ),
            ModelFacts::Network {
                layers,
                weights,
                multiplications,
                memory,
            } => (
                "int8 network",
                format!(
                    "{layers} layers, {} weights, {} multiplications and {} bytes of working memory a row",
                    grouped(*weights),
                    grouped(*multiplications),
                    grouped(*memory)
                ),
            ),
            ModelFacts::Graph { nodes } => (
                "ONNX graph",
                format!("{} nodes, run by the general engine", grouped(*nodes)),
            ),
        };
        table.add_row([what, &size]);
        if let ModelFacts::Trees {
            rounding: Some(rounding),
            ..
        } = &self.model
        {
            let cost = format!(
                "16 bits: a leaf is off by at most {:.2e}, a raw score by at most {:.2e}",
                rounding.leaf, rounding.bound
            );
            table.add_row(["leaves", &cost]);
        }
        table.add_row(["answer", &answer(self.output)]);
        let explained = match &self.explain {
            ExplainFacts::Method(Method::Linear) => "each feature's part of the sum, exact",
            ExplainFacts::Method(Method::TreeShap) => "TreeSHAP, by the shares of training rows",
            ExplainFacts::Refused(reason) => &format!("no: {reason}"),
        };
        table.add_row(["explained", explained]);
        table
    }

    fn parts_table(&self, width: u16) -> Table {
        let mut table = table(width);
        table.set_header(["part", "bytes", "sha256"]);
        for part in &self.parts {
            table.add_row([part.name, &grouped(part.size), part.sha256]);
        }
        if let Some(sizes) = table.column_mut(1) {
            sizes.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

fn meaning(input: &Input) -> String {
    let mut words: Vec<String> = input.doc.iter().cloned().collect();
    if input.role != Role::Feature {
        words.push(format!("({:?})", input.role).to_lowercase());
    }
    if !input.known_at_prediction {
        words.push("(known only afterwards)".to_owned());
    }
    words.join(" ")
}

/// An empty table without lines, `width` columns of text wide.
pub(crate) fn table(width: u16) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width.saturating_sub(2));
    table
}

/// A titled table.
pub(crate) fn section(title: &str, table: &Table) -> String {
    format!("{title}\n{}\n", trimmed(table))
}

/// Indented, without the padding of the first column and without trailing white space.
fn trimmed(table: &Table) -> String {
    let lines = table.lines().map(|line| {
        let line = line.strip_prefix(' ').unwrap_or(&line);
        format!("  {line}").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A number with its thousands apart: 1,234,567.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
