//! Predictions as lines, cells or Arrow columns; a failed row has its error in its place.

use serde_json::{Map, Value as Json, json};
use skewless_core::{BatchPrediction, Error, Output, Prediction, Result, Task};

use crate::{Format, failure};

/// Turns predictions into the bytes or rows of a format. It may be shared between threads.
#[derive(Clone, Debug)]
pub struct Encoder {
    pub(crate) format: Format,
    output: Output,
}

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cells {
    Text,
    Number,
    Truth,
}

/// Predictions of one block, ready to be written.
pub struct Encoded(pub(crate) Form);

pub(crate) enum Form {
    /// Lines of JSON or CSV.
    Bytes(Vec<u8>),
    /// Rows of a Parquet file.
    #[cfg(feature = "parquet")]
    Batch(arrow_array::RecordBatch),
}

impl Encoder {
    /// An encoder for predictions of `output`.
    ///
    /// # Errors
    /// `unsupported.table_format` for Parquet in a build without it.
    pub fn new(format: Format, output: &Output) -> Result<Self> {
        if !format.is_built() {
            return Err(failure::not_built("the output", format));
        }
        Ok(Self {
            format,
            output: output.clone(),
        })
    }

    /// The columns of CSV and Parquet: `label`, `probability` and `raw` for a binary model, `label` and one
    /// `probability_LABEL` and `raw_LABEL` a label for several classes, `value` and `raw` for a regression, `value_0`
    /// and on for a vector; where the bundle promises a coverage, `low` and `high` of the interval or one `in_set_LABEL` a
    /// label; then `error` (the code) and `message`, empty where the row was answered.
    pub fn column_names(&self) -> Vec<String> {
        self.columns().map(|(name, _)| name).collect()
    }

