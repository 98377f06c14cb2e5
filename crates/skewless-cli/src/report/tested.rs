//! The winner on the test rows: curves, calibration, confusion, scores; of a number predicted against actual; slices.

use skewless_core::output::Task;
use skewless_train::metrics::CalibrationBin;
use skewless_train::plural::counted;
use skewless_train::study::StudyReport;
use skewless_train::study::measure::Measure;
use skewless_train::study::plots::{AgainstRest, Confusion, Histogram, Plots};

use super::confidence::leaning;
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
        "{}, predicted once, by the winner.",
        counted(report.test.rows, "row")
    );
    section(html, "test", "Test", &said, |html| {
        html.open("div", &[("class", "figures")]);
        if report.task == Task::Regression {
            number(html, report, plots);
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
            let what = format!("were “{positive}”");
            calibration(html, &report.test.calibration, &said, &what)
        });
    } else {
        against_rest(html, plots);
        let said = "Probability of the label that is given against how often it is right";
        titled(html, "Calibration", |html| {
            calibration(html, &test.top_label, said, "had the label that was given")
        });
    }
    if let Some(found) = &test.confusion {
        titled(html, "Confusion", |html| {
            confusion(html, found, &plots.labels)
        });
    }
}

/// A curve a label in both plots, told apart by colour and dashes, and a key with the areas.
fn against_rest(html: &mut Html, plots: &Plots) {
    let rest = &plots.test.rest;
    if rest.is_empty() {
        return;
    }
    let name = |one: &AgainstRest| plots.labels.get(one.label).map_or("", String::as_str);
    let curve = |place: usize| CURVES.get(place % CURVES.len()).copied().unwrap_or("curve");
    type Of = (fn(&AgainstRest) -> &[[f64; 2]], fn(&AgainstRest) -> f64);
    let draw = |html: &mut Html, plot: &Plot<'_>, (points, area): Of, guess: bool| {
        plot.draw(html, |plot, html| {
            if guess {
                plot.path(html, "guess", &[[0.0, 0.0], [1.0, 1.0]]);
            }
            for (place, one) in rest.iter().enumerate() {
                let said = format!("{}: {}", name(one), short(area(one)));
                plot.told(html, curve(place), points(one), &said);
            }
        });
        html.within("ul", &[("class", "key")], |html| {
            for (place, one) in rest.iter().enumerate() {
                html.within("li", &[], |html| {
                    let class = format!("sample {}", curve(place));
                    html.leaf("span", &[("class", &class), ("aria-hidden", "true")], "");
                    html.text(&format!(
                        "{} ({}): {}",
                        name(one),
                        counted(one.rows, "row"),
                        short(area(one))
                    ));
                });
            }
        });
    };
    let some = match rest.len() < plots.labels.len() {
        true => "Those labels with the most test rows, each against the rest",
        false => "Each label against the rest",
    };
    titled(html, "ROC", |html| {
        let plot = Plot {
            caption: &format!("{some}, with the area under its curve. The thin line is a guess"),
            described: "ROC curve of each label against the rest",
            x: Axis::share("False positive share"),
            y: Axis::share("True positive share"),
        };
        draw(html, &plot, (|one| &one.roc, |one| one.roc_auc), true);
    });
    titled(html, "Precision and recall", |html| {
        let plot = Plot {
            caption: &format!("{some}, with its average precision"),
            described: "Precision by recall of each label against the rest",
            x: Axis::share("Recall"),
            y: Axis::share("Precision"),
        };
        let of: Of = (|one| &one.precision_recall, |one| one.average_precision);
        draw(html, &plot, of, false);
    });
}

/// Classes of the curves of several labels.
const CURVES: [&str; 10] = [
    "curve c0", "curve c1", "curve c2", "curve c3", "curve c4", "curve c5", "curve c6", "curve c7",
    "curve c8", "curve c9",
];

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
fn calibration(html: &mut Html, bins: &[CalibrationBin], said: &str, what: &str) {
    let plot = Plot {
        caption: &format!(
            "{said}. Larger dots are more rows; on the thin line both are equal. {}",
            leaning(bins, what)
        ),
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
                "{}: predicted {}, observed {}",
                counted(bin.rows, "row"),
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
            // As a person wrote it, or as few digits of a chosen one as the rest of the page has.
            let written = match threshold.to_string() {
                written if written.len() > 8 => short(threshold),
                written => written,
            };
            format!("Rows are what was, columns what was said, at the threshold {written}")
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

fn number(html: &mut Html, report: &StudyReport, plots: &Plots) {
    let scatter = &plots.test.scatter;
    let unit = plots
        .unit
        .as_ref()
        .map_or_else(String::new, |unit| format!(", {unit}"));
    let (predicted, actual) = (format!("Predicted{unit}"), format!("Actual{unit}"));
    let shown = match scatter.len() < report.test.rows {
        true => format!(
            "A sample of {} of the {}",
            grouped(scatter.len()),
            counted(report.test.rows, "test row")
        ),
        false => format!("All {}", counted(report.test.rows, "test row")),
    };
    titled(html, "Predicted and actual", |html| {
        let plot = Plot {
            caption: &format!(
                "{shown}; on the thin line both are equal. The axes are fitted to the data"
            ),
            described: &format!("Actual {} against predicted", plots.target),
            x: Axis::around(&predicted, scatter.iter().map(|pair| pair[0])),
            y: Axis::around(&actual, scatter.iter().map(|pair| pair[1])),
        };
        let ends = [plot.x.low.max(plot.y.low), plot.x.high.min(plot.y.high)];
        plot.draw(html, |plot, html| {
            plot.path(html, "guess", &ends.map(|end| [end, end]));
            dots(plot, html, scatter);
        });
    });
    let residuals: Vec<[f64; 2]> = scatter.iter().map(|&[x, y]| [x, y - x]).collect();
    titled(html, "Residuals", |html| {
        let plot = Plot {
            caption: &format!(
                "{shown}. Actual less predicted: without pattern where the model has found what there is to find"
            ),
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
