//! The model card: what the run found out, in plain words and Markdown.
//!
//! After Mitchell et al. 2019, "Model Cards for Model Reporting". Numbers stand with four digits, rates with one.

use skewless_core::Profile;
use skewless_core::profile::Counts;
use skewless_core::spec::Input;

use crate::bootstrap::Estimate;
use crate::canvas;
use crate::data::SourceFile;
use crate::metrics::Metric;
use crate::recipe::{Recipe, TreeParameters};
use crate::report::{Comparison, Report};

/// Writes the card of `report`.
pub(crate) fn write(recipe: &Recipe, report: &Report, profile: &Profile) -> String {
    let model = &recipe.config.model;
    let mut card = Card::default();
    card.line(&format!("# {}", model.title));
    card.paragraph(&format!(
        "`{}` {}. {}",
        report.name,
        report.version,
        one_line(&model.summary)
    ));
    canvas::section(&mut card, recipe.config.canvas.as_ref());
    data(&mut card, recipe, report);
    split(&mut card, recipe, report);
    chosen(&mut card, recipe, report);
    results(&mut card, recipe, report);
    meaning(&mut card, recipe, report);
    random_split(&mut card, report);
    inputs(&mut card, &recipe.config.input, profile, "training rows");
    limits(&mut card, &model.limits);
    reproduction(&mut card, recipe);
    card.text
}

#[derive(Default)]
pub(crate) struct Card {
    pub(crate) text: String,
}

impl Card {
    pub(crate) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    pub(crate) fn heading(&mut self, heading: &str) {
        self.line(&format!("\n## {heading}\n"));
    }

    pub(crate) fn paragraph(&mut self, text: &str) {
        self.line(&format!("\n{text}"));
    }

    pub(crate) fn table(&mut self, head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        if !self.text.ends_with("\n\n") {
            self.line("");
        }
        self.line(&format!("| {} |", head.join(" | ")));
        self.line(&format!("|{}", "---|".repeat(head.len())));
        for row in rows {
            self.line(&format!("| {} |", row.join(" | ")));
        }
    }
}

pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

pub(crate) fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(crate) fn interval(estimate: Estimate) -> String {
    format!(
        "{:.4} ({:.4} – {:.4})",
        estimate.value, estimate.low, estimate.high
    )
}

/// What the model is not for; nothing where nothing was written.
pub(crate) fn limits(card: &mut Card, limits: &[String]) {
    if limits.is_empty() {
        return;
    }
    card.heading("Limits");
    for limit in limits {
        card.line(&format!("- {}", one_line(limit)));
    }
}

/// What was read.
pub(crate) fn sources(card: &mut Card, doc: Option<&str>, files: &[SourceFile]) {
    card.heading("Data");
    if let Some(doc) = doc {
        card.line(&one_line(doc));
    }
    let files = files.iter().map(|file| {
        vec![
            format!("`{}`", file.path),
            grouped(file.rows),
            format!("`{}`", file.sha256),
        ]
    });
    card.table(&["file", "rows", "SHA-256"], files);
}

fn data(card: &mut Card, recipe: &Recipe, report: &Report) {
    sources(card, recipe.config.data.doc.as_deref(), &report.files);
    let label = &recipe.config.label;
    let unlabelled = match report.steps.as_slice() {
        [read, labelled, ..] => read.rows - labelled.rows,
        _ => 0,
    };
    card.paragraph(&format!(
        "A row is {} where `{}` is greater than {}; {} rows without a value have no label and take no part.",
        positive_label(recipe),
        label.input,
        label.above,
        grouped(unlabelled)
    ));
    let steps = report
        .steps
        .iter()
        .map(|step| vec![step.step.clone(), grouped(step.rows)]);
    card.table(&["step", "rows"], steps);
}

fn positive_label(recipe: &Recipe) -> String {
    format!(
        "`{}`",
        recipe
            .config
            .model
            .labels
            .last()
            .cloned()
            .unwrap_or_default()
    )
}

fn split(card: &mut Card, recipe: &Recipe, report: &Report) {
    let split = &recipe.config.split;
    card.heading("Split");
    card.line(&format!(
        "By time (`{}`): everything is fitted on the rows before {}, parameters are chosen on those from then until \
         before {}, and the rows from then on take part in neither: they measure the result.",
        split.input, split.validate_from, split.test_from
    ));
    let rows = report
        .parts
        .iter()
        .map(|part| vec![part.name.clone(), grouped(part.rows), percent(part.share())]);
    card.table(&["part", "rows", &positive_label(recipe)], rows);
}

