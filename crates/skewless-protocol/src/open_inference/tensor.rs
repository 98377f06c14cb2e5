//! Input tensors: columns of a batch, read into records so that a value means the same as on every other door.

use serde::Deserialize;
use serde_json::value::RawValue;
use skewless_core::{Error, Record, Result, Value};

use super::elements::Elements;
use crate::limits::Limits;
use crate::list::{Counted, check_count, check_names};

/// One input tensor of a request.
#[derive(Deserialize)]
pub(super) struct InputTensor<'a> {
    name: String,
    shape: Vec<u64>,
    datatype: Datatype,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// A tensor with its elements.
struct Filled {
    name: String,
    shape: Vec<u64>,
    datatype: Datatype,
    data: Counted<Value>,
}

/// The protocol's datatypes, as far as they matter here.
#[derive(Clone, Copy, Deserialize)]
enum Datatype {
    #[serde(rename = "BYTES")]
    Bytes,
    #[serde(rename = "BOOL")]
    Bool,
    #[serde(rename = "FP64", alias = "FP32", alias = "FP16")]
    Float,
    #[serde(rename = "INT64", alias = "INT32", alias = "INT16", alias = "INT8")]
    Integer,
    #[serde(rename = "UINT64", alias = "UINT32", alias = "UINT16", alias = "UINT8")]
    Unsigned,
}

/// Turns column tensors into one record a row.
///
/// # Errors
/// `request.invalid_shape` for a shape that is no column or does not fit its data, `input.wrong_type` and
/// `input.not_integer` for an element that is not of its tensor's datatype, `input.ragged_columns` for tensors of
/// different length, `input.duplicate_field` for a name that stands twice, `input.empty_batch` without a row,
/// `input.too_many_rows` beyond the limit and `request.too_large` for names too long to stand in every record.
pub(super) fn records(tensors: Vec<InputTensor<'_>>, limits: Limits) -> Result<Vec<Record>> {
    let tensors = tensors
        .into_iter()
        .map(|tensor| tensor.fill(limits))
        .collect::<Result<Vec<Filled>>>()?;
    let rows = tensors.first().map_or(0, |tensor| tensor.data.count);
    check_count(rows, limits)?;
    check_names(
        tensors.iter().map(|tensor| tensor.name.as_str()),
        rows,
        limits,
    )?;
    let mut records: Vec<Vec<(String, Value)>> = vec![Vec::new(); rows];
    for tensor in tensors {
        tensor.check(rows)?;
        for (record, value) in records.iter_mut().zip(tensor.data.kept) {
            record.push((tensor.name.clone(), value));
        }
    }
    records.into_iter().map(Record::from_fields).collect()
}

impl InputTensor<'_> {
    fn fill(self, limits: Limits) -> Result<Filled> {
        Ok(Filled {
            data: Elements::read(self.data.get().as_bytes(), limits)?,
            name: self.name,
            shape: self.shape,
            datatype: self.datatype,
        })
    }
}

impl Filled {
    fn check(&self, rows: usize) -> Result<()> {
        let found = self.data.count;
        match self.shape.as_slice() {
            [n] | [n, 1] if usize::try_from(*n) == Ok(found) => {}
            shape => {
                return Err(Error::input(
                    "request.invalid_shape",
                    format!(
                        "`{}` must have shape [n] or [n,1] with n the number of its elements",
                        self.name
                    ),
                )
                .with_field(&self.name)
                .with_value(&format!("{shape:?} for {found} elements")));
            }
        }
        if found != rows {
            return Err(Error::input(
                "input.ragged_columns",
                format!("`{}` has {found} rows where others have {rows}", self.name),
            )
            .with_field(&self.name));
        }
        self.data
            .kept
            .iter()
            .enumerate()
            .try_for_each(|(row, value)| {
                self.datatype
                    .check(value)
                    .map_err(|error| error.with_field(&self.name).with_row(row))
            })
    }
}

