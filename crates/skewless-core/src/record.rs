//! A raw record as it comes in: named values, typed only as far as JSON types them.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::tensor::{self, Tensor};

/// One value of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, or a value known to be absent.
    Missing,
    /// `true` or `false`.
    Bool(bool),
    /// Any number; NaN counts as missing.
    Number(f64),
    /// A string.
    Text(String),
    /// An array of numbers, or of equally shaped arrays of them.
    Tensor(Tensor),
    /// Something no input takes; the name says what it was (`array`, `object`).
    Other(&'static str),
}

impl Value {
    /// The JSON name of the value's type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Missing => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::Tensor(_) => "array",
            Self::Other(name) => name,
        }
    }
}

/// Named values in the order they were given; a name stands once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record(Vec<(String, Value)>);

impl Record {
    /// A record without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a JSON object.
    ///
    /// # Errors
    /// `input.invalid_json` for text that is not JSON, `input.not_an_object` for JSON that is not an object,
    /// `input.duplicate_field` for a name that stands twice.
    pub fn from_json(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| Self::json_error(&error))
    }

    /// The coded error of a failed deserialisation of a record.
    pub fn json_error(error: &serde_json::Error) -> Error {
        let text = error.to_string();
        if let Some(field) = text
            .strip_prefix(DUPLICATE)
            .and_then(|rest| rest.split('`').nth(1))
        {
            return Error::input(
                "input.duplicate_field",
                format!("field `{field}` stands twice"),
            )
            .with_field(field);
        }
        if error.is_data() {
            return Error::input(
                "input.not_an_object",
                "a record must be an object of named values",
            );
        }
        Error::input("input.invalid_json", format!("not valid JSON: {text}"))
    }

    /// Takes named values as they are, in time that grows hardly faster than their number.
    ///
    /// # Errors
    /// `input.duplicate_field` for a name that stands twice.
    pub fn from_fields(fields: Vec<(String, Value)>) -> Result<Self> {
        match duplicate(&fields) {
            Some(name) => Err(Error::input(
                "input.duplicate_field",
                format!("field `{name}` stands twice"),
            )
            .with_field(name)),
            None => Ok(Self(fields)),
        }
    }

    /// Sets a field, replacing an earlier value of the same name.
    pub fn set(&mut self, name: &str, value: Value) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, slot)) => *slot = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Takes a field out.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    /// The fields in their order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// A field's value, if the record has the field.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.value_near(0, name)
    }

    /// A field's value, looked for at a place first.
    pub(crate) fn value_near(&self, place: usize, name: &str) -> Option<&Value> {
        let here = self.0.get(place).filter(|(known, _)| known == name);
        here.or_else(|| self.0.get(self.place(name)?))
            .map(|(_, value)| value)
    }

    /// Where a field stands.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(known, _)| known == name)
    }
}

impl FromIterator<(String, Value)> for Record {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(fields: I) -> Self {
        let mut record = Self::new();
        for (name, value) in fields {
            record.set(&name, value);
        }
        record
    }
}

const DUPLICATE: &str = "duplicate field ";

/// Room that a record is given before its fields are counted.
const USUAL_FIELDS: usize = 16;

/// Up to here comparing every pair is quicker than sorting; a record from a stranger may have a million fields.
const FEW_FIELDS: usize = 32;

/// A name that stands twice.
fn duplicate(fields: &[(String, Value)]) -> Option<&str> {
    let names = || fields.iter().map(|(name, _)| name.as_str());
    if fields.len() <= FEW_FIELDS {
        let mut places = names().enumerate();
        return places.find_map(|(place, name)| names().take(place).find(|known| *known == name));
    }
    let mut sorted: Vec<&str> = names().collect();
    sorted.sort_unstable();
    let twice = sorted.windows(2).find(|pair| pair.first() == pair.last());
    twice.and_then(<[&str]>::first).copied()
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct RecordVisitor;
        impl<'de> Visitor<'de> for RecordVisitor {
            type Value = Record;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of named values")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Record, A::Error> {
                let mut fields: Vec<(String, Value)> = Vec::with_capacity(USUAL_FIELDS);
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    fields.push((name, value));
                }
                match duplicate(&fields) {
                    Some(name) => Err(serde::de::Error::custom(format_args!(
                        "{DUPLICATE}`{name}`"
                    ))),
                    None => Ok(Record(fields)),
                }
            }
        }
        deserializer.deserialize_map(RecordVisitor)
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Missing | Self::Other(_) => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value)
                if value.fract() == 0.0 && value.abs() < 9.0e15 && !is_negative_zero(*value) =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
                serializer.serialize_i64(*value as i64)
            }
            Self::Number(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Tensor(tensor) => tensor.serialize(serializer),
        }
    }
}

