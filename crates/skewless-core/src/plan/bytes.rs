//! Little-endian writing and total reading of plan bytes: nothing is trusted, nothing is left over.

use crate::error::{Error, Result};

#[derive(Default)]
pub(super) struct PlanWriter(Vec<u8>);

impl PlanWriter {
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.raw(&value.to_le_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    /// A count or index, which the format holds in 32 bits.
    pub(super) fn size(&mut self, value: usize) -> Result<()> {
        self.u32(u32::try_from(value).map_err(|_| {
            Error::unsupported(
                "unsupported.model_size",
                format!("{value} does not fit the plan's 32 bits"),
            )
        })?);
        Ok(())
    }

    /// Values in 8 bits, or in 16 where `wide`.
    pub(super) fn narrow_or_wide(&mut self, values: impl Iterator<Item = u16>, wide: bool) {
        for value in values {
            let bytes = value.to_le_bytes();
            self.raw(if wide { &bytes } else { &bytes[..1] });
        }
    }

    /// One bit a value, the lowest of each byte first.
    pub(super) fn bits(&mut self, values: impl Iterator<Item = bool>) {
        let (mut byte, mut filled) = (0, 0);
        for value in values {
            byte |= u8::from(value) << filled;
            filled += 1;
            if filled == 8 {
                self.u8(byte);
                (byte, filled) = (0, 0);
            }
        }
        if filled > 0 {
            self.u8(byte);
        }
    }

    /// Numbers as f32 where `narrow`, else as f64.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "narrow says that every value is exactly an f32"
    )]
    pub(super) fn floats(&mut self, values: impl Iterator<Item = f64>, narrow: bool) {
        for value in values {
            if narrow {
                self.raw(&(value as f32).to_le_bytes());
            } else {
                self.raw(&value.to_le_bytes());
            }
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

pub(super) struct PlanReader<'a> {
    rest: &'a [u8],
    read: usize,
    part: &'static str,
    code: &'static str,
}

impl<'a> PlanReader<'a> {
    /// Reads `model.plan`.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self::of_part(bytes, "model.plan", "bundle.invalid_plan")
    }

    /// Reads a part of a bundle whose faults have a code.
    pub(super) fn of_part(bytes: &'a [u8], part: &'static str, code: &'static str) -> Self {
        Self {
            rest: bytes,
            read: 0,
            part,
            code,
        }
    }

    pub(super) fn raw(&mut self, count: usize, what: &str) -> Result<&'a [u8]> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.invalid(&format!(
                "{what} needs {count} bytes and {} are left",
                self.rest.len()
            )));
        };
        self.rest = rest;
        self.read += count;
        Ok(taken)
    }

    /// `count` items of `N` bytes each.
    fn items<const N: usize>(&mut self, count: usize, what: &str) -> Result<&'a [[u8; N]]> {
        let bytes = count.saturating_mul(N);
        Ok(self.raw(bytes, what)?.as_chunks().0)
    }

    pub(super) fn u8(&mut self, what: &str) -> Result<u8> {
        Ok(le_bytes::<1>(self.raw(1, what)?)[0])
    }

    pub(super) fn u16(&mut self, what: &str) -> Result<u16> {
        Ok(u16::from_le_bytes(le_bytes(self.raw(2, what)?)))
    }

    pub(super) fn u32(&mut self, what: &str) -> Result<u32> {
        Ok(u32::from_le_bytes(le_bytes(self.raw(4, what)?)))
    }

    /// A count or index.
    pub(super) fn size(&mut self, what: &str) -> Result<usize> {
        Ok(self.u32(what)? as usize)
    }

    pub(super) fn words(&mut self, count: usize, what: &str) -> Result<Vec<u32>> {
        let items = self.items(count, what)?.iter();
        Ok(items.map(|bytes| u32::from_le_bytes(*bytes)).collect())
    }

    pub(super) fn narrow_or_wide(
        &mut self,
        count: usize,
        wide: bool,
        what: &str,
    ) -> Result<Vec<u16>> {
        if wide {
            let items = self.items(count, what)?.iter();
            return Ok(items.map(|bytes| u16::from_le_bytes(*bytes)).collect());
        }
        let bytes = self.raw(count, what)?.iter();
        Ok(bytes.map(|&byte| u16::from(byte)).collect())
    }

    /// 16-bit integers, as numbers.
    pub(super) fn integers(&mut self, count: usize, what: &str) -> Result<Vec<f64>> {
        let items = self.items(count, what)?.iter();
        Ok(items
            .map(|bytes| f64::from(i16::from_le_bytes(*bytes)))
            .collect())
    }

    /// Numbers that are not NaN.
    pub(super) fn floats(&mut self, count: usize, narrow: bool, what: &str) -> Result<Vec<f64>> {
        let values: Vec<f64> = if narrow {
            let items = self.items(count, what)?.iter();
            items
                .map(|bytes| f64::from(f32::from_le_bytes(*bytes)))
                .collect()
        } else {
            let items = self.items(count, what)?.iter();
            items.map(|bytes| f64::from_le_bytes(*bytes)).collect()
        };
        match values.iter().any(|value| value.is_nan()) {
            true => Err(self.invalid(&format!("{what} holds a value that is not a number"))),
            false => Ok(values),
        }
    }

    pub(super) fn invalid(&self, what: &str) -> Error {
        let part = self.part;
        Error::bundle(self.code, format!("{part} at byte {}: {what}", self.read)).with_field(part)
    }

    pub(super) fn end(&self) -> Result<()> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(self.invalid(&format!("{left} bytes follow the end"))),
        }
    }
}

/// The first N bytes; missing ones are 0 (the callers have taken as many as they need).
fn le_bytes<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    for (to, from) in array.iter_mut().zip(bytes) {
        *to = *from;
    }
    array
}
