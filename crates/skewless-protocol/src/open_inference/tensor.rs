//! Input tensors: columns of a batch, read into records so that a value means the same as on every other door.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use skewless_core::{Error, Record, Result, Value};

use crate::limits::Limits;

/// One input tensor of a request.
#[derive(Deserialize)]
pub(super) struct InputTensor {
    name: String,
    shape: Vec<u64>,
    datatype: Datatype,
    data: Data,
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

/// A tensor's elements in row-major order, however deep the lists they came in.
struct Data(Vec<Value>);

/// Turns column tensors into one record a row.
///
/// # Errors
/// `request.invalid_shape` for a shape that is no column or does not fit its data, `input.wrong_type` and
/// `input.not_integer` for an element that is not of its tensor's datatype, `input.ragged_columns` for tensors of
/// different length, `input.duplicate_field` for a name that stands twice, `input.empty_batch` without a row and
/// `input.too_many_rows` beyond the limit.
pub(super) fn records(tensors: Vec<InputTensor>, limits: Limits) -> Result<Vec<Record>> {
    let Some(rows) = tensors.first().map(|tensor| tensor.data.0.len()) else {
        return Err(Error::input(
            "input.empty_batch",
            "the request has no input tensors",
        ));
    };
    if rows > limits.max_rows {
        let most = limits.max_rows;
        return Err(Error::input(
            "input.too_many_rows",
            format!("{rows} rows; a request takes at most {most}"),
        ));
    }
    let mut records: Vec<Vec<(String, Value)>> = vec![Vec::new(); rows];
    for tensor in tensors {
        tensor.check(rows)?;
        for (record, value) in records.iter_mut().zip(tensor.data.0) {
            record.push((tensor.name.clone(), value));
        }
    }
    records.into_iter().map(Record::from_fields).collect()
}

impl InputTensor {
    fn check(&self, rows: usize) -> Result<()> {
        let found = self.data.0.len();
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
        self.data.0.iter().enumerate().try_for_each(|(row, value)| {
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

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let mut elements = Vec::new();
        let list = Elements {
            into: &mut elements,
            outermost: true,
        };
        list.deserialize(deserializer)?;
        Ok(Self(elements))
    }
}

/// Gathers the elements of nested lists, in order. How deep they may nest is serde_json's limit.
struct Elements<'a> {
    into: &'a mut Vec<Value>,
    outermost: bool,
}

impl<'de> DeserializeSeed<'de> for Elements<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<(), D::Error> {
        if self.outermost {
            deserializer.deserialize_seq(self)
        } else {
            deserializer.deserialize_any(self)
        }
    }
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<(), A::Error> {
        while seq
            .next_element_seed(Elements {
                into: self.into,
                outermost: false,
            })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.into.push(Value::Other("object"));
        Ok(())
    }

    fn visit_unit<E>(self) -> std::result::Result<(), E> {
        self.into.push(Value::Missing);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<(), E> {
        self.into.push(Value::Bool(value));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> std::result::Result<(), E> {
        self.into.push(Value::Number(value));
        Ok(())
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "numbers are f64, as in a record"
    )]
    fn visit_i64<E>(self, value: i64) -> std::result::Result<(), E> {
        self.into.push(Value::Number(value as f64));
        Ok(())
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "numbers are f64, as in a record"
    )]
    fn visit_u64<E>(self, value: u64) -> std::result::Result<(), E> {
        self.into.push(Value::Number(value as f64));
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> std::result::Result<(), E> {
        self.into.push(Value::Text(value.to_owned()));
        Ok(())
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
        let text = format!(
            r#"{{"name":"a","shape":[1],"datatype":"FP64","data":{}"#,
            "[".repeat(100_000)
        );
        assert!(serde_json::from_str::<InputTensor>(&text).is_err());
    }
}
