//! MLflow's scoring protocol, which SageMaker's containers share: `POST /invocations`.
//!
//! The body holds one of `dataframe_split`, `dataframe_records`, `instances` and `inputs`; other members (`params`,
//! `signature_name`) are not read. The answer is `{"predictions":[…]}`, a prediction or `{"error":{…}}` a row.
//! A body of JSON lines is answered by JSON lines.
//! <https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/>

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use skewless_core::{Error, Record, Result, Value};

use crate::direct::Answers;
use crate::failure::refusal;
use crate::limits::Limits;
use crate::lines;
use crate::list::{Counted, CountedSeed, check_count, check_names, read_list, read_seeded};
use crate::message::{Request, Response};
use crate::rows::{Rows, Scored, read_json, read_object, read_with_nan};
use crate::service::Service;

/// The four forms; each is read only once it is known to be the one that counts.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    dataframe_split: Option<&'a RawValue>,
    #[serde(borrow)]
    dataframe_records: Option<&'a RawValue>,
    #[serde(borrow)]
    instances: Option<&'a RawValue>,
    #[serde(borrow)]
    inputs: Option<&'a RawValue>,
}

/// pandas' `orient="split"`; its `index` is not read.
#[derive(Deserialize)]
struct Split<'a> {
    columns: Vec<String>,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Serialize)]
struct Predictions<'a> {
    predictions: Answers<'a>,
}

/// Answers `POST /invocations`.
///
/// # Errors
/// `request.*` and `input.*` for a body that cannot be read, and the error of a lone row.
pub(crate) fn invoke(service: &Service, request: &Request<'_>) -> Result<Response> {
    match read(service, request)? {
        Some(rows) => written(service, request, &rows.score(service)?),
        None => lines::respond(service, request.body),
    }
}

/// The rows of a body; nothing for JSON lines, which are answered one by one.
///
/// # Errors
/// `request.*` and `input.*` for a body that cannot be read.
pub(crate) fn read(service: &Service, request: &Request<'_>) -> Result<Option<Rows>> {
    let media_type = request.headers.media_type();
    if lines::is_lines(media_type.as_deref()) {
        return Ok(None);
    }
    if media_type.as_deref() == Some("text/csv") {
        return Err(Error::input(
            "request.unsupported_media_type",
            "send JSON or JSON lines; CSV is not read here",
        )
        .with_value("text/csv"));
    }
    read_with_nan(request.body, |body| read_rows(service, body)).map(Some)
}

/// The answer with the rows as they were scored.
///
/// # Errors
/// `internal.json`, which does not happen.
pub(crate) fn written(
    service: &Service,
    request: &Request<'_>,
    scored: &Scored,
) -> Result<Response> {
    let response = match scored.lone_failure() {
        Some(error) => refusal(request.path, error),
        None => Response::json(
            200,
            &Predictions {
                predictions: service.answers(&scored.rows),
            },
        )?,
    };
    Ok(response.of(scored))
}

fn read_rows(service: &Service, body: &[u8]) -> Result<Rows> {
    let limits = service.limits();
    // Records are what callers send as a rule: then the body is read once. What fails here is looked at by form.
    if let Ok(records) = read_seeded(body, RecordsAlone(limits))
        && check_count(records.count, limits).is_ok()
    {
        return Rows::new(records.kept.into_iter().map(Ok).collect(), limits);
    }
    match read_object(body)? {
        Body {
            dataframe_split: Some(split),
            dataframe_records: None,
            instances: None,
            inputs: None,
        } => split_rows(split, limits),
        Body {
            dataframe_split: None,
            dataframe_records: Some(rows),
            instances: None,
            inputs: None,
        } => Rows::from_list(rows.get(), limits),
        Body {
            dataframe_split: None,
            dataframe_records: None,
            instances: Some(rows),
            inputs: None,
        } => instances(service, rows),
        Body {
            dataframe_split: None,
            dataframe_records: None,
            instances: None,
            inputs: Some(inputs),
        } => {
            if is_list(inputs) {
                instances(service, inputs)
            } else {
                columnar(inputs, limits)
            }
        }
        _ => Err(Error::input(
            "request.invalid_shape",
            "the body must hold exactly one of dataframe_split, dataframe_records, instances and inputs",
        )),
    }
}

