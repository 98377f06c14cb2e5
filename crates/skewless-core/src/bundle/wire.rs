//! Values as bytes, in one description for both ways: whoever passes a value over a [`Wire`] writes it or reads it.
//!
//! Reading never fails halfway: a fault is noted, every later value is the default, and [`Reader::end`] tells. Lists are
//! no longer than the bytes that are left, so that a few bytes cannot ask for much memory.

use crate::error::{Error, Result};

/// The name of the part, for errors.
pub(super) const PART: &str = "spec.plan";

/// One way or the other.
pub(super) trait Wire {
    /// A byte below `limit`.
    fn small(&mut self, value: &mut u8, limit: u8);

    /// A count: seven bits a byte, the lowest first, the highest bit set where more follow.
    fn count(&mut self, value: &mut u64);

    /// Eight bytes, little-endian.
    fn double(&mut self, value: &mut f64);

    /// A count of bytes and UTF-8 text.
    fn text(&mut self, value: &mut String);

    /// How many bytes a text has in common with another one, and the rest of it.
    fn text_after(&mut self, before: &str, value: &mut String);

    /// The length of a list whose elements take at least a byte each.
    fn length(&mut self, length: usize) -> usize;

    /// `false` 0, `true` 1.
    fn flag(&mut self, value: &mut bool) {
        let mut byte = u8::from(*value);
        self.small(&mut byte, 2);
        *value = byte == 1;
    }

    /// A count that fits the target's sizes.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "where it does not fit, the specification's own limits refuse what is left of it"
    )]
    fn size(&mut self, value: &mut usize) {
        let mut count = *value as u64;
        self.count(&mut count);
        *value = count as usize;
    }

    /// A number: 0 missing, 1 and a double, or 2 more than a whole number whose sign is its lowest bit.
    fn number(&mut self, value: &mut f64) {
        let mut code = whole_code(*value);
        self.count(&mut code);
        match code {
            0 => *value = f64::NAN,
            1 => self.double(value),
            code => *value = of_whole_code(code),
        }
    }

    /// A list, each element by `pass`.
    fn list<T: Default>(&mut self, values: &mut Vec<T>, mut pass: impl FnMut(&mut Self, &mut T))
    where
        Self: Sized,
    {
        let length = self.length(values.len());
        values.resize_with(length, T::default);
        values.iter_mut().for_each(|value| pass(self, value));
    }

    /// A flag, and the value where there is one.
    fn option<T: Default>(&mut self, value: &mut Option<T>, pass: impl FnOnce(&mut Self, &mut T))
    where
        Self: Sized,
    {
        let mut present = value.is_some();
        self.flag(&mut present);
        match present {
            true => pass(self, value.get_or_insert_default()),
            false => *value = None,
        }
    }
}

/// Greatest size of a number that is stored as a whole one.
const MOST_WHOLE: f64 = 9_007_199_254_740_992.0;

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number of at most 2^53, without its sign"
)]
fn whole_code(value: f64) -> u64 {
    let size = value.abs();
    if value.is_nan() {
        0
    } else if size > MOST_WHOLE
        || size != libm::trunc(size)
        || (size == 0.0 && value.is_sign_negative())
    {
        1
    } else {
        2 + (size as u64) * 2 + u64::from(value < 0.0)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "written from an f64; others are refused as not canonical"
)]
fn of_whole_code(code: u64) -> f64 {
    let size = ((code - 2) / 2) as f64;
    if code % 2 == 1 { -size } else { size }
}

/// Writes.
#[derive(Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Wire for Writer {
    fn small(&mut self, value: &mut u8, _limit: u8) {
        self.0.push(*value);
    }

    fn count(&mut self, value: &mut u64) {
        let mut rest = *value;
        while rest >= 0x80 {
            self.0.push(low_byte(rest) | 0x80);
            rest >>= 7;
        }
        self.0.push(low_byte(rest));
    }

    fn double(&mut self, value: &mut f64) {
        self.0.extend(value.to_le_bytes());
    }

    fn text(&mut self, value: &mut String) {
        self.length(value.len());
        self.0.extend(value.as_bytes());
    }

    fn text_after(&mut self, before: &str, value: &mut String) {
        let mut shared = shared_bytes(before, value);
        self.size(&mut shared);
        let rest = value.get(shared..).unwrap_or_default();
        self.length(rest.len());
        self.0.extend(rest.as_bytes());
    }

    fn length(&mut self, length: usize) -> usize {
        self.count(&mut (length as u64));
        length
    }
}

/// Bytes of whole characters that two texts begin with.
fn shared_bytes(before: &str, key: &str) -> usize {
    let pairs = before.chars().zip(key.chars());
    pairs
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum()
}

fn low_byte(value: u64) -> u8 {
    (value & 0x7f) as u8
}

/// Reads.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    faulty: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            faulty: false,
        }
    }

    /// Proves that all bytes were read, and nothing else.
    ///
    /// # Errors
    /// `bundle.invalid_features`.
    pub(super) fn end(self) -> Result<()> {
        match self.faulty || !self.rest.is_empty() {
            false => Ok(()),
            true => {
                let message = "spec.plan is not what a specification is written as";
                Err(Error::bundle("bundle.invalid_features", message).with_field(PART))
            }
        }
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) if !self.faulty => {
                self.rest = rest;
                taken
            }
            _ => {
                self.faulty = true;
                &[]
            }
        }
    }

    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }
}

impl Wire for Reader<'_> {
    fn small(&mut self, value: &mut u8, limit: u8) {
        *value = self.byte();
        if *value >= limit {
            self.faulty = true;
            *value = 0;
        }
    }

    fn count(&mut self, value: &mut u64) {
        *value = 0;
        for shift in (0..63).step_by(7) {
            let byte = self.byte();
            *value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return;
            }
        }
        self.faulty = true;
    }

    fn double(&mut self, value: &mut f64) {
        let bytes = self.take(8).first_chunk().copied();
        *value = bytes.map_or(0.0, f64::from_le_bytes);
    }

    fn text(&mut self, value: &mut String) {
        let length = self.length(0);
        match std::str::from_utf8(self.take(length)) {
            Ok(text) => text.clone_into(value),
            Err(_) => self.faulty = true,
        }
    }

    fn text_after(&mut self, before: &str, value: &mut String) {
        let mut shared = 0;
        self.size(&mut shared);
        let begin = before.get(..shared).unwrap_or_default();
        let length = self.length(0);
        match std::str::from_utf8(self.take(length)) {
            Ok(rest) => {
                value.reserve_exact(begin.len() + rest.len());
                value.push_str(begin);
                value.push_str(rest);
            }
            Err(_) => self.faulty = true,
        }
    }

    fn length(&mut self, _length: usize) -> usize {
        let mut length = 0;
        self.size(&mut length);
        if self.faulty || length > self.rest.len() {
            self.faulty = true;
            return 0;
        }
        length
    }
}
