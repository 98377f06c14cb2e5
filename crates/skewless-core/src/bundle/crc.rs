//! The checksum of ZIP archives.

/// CRC-32 (ISO-HDLC), sixteen bytes at a time (Kounavis & Berry, ISCC 2005). The tables are made where they are used,
/// because they would travel to the browser.
pub(super) struct Crc32([[u32; 256]; 16]);

impl Crc32 {
    pub(super) fn new() -> Self {
        let mut tables = [[0; 256]; 16];
        let [first, others @ ..] = &mut tables;
        for (crc, byte) in first.iter_mut().zip(0..) {
            *crc = (0..8).fold(byte, |crc: u32, _| (crc >> 1) ^ ((crc & 1) * 0xedb8_8320));
        }
        let mut before = *first;
        for table in others {
            for (crc, before) in table.iter_mut().zip(before) {
                *crc = before >> 8 ^ entry(first, before);
            }
            before = *table;
        }
        Self(tables)
    }

    /// The checksum of some bytes.
    pub(super) fn of(&self, bytes: &[u8]) -> u32 {
        let [first, ..] = &self.0;
        let (words, rest) = bytes.as_chunks::<16>();
        let crc = words.iter().fold(!0, |crc: u32, &[a, b, c, d, tail @ ..]| {
            let head = (crc ^ u32::from_le_bytes([a, b, c, d])).to_le_bytes();
            let bytes = head.into_iter().chain(tail);
            let tables = self.0.iter().rev().zip(bytes);
            tables.fold(0, |crc, (table, byte)| crc ^ entry(table, byte.into()))
        });
        !rest.iter().fold(crc, |crc, &byte| {
            crc >> 8 ^ entry(first, crc ^ u32::from(byte))
        })
    }
}

/// The entry of a number's lowest byte.
fn entry(table: &[u32; 256], of: u32) -> u32 {
    table[(of & 255) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_check_value_is_that_of_the_standard() {
        assert_eq!(Crc32::new().of(b"123456789"), 0xcbf4_3926);
    }

    proptest! {
        #[test]
        fn sixteen_bytes_at_a_time_are_bit_by_bit(bytes: Vec<u8>) {
            let bits = bytes.iter().flat_map(|byte| (0..8).map(move |bit| u32::from(byte >> bit & 1)));
            let crc = bits.fold(!0, |crc: u32, bit| (crc >> 1) ^ (((crc ^ bit) & 1) * 0xedb8_8320));
            prop_assert_eq!(Crc32::new().of(&bytes), !crc);
        }
    }
}
