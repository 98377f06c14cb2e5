//! `skewless explain`: a table of records in, what each feature added to their raw scores out, in the same order.

use std::io::{BufWriter, IsTerminal, Write};

use anyhow::Context;
use skewless_core::{Bundle, Error, Explanation, Predictor, Record, Result};
use skewless_table::{Block, Rows, error_json, records};

use crate::args::ExplainArgs;
use crate::bundle_file;
use crate::destination::{Destination, print};
use crate::exit::{InBundle, Outcome, sentence};
use crate::inspect::{section, table, width};
use crate::predict;

pub(crate) fn run(args: &ExplainArgs) -> anyhow::Result<Outcome> {
    let (bundle, predictor) = bundle_file::open_predictor(&args.bundle)?;
    let explains = predictor.engine().explains();
    explains.with_context(|| InBundle(args.bundle.clone()))?;
    let input = predict::input(args.input.as_ref(), args.from)?;
    let reader = skewless_table::reader(&predictor, input)?;
    let to_terminal = args.output.is_none() && std::io::stdout().is_terminal();
    let mut lines = Lines {
        to: BufWriter::new(Destination::open(args.output.as_deref())?),
        rows: 0,
        failed: 0,
        first_failure: None,
        alone: None,
        to_terminal,
    };
    for chunk in reader {
        let block = chunk?.decode()?;
        let first_row = block.first_row;
        for (at, explained) in explained(&predictor, block).into_iter().enumerate() {
            lines.take(first_row + at, explained)?;
        }
    }
    lines.end(&bundle)
}

/// The explanation of each row of a block, or why there is none.
fn explained(predictor: &Predictor, block: Block) -> Vec<Result<Explanation>> {
    let rows: Vec<Record> = match block.rows {
        Rows::Records(records) => records,
        Rows::Columns(columns) => records(&columns, predictor.pipeline().inputs()),
    };
    let explained = rows.iter().map(|record| predictor.explain(record));
    let mut explained: Vec<_> = explained.collect();
    for error in block.unreadable {
        if let Some(slot) = explained.get_mut(error.row().unwrap_or_default()) {
            *slot = Err(error);
        }
    }
    explained
}

/// Lines of JSON; where a terminal waits for a record alone, a table in their place.
struct Lines {
    to: BufWriter<Destination>,
    rows: usize,
    failed: usize,
    first_failure: Option<String>,
    /// The first explanation, held back until a second row comes.
    alone: Option<Explanation>,
    to_terminal: bool,
}

impl Lines {
    fn take(&mut self, row: usize, explained: Result<Explanation>) -> anyhow::Result<()> {
        self.rows += 1;
        if let Some(first) = self.alone.take() {
            self.write(&first)?;
        }
        match explained {
            Ok(first) if self.to_terminal && self.rows == 1 => self.alone = Some(first),
            Ok(explanation) => self.write(&explanation)?,
            Err(error) => {
                self.failed += 1;
                let told = || format!("row {row}: {}", sentence(&error));
                self.first_failure.get_or_insert_with(told);
                self.write(&serde_json::json!({ "error": error_json(&error, row) }))?;
            }
        }
        Ok(())
    }

    fn write(&mut self, line: &impl serde::Serialize) -> anyhow::Result<()> {
        serde_json::to_writer(&mut self.to, line)?;
        self.to.write_all(b"\n")?;
        Ok(())
    }

    fn end(self, bundle: &Bundle) -> anyhow::Result<Outcome> {
        if self.rows == 0 {
            return Err(Error::input("input.empty_batch", "the input has no rows").into());
        }
        if let Some(explanation) = &self.alone {
            print(&to_text(explanation, bundle, width()))?;
        }
        let to = self.to.into_inner().map_err(|error| error.into_error())?;
        to.keep()?;
        let Some(first) = self.first_failure else {
            return Ok(Outcome::Done);
        };
        let rows = if self.rows == 1 { "row" } else { "rows" };
        writeln!(
            std::io::stderr(),
            "skewless: {} of {} {rows} failed; first, {first}",
            self.failed,
            self.rows
        )?;
        Ok(Outcome::SomeFailed)
    }
}

/// The features by what they added, the greatest first, between the base and the raw score.
fn to_text(explanation: &Explanation, bundle: &Bundle, width: u16) -> String {
    let mut table = table(width);
    let labels = &bundle.output().labels;
    let outputs: Vec<String> = match explanation.raw.len() {
        1 => vec!["added".to_owned()],
        count if count == labels.len() => labels.clone(),
        count => (0..count).map(|output| output.to_string()).collect(),
    };
    let head = ["feature", "made from"].map(str::to_owned);
    table.set_header(head.into_iter().chain(outputs));
    let mut row = |feature: &str, inputs: String, numbers: &[f64]| {
        let numbers = numbers.iter().map(|number| format!("{number:+.4}"));
        let cells = [feature.to_owned(), inputs].into_iter().chain(numbers);
        table.add_row(cells.collect::<Vec<_>>());
    };
    row("(nothing known)", String::new(), &explanation.base);
    let mut features: Vec<_> = explanation.features.iter().collect();
    let most = |numbers: &[f64]| numbers.iter().fold(0.0, |most, n| f64::max(most, n.abs()));
    features.sort_by(|a, b| most(&b.contributions).total_cmp(&most(&a.contributions)));
    for feature in features {
        let inputs = feature.inputs.join(", ");
        row(&feature.feature, inputs, &feature.contributions);
    }
    row("raw score", String::new(), &explanation.raw);
    let manifest = bundle.manifest();
    let method = explanation.method.name();
    let title = format!("{} {}: {method}", manifest.name, manifest.version);
    section(&title, &table)
}

#[cfg(test)]
mod tests {
    use skewless_core::FeatureContribution;
    use skewless_core::explanation::Method;

    use super::*;

    #[test]
    fn a_record_alone_is_a_table() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../models/flights/flights.skw"
        );
        let bundle = Bundle::from_bytes(&std::fs::read(path).unwrap()).unwrap();
        let feature = |feature: &str, inputs: &[&str], added| FeatureContribution {
            feature: feature.to_owned(),
            inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
            contributions: vec![added],
        };
        let explanation = Explanation {
            method: Method::TreeShap,
            raw: vec![0.5],
            base: vec![-1.25],
            features: vec![
                feature("carrier", &["carrier"], 0.25),
                feature("load", &["seats", "people"], -1.0),
                feature("hour", &["departure"], 2.5),
            ],
        };
        insta::assert_snapshot!(to_text(&explanation, &bundle, 80));
    }
}
