//! The report of a training run as text: the model beside its baseline.

use std::path::PathBuf;

use skewless_train::Report;
use skewless_train::bootstrap::Estimate;
use skewless_train::metrics::Metric;
use skewless_train::report::Comparison;

use crate::inspect::{grouped, section, table, width};

/// The whole report.
pub(super) fn text(report: &Report, written: &[PathBuf]) -> String {
    let files: Vec<String> = written
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let mut facts = table(width());
    facts.add_row(["sha256", &report.digest]);
    facts.add_row(["size", &format!("{} bytes", grouped(report.bytes))]);
    facts.add_row([
        "model",
        &format!(
            "{} trees, {} leaves",
            grouped(report.trees),
            grouped(report.leaves)
        ),
    ]);
    facts.add_row(["chosen", &chosen(report)]);
    facts.add_row(["written", &files.join(", ")]);
    [
        section(&format!("{} {}", report.name, report.version), &facts),
        section("Parts of the split by time", &parts(report)),
        section(
            &title("Test, split by time", &report.test),
            &comparison(&report.test),
        ),
        section(
            &title("The same under a random split", &report.random_split),
            &comparison(&report.random_split),
        ),
    ]
    .join("\n")
}

fn chosen(report: &Report) -> String {
    format!(
        "candidate {} of {} by {} on validation",
        report.chosen + 1,
        report.candidates.len(),
        report.select_by.title()
    )
}

fn parts(report: &Report) -> comfy_table::Table {
    let mut table = table(width());
    table.set_header(["part", "rows", "positive"]);
    for part in &report.parts {
        table.add_row([part.name.clone(), grouped(part.rows), percent(part.share())]);
    }
    table
}

fn title(what: &str, comparison: &Comparison) -> String {
    format!(
        "{what}: {} rows, {} positive",
        grouped(comparison.rows),
        percent(comparison.positive_share)
    )
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn comparison(comparison: &Comparison) -> comfy_table::Table {
    let mut table = table(width());
    table.set_header(["measure", "model", "baseline", "difference"]);
    for metric in Metric::ALL {
        let cells = [
            &comparison.model,
            &comparison.baseline,
            &comparison.difference,
        ];
        let cells = cells.map(|estimates| interval(estimates.of(metric)));
        table.add_row(std::iter::once(metric.title().to_owned()).chain(cells));
    }
    table
}

fn interval(estimate: Estimate) -> String {
    format!(
        "{:.4}  ({:.4} … {:.4})",
        estimate.value, estimate.low, estimate.high
    )
}