fn split_rows(split: &RawValue, limits: Limits) -> Result<Rows> {
    let Split { columns, data } = read_object(split.get().as_bytes())?;
    let rows: Vec<&RawValue> = read_list(data.get().as_bytes(), limits)?;
    check_names(columns.iter().map(String::as_str), rows.len(), limits)?;
    let rows = rows.iter().map(|row| positional(&columns, row));
    Rows::new(rows.collect(), limits)
}

/// TensorFlow Serving's row format: records, or lists of values in the order of the specification's inputs.
fn instances(service: &Service, rows: &RawValue) -> Result<Rows> {
    let limits = service.limits();
    let rows: Vec<&RawValue> = read_list(rows.get().as_bytes(), limits)?;
    let names: Vec<String> = service
        .predictor()
        .pipeline()
        .inputs()
        .map(|input| input.name.clone())
        .collect();
    let rows = rows.iter().map(|row| {
        if is_list(row) {
            positional(&names, row)
        } else {
            Record::from_json(row.get())
        }
    });
    Rows::new(rows.collect(), limits)
}

/// TensorFlow Serving's column format: a list of values a name, all of one length.
fn columnar(inputs: &RawValue, limits: Limits) -> Result<Rows> {
    let columns = read_seeded(inputs.get().as_bytes(), NamedColumns(limits))?;
    let rows = columns.first().map_or(0, |(_, values)| values.count);
    check_count(rows, limits)?;
    check_names(columns.iter().map(|(name, _)| name.as_str()), rows, limits)?;
    let mut records: Vec<Vec<(String, Value)>> = vec![Vec::new(); rows];
    for (name, values) in columns {
        if values.count != rows {
            let found = values.count;
            let message = format!("`{name}` has {found} values, others {rows}");
            return Err(Error::input("input.ragged_columns", message).with_field(&name));
        }
        for (record, value) in records.iter_mut().zip(values.kept) {
            record.push((name.clone(), value));
        }
    }
    let records: Result<Vec<_>> = records
        .into_iter()
        .map(|fields| Record::from_fields(fields).map(Ok))
        .collect();
    Rows::new(records?, limits)
}

/// Reads a body whose only form is `dataframe_records`, and in which all rows are records.
struct RecordsAlone(Limits);

impl<'de> DeserializeSeed<'de> for RecordsAlone {
    type Value = Counted<Record>;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RecordsAlone {
    type Value = Counted<Record>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `dataframe_records`")
    }

    fn visit_map<A: MapAccess<'de>>(
        self,
        mut map: A,
    ) -> std::result::Result<Self::Value, A::Error> {
        let mut records = None;
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            match (name.as_ref(), &records) {
                ("dataframe_records", None) => {
                    records = Some(map.next_value_seed(CountedSeed::new(self.0))?);
                }
                ("dataframe_records" | "dataframe_split" | "instances" | "inputs", _) => {
                    return Err(serde::de::Error::custom("another form"));
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        records.ok_or_else(|| serde::de::Error::missing_field("dataframe_records"))
    }
}

/// Reads an object of lists; a name that stands twice is kept twice, to be refused.
struct NamedColumns(Limits);

impl<'de> DeserializeSeed<'de> for NamedColumns {
    type Value = Vec<(String, Counted<Value>)>;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for NamedColumns {
    type Value = Vec<(String, Counted<Value>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of lists")
    }

    fn visit_map<A: MapAccess<'de>>(
        self,
        mut map: A,
    ) -> std::result::Result<Self::Value, A::Error> {
        let mut columns = Vec::new();
        while let Some(name) = map.next_key()? {
            columns.push((name, map.next_value_seed(CountedSeed::new(self.0))?));
        }
        Ok(columns)
    }
}

fn positional(names: &[String], row: &RawValue) -> Result<Record> {
    let values: Vec<Value> = read_json(row.get().as_bytes())?;
    if values.len() != names.len() {
        let (found, due) = (values.len(), names.len());
        return Err(Error::input(
            "input.ragged_columns",
            format!("the row has {found} values for {due} columns"),
        ));
    }
    Record::from_fields(names.iter().cloned().zip(values).collect())
}

fn is_list(value: &RawValue) -> bool {
    value.get().starts_with('[')
}
