//! The base score as the margin that sums start from, in the f32 arithmetic XGBoost uses when it loads a model.
//!
//! XGBoost calls the C library's `logf`, whose result is not always the nearest f32. The algorithm of glibc and musl
//! (a table and a cubic in f64) stands here, so that the last bit is theirs. Its constants are those of ARM's optimized
//! routines, `math/logf_data.c`, copyright 2017–2018 Arm Limited, under the MIT licence.

use skewless_core::error::Result;

use super::invalid;
use super::objective::BaseScale;

/// One margin an output from `5E-1`, `[5E-1]` or `[1E0,2E0,3E0]`.
pub(crate) fn base_margins(text: &str, scale: BaseScale, outputs: usize) -> Result<Vec<f64>> {
    let inner = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let scores: std::result::Result<Vec<f32>, _> =
        inner.split(',').map(|score| score.trim().parse()).collect();
    let scores = scores.map_err(|_| invalid("`base_score` is not a number").with_value(text))?;
    let margins: Vec<f64> = scores
        .iter()
        .map(|&score| f64::from(margin(score, scale)))
        .collect();
    if margins.iter().any(|margin| !margin.is_finite()) {
        return Err(invalid(format!("`base_score` {text} has no finite margin")));
    }
    match *margins.as_slice() {
        [one] => Ok(vec![one; outputs]),
        _ if margins.len() == outputs => Ok(margins),
        _ => Err(invalid(format!(
            "{} base scores for {outputs} outputs",
            margins.len()
        ))),
    }
}

fn margin(score: f32, scale: BaseScale) -> f32 {
    match scale {
        BaseScale::Margin => score,
        BaseScale::Probability => -logf(1.0 / score - 1.0),
        BaseScale::Mean => logf(score),
    }
}

/// The natural logarithm as glibc and musl compute it; NaN for what is not a positive finite number.
fn logf(x: f32) -> f32 {
    if !(x > 0.0 && x.is_finite()) {
        return f32::NAN;
    }
    // A subnormal is scaled up first, so that its exponent field counts.
    let bits = if x.is_normal() {
        x.to_bits()
    } else {
        (x * 8_388_608.0).to_bits().wrapping_sub(23 << 23)
    };
    // x = 2^k z, with z in [0.7, 1.4) and near the c of its sixteenth.
    let offset = bits.wrapping_sub(0x3f33_0000);
    let entry = TABLE.iter().cycle().nth(((offset >> 19) % 16) as usize);
    let (inverse, logarithm) = entry.map_or((0, 0), |&entry| entry);
    let k = f64::from(offset.cast_signed() >> 23);
    let z = f64::from(f32::from_bits(bits.wrapping_sub(offset & 0xff80_0000)));
    let r = z * f64::from_bits(inverse) - 1.0;
    let start = f64::from_bits(logarithm) + k * std::f64::consts::LN_2;
    let [a, b, c] = CUBIC.map(f64::from_bits);
    let r2 = r * r;
    nearest((a * r2 + (b * r + c)) * r2 + (start + r))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the last step rounds to f32"
)]
fn nearest(value: f64) -> f32 {
    value as f32
}

/// Coefficients of r⁴, r³ and r² of ln(1 + r), fitted to the table's width.
const CUBIC: [u64; 3] = [
    0xbfd0_0ea3_48b8_8334,
    0x3fd5_575b_0be0_0b6a,
    0xbfdf_fffe_f20a_4123,
];

/// Bits of 1/c and ln c, for a c near the middle of each sixteenth of z's range.
const TABLE: [(u64, u64); 16] = [
    (0x3ff6_61ec_79f8_f3be, 0xbfd5_7bf7_808c_aade),
    (0x3ff5_71ed_4aaf_883d, 0xbfd2_bef0_a7c0_6ddb),
    (0x3ff4_9539_f0f0_10b0, 0xbfd0_1eae_7f51_3a67),
    (0x3ff3_c995_b0b8_0385, 0xbfcb_31d8_a682_24e9),
    (0x3ff3_0d19_0c88_64a5, 0xbfc6_574f_0ac0_7758),
    (0x3ff2_5e22_7b0b_8ea0, 0xbfc1_aa2b_c79c_8100),
    (0x3ff1_bb4a_4a1a_343f, 0xbfba_4e76_ce8c_0e5e),
    (0x3ff1_2358_f08a_e5ba, 0xbfb1_973c_5a61_1ccc),
    (0x3ff0_953f_4199_00a7, 0xbfa2_52f4_38e1_0c1e),
    (0x3ff0_0000_0000_0000, 0x0000_0000_0000_0000),
    (0x3fee_608c_fd9a_47ac, 0x3faa_a5aa_5df2_5984),
    (0x3fec_a4b3_1f02_6aa0, 0x3fbc_5e53_aa36_2eb4),
    (0x3feb_2036_576a_fce6, 0x3fc5_26e5_7720_db08),
    (0x3fe9_c2d1_63a1_aa2d, 0x3fcb_c286_0d22_4770),
    (0x3fe8_86e6_0378_41ed, 0x3fd1_058b_c8a0_7ee1),
    (0x3fe7_67dc_f553_4862, 0x3fd4_0430_57b6_ee09),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_the_c_librarys() {
        // Answers of glibc's `logf`; the first five are not the nearest f32.
        let cases: [(f32, f32); 8] = [
            (0.729_655_44, -0.315_182_83),
            (0.980_835_3, -0.019_350_706),
            (0.954_590_5, -0.046_472_83),
            (0.913_690_75, -0.090_263_11),
            (0.851_875_9, -0.160_314_41),
            (1.0, 0.0),
            (1e-45, -103.278_93),
            (3e38, 88.596_85),
        ];
        for (x, expected) in cases {
            assert_eq!(
                logf(x).to_bits(),
                expected.to_bits(),
                "logf({x}) = {}",
                logf(x)
            );
        }
    }

    #[test]
    fn base_scores_come_as_a_number_or_a_list() {
        let margin = |text, outputs| {
            base_margins(text, BaseScale::Margin, outputs).map_err(|error| error.code())
        };
        assert_eq!(margin("5E-1", 1), Ok(vec![0.5]));
        assert_eq!(margin("[5E-1]", 3), Ok(vec![0.5; 3]));
        assert_eq!(margin("[1E0, 2E0,-3E0]", 3), Ok(vec![1.0, 2.0, -3.0]));
        for wrong in ["", "[]", "[1E0,2E0", "[1E0,2E0]", "NaN", "inf", "x"] {
            assert_eq!(margin(wrong, 3), Err("model.invalid_xgboost"), "{wrong}");
        }
        for outside in ["0", "1", "1.5", "-0.5"] {
            assert!(
                base_margins(outside, BaseScale::Probability, 1).is_err(),
                "{outside}"
            );
        }
    }
}
