//! Groups of test rows: their measures, and which of them is worst.

use skewless_train::plural::counted;
use skewless_train::study::StudyReport;
use skewless_train::study::measure::Measure;
use skewless_train::study::report::{Measured, Slice};

use super::html::{Cell, Html, Row, stacked};
use super::number::{ends, short};
use super::section;
use crate::inspect::grouped;

pub(super) fn slices(html: &mut Html, report: &StudyReport) {
    if report.slices.is_empty() {
        let said = "The configuration names no slices.";
        return section(html, "slices", "Slices", said, |_| {});
    }
    let by = ordered_by(report);
    let said = format!(
        "Groups of test rows, the worst by {} first. Small groups, and those with a single label, are not measured.",
        by.title()
    );
    section(html, "slices", "Slices", &said, |html| {
        let measures = Measure::of_task(report.task);
        let mut head = vec!["Group", "Rows"];
        head.extend(measures.iter().map(|measure| measure.title()));
        let all = cells(
            "All test rows",
            report.test.rows,
            &report.test.measures,
            measures,
        );
        let mut rows = vec![Row::with(all)];
        let (measured, unmeasured): (Vec<&Slice>, Vec<&Slice>) = worst_first(report, by)
            .into_iter()
            .partition(|slice| !slice.measures.is_empty());
        for (place, slice) in measured.into_iter().enumerate() {
            let is_worst = place == 0 && value(slice, by).is_finite();
            let mut each = cells(&named(slice), slice.rows, &slice.measures, measures);
            if is_worst && let Some(name) = each.first_mut() {
                *name = Cell::of(named(slice)).above(format!("the worst by {}", by.title()));
            }
            rows.push(Row::with(each).marked("chosen", is_worst));
        }
        let caption = "Measures of each group, below each its interval";
        stacked(html, caption, &head, &rows);
        if !unmeasured.is_empty() {
            let each = unmeasured.into_iter();
            let each: Vec<String> = each
                .map(|slice| format!("{} ({})", named(slice), counted(slice.rows, "row")))
                .collect();
            let said = format!("Not measured: {}.", each.join(", "));
            html.leaf("p", &[("class", "note")], &said);
        }
    });
}

/// The measure that a gate holds the worst slice to; without one that of the selection.
fn ordered_by(report: &StudyReport) -> Measure {
    let gated = report.gates.iter().find_map(|gate| {
        let name = gate.gate.strip_prefix("worst_slice.")?;
        let measures = Measure::of_task(report.task);
        measures.iter().copied().find(|one| one.name() == name)
    });
    gated.unwrap_or(report.selection.by)
}

/// Groups that are not measured come last, the largest first.
fn worst_first(report: &StudyReport, by: Measure) -> Vec<&Slice> {
    let mut slices: Vec<&Slice> = report.slices.iter().collect();
    let merit = |slice: &Slice| {
        let merit = by.gain(value(slice, by), 0.0);
        if merit.is_finite() {
            merit
        } else {
            f64::INFINITY
        }
    };
    slices.sort_by(|a, b| {
        let merits = merit(a).total_cmp(&merit(b));
        merits.then_with(|| b.rows.cmp(&a.rows))
    });
    slices
}

fn value(slice: &Slice, measure: Measure) -> f64 {
    let found = slice.measures.iter().find(|one| one.measure == measure);
    found.map_or(f64::NAN, |one| one.estimate.value)
}

fn named(slice: &Slice) -> String {
    let value = slice.value.as_deref().unwrap_or("missing");
    format!("{} = {value}", slice.input)
}

fn cells(name: &str, rows: usize, found: &[Measured], measures: &[Measure]) -> Vec<Cell> {
    let mut cells = vec![Cell::of(name.to_owned()), Cell::of(grouped(rows))];
    cells.extend(measures.iter().map(|measure| {
        let one = found.iter().find(|one| one.measure == *measure);
        one.map_or_else(
            || Cell::of("–".to_owned()),
            |one| Cell::of(short(one.estimate.value)).above(ends(one.estimate)),
        )
    }));
    cells
}
