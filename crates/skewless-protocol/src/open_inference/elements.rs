//! The elements of a tensor's data in row-major order, however deep the lists they came in.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use skewless_core::{Result, Value};

use crate::limits::Limits;
use crate::list::{Counted, read_seeded};

/// Gathers the elements of nested lists, in order. How deep they may nest is serde_json's limit.
pub(super) struct Elements<'a> {
    into: &'a mut Counted<Value>,
    most: usize,
    outermost: bool,
}

impl Elements<'_> {
    /// Reads a tensor's data; of more elements than a request has rows, the rest is counted only.
    ///
    /// # Errors
    /// As [`crate::rows::read_json`].
    pub(super) fn read(text: &[u8], limits: Limits) -> Result<Counted<Value>> {
        let mut elements = Counted {
            kept: Vec::new(),
            count: 0,
        };
        let list = Elements {
            into: &mut elements,
            most: limits.max_rows,
            outermost: true,
        };
        read_seeded(text, list)?;
        Ok(elements)
    }

    fn push(self, value: impl FnOnce() -> Value) {
        self.into.count += 1;
        if self.into.kept.len() < self.most {
            self.into.kept.push(value());
        }
    }
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
                most: self.most,
                outermost: false,
            })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.push(|| Value::Other("object"));
        Ok(())
    }

    fn visit_unit<E>(self) -> std::result::Result<(), E> {
        self.push(|| Value::Missing);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<(), E> {
        self.push(|| Value::Bool(value));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> std::result::Result<(), E> {
        self.push(|| Value::Number(value));
        Ok(())
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "numbers are f64, as in a record"
    )]
    fn visit_i64<E>(self, value: i64) -> std::result::Result<(), E> {
        self.push(|| Value::Number(value as f64));
        Ok(())
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "numbers are f64, as in a record"
    )]
    fn visit_u64<E>(self, value: u64) -> std::result::Result<(), E> {
        self.push(|| Value::Number(value as f64));
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> std::result::Result<(), E> {
        self.push(|| Value::Text(value.to_owned()));
        Ok(())
    }
}
