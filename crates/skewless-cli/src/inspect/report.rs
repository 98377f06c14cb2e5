//! The facts of a bundle, gathered for the table and for JSON.

use serde::Serialize;
use serde_json::{Map, Value as Json};
use skewless_core::explanation::Method;
use skewless_core::plan::ModelSummary;
use skewless_core::spec::{FittedSpec, Input, Token};
use skewless_core::{Bundle, Link, Output, Predictor, Task};

use crate::inspect::made::{made, number};
use crate::inspect::metrics;

/// What `inspect --json` prints.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    pub(super) sha256: &'a str,
    pub(super) size: usize,
    pub(super) format_version: u32,
    pub(super) engine: &'a str,
    pub(super) output: &'a Output,
    pub(super) model: ModelFacts,
    pub(super) explain: ExplainFacts,
    pub(super) inputs: &'a [Input],
    pub(super) features: Vec<FeatureFacts<'a>>,
    /// The names of the model's columns in their order.
    pub(super) columns: Vec<String>,
    /// As the provenance gives them, by what was measured.
    pub(super) metrics: Option<Map<String, Json>>,
    pub(super) provenance: Option<Json>,
    pub(super) parts: Vec<PartFacts<'a>>,
}

#[derive(Serialize)]
pub(super) struct FeatureFacts<'a> {
    pub(super) name: &'a str,
    /// The inputs it comes from in the end.
    pub(super) inputs: Vec<&'a str>,
    pub(super) made: String,
    pub(super) hidden: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) doc: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum ModelFacts {
    Trees {
        trees: usize,
        leaves: usize,
        depth: usize,
        thresholds: usize,
        columns_used: usize,
        /// Where leaves are 16-bit integers: how far from the exact ones.
        #[serde(skip_serializing_if = "Option::is_none")]
        rounding: Option<Rounding>,
    },
    Linear {
        weights: usize,
        nonzero: usize,
    },
    Network {
        layers: usize,
        weights: usize,
        multiplications: usize,
        memory: usize,
    },
    Graph {
        nodes: usize,
    },
}

/// Whether `explain` says what features add.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ExplainFacts {
    /// How.
    Method(Method),
    /// Why not.
    Refused(String),
}

#[derive(Serialize)]
pub(super) struct PartFacts<'a> {
    pub(super) name: &'a str,
    pub(super) media_type: &'a str,
    pub(super) size: usize,
    pub(super) sha256: &'a str,
}

impl<'a> Report<'a> {
    pub(super) fn of(bundle: &'a Bundle, predictor: &'a Predictor) -> Self {
        let manifest = bundle.manifest();
        let provenance: Option<Json> = serde_json::from_str(bundle.provenance()).ok();
        let parts = manifest.parts.iter().map(|part| PartFacts {
            name: &part.name,
            media_type: &part.media_type,
            size: part.size,
            sha256: &part.sha256,
        });
        Self {
            name: &manifest.name,
            version: &manifest.version,
            sha256: bundle.digest(),
            size: bundle.size(),
            format_version: manifest.format_version,
            engine: &manifest.engine,
            output: bundle.output(),
            model: predictor.engine().summary().into(),
            explain: match predictor.engine().explains() {
                Ok(method) => ExplainFacts::Method(method),
                Err(error) => ExplainFacts::Refused(error.message().to_owned()),
            },
            inputs: &bundle.features().inputs,
            features: features(bundle.features()),
            columns: predictor.pipeline().column_names(),
            metrics: provenance.as_ref().and_then(metrics::of),
            provenance,
            parts: parts.collect(),
        }
    }
}

fn features(spec: &FittedSpec) -> Vec<FeatureFacts<'_>> {
    let facts = spec.features.iter().map(|feature| FeatureFacts {
        name: &feature.name,
        inputs: inputs_of(spec, &feature.name),
        made: made(spec, feature),
        hidden: feature.hidden,
        doc: feature.doc.as_deref(),
    });
    facts.collect()
}

