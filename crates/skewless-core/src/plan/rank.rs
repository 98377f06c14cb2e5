//! Rank quantisation of one model feature: a value becomes the number of thresholds below it.
//!
//! A split `x ≤ t_k` over sorted thresholds is then the integer comparison `rank(x) ≤ k`, which loses nothing. The
//! idea is that of QuickScorer's binning (Lucchese et al., SIGIR 2015).

/// The bin of a missing value.
pub(super) const MISSING_BIN: u16 = u16::MAX;
/// The bin of a category that no set can hold.
pub(super) const OTHER_BIN: u16 = u16::MAX - 1;
/// Thresholds one model feature may have: ranks 0..=n stay below [`MISSING_BIN`].
pub(super) const MAX_THRESHOLDS: usize = u16::MAX as usize - 1;
/// LightGBM's bound up to which a value counts as zero: a single-precision constant, just above 1e-35.
const ZERO: f64 = 1e-35_f32 as f64;

/// How a model feature treats NaN and zero before it is binned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MissingMode {
    /// NaN is missing.
    Nan,
    /// NaN is 0.
    AsZero,
    /// NaN and anything near 0 is missing.
    ZeroIsMissing,
}

impl MissingMode {
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Nan => 0,
            Self::AsZero => 1,
            Self::ZeroIsMissing => 2,
        }
    }

    pub(super) fn from_code(code: u8) -> Option<Self> {
        [Self::Nan, Self::AsZero, Self::ZeroIsMissing]
            .into_iter()
            .find(|mode| mode.code() == code)
    }

    /// The value to bin; `None` is missing.
    fn resolve(self, value: f64) -> Option<f64> {
        match self {
            Self::Nan if value.is_nan() => None,
            Self::AsZero if value.is_nan() => Some(0.0),
            Self::ZeroIsMissing if value.is_nan() || value.abs() <= ZERO => None,
            _ => Some(value),
        }
    }
}

/// [`MissingMode::resolve`] without a branch.
#[derive(Clone, Copy)]
pub(super) struct Resolver {
    /// What NaN is tested as.
    nan: f64,
    /// Magnitudes up to here are missing.
    zero: f64,
}

impl Resolver {
    pub(super) fn of(mode: MissingMode) -> Self {
        let (nan, zero) = match mode {
            MissingMode::Nan => (f64::NAN, -1.0),
            MissingMode::AsZero => (0.0, -1.0),
            MissingMode::ZeroIsMissing => (f64::NAN, ZERO),
        };
        Self { nan, zero }
    }

    /// The value to bin, and whether it is missing.
    #[expect(
        clippy::neg_cmp_op_on_partial_ord,
        reason = "NaN is not above anything: it is missing"
    )]
    pub(super) fn resolve(self, value: f64) -> (f64, bool) {
        let value = if value.is_nan() { self.nan } else { value };
        (value, !(value.abs() > self.zero))
    }
}

/// The rank of `value` among sorted `thresholds`: how many of them lie below it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "readers and encoders bound the thresholds by MAX_THRESHOLDS"
)]
pub(super) fn numeric_bin(value: f64, mode: MissingMode, thresholds: &[f64]) -> u16 {
    match mode.resolve(value) {
        None => MISSING_BIN,
        Some(value) => thresholds.partition_point(|&threshold| threshold < value) as u16,
    }
}

/// The category that `value` cut towards zero names.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked"
)]
pub(super) fn category_bin(value: f64, mode: MissingMode) -> u16 {
    match mode.resolve(value) {
        None => MISSING_BIN,
        Some(value) if value > -1.0 && value < f64::from(OTHER_BIN) => value as u16,
        Some(_) => OTHER_BIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn categories_are_cut_towards_zero() {
        for (value, bin) in [
            (0.0, 0),
            (-0.5, 0),
            (3.9, 3),
            (-1.0, OTHER_BIN),
            (65_533.0, 65_533),
            (65_534.0, OTHER_BIN),
            (1e300, OTHER_BIN),
        ] {
            assert_eq!(category_bin(value, MissingMode::Nan), bin, "{value}");
        }
        assert_eq!(category_bin(f64::NAN, MissingMode::Nan), MISSING_BIN);
    }

    #[test]
    fn zero_is_missing_where_the_mode_says_so() {
        for value in [0.0, -0.0, 1e-35, -1e-36, f64::NAN] {
            assert_eq!(
                numeric_bin(value, MissingMode::ZeroIsMissing, &[1.0]),
                MISSING_BIN,
                "{value}"
            );
        }
        assert_eq!(numeric_bin(f64::NAN, MissingMode::AsZero, &[-1.0, 0.0]), 1);
    }

    proptest! {
        #[test]
        fn ranks_answer_every_threshold(mut thresholds in prop::collection::vec(-1e3..1e3f64, 1..50), value in -1e3..1e3f64) {
            thresholds.sort_by(f64::total_cmp);
            thresholds.dedup();
            let probes = thresholds.clone();
            for x in probes.into_iter().chain([value]) {
                let bin = numeric_bin(x, MissingMode::Nan, &thresholds);
                for (rank, &threshold) in thresholds.iter().enumerate() {
                    prop_assert_eq!(x <= threshold, usize::from(bin) <= rank);
                }
            }
        }
    }
}
