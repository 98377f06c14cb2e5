//! The hash behind `hash` and `cross`: MurmurHash3, x86 variant, 32 bits (Austin Appleby, public domain reference).
//!
//! scikit-learn's `FeatureHasher` uses the same function, so that features can be compared.

/// The hash of `bytes` under `seed`.
pub(super) fn murmur3(bytes: &[u8], seed: u32) -> u32 {
    let mut hash = seed;
    let mut blocks = bytes.chunks_exact(4);
    for block in &mut blocks {
        hash = (hash ^ mixed(word(block)))
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xe654_6b64);
    }
    if !blocks.remainder().is_empty() {
        hash ^= mixed(word(blocks.remainder()));
    }
    // The reference takes the length in 32 bits.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "texts are at most a few thousand bytes"
    )]
    let length = bytes.len() as u32;
    finished(hash ^ length)
}

/// Up to four bytes, little-endian.
fn word(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .rev()
        .fold(0, |word, &byte| word << 8 | u32::from(byte))
}

fn mixed(word: u32) -> u32 {
    word.wrapping_mul(0xcc9e_2d51)
        .rotate_left(15)
        .wrapping_mul(0x1b87_3593)
}

fn finished(mut hash: u32) -> u32 {
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::murmur3;

    /// Vectors of the reference implementation, confirmed with scikit-learn's `murmurhash3_32`.
    #[test]
    fn agrees_with_published_vectors() {
        for (text, seed, expected) in [
            ("", 0, 0),
            ("", 1, 0x514e_28b7),
            ("", 0xffff_ffff, 0x81f1_6f39),
            ("a", 0, 0x3c25_69b2),
            ("aaaa", 0x9747_b28c, 0x5a97_808a),
            ("Hello, world!", 0x9747_b28c, 0x2488_4cba),
            (
                "The quick brown fox jumps over the lazy dog",
                0x9747_b28c,
                0x2fa8_26cd,
            ),
        ] {
            assert_eq!(murmur3(text.as_bytes(), seed), expected, "{text:?} {seed}");
        }
    }
}