/// The inputs behind a feature, each once. Features stand after what they are made from, so one walk backwards does.
fn inputs_of<'a>(spec: &'a FittedSpec, name: &'a str) -> Vec<&'a str> {
    let mut needed = vec![name];
    let at = spec
        .features
        .iter()
        .position(|feature| feature.name == name)
        .unwrap_or_default();
    for feature in spec.features.iter().take(at + 1).rev() {
        if let Some(found) = needed.iter().position(|needed| *needed == feature.name) {
            needed.swap_remove(found);
            needed.extend(feature.from.iter().map(String::as_str));
            needed.sort_unstable();
            needed.dedup();
        }
    }
    let inputs = spec.inputs.iter().map(|input| input.name.as_str());
    inputs.filter(|input| needed.contains(input)).collect()
}

/// What 16-bit leaves cost.
#[derive(Serialize)]
pub(super) struct Rounding {
    /// Largest difference of one leaf.
    pub(super) leaf: f64,
    /// No raw score differs by more.
    pub(super) bound: f64,
}

impl From<ModelSummary> for ModelFacts {
    fn from(summary: ModelSummary) -> Self {
        match summary {
            ModelSummary::Trees {
                trees,
                leaves,
                depth,
                thresholds,
                inputs_used,
                rounding,
            } => Self::Trees {
                trees,
                leaves,
                depth,
                thresholds,
                columns_used: inputs_used,
                rounding: rounding.map(|rounding| Rounding {
                    leaf: rounding.leaf,
                    bound: rounding.bound,
                }),
            },
            ModelSummary::Linear { nonzero, weights } => Self::Linear { weights, nonzero },
            ModelSummary::Network {
                layers,
                weights,
                multiplications,
                memory,
            } => Self::Network {
                layers,
                weights,
                multiplications,
                memory,
            },
            ModelSummary::Graph { nodes } => Self::Graph { nodes },
        }
    }
}

/// The allowed values of an input in words.
pub(super) fn allowed(input: &Input) -> String {
    let mut words = Vec::new();
    if let Some(range) = &input.range {
        let bound = |bound: Option<f64>| bound.map_or("…".to_owned(), number);
        let outside = format!("{:?}", range.outside).to_lowercase();
        words.push(format!(
            "{} to {}, outside: {outside}",
            bound(range.min),
            bound(range.max)
        ));
    }
    if let Some(zone) = &input.zone {
        words.push(format!("zone {zone}"));
    }
    if !input.missing.is_empty() {
        let tokens = input.missing.iter().map(|token| match token {
            Token::Number(value) => number(*value),
            Token::Text(text) => format!("\"{text}\""),
        });
        words.push(format!(
            "missing: {}",
            tokens.collect::<Vec<_>>().join(", ")
        ));
    }
    words.join("; ")
}

/// The output in words.
pub(super) fn answer(output: &Output) -> String {
    let unit = output
        .unit
        .as_deref()
        .map(|unit| format!(" in {unit}"))
        .unwrap_or_default();
    let link = match output.link {
        Link::Identity => "the raw score as it is".to_owned(),
        Link::Logistic { scale } => format!("1 / (1 + exp(−{}raw))", factor(scale)),
        Link::Softmax => "softmax of the raw scores".to_owned(),
        Link::Exp => "exp(raw)".to_owned(),
        Link::OneVsRest { scale } => format!(
            "1 / (1 + exp(−{}raw)) a label, not normalised",
            factor(scale)
        ),
        Link::SquareSigned => "sign(raw) · raw²".to_owned(),
        Link::Step => "1 where raw > 0, else 0".to_owned(),
        Link::Softplus => "ln(1 + exp(raw))".to_owned(),
        Link::SoftmaxZero => "softmax of the raw scores that are not 0".to_owned(),
        Link::Isolation { divisor, offset } => format!("{offset} − 2^(−raw / {divisor})"),
        Link::Probit => "√2 · erf⁻¹(2 · raw − 1)".to_owned(),
    };
    match (output.task, output.labels.as_slice()) {
        (Task::Binary, [negative, positive]) => format!(
            "{positive} from probability {} on, else {negative}; probability of {positive} = {link}",
            number(output.threshold.unwrap_or(0.5))
        ),
        (Task::Regression, _) => format!("{}{unit} = {link}", output.name),
        (Task::Vector, _) => format!("{}{unit}: {} numbers", output.name, output.values()),
        (_, labels) => format!(
            "the likeliest of {}; probabilities = {link}",
            labels.join(", ")
        ),
    }
}

fn factor(scale: f64) -> String {
    if scale == 1.0 {
        String::new()
    } else {
        format!("{} · ", number(scale))
    }
}
