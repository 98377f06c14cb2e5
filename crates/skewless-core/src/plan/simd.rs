//! What the processor can do beyond the target's own instructions.

/// A set of instructions that kernels are compiled for a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// What the target always has: SSE2, NEON, or simd128 where it is on.
    Portable,
    /// AVX2 with the bit instructions of its generation.
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl Level {
    /// The widest that this processor has.
    pub(super) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            if has!("avx2") && has!("bmi1") && has!("bmi2") && has!("lzcnt") && has!("popcnt") {
                return Self::Avx2;
            }
        }
        Self::Portable
    }
}
