//! Schemas (JSON Schema 2020-12) of a bundle's records and predictions.

use serde_json::{Map, Value, json};
use skewless_core::spec::{Input, InputType, Outside, Token};
use skewless_core::{Output, Task};

use crate::service::Service;

/// Longest texts where the specification does not say it.
const CATEGORY: usize = 256;
const TEXT: usize = 4096;
/// Greatest whole number that every double around it holds too.
const WHOLE: u64 = 1 << 53;

const DATE: &str = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])";
const TIME: &str = r"T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?";
const OFFSET: &str = "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])";

/// The schema of a record: the inputs that a feature needs.
pub(super) fn record(service: &Service) -> Value {
    let pipeline = service.predictor().pipeline();
    let mut properties = Map::new();
    let mut required = Vec::new();
    for input in &service.described_inputs() {
        if input.required.unwrap_or(!input.nullable) {
            required.push(input.name.clone());
        }
        properties.insert(input.name.clone(), field(input));
    }
    let refuses = pipeline.refuses_unknown_fields();
    if refuses {
        for input in pipeline.declared_inputs() {
            let unused = || json!({"description": "No feature uses it."});
            properties.entry(input.name.clone()).or_insert_with(unused);
        }
    }
    json!({
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": !refuses,
    })
}

fn field(input: &Input) -> Value {
    let mut schema = values(input);
    let described = [
        input.doc.clone(),
        input.unit.as_ref().map(|unit| format!("Unit: {unit}.")),
    ];
    let described: Vec<String> = described.into_iter().flatten().collect();
    if input.nullable {
        let kind = schema["type"].take();
        schema["type"] = json!([kind, "null"]);
    }
    if !input.missing.is_empty() {
        let tokens = input.missing.iter().map(|token| match token {
            Token::Number(number) => json!(number),
            Token::Text(text) => json!(text),
        });
        let tokens: Vec<Value> = tokens.collect();
        schema = json!({"anyOf": [schema, {"enum": tokens, "description": "Missing."}]});
    }
    if !described.is_empty() {
        schema["description"] = json!(described.join(" "));
    }
    schema
}

/// The values of an input that is there.
fn values(input: &Input) -> Value {
    match input.kind {
        InputType::Number => {
            let (min, max) = bounds(input, f64::MAX);
            json!({"type": "number", "minimum": min, "maximum": max})
        }
        InputType::Integer => {
            let (min, max) = bounds(input, WHOLE as f64);
            json!({"type": "integer", "minimum": whole(min), "maximum": whole(max)})
        }
        InputType::Boolean => json!({"type": "boolean"}),
        InputType::Category => {
            json!({"type": "string", "maxLength": input.max_length.unwrap_or(CATEGORY)})
        }
        InputType::Text => json!({"type": "string", "maxLength": input.max_length.unwrap_or(TEXT)}),
        InputType::Date => json!({"type": "string", "pattern": format!("^{DATE}$")}),
        InputType::Timestamp => {
            let local = input.zone.as_deref() == Some("local");
            let offset = if local { "" } else { OFFSET };
            json!({"type": "string", "pattern": format!("^{DATE}{TIME}{offset}$")})
        }
        InputType::Tensor => {
            let shape = input.shape.as_deref().unwrap_or_default();
            let elements: usize = shape.iter().product();
            json!({
                "type": "array",
                "description": format!("{elements} finite numbers in the shape {shape:?}, flat (row-major) or nested"),
            })
        }
    }
}

/// What a number may be: bounds beyond which a value is not refused are none.
fn bounds(input: &Input, most: f64) -> (f64, f64) {
    let range = input.range.as_ref();
    let range = range.filter(|range| range.outside == Outside::Reject);
    (
        range.and_then(|range| range.min).unwrap_or(-most),
        range.and_then(|range| range.max).unwrap_or(most),
    )
}

#[expect(clippy::cast_possible_truncation, reason = "at most 2^53 in size")]
fn whole(bound: f64) -> i64 {
    bound as i64
}

/// The schema of a prediction, by task.
pub(super) fn prediction(output: &Output) -> Value {
    let number = json!({"type": "number"});
    let label = json!({"enum": output.labels});
    let mut properties = match output.task {
        Task::Regression => json!({"value": number, "raw": number}),
        Task::Binary => json!({"label": label, "probability": number, "raw": number}),
        Task::Multiclass => {
            let each: Map<String, Value> = output
                .labels
                .iter()
                .map(|label| (label.clone(), number.clone()))
                .collect();
            json!({
                "label": label,
                "probabilities": {"type": "object", "properties": each, "required": output.labels},
                "raw": {"type": "array", "items": number},
            })
        }
        Task::Vector => json!({"values": {"type": "array", "items": number}}),
    };
    if let (Some(conformal), Some(properties)) = (&output.conformal, properties.as_object_mut()) {
        let said = format!(
            "Promised to hold the truth with a probability of {}",
            conformal.confidence
        );
        let (name, promised) = match output.task {
            Task::Regression | Task::Vector => (
                "interval",
                json!({
                    "type": ["array", "null"],
                    "items": number,
                    "minItems": 2,
                    "maxItems": 2,
                    "description": format!("{said}; null where nothing is promised."),
                }),
            ),
            Task::Binary | Task::Multiclass => (
                "set",
                json!({
                    "type": "array",
                    "items": label,
                    "uniqueItems": true,
                    "description": format!("{said}."),
                }),
            ),
        };
        properties.insert(name.to_owned(), promised);
    }
    let names = properties.as_object();
    let required: Vec<&String> = names.map_or_else(Vec::new, |names| names.keys().collect());
    json!({
        "title": output.name,
        "description": output.unit.as_ref().map_or_else(String::new, |unit| format!("Unit: {unit}.")),
        "type": "object",
        "required": required,
        "properties": properties,
    })
}
