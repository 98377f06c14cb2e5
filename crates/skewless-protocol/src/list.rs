//! Lists of a request that are read no further than a request may ask: beyond the limit elements are counted, not kept.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, SeqAccess, Visitor};
use skewless_core::{Error, Result};

use crate::limits::Limits;
use crate::rows::json_error;

/// How often a request's length the names of its columns may take in its records. In a body every value takes two bytes
/// at least, so this leaves names of 32 bytes and more to the smallest values.
const NAMES_PER_BODY: usize = 16;

/// A list's first elements, at most as many as a request may have rows, and how many it has in all.
pub(crate) struct Counted<T> {
    pub(crate) kept: Vec<T>,
    pub(crate) count: usize,
}

/// Reads a JSON list up to the most rows of a request.
pub(crate) struct CountedSeed<T> {
    most: usize,
    element: PhantomData<T>,
}

impl<T> CountedSeed<T> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            most: limits.max_rows,
            element: PhantomData,
        }
    }
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for CountedSeed<T> {
    type Value = Counted<T>;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<Counted<T>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for CountedSeed<T> {
    type Value = Counted<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Counted<T>, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < self.most {
            match seq.next_element()? {
                Some(element) => kept.push(element),
                None => break,
            }
        }
        let mut count = kept.len();
        while seq.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Counted { kept, count })
    }
}

/// Reads JSON text with a seed, to its end.
///
/// # Errors
/// As [`crate::rows::read_json`].
pub(crate) fn read_seeded<'a, S: DeserializeSeed<'a>>(text: &'a [u8], seed: S) -> Result<S::Value> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = seed
        .deserialize(&mut deserializer)
        .map_err(|error| json_error(&error))?;
    deserializer.end().map_err(|error| json_error(&error))?;
    Ok(value)
}

/// Reads a JSON list with one element a row.
///
/// # Errors
/// As [`crate::rows::read_json`] and [`check_count`].
pub(crate) fn read_list<'a, T: Deserialize<'a>>(text: &'a [u8], limits: Limits) -> Result<Vec<T>> {
    let list = read_seeded(text, CountedSeed::new(limits))?;
    check_count(list.count, limits)?;
    Ok(list.kept)
}

/// Holds a number of rows to the limits.
///
/// # Errors
/// `input.empty_batch` for none, `input.too_many_rows` for more than the limit.
pub(crate) fn check_count(rows: usize, limits: Limits) -> Result<()> {
    if rows == 0 {
        return Err(Error::input("input.empty_batch", "the request has no rows"));
    }
    if rows > limits.max_rows {
        let most = limits.max_rows;
        return Err(Error::input(
            "input.too_many_rows",
            format!("{rows} rows; a request takes at most {most}"),
        ));
    }
    Ok(())
}

/// Holds the names of columns to what they may take once every row's record repeats them.
///
/// # Errors
/// `request.too_large`.
pub(crate) fn check_names<'a>(
    names: impl Iterator<Item = &'a str>,
    rows: usize,
    limits: Limits,
) -> Result<()> {
    let bytes: usize = names.map(str::len).sum();
    if bytes.saturating_mul(rows) > limits.max_body.saturating_mul(NAMES_PER_BODY) {
        return Err(Error::input(
            "request.too_large",
            format!("{bytes} bytes of column names are too many for {rows} rows"),
        ));
    }
    Ok(())
}
