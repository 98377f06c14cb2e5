//! UBJSON, the binary form of JSON in which XGBoost saves by default, as a `serde` source.
//!
//! Grammar: <https://ubjson.org>, draft 12, without high-precision numbers, which XGBoost never writes. Both forms of a
//! model fill the same types. Reading is bounded by the bytes there are: a stated count is compared with what is left
//! before anything is made of it, and nesting ends at [`MAX_DEPTH`].

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Deepest nesting; XGBoost's models need eight.
const MAX_DEPTH: usize = 64;

/// Why bytes are not such a document.
#[derive(Debug)]
pub(crate) struct Fault(String);

/// Reads one value that fills all of `bytes`.
pub(crate) fn from_slice<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Fault> {
    let mut reader = Reader {
        bytes,
        at: 0,
        depth: 0,
    };
    let kind = reader.marker()?;
    let value = T::deserialize(Value {
        reader: &mut reader,
        kind,
    })?;
    match reader.at == bytes.len() {
        true => Ok(value),
        false => Err(reader.fault("bytes follow the document")),
    }
}

struct Reader<'de> {
    bytes: &'de [u8],
    at: usize,
    depth: usize,
}

impl<'de> Reader<'de> {
    fn take(&mut self, count: usize) -> Result<&'de [u8], Fault> {
        let end = self.at.checked_add(count);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or_else(|| self.fault("the document is cut off"))?;
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let taken = self.take(N)?;
        <[u8; N]>::try_from(taken).map_err(|_| self.fault("the document is cut off"))
    }

    /// The next marker; `N` means nothing and may stand anywhere.
    fn marker(&mut self) -> Result<u8, Fault> {
        loop {
            match self.array()? {
                [b'N'] => {}
                [marker] => return Ok(marker),
            }
        }
    }

    fn next_is(&mut self, marker: u8) -> bool {
        let is = self.bytes.get(self.at) == Some(&marker);
        self.at += usize::from(is);
        is
    }

    fn integer(&mut self, kind: u8) -> Result<i64, Fault> {
        Ok(match kind {
            b'i' => i64::from(i8::from_be_bytes(self.array()?)),
            b'U' => i64::from(u8::from_be_bytes(self.array()?)),
            b'I' => i64::from(i16::from_be_bytes(self.array()?)),
            b'l' => i64::from(i32::from_be_bytes(self.array()?)),
            b'L' => i64::from_be_bytes(self.array()?),
            _ => return Err(self.fault("a length is no integer")),
        })
    }

    /// A count of things that each take `size` bytes or more.
    fn length(&mut self, kind: u8, size: usize) -> Result<usize, Fault> {
        let length = usize::try_from(self.integer(kind)?).ok();
        let left = self.bytes.len() - self.at;
        let fits = length.filter(|length| length.checked_mul(size).is_some_and(|all| all <= left));
        fits.ok_or_else(|| self.fault("a length is beyond the document's end"))
    }

    /// The text whose length has the type `kind`.
    fn text(&mut self, kind: u8) -> Result<&'de str, Fault> {
        let length = self.length(kind, 1)?;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|_| self.fault("a text is not UTF-8"))
    }

    /// What stands after the `[` or `{` of a container.
    fn items(&mut self, end: u8) -> Result<Items, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fault("the document is nested too deep"));
        }
        let mut items = Items {
            kind: None,
            left: None,
            end,
        };
        if self.next_is(b'$') {
            let [kind] = self.array()?;
            items.kind = Some(kind);
        }
        if self.next_is(b'#') {
            let kind = self.marker()?;
            // A key takes a byte at least, and so does a value that states its own type.
            let size = items.kind.map_or(Some(1), least_size);
            let size = size.ok_or_else(|| self.fault("a list has items without bytes"))?;
            items.left = Some(self.length(kind, size)?);
        } else if items.kind.is_some() {
            return Err(self.fault("a list with a type has no length"));
        }
        Ok(items)
    }

    fn fault(&self, what: &str) -> Fault {
        Fault(format!("{what} (byte {})", self.at))
    }
}

/// The bytes that a value of this type has at least; `None` for one that takes no byte.
fn least_size(kind: u8) -> Option<usize> {
    match kind {
        b'i' | b'U' | b'C' | b'S' | b'[' | b'{' => Some(1),
        b'I' => Some(2),
        b'l' | b'd' => Some(4),
        b'L' | b'D' => Some(8),
        _ => None,
    }
}

/// How far a container has been read.
struct Items {
    /// The type of all items, where it is stated once.
    kind: Option<u8>,
    /// The items to come, where their number is stated; else `end` ends them.
    left: Option<usize>,
    end: u8,
}

impl Items {
    /// Whether another item follows.
    fn advance(&mut self, reader: &mut Reader<'_>) -> bool {
        match &mut self.left {
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
            None => {
                while reader.next_is(b'N') {}
                !reader.next_is(self.end)
            }
        }
    }

