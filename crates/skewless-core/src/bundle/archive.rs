//! The archive around a bundle's parts: ZIP with stored entries, in one canonical form.
//!
//! Names, order, flags and timestamps are fixed, so that the same parts give the same bytes, and so that reading can
//! compare every byte of every header with the one byte that may stand there. General ZIP readers accept far more,
//! which is why none is used; any of them opens what is written here (PKWARE APPNOTE 6.3, §4.3.7, §4.3.12, §4.3.16).

use super::crc::Crc32;
use crate::error::{Error, Result};

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const LOCAL_HEADER: usize = 30;
/// Version 1.0: stored entries need no more.
const VERSION: u16 = 10;
/// 1980-01-01 00:00, the format's first moment.
const DATE: u16 = 0x21;

/// A named part and its bytes.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    pub(super) data: &'a [u8],
}

/// Writes the entries in their order.
///
/// # Errors
/// `unsupported.bundle_size` above 4 GiB.
pub(super) fn write(entries: &[Entry<'_>]) -> Result<Vec<u8>> {
    let crc32 = Crc32::new();
    let mut bytes = Vec::new();
    let mut placed = Vec::new();
    for entry in entries {
        let crc = crc32.of(entry.data);
        placed.push((*entry, crc, bytes.len()));
        bytes.extend(local_header(entry, crc));
        bytes.extend_from_slice(entry.data);
    }
    bytes.extend(directory(&placed, bytes.len()));
    match u32::try_from(bytes.len()) {
        Ok(_) => Ok(bytes),
        Err(_) => Err(Error::unsupported(
            "unsupported.bundle_size",
            "a bundle may have at most 4 GiB",
        )),
    }
}

/// Reads the entries, and proves that `bytes` is exactly what [`write`] makes of them.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Entry<'_>>> {
    let crc32 = Crc32::new();
    let mut rest = bytes;
    let mut placed: Vec<(Entry<'_>, u32, usize)> = Vec::new();
    loop {
        let offset = bytes.len() - rest.len();
        match signature(rest)? {
            LOCAL => {}
            CENTRAL if !placed.is_empty() => break,
            _ if offset == 0 => {
                return Err(Error::bundle(
                    "bundle.not_a_bundle",
                    "the bytes do not begin as a bundle does",
                ));
            }
            _ => return Err(not_canonical(offset)),
        }
        let (entry, after) = read_entry(rest, offset)?;
        let crc = crc32.of(entry.data);
        compare_header(rest, &entry, crc, offset)?;
        placed.push((entry, crc, offset));
        rest = after;
    }
    compare_directory(rest, &placed, bytes.len() - rest.len())?;
    Ok(placed.into_iter().map(|(entry, _, _)| entry).collect())
}

fn signature(rest: &[u8]) -> Result<u32> {
    rest.first_chunk()
        .copied()
        .map(u32::from_le_bytes)
        .ok_or_else(truncated)
}

fn read_entry(rest: &[u8], offset: usize) -> Result<(Entry<'_>, &[u8])> {
    let field = |at: usize| {
        rest.get(at..at + 4)
            .and_then(<[u8]>::first_chunk)
            .copied()
            .map(u32::from_le_bytes)
    };
    let size = field(22).ok_or_else(truncated)? as usize;
    let name_length = (field(26).ok_or_else(truncated)? & 0xffff) as usize;
    let body = rest.get(LOCAL_HEADER..).ok_or_else(truncated)?;
    let (name, body) = body.split_at_checked(name_length).ok_or_else(truncated)?;
    let (data, after) = body.split_at_checked(size).ok_or_else(truncated)?;
    let name = std::str::from_utf8(name).map_err(|_| not_canonical(offset + LOCAL_HEADER))?;
    Ok((Entry { name, data }, after))
}

fn compare_header(rest: &[u8], entry: &Entry<'_>, crc: u32, offset: usize) -> Result<()> {
    let expected = local_header(entry, crc);
    let Some(at) = rest
        .iter()
        .zip(&expected)
        .position(|(found, expected)| found != expected)
    else {
        return Ok(());
    };
    if (14..18).contains(&at) {
        let name = entry.name;
        return Err(Error::bundle(
            "bundle.checksum_mismatch",
            format!("the bytes of {name} do not match their checksum"),
        )
        .with_field(name));
    }
    Err(not_canonical(offset + at))
}

fn compare_directory(rest: &[u8], placed: &[(Entry<'_>, u32, usize)], start: usize) -> Result<()> {
    let expected = directory(placed, start);
    if rest == expected {
        return Ok(());
    }
    if expected.starts_with(rest) {
        return Err(truncated());
    }
    if rest.starts_with(&expected) {
        let more = rest.len() - expected.len();
        return Err(Error::bundle(
            "bundle.trailing_data",
            format!("{more} bytes follow the end of the bundle"),
        ));
    }
    let at = rest
        .iter()
        .zip(&expected)
        .position(|(found, expected)| found != expected)
        .unwrap_or_default();
    Err(not_canonical(start + at))
}

fn truncated() -> Error {
    Error::bundle("bundle.truncated", "the bundle ends before its end")
}

fn not_canonical(at: usize) -> Error {
    Error::bundle(
        "bundle.not_canonical",
        format!("byte {at} is not what a bundle has there; it is damaged or was repacked"),
    )
}

/// Bytes that stand before an entry's data.
pub(super) fn data_start(name: &str) -> usize {
    LOCAL_HEADER + name.len()
}

fn local_header(entry: &Entry<'_>, crc: u32) -> Vec<u8> {
    let mut header = Vec::with_capacity(LOCAL_HEADER + entry.name.len());
    header.extend(LOCAL.to_le_bytes());
    header.extend(described(entry, crc));
    header.extend(entry.name.as_bytes());
    header
}

/// The fields that local and central headers share, from the needed version to the extra field's length.
fn described(entry: &Entry<'_>, crc: u32) -> Vec<u8> {
    let mut fields = Vec::new();
    // Version, no flags, stored, time 0, date.
    [VERSION, 0, 0, 0, DATE]
        .iter()
        .for_each(|field| fields.extend(field.to_le_bytes()));
    let size = size32(entry.data.len());
    [crc, size, size]
        .iter()
        .for_each(|field| fields.extend(field.to_le_bytes()));
    // A name is one of a few short constants; no extra field.
    [size16(entry.name.len()), 0]
        .iter()
        .for_each(|field| fields.extend(field.to_le_bytes()));
    fields
}

/// The central directory and the end record.
fn directory(placed: &[(Entry<'_>, u32, usize)], start: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (entry, crc, offset) in placed {
        bytes.extend(CENTRAL.to_le_bytes());
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(described(entry, *crc));
        // No comment, first disk, no attributes.
        bytes.extend([0; 10]);
        bytes.extend(size32(*offset).to_le_bytes());
        bytes.extend(entry.name.as_bytes());
    }
    let (size, count) = (size32(bytes.len()), size16(placed.len()));
    bytes.extend(END.to_le_bytes());
    [0, 0, count, count]
        .iter()
        .for_each(|field| bytes.extend(field.to_le_bytes()));
    [size, size32(start)]
        .iter()
        .for_each(|field| bytes.extend(field.to_le_bytes()));
    bytes.extend([0; 2]);
    bytes
}

/// `write` refuses archives in which a size does not fit; a size that was read has fitted.
fn size32(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

fn size16(size: usize) -> u16 {
    u16::try_from(size).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn sample() -> Vec<u8> {
        write(&[
            Entry {
                name: "a.json",
                data: b"{}",
            },
            Entry {
                name: "b",
                data: &[7; 1000],
            },
        ])
        .unwrap()
    }

    #[test]
    fn a_general_reader_opens_it() {
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(sample())).unwrap();
        let mut text = String::new();
        archive
            .by_name("a.json")
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!((text.as_str(), archive.len()), ("{}", 2));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let good = sample();
        assert_eq!(read(&good).unwrap().len(), 2);
        for at in 0..good.len() {
            assert!(read(&good[..at]).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                assert!(read(&bad).is_err(), "byte {at}, bit {bit}");
            }
        }
        let longer = [good.as_slice(), b"x"].concat();
        assert_eq!(read(&longer).err().unwrap().code(), "bundle.trailing_data");
    }
}