fn is_negative_zero(value: f64) -> bool {
    value == 0.0 && value.is_sign_negative()
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct ValueVisitor;
        impl<'de> Visitor<'de> for ValueVisitor {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> std::result::Result<Value, E> {
                Ok(Value::Missing)
            }

            fn visit_none<E>(self) -> std::result::Result<Value, E> {
                Ok(Value::Missing)
            }

            fn visit_some<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> std::result::Result<Value, D::Error> {
                Value::deserialize(deserializer)
            }

            fn visit_bool<E>(self, value: bool) -> std::result::Result<Value, E> {
                Ok(Value::Bool(value))
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "numbers are f64; JavaScript rounds the same way"
            )]
            fn visit_i64<E>(self, value: i64) -> std::result::Result<Value, E> {
                Ok(Value::Number(value as f64))
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "numbers are f64; JavaScript rounds the same way"
            )]
            fn visit_u64<E>(self, value: u64) -> std::result::Result<Value, E> {
                Ok(Value::Number(value as f64))
            }

            fn visit_f64<E>(self, value: f64) -> std::result::Result<Value, E> {
                Ok(Value::Number(value))
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Value, E> {
                Ok(Value::Text(value.to_owned()))
            }

            fn visit_string<E>(self, value: String) -> std::result::Result<Value, E> {
                Ok(Value::Text(value))
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                sequence: A,
            ) -> std::result::Result<Value, A::Error> {
                tensor::of_sequence(sequence)
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Value, A::Error> {
                while map
                    .next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?
                    .is_some()
                {}
                Ok(Value::Other("object"))
            }
        }
        deserializer.deserialize_any(ValueVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_types_are_kept() {
        let record =
            Record::from_json(r#"{"a":1,"b":null,"c":"x","d":true,"e":[1],"f":{"g":2}}"#).unwrap();
        let values: Vec<_> = record
            .fields()
            .map(|(_, value)| value.type_name())
            .collect();
        assert_eq!(
            values,
            ["number", "null", "string", "boolean", "array", "object"]
        );
    }

    #[test]
    fn bad_json_is_coded() {
        for (text, code) in [
            ("", "input.invalid_json"),
            ("{\"a\":", "input.invalid_json"),
            ("{\"a\":NaN}", "input.invalid_json"),
            ("[1]", "input.not_an_object"),
            ("3", "input.not_an_object"),
            ("{\"a\":1,\"a\":2}", "input.duplicate_field"),
        ] {
            assert_eq!(Record::from_json(text).unwrap_err().code(), code, "{text}");
        }
        assert_eq!(
            Record::from_json(r#"{"a":1,"a":2}"#).unwrap_err().field(),
            Some("a")
        );
    }

    #[test]
    fn numbers_round_trip() {
        for text in [
            "{\"a\":0.1}",
            "{\"a\":-0.0}",
            "{\"a\":1400}",
            "{\"a\":1e300}",
            "{\"a\":5e-324}",
        ] {
            let record = Record::from_json(text).unwrap();
            let again = Record::from_json(&serde_json::to_string(&record).unwrap()).unwrap();
            let (Some(Value::Number(a)), Some(Value::Number(b))) =
                (record.value("a"), again.value("a"))
            else {
                unreachable!()
            };
            assert_eq!(a.to_bits(), b.to_bits(), "{text}");
        }
    }

    #[test]
    fn a_million_fields_are_read_in_no_time_and_a_name_is_found_twice() {
        let fields = |count: usize| -> Vec<(String, Value)> {
            (0..count)
                .map(|place| (format!("f{place}"), Value::Missing))
                .collect()
        };
        for count in [0, 1, FEW_FIELDS, FEW_FIELDS + 1, 1_000_000] {
            assert_eq!(Record::from_fields(fields(count)).unwrap().0.len(), count);
        }
        for count in [1, FEW_FIELDS, 1_000] {
            let mut twice = fields(count);
            twice.push(("f0".to_owned(), Value::Bool(true)));
            let error = Record::from_fields(twice).unwrap_err();
            assert_eq!(
                (error.code(), error.field()),
                ("input.duplicate_field", Some("f0"))
            );
        }
    }
}
