//! A bundle as an MLflow model folder: the file `MLmodel` with the signature, beside the bundle.

use serde_json::{Map, Value as Json, json};
use skewless_core::bundle::Contents;
use skewless_core::spec::{Input, InputType};
use skewless_core::{Bundle, Output, Pipeline, Result, Task};

use super::MODEL;
use crate::records::{Run, instant};

/// What a model folder has beside the bundle.
pub(super) struct Folder {
    /// The file `MLmodel`; JSON is YAML.
    pub(super) description: Json,
    /// The tag by which MLflow finds the models of a run.
    pub(super) history: Json,
}

/// The model folder of a file that the run wrote; none where it isn't the run's bundle.
///
/// # Errors
/// `bundle.*` and `spec.*`, which do not happen: the program made the bundle.
pub(super) fn folder(run: &Run, id: &str, name: &str, bytes: &[u8]) -> Result<Option<Folder>> {
    let contents = Contents::read(bytes).ok();
    let own = contents.filter(|contents| Some(contents.digest()) == run.bundle.as_deref());
    if own.is_none() {
        return Ok(None);
    }
    let bundle = Bundle::from_bytes(bytes)?;
    let pipeline = Pipeline::new(bundle.features())?;
    let inputs: Vec<Json> = pipeline.inputs().map(column).collect();
    let history = json!({
        "run_id": id,
        "artifact_path": MODEL,
        "utc_time_created": created(run, &bundle),
        "flavors": {"skewless": {"bundle": name, "digest": bundle.digest()}},
    });
    let mut description = history.clone();
    description["model_size_bytes"] = json!(bytes.len());
    description["signature"] = json!({
        // MLflow knows no schema without a column.
        "inputs": (!inputs.is_empty()).then(|| Json::Array(inputs).to_string()),
        "outputs": Json::Array(answers(bundle.output())).to_string(),
        "params": null,
    });
    Ok(Some(Folder {
        description,
        history,
    }))
}

/// The bundle's date.
fn created(run: &Run, bundle: &Bundle) -> String {
    let provenance: Json = serde_json::from_str(bundle.provenance()).unwrap_or_default();
    let date = provenance.pointer("/predicate/runDetails/metadata/finishedOn");
    instant::spaced(date.and_then(Json::as_str).unwrap_or(&run.started))
}

/// A field of a record.
fn column(input: &Input) -> Json {
    let kind = match input.kind {
        InputType::Number => json!({"type": "double"}),
        InputType::Integer => json!({"type": "long"}),
        InputType::Boolean => json!({"type": "boolean"}),
        // A record holds dates and times as text.
        InputType::Category | InputType::Text | InputType::Timestamp | InputType::Date => {
            json!({"type": "string"})
        }
        InputType::Tensor => {
            let shape = input.shape.as_deref().unwrap_or_default();
            shape
                .iter()
                .fold(json!({"type": "double"}), |inner, _| array(&inner))
        }
    };
    member(&input.name, kind, input.required.unwrap_or(!input.nullable))
}

/// The members of a prediction as every door answers it.
fn answers(output: &Output) -> Vec<Json> {
    let number = json!({"type": "double"});
    let text = json!({"type": "string"});
    let numbers = array(&number);
    let of = |name: &str, kind: &Json| member(name, kind.clone(), true);
    let mut members = match output.task {
        Task::Regression => vec![of("raw", &number), of("value", &number)],
        Task::Binary => vec![
            of("label", &text),
            of("probability", &number),
            of("raw", &number),
        ],
        Task::Multiclass => {
            let each = output.labels.iter();
            let each: Map<String, Json> = each
                .map(|label| (label.clone(), json!({"type": "double", "required": true})))
                .collect();
            let probabilities = json!({"type": "object", "properties": each});
            vec![
                of("label", &text),
                of("probabilities", &probabilities),
                of("raw", &numbers),
            ]
        }
        Task::Vector => vec![of("values", &numbers)],
    };
    if output.conformal.is_some() {
        members.push(match output.task {
            // Null where nothing is promised.
            Task::Regression | Task::Vector => member("interval", numbers, false),
            Task::Binary | Task::Multiclass => of("set", &array(&text)),
        });
    }
    members
}

fn array(items: &Json) -> Json {
    json!({"type": "array", "items": items})
}

fn member(name: &str, mut kind: Json, required: bool) -> Json {
    kind["name"] = json!(name);
    kind["required"] = json!(required);
    kind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_have_their_type_and_whether_they_are_due() {
        let image = Input {
            name: "image".to_owned(),
            kind: InputType::Tensor,
            shape: Some(vec![2, 3]),
            ..Input::default()
        };
        let numbers = json!({"type": "array", "items": {"type": "double"}});
        assert_eq!(
            column(&image),
            json!({"name": "image", "type": "array", "items": numbers, "required": true})
        );
        let date = Input {
            name: "sold".to_owned(),
            kind: InputType::Date,
            nullable: true,
            ..Input::default()
        };
        assert_eq!(
            column(&date),
            json!({"name": "sold", "type": "string", "required": false})
        );
    }
}