    /// The same with what their cells are.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (String, Cells)> + '_ {
        let Output { task, labels, .. } = &self.output;
        let own = |name: &str| vec![name.to_owned()];
        let each = |name: &str| {
            labels
                .iter()
                .map(|label| format!("{name}_{label}"))
                .collect()
        };
        let (values, raw): (Vec<String>, Vec<String>) = match task {
            Task::Regression => (own("value"), own("raw")),
            Task::Binary => (own("probability"), own("raw")),
            Task::Multiclass => (each("probability"), each("raw")),
            Task::Vector => {
                let numbers = (0..self.output.values()).map(|place| format!("value_{place}"));
                (numbers.collect(), Vec::new())
            }
        };
        let ends = match self.has_interval() {
            true => ["low", "high"].map(str::to_owned).to_vec(),
            false => Vec::new(),
        };
        let sets = match self.has_set() {
            true => each("in_set"),
            false => Vec::new(),
        };
        let texts = |names: Vec<String>| names.into_iter().map(|name| (name, Cells::Text));
        let label = if self.has_label() {
            own("label")
        } else {
            Vec::new()
        };
        let numbers = values.into_iter().chain(raw).chain(ends);
        texts(label)
            .chain(numbers.map(|name| (name, Cells::Number)))
            .chain(sets.into_iter().map(|name| (name, Cells::Truth)))
            .chain(texts(["error", "message"].map(str::to_owned).to_vec()))
    }

    /// Encodes a block whose first row is row `first_row` of the table.
    ///
    /// # Errors
    /// `internal.encode` if the predictions do not have the output's shape.
    pub fn encode(&self, first_row: usize, batch: &BatchPrediction) -> Result<Encoded> {
        let form = match self.format {
            Format::JsonLines => Form::Bytes(self.lines(first_row, batch)?),
            Format::Csv => Form::Bytes(self.cells(batch)?),
            #[cfg(feature = "parquet")]
            Format::Parquet => Form::Batch(crate::parquet_predictions::batch(self, batch)?),
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => return Err(failure::not_built("the output", self.format)),
        };
        Ok(Encoded(form))
    }

    fn lines(&self, first_row: usize, batch: &BatchPrediction) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(batch.rows() * 64);
        for row in 0..batch.rows() {
            let written = match batch.row(row) {
                Ok(prediction) => {
                    serde_json::to_writer(&mut bytes, &self.output.prediction_json(&prediction))
                }
                Err(error) => {
                    let json = json!({ "error": error_json(error, first_row + row) });
                    serde_json::to_writer(&mut bytes, &json)
                }
            };
            written.map_err(fault)?;
            bytes.push(b'\n');
        }
        Ok(bytes)
    }

    fn cells(&self, batch: &BatchPrediction) -> Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::with_capacity(batch.rows() * 64));
        let width = self.column_names().len();
        for row in 0..batch.rows() {
            let cells = match batch.row(row) {
                Ok(prediction) => self.prediction_cells(&prediction),
                Err(error) => error_cells(width, error),
            };
            writer.write_record(&cells).map_err(fault)?;
        }
        writer
            .into_inner()
            .map_err(|error| fault(error.into_error()))
    }

    fn prediction_cells(&self, prediction: &Prediction) -> Vec<String> {
        let mut cells = Vec::new();
        if self.has_label() {
            cells.push(self.label(prediction.label).unwrap_or_default().to_owned());
        }
        cells.extend(prediction.values.iter().map(|&value| number_text(value)));
        let raw = prediction.raw.iter().take(self.raw_columns());
        cells.extend(raw.map(|&value| number_text(value)));
        cells.extend(
            self.ends(prediction)
                .map(|end| end.map_or_else(String::new, number_text)),
        );
        cells.extend(self.truths(prediction).iter().map(bool::to_string));
        cells.extend([String::new(), String::new()]);
        cells
    }

    /// The name of a label.
    pub(crate) fn label(&self, label: Option<u32>) -> Option<&str> {
        self.output.labels.get(label? as usize).map(String::as_str)
    }

    /// True when predictions have a label.
    pub(crate) fn has_label(&self) -> bool {
        matches!(self.output.task, Task::Binary | Task::Multiclass)
    }

    fn has_interval(&self) -> bool {
        self.output.conformal.is_some() && self.output.task == Task::Regression
    }

    fn has_set(&self) -> bool {
        self.output.conformal.is_some() && self.has_label()
    }

    /// Both ends of the interval, where predictions have one; each is `None` where nothing is promised.
    pub(crate) fn ends(&self, prediction: &Prediction) -> impl Iterator<Item = Option<f64>> {
        let interval = self.output.interval(prediction);
        let ends = interval.map_or([None; 2], |ends| ends.map(Some));
        ends.into_iter()
            .take(if self.has_interval() { 2 } else { 0 })
    }

    /// Which labels are in the set, where predictions have one.
    pub(crate) fn truths(&self, prediction: &Prediction) -> Vec<bool> {
        let set = self
            .has_set()
            .then(|| self.output.set(prediction))
            .flatten();
        set.unwrap_or_default()
    }

    /// Raw scores of a row: none for a vector, whose values they are.
    pub(crate) fn raw_columns(&self) -> usize {
        match self.output.task {
            Task::Vector => 0,
            _ => self.output.values(),
        }
    }
}

/// The error of a row as JSON; the row counts over the whole table.
pub fn error_json(error: &Error, row: usize) -> Json {
    let mut json = Map::new();
    json.insert("code".to_owned(), error.code().into());
    json.insert("message".to_owned(), error.message().into());
    if let Some(field) = error.field() {
        json.insert("field".to_owned(), field.into());
    }
    if let Some(value) = error.value() {
        json.insert("value".to_owned(), value.into());
    }
    json.insert("row".to_owned(), row.into());
    Json::Object(json)
}

fn error_cells(width: usize, error: &Error) -> Vec<String> {
    let mut cells = vec![String::new(); width.saturating_sub(2)];
    cells.extend([error.code().to_owned(), error.message().to_owned()]);
    cells
}

/// The shortest text that reads back as the same number, as in JSON.
pub(crate) fn number_text(value: f64) -> String {
    serde_json::Number::from_f64(value)
        .map_or_else(|| value.to_string(), |number| number.to_string())
}