impl Datatype {
    fn check(self, value: &Value) -> Result<()> {
        match (self, value) {
            (_, Value::Missing)
            | (Self::Bytes, Value::Text(_))
            | (Self::Bool, Value::Bool(_))
            | (Self::Float, Value::Number(_)) => Ok(()),
            (Self::Integer | Self::Unsigned, Value::Number(number)) => {
                let whole =
                    number.fract() == 0.0 && (*number >= 0.0 || matches!(self, Self::Integer));
                if whole {
                    return Ok(());
                }
                Err(Error::input(
                    "input.not_integer",
                    format!("an element of {} must be whole", self.described()),
                )
                .with_value(&number.to_string()))
            }
            (_, value) => {
                let found = value.type_name();
                Err(Error::input(
                    "input.wrong_type",
                    format!("{found} in a tensor of {}", self.described()),
                ))
            }
        }
    }

    fn described(self) -> &'static str {
        match self {
            Self::Bytes => "strings (BYTES)",
            Self::Bool => "booleans (BOOL)",
            Self::Float => "numbers (FP)",
            Self::Integer => "integers (INT)",
            Self::Unsigned => "unsigned integers (UINT)",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Record>> {
        records(serde_json::from_str(text).unwrap(), Limits::default())
    }

    #[test]
    fn columns_become_records() {
        let rows = read(
            r#"[{"name":"a","shape":[3],"datatype":"FP64","data":[1,0.1,null]},
                {"name":"b","shape":[3,1],"datatype":"BYTES","data":[["x"],[null],["z"]]}]"#,
        )
        .unwrap();
        let texts: Vec<String> = rows
            .iter()
            .map(|row| serde_json::to_string(row).unwrap())
            .collect();
        assert_eq!(
            texts,
            [
                r#"{"a":1,"b":"x"}"#,
                r#"{"a":0.1,"b":null}"#,
                r#"{"a":null,"b":"z"}"#
            ]
        );
    }

    #[test]
    fn tensors_that_do_not_fit_are_refused() {
        for (text, code, row) in [
            ("[]", "input.empty_batch", None),
            (
                r#"[{"name":"a","shape":[2],"datatype":"FP64","data":[1]}]"#,
                "request.invalid_shape",
                None,
            ),
            (
                r#"[{"name":"a","shape":[1,2],"datatype":"FP64","data":[1,2]}]"#,
                "request.invalid_shape",
                None,
            ),
            (
                r#"[{"name":"a","shape":[2],"datatype":"FP64","data":[1,"x"]}]"#,
                "input.wrong_type",
                Some(1),
            ),
            (
                r#"[{"name":"a","shape":[1],"datatype":"FP64","data":[{"b":1}]}]"#,
                "input.wrong_type",
                Some(0),
            ),
            (
                r#"[{"name":"a","shape":[1],"datatype":"BYTES","data":[1]}]"#,
                "input.wrong_type",
                Some(0),
            ),
            (
                r#"[{"name":"a","shape":[1],"datatype":"BOOL","data":[1]}]"#,
                "input.wrong_type",
                Some(0),
            ),
            (
                r#"[{"name":"a","shape":[1],"datatype":"INT32","data":[1.5]}]"#,
                "input.not_integer",
                Some(0),
            ),
            (
                r#"[{"name":"a","shape":[1],"datatype":"UINT8","data":[-1]}]"#,
                "input.not_integer",
                Some(0),
            ),
            (
                r#"[{"name":"a","shape":[1],"datatype":"FP64","data":[1]},
                    {"name":"b","shape":[2],"datatype":"FP64","data":[1,2]}]"#,
                "input.ragged_columns",
                None,
            ),
            (
                r#"[{"name":"a","shape":[1],"datatype":"FP64","data":[1]},
                    {"name":"a","shape":[1],"datatype":"FP64","data":[2]}]"#,
                "input.duplicate_field",
                None,
            ),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!((error.code(), error.row()), (code, row), "{text}");
        }
    }

    #[test]
    fn deep_lists_end_in_an_error() {
        let tensor =
            |data: &str| format!(r#"[{{"name":"a","shape":[1],"datatype":"FP64","data":{data}}}]"#);
        let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
        assert!(serde_json::from_str::<Vec<InputTensor<'_>>>(&tensor(&open)).is_err());
        let error = read(&tensor(&format!("{open}1{close}"))).unwrap_err();
        assert_eq!(error.code(), "input.invalid_json");
    }
}
