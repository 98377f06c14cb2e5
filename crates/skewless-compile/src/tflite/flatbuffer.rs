//! A reader of FlatBuffers tables: every access is checked against the bytes, and what is not there has its default.
//!
//! The format is that of <https://flatbuffers.dev/internals/>: a table begins with the distance to its vtable, which has
//! the place of every field.

/// A table within its file.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// A vector within its file.
#[derive(Clone, Copy)]
pub(super) struct Vector<'a> {
    bytes: &'a [u8],
    first: usize,
    len: usize,
}

impl<'a> Table<'a> {
    /// The root of a file.
    pub(super) fn root(bytes: &'a [u8]) -> Option<Self> {
        Some(Self {
            bytes,
            at: index(u32::from_le_bytes(array(bytes, 0)?))?,
        })
    }

    fn field(&self, number: usize) -> Option<usize> {
        let back = i64::from(i32::from_le_bytes(array(self.bytes, self.at)?));
        let vtable = usize::try_from(i64::try_from(self.at).ok()? - back).ok()?;
        let size = usize::from(u16::from_le_bytes(array(self.bytes, vtable)?));
        let entry = 4 + 2 * number;
        if entry + 2 > size {
            return None;
        }
        let offset = u16::from_le_bytes(array(self.bytes, vtable.checked_add(entry)?)?);
        (offset != 0).then(|| self.at + usize::from(offset))
    }

    /// What a field of offsets points to.
    fn target(&self, number: usize) -> Option<usize> {
        let at = self.field(number)?;
        at.checked_add(index(u32::from_le_bytes(array(self.bytes, at)?))?)
    }

    fn scalar<const N: usize>(&self, number: usize) -> Option<[u8; N]> {
        array(self.bytes, self.field(number)?)
    }

    pub(super) fn i8(&self, number: usize) -> i8 {
        self.scalar(number).map_or(0, i8::from_le_bytes)
    }

    pub(super) fn i32(&self, number: usize, default: i32) -> i32 {
        self.scalar(number).map_or(default, i32::from_le_bytes)
    }

    pub(super) fn u32(&self, number: usize) -> u32 {
        self.scalar(number).map_or(0, u32::from_le_bytes)
    }

    pub(super) fn u64(&self, number: usize) -> u64 {
        self.scalar(number).map_or(0, u64::from_le_bytes)
    }

    pub(super) fn f32(&self, number: usize) -> f32 {
        self.scalar(number).map_or(0.0, f32::from_le_bytes)
    }

    pub(super) fn table(&self, number: usize) -> Option<Self> {
        Some(Self {
            bytes: self.bytes,
            at: self.target(number)?,
        })
    }

    /// A vector; an absent one is empty.
    pub(super) fn vector(&self, number: usize) -> Vector<'a> {
        let found = self.target(number).and_then(|at| {
            let len = index(u32::from_le_bytes(array(self.bytes, at)?))?;
            Some(Vector {
                bytes: self.bytes,
                first: at.checked_add(4)?,
                len,
            })
        });
        found.unwrap_or(Vector {
            bytes: self.bytes,
            first: 0,
            len: 0,
        })
    }

    /// A string; what is absent or no UTF-8 is empty.
    pub(super) fn text(&self, number: usize) -> &'a str {
        let text = self.vector(number).bytes();
        text.and_then(|text| std::str::from_utf8(text).ok())
            .unwrap_or_default()
    }
}

impl<'a> Vector<'a> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// A vector of bytes.
    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        self.bytes
            .get(self.first..self.first.checked_add(self.len)?)
    }

    /// Elements of N bytes; None where the file ends before.
    fn scalars<const N: usize>(&self) -> Option<&'a [[u8; N]]> {
        let end = self.first.checked_add(self.len.checked_mul(N)?)?;
        Some(self.bytes.get(self.first..end)?.as_chunks::<N>().0)
    }

    pub(super) fn i32s(&self) -> Option<Vec<i32>> {
        let all = self.scalars()?;
        Some(all.iter().map(|&bytes| i32::from_le_bytes(bytes)).collect())
    }

    pub(super) fn i64s(&self) -> Option<Vec<i64>> {
        let all = self.scalars()?;
        Some(all.iter().map(|&bytes| i64::from_le_bytes(bytes)).collect())
    }

    pub(super) fn f32s(&self) -> Option<Vec<f32>> {
        let all = self.scalars()?;
        Some(all.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
    }

    /// The table that element `number` points to.
    pub(super) fn table(&self, number: usize) -> Option<Table<'a>> {
        if number >= self.len {
            return None;
        }
        let at = self.first.checked_add(number.checked_mul(4)?)?;
        let offset = index(u32::from_le_bytes(array(self.bytes, at)?))?;
        Some(Table {
            bytes: self.bytes,
            at: at.checked_add(offset)?,
        })
    }
}

fn index(number: u32) -> Option<usize> {
    usize::try_from(number).ok()
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}