pub(crate) fn fault(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::internal("internal.encode", "predictions could not be encoded").with_source(error)
}

#[cfg(test)]
mod tests {
    use skewless_core::plan::{Accumulate, LinearModel, Model};
    use skewless_core::{Predictor, Record};

    use super::*;

    /// What a linear model with as many scores as `weights` answers for 1 and for nothing, which it takes not.
    fn answers(weights: &[f64], output: Json) -> (Encoder, BatchPrediction) {
        let spec = json!({
            "inputs": [{"name": "x", "type": "number"}],
            "features": [{"name": "f", "from": ["x"], "op": "number"}],
        });
        let model = Model::Linear(LinearModel {
            inputs: 1,
            outputs: weights.len(),
            weights: weights.to_vec(),
            intercept: vec![0.0; weights.len()],
            accumulate: Accumulate::F64,
        });
        let output: Output = serde_json::from_value(output).unwrap();
        let encoder = Encoder::new(Format::Csv, &output).unwrap();
        let spec = serde_json::from_value(spec).unwrap();
        let predictor = Predictor::from_parts(&spec, &model, output).unwrap();
        let records = [r#"{"x": 1}"#, "{}"].map(|record| Record::from_json(record).unwrap());
        (encoder, predictor.predict_records(&records).unwrap())
    }

    fn table(encoder: &Encoder, batch: &BatchPrediction) -> Vec<String> {
        let rows = String::from_utf8(encoder.cells(batch).unwrap()).unwrap();
        let head = encoder.column_names().join(",");
        std::iter::once(head)
            .chain(rows.lines().map(str::to_owned))
            .collect()
    }

    #[test]
    fn promises_are_columns() {
        let output = |promise: Json| json!({"name": "y", "task": "regression", "link": "identity", "conformal": promise});
        let promise = json!({"method": "split", "confidence": 0.9, "quantile": 0.25});
        let (encoder, batch) = answers(&[2.0], output(promise));
        let found = table(&encoder, &batch);
        assert_eq!(
            found[..2],
            ["value,raw,low,high,error,message", "2.0,2.0,1.75,2.25,,"]
        );
        assert!(
            found[2].starts_with(",,,,input.missing_field,"),
            "{found:?}"
        );
        let (encoder, batch) = answers(
            &[2.0],
            output(json!({"method": "split", "confidence": 0.9, "quantile": null})),
        );
        assert_eq!(table(&encoder, &batch)[1], "2.0,2.0,,,,");
        let promise = json!({"method": "cqr", "confidence": 0.9, "quantile": 0.25});
        let (encoder, batch) = answers(&[2.0, 3.0, 1.5], output(promise));
        assert_eq!(table(&encoder, &batch)[1], "2.0,2.0,1.25,3.25,,");

        let output = json!({
            "name": "y", "task": "multiclass", "link": "identity", "labels": ["a", "b"],
            "conformal": {"method": "lac", "confidence": 0.9, "quantile": 0.5},
        });
        let (encoder, batch) = answers(&[0.25, 0.5], output);
        let found = table(&encoder, &batch);
        let head = "label,probability_a,probability_b,raw_a,raw_b,in_set_a,in_set_b,error,message";
        assert_eq!(found[..2], [head, "b,0.25,0.5,0.25,0.5,false,true,,"]);
        #[cfg(feature = "parquet")]
        {
            let arrow = crate::parquet_predictions::batch(&encoder, &batch).unwrap();
            let names = arrow
                .schema()
                .fields()
                .iter()
                .map(|field| field.name().clone())
                .collect::<Vec<_>>();
            assert_eq!(names, encoder.column_names());
            let set = arrow
                .column(6)
                .as_any()
                .downcast_ref::<arrow_array::BooleanArray>()
                .unwrap();
            assert_eq!(set.iter().collect::<Vec<_>>(), [Some(true), None]);
        }
    }
}