fn chosen(card: &mut Card, recipe: &Recipe, report: &Report) {
    card.heading("Model");
    card.line(&format!(
        "Gradient boosted trees ({} trees, {} leaves) on {} features, chosen among {} candidates by {} on the validation \
         rows. The baseline is a logistic regression on the same inputs.",
        grouped(report.trees),
        grouped(report.leaves),
        recipe.config.feature.iter().filter(|feature| !feature.hidden).count(),
        report.candidates.len(),
        report.select_by.title()
    ));
    let rows = report
        .candidates
        .iter()
        .enumerate()
        .map(|(place, candidate)| {
            let mark = if place == report.chosen {
                " ← chosen"
            } else {
                ""
            };
            vec![
                parameters(&candidate.parameters),
                format!("{:.4}", candidate.validation.roc_auc),
                format!("{:.4}", candidate.validation.average_precision),
                format!("{:.4}{mark}", candidate.validation.log_loss),
            ]
        });
    card.table(
        &["candidate", "ROC AUC", "average precision", "log loss"],
        rows,
    );
}

fn parameters(parameters: &TreeParameters) -> String {
    format!(
        "{} trees, rate {}, depth {}, at most {} leaves, leaf weight {}, l2 {}, columns {}",
        parameters.iterations,
        parameters.learning_rate,
        parameters.max_depth,
        parameters.max_leaves,
        parameters.min_leaf_weight,
        parameters.l2,
        parameters.columns_by_tree
    )
}

fn results(card: &mut Card, recipe: &Recipe, report: &Report) {
    let evaluate = &recipe.config.evaluate;
    card.heading("Results on the test rows");
    card.line(&format!(
        "{} rows, {} of them {}. In brackets the {} interval from {} bootstrap resamples of the rows; the difference is \
         taken on the same resamples.",
        grouped(report.test.rows),
        percent(report.test.positive_share),
        positive_label(recipe),
        percent(evaluate.confidence),
        evaluate.resamples
    ));
    comparison(card, &report.test);
}

fn comparison(card: &mut Card, comparison: &Comparison) {
    let rows = Metric::ALL.iter().map(|&metric| {
        vec![
            metric.title().to_owned(),
            interval(comparison.model.of(metric)),
            interval(comparison.baseline.of(metric)),
            interval(comparison.difference.of(metric)),
        ]
    });
    card.table(&["measure", "trees", "baseline", "difference"], rows);
}

fn meaning(card: &mut Card, recipe: &Recipe, report: &Report) {
    let (test, positive) = (&report.test, positive_label(recipe));
    let value = |metric| test.model.of(metric).value;
    card.heading("What the numbers mean");
    card.line(&format!(
        "- ROC AUC: of two rows taken at random, one {positive} and one not, the model gives the {positive} one the higher \
         probability in {} of cases. Guessing gives 50 %, perfection 100 %.",
        percent(value(Metric::RocAuc))
    ));
    card.line(&format!(
        "- Average precision: the mean share of {positive} rows among those ranked highest, over all cuts. Guessing gives \
         {:.4}, the share of {positive} rows.",
        test.positive_share
    ));
    card.line(&format!(
        "- Log loss: lower is better. Always giving the test rows' own share, {}, would cost {:.4}.",
        percent(test.positive_share),
        entropy(test.positive_share)
    ));
    card.line(&format!(
        "- Calibration error: the predicted probability is off the observed share by {:.1} points on average over {} bins.",
        100.0 * value(Metric::CalibrationError),
        recipe.config.evaluate.calibration_bins
    ));
    let shares = report
        .parts
        .iter()
        .map(|part| format!("{} {}", percent(part.share()), part.name));
    card.line(&format!(
        "- The share of {positive} rows moves over time ({}), so that probabilities learnt in one period are off in \
         another. They order rows better than they count them.",
        shares.collect::<Vec<_>>().join(", ")
    ));
    let compared = Metric::ALL.map(|metric| {
        format!(
            "{} {}",
            metric.title(),
            verdict(metric, test.difference.of(metric))
        )
    });
    card.line(&format!(
        "- Trees against the baseline, by the interval of the difference: {}.",
        compared.join("; ")
    ));
}

