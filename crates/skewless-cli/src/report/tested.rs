//! The winner on the test rows: curves, calibration, confusion, scores; of a number predicted against actual; slices.

use skewless_core::output::Task;
use skewless_train::metrics::CalibrationBin;
use skewless_train::study::StudyReport;
use skewless_train::study::measure::Measure;
use skewless_train::study::plots::{Confusion, Histogram, Plots};
use skewless_train::study::report::{Measured, Slice};

use super::head::measured;
use super::html::{Html, Row, table};
use super::number::{percent, short};
use super::plot::{Axis, Plot};
use super::section;
use crate::inspect::grouped;

pub(super) fn tested(html: &mut Html, report: &StudyReport) {
    let Some(plots) = &report.plots else {
        let said =
            "This report is of an earlier version, without curves; train again to have them.";
        section(html, "test", "Test", said, |_| {});
        return;
    };
    let said = format!(
        "{} rows, predicted once, by the winner.",
        grouped(report.test.rows)
    );
    section(html, "test", "Test", &said, |html| {
        html.open("div", &[("class", "figures")]);
        if report.task == Task::Regression {
            number(html, plots);
        } else {
            labels(html, report, plots);
        }
        html.close();
        scores(html, report, plots);
    });
}

fn titled(html: &mut Html, title: &str, inside: impl FnOnce(&mut Html)) {
    html.within("div", &[], |html| {
        html.leaf("h3", &[], title);
        inside(html);
    });
}

fn labels(html: &mut Html, report: &StudyReport, plots: &Plots) {
    let test = &plots.test;
    if report.task == Task::Binary {
        let positive = plots
            .labels
            .last()
            .map_or("the positive label", String::as_str);
        titled(html, "ROC", |html| roc(html, report, &test.roc, positive));
        titled(html, "Precision and recall", |html| {
            precision_recall(html, report, plots, positive)
        });
        let said = format!("Predicted probability of “{positive}” against how often it was so");
        titled(html, "Calibration", |html| {
            calibration(html, &report.test.calibration, &said)
        });
    } else {
        let said = "Probability of the label that is given against how often it is right";
        titled(html, "Calibration", |html| {
            calibration(html, &test.top_label, said)
        });
    }
    if let Some(found) = &test.confusion {
        titled(html, "Confusion", |html| {
            confusion(html, found, &plots.labels)
        });
    }
}

/// Below the other plots, one beside the other.
fn scores(html: &mut Html, report: &StudyReport, plots: &Plots) {
    let Some(scores) = &plots.test.scores else {
        return;
    };
    html.leaf("h3", &[], "Scores");
    html.within("div", &[("class", "figures")], |html| {
        for (label, bins) in plots.labels.iter().zip(&scores.labels) {
            histogram(html, label, bins, scores, report.task == Task::Binary);
        }
    });
}

fn of(report: &StudyReport, measure: Measure) -> String {
    let found = report
        .test
        .measures
        .iter()
        .find(|one| one.measure == measure);
    measured(found.map(|one| one.estimate))
}

fn roc(html: &mut Html, report: &StudyReport, points: &[[f64; 2]], positive: &str) {
    let area = of(report, Measure::RocAuc);
    let plot = Plot {
        caption: &format!("Area {area}. The thin line is a guess"),
        described: &format!("ROC curve of “{positive}”, area {area}"),
        x: Axis::share("False positive share"),
        y: Axis::share("True positive share"),
    };
    plot.draw(html, |plot, html| {
        plot.path(html, "guess", &[[0.0, 0.0], [1.0, 1.0]]);
        plot.path(html, "curve", points);
    });
}