    fn kind(&self, reader: &mut Reader<'_>) -> Result<u8, Fault> {
        self.kind.map_or_else(|| reader.marker(), Ok)
    }
}

/// A value whose type has been read.
struct Value<'a, 'de> {
    reader: &'a mut Reader<'de>,
    kind: u8,
}

impl<'de> Deserializer<'de> for Value<'_, 'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Self { reader, kind } = self;
        match kind {
            b'Z' => visitor.visit_unit(),
            b'T' => visitor.visit_bool(true),
            b'F' => visitor.visit_bool(false),
            b'd' => visitor.visit_f32(f32::from_be_bytes(reader.array()?)),
            b'D' => visitor.visit_f64(f64::from_be_bytes(reader.array()?)),
            b'C' => {
                let [character] = reader.array()?;
                visitor.visit_char(char::from(character))
            }
            b'S' => {
                let length = reader.marker()?;
                visitor.visit_borrowed_str(reader.text(length)?)
            }
            b'[' => {
                let items = reader.items(b']')?;
                let mut list = List { reader, items };
                let value = visitor.visit_seq(&mut list)?;
                list.close()?;
                Ok(value)
            }
            b'{' => {
                let items = reader.items(b'}')?;
                let mut list = List { reader, items };
                let value = visitor.visit_map(&mut list)?;
                list.close()?;
                Ok(value)
            }
            b'i' | b'U' | b'I' | b'l' | b'L' => visitor.visit_i64(reader.integer(kind)?),
            _ => Err(reader.fault("a value has a type that is not known")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.kind {
            b'Z' => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct List<'a, 'de> {
    reader: &'a mut Reader<'de>,
    items: Items,
}

impl List<'_, '_> {
    /// Proves that the visitor took every item.
    fn close(mut self) -> Result<(), Fault> {
        self.reader.depth -= 1;
        // After an end marker was met the reader stands behind it, and only a counted list can tell again.
        match self.items.left.is_some() && self.items.advance(self.reader) {
            true => Err(self.reader.fault("a list has more items than are due")),
            false => Ok(()),
        }
    }
}

impl<'de> SeqAccess<'de> for List<'_, 'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        if !self.items.advance(self.reader) {
            return Ok(None);
        }
        let kind = self.items.kind(self.reader)?;
        let reader = &mut *self.reader;
        seed.deserialize(Value { reader, kind }).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        self.items.left
    }
}

impl<'de> MapAccess<'de> for List<'_, 'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        if !self.items.advance(self.reader) {
            return Ok(None);
        }
        let length = self.reader.marker()?;
        let key = self.reader.text(length)?;
        seed.deserialize(StrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        let kind = self.items.kind(self.reader)?;
        let reader = &mut *self.reader;
        seed.deserialize(Value { reader, kind })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn read(bytes: &[u8]) -> Result<Json, String> {
        from_slice(bytes).map_err(|fault| fault.to_string())
    }

    #[test]
    fn every_type_is_read() {
        let cases: [(&[u8], Json); 13] = [
            (b"Z", json!(null)),
            (b"NT", json!(true)),
            (b"i\xff", json!(-1)),
            (b"U\xff", json!(255)),
            (b"I\x01\x00", json!(256)),
            (b"l\xff\xff\xff\xff", json!(-1)),
            (b"d\x3f\x00\x00\x00", json!(0.5)),
            (b"D\x3f\xe0\0\0\0\0\0\0", json!(0.5)),
            (b"SU\x02ab", json!("ab")),
            (b"[i\x01N[]]", json!([1, []])),
            (b"[$U#i\x02\x07\x08", json!([7, 8])),
            (b"{U\x01aT}", json!({"a": true})),
            (b"{#i\x01U\x01aC!", json!({"a": "!"})),
        ];
        for (bytes, expected) in &cases {
            assert_eq!(read(bytes).as_ref(), Ok(expected), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let cases: [(&[u8], &str); 11] = [
            (b"", "cut off"),
            (b"[", "cut off"),
            (b"TT", "follow"),
            (b"H", "not known"),
            (b"SZ", "no integer"),
            (b"Si\xff", "beyond"),
            (b"SU\x01\xff", "UTF-8"),
            (b"[$d#i\x02\0\0\0\0", "beyond"),
            (b"[$Z#L\x7f\xff\xff\xff\xff\xff\xff\xff", "without bytes"),
            (b"[$U]", "no length"),
            (b"[#L\x7f\xff\xff\xff\xff\xff\xff\xff", "beyond"),
        ];
        for (bytes, part) in cases {
            let message = read(bytes).unwrap_err();
            assert!(message.contains(part), "{bytes:?}: {message}");
        }
        let deep = [b'['; MAX_DEPTH + 1];
        assert!(read(&deep).unwrap_err().contains("too deep"));
    }
}