/// What an interval of "trees less baseline" says.
fn verdict(metric: Metric, difference: Estimate) -> &'static str {
    if metric.is_better(difference.low, 0.0) && metric.is_better(difference.high, 0.0) {
        "better"
    } else if metric.is_better(0.0, difference.low) && metric.is_better(0.0, difference.high) {
        "worse"
    } else {
        "not to be told apart"
    }
}

/// Log loss of always predicting the share itself.
fn entropy(share: f64) -> f64 {
    -(share * libm::log(share) + (1.0 - share) * libm::log(1.0 - share))
}

fn random_split(card: &mut Card, report: &Report) {
    let (by_time, at_random) = (
        report.test.model.roc_auc.value,
        report.random_split.model.roc_auc.value,
    );
    card.heading("By time and at random");
    card.line(&format!(
        "With rows dealt to the parts at random (same sizes, same parameters) the ROC AUC is {at_random:.4}; by time it is \
         {by_time:.4}. {}",
        if at_random > by_time {
            "A split by time is harder than a random one: a random one puts the same days, with the same weather and the \
             same disruptions, on both sides, and so measures how well the past is filled in. Only the number by time says \
             what to expect of a period that the model has not seen."
        } else {
            "Here the split by time is not the harder one; still only the number by time says what to expect of a period \
             that the model has not seen."
        }
    ));
    comparison(card, &report.random_split);
}

/// The inputs with what was counted of them, and those that no feature may touch.
pub(crate) fn inputs(card: &mut Card, inputs: &[Input], profile: &Profile, counted_on: &str) {
    card.heading("Inputs");
    card.line(&format!(
        "Missing and unseen values are counted on the {counted_on}."
    ));
    let rows = profile.inputs.iter().map(|counted| {
        let input = inputs.iter().find(|input| input.name == counted.name);
        let text = |text: Option<&String>| text.map(|text| one_line(text)).unwrap_or_default();
        let unseen = match &counted.counts {
            Counts::Categories {
                out_of_vocabulary, ..
            } => out_of_vocabulary.to_string(),
            Counts::Numbers(_) | Counts::Tensors(_) => String::new(),
        };
        vec![
            format!("`{}`", counted.name),
            text(input.and_then(|input| input.unit.as_ref())),
            text(input.and_then(|input| input.doc.as_ref())),
            counted.missing.to_string(),
            unseen,
        ]
    });
    card.table(
        &[
            "input",
            "unit",
            "meaning",
            "missing",
            "unknown to its table",
        ],
        rows,
    );
    let withheld = inputs.iter().filter(|input| !input.known_at_prediction);
    let names: Vec<String> = withheld.map(|input| format!("`{}`", input.name)).collect();
    if !names.is_empty() {
        card.paragraph(&format!(
            "In the data but known only afterwards, and therefore refused to every feature: {}.",
            names.join(", ")
        ));
    }
}

fn reproduction(card: &mut Card, recipe: &Recipe) {
    card.heading("Reproduction");
    card.line(&format!(
        "Configuration SHA-256 `{}`, seed {}. On one machine the same configuration and files give the same bundle, byte for \
         byte, on any number of threads; `provenance.json` has the details.",
        recipe.digest, recipe.config.model.seed
    ));
    platform_and_license(card, recipe.config.model.license.as_deref());
}

/// What another machine may change, and the license.
pub(crate) fn platform_and_license(card: &mut Card, license: Option<&str>) {
    card.paragraph(
        "The trainers (forust-ml, linfa) take exp and log from the platform, so that training with another C library may \
         give other bytes. Predictions of a given bundle are the same bits everywhere.",
    );
    if let Some(license) = license {
        card.paragraph(&one_line(license));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(
            [0, 999, 1_000, 336_776, 1_000_000].map(grouped),
            ["0", "999", "1,000", "336,776", "1,000,000"]
        );
        assert_eq!(percent(0.2514), "25.1 %");
        assert_eq!(
            interval(Estimate {
                value: 0.5,
                low: 0.25,
                high: 0.75
            }),
            "0.5000 (0.2500 – 0.7500)"
        );
        let below = Estimate {
            value: -0.2,
            low: -0.3,
            high: -0.1,
        };
        assert_eq!(
            [Metric::RocAuc, Metric::LogLoss].map(|metric| verdict(metric, below)),
            ["worse", "better"]
        );
        assert_eq!(
            verdict(Metric::RocAuc, Estimate { high: 0.1, ..below }),
            "not to be told apart"
        );
        assert!((entropy(0.5) - std::f64::consts::LN_2).abs() < 1e-15);
    }
}