fn precision_recall(html: &mut Html, report: &StudyReport, plots: &Plots, positive: &str) {
    let average = of(report, Measure::AveragePrecision);
    let plot = Plot {
        caption: &format!("Average precision {average}. The thin line is the label’s share"),
        described: &format!("Precision by recall of “{positive}”, average precision {average}"),
        x: Axis::share("Recall"),
        y: Axis::share("Precision"),
    };
    let share = report
        .parts
        .last()
        .and_then(|test| test.level.last())
        .copied();
    plot.draw(html, |plot, html| {
        if let Some(share) = share {
            plot.path(html, "guess", &[[0.0, share], [1.0, share]]);
        }
        plot.path(html, "curve", &plots.test.precision_recall);
    });
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows")]
fn calibration(html: &mut Html, bins: &[CalibrationBin], said: &str) {
    let plot = Plot {
        caption: &format!("{said}. Larger dots are more rows; on the thin line both are equal"),
        described: said,
        x: Axis::share("Predicted"),
        y: Axis::share("Observed"),
    };
    let most = bins.iter().map(|bin| bin.rows).max().unwrap_or(1) as f64;
    plot.draw(html, |plot, html| {
        plot.path(html, "guess", &[[0.0, 0.0], [1.0, 1.0]]);
        for bin in bins {
            let radius = 2.5 + 5.5 * (bin.rows as f64 / most).sqrt();
            let said = format!(
                "{} rows: predicted {}, observed {}",
                grouped(bin.rows),
                short(bin.predicted),
                short(bin.observed)
            );
            plot.dot(
                html,
                "dot see",
                [bin.predicted, bin.observed],
                radius,
                &said,
            );
        }
    });
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows")]
fn confusion(html: &mut Html, found: &Confusion, labels: &[String]) {
    let caption = found.threshold.map_or_else(
        || "Rows are what was, columns what was said: the likeliest label".to_owned(),
        |threshold| {
            format!("Rows are what was, columns what was said, at the threshold {threshold}")
        },
    );
    let mut head = vec!["Was"];
    let said: Vec<String> = labels.iter().map(|label| format!("said {label}")).collect();
    head.extend(said.iter().map(String::as_str));
    head.push("Right");
    let row = |(place, (label, counts)): (usize, (&String, &Vec<usize>))| {
        let all = counts.iter().sum::<usize>();
        let right = counts.get(place).copied().unwrap_or_default();
        let mut cells = vec![label.clone()];
        cells.extend(counts.iter().map(|count| grouped(*count)));
        cells.push(percent(right as f64 / all as f64));
        Row::of(cells)
    };
    let rows: Vec<Row> = labels
        .iter()
        .zip(&found.rows)
        .enumerate()
        .map(row)
        .collect();
    table(html, &caption, &head, &rows);
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows and bins")]
fn histogram(html: &mut Html, label: &str, bins: &[usize], all: &Histogram, is_binary: bool) {
    let rows: usize = bins.iter().sum();
    let most = bins.iter().copied().max().unwrap_or_default().max(1) as f64;
    let what = if is_binary {
        "the positive label"
    } else {
        "this label"
    };
    let said = format!(
        "Rows that were “{label}” ({}) by their probability of {what}",
        grouped(rows)
    );
    let plot = Plot {
        caption: &said,
        described: &said,
        x: Axis::share("Probability"),
        y: Axis::count("Rows", most),
    };
    let width = 1.0 / all.labels.first().map_or(1, Vec::len).max(1) as f64;
    plot.draw(html, |plot, html| {
        for (place, count) in bins.iter().enumerate().filter(|(_, count)| **count > 0) {
            let from = place as f64 * width;
            plot.column(html, "bar", [from, from + width], [0.0, *count as f64]);
        }
    });
}

fn number(html: &mut Html, plots: &Plots) {
    let scatter = &plots.test.scatter;
    let unit = plots
        .unit
        .as_ref()
        .map_or_else(String::new, |unit| format!(", {unit}"));
    let (predicted, actual) = (format!("Predicted{unit}"), format!("Actual{unit}"));
    let both = || scatter.iter().flat_map(|pair| pair.iter().copied());
    titled(html, "Predicted and actual", |html| {
        let plot = Plot {
            caption: &format!(
                "{} test rows; on the thin line both are equal",
                grouped(scatter.len())
            ),
            described: &format!("Actual {} against predicted", plots.target),
            x: Axis::around(&predicted, both()),
            y: Axis::around(&actual, both()),
        };
        let ends = [plot.x.low, plot.x.high];
        plot.draw(html, |plot, html| {
            plot.path(html, "guess", &ends.map(|end| [end, end]));
            dots(plot, html, scatter);
        });
    });
    let residuals: Vec<[f64; 2]> = scatter.iter().map(|&[x, y]| [x, y - x]).collect();
    titled(html, "Residuals", |html| {
        let plot = Plot {
            caption: "Actual less predicted: without pattern where the model has found what there is to find",
            described: "Residuals against predicted values",
            x: Axis::around(&predicted, scatter.iter().map(|pair| pair[0])),
            y: Axis::around("Residual", residuals.iter().map(|pair| pair[1])),
        };
        let ends = [plot.x.low, plot.x.high];
        plot.draw(html, |plot, html| {
            plot.path(html, "guess", &ends.map(|end| [end, 0.0]));
            dots(plot, html, &residuals);
        });
    });
}

fn dots(plot: &Plot<'_>, html: &mut Html, points: &[[f64; 2]]) {
    for &[x, y] in points {
        let said = format!("{}, {}", short(x), short(y));
        plot.dot(html, "dot see", [x, y], 3.0, &said);
    }
}

pub(super) fn slices(html: &mut Html, report: &StudyReport) {
    let said = if report.slices.is_empty() {
        "The configuration names no slices."
    } else {
        "Groups of test rows. Small groups, and those with a single label, are counted and not measured."
    };
    section(html, "slices", "Slices", said, |html| {
        if report.slices.is_empty() {
            return;
        }
        let measures = Measure::of_task(report.task);
        let mut head = vec!["Group", "Rows"];
        head.extend(measures.iter().map(|measure| measure.title()));
        let rows: Vec<Row> = report
            .slices
            .iter()
            .map(|slice| slice_row(slice, measures))
            .collect();
        table(html, "Measures of each group with intervals", &head, &rows);
    });
}

fn slice_row(slice: &Slice, measures: &[Measure]) -> Row {
    let value = slice.value.as_deref().unwrap_or("missing");
    let mut cells = vec![format!("{} = {value}", slice.input), grouped(slice.rows)];
    cells.extend(measures.iter().map(|measure| {
        let is = |one: &&Measured| one.measure == *measure;
        measured(slice.measures.iter().find(is).map(|one| one.estimate))
    }));
    Row::of(cells)
}
