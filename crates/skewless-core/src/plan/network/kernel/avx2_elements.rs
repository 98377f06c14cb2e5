//! The scalar loops over elements, compiled for AVX2: the same code with wider registers.

#![expect(
    unsafe_code,
    reason = "a function with the instructions is called where the processor has them"
)]

use super::super::add::FixedTerms;
use super::scalar;

/// Functions of [`scalar`] by their names.
macro_rules! widened {
    ($($name:ident($($argument:ident: $type:ty),*);)*) => {
        $(
            #[doc = concat!("[`scalar::", stringify!($name), "`].")]
            pub(super) fn $name($($argument: $type),*) {
                #[target_feature(enable = "avx2")]
                fn wide($($argument: $type),*) {
                    scalar::$name($($argument),*);
                }
                // SAFETY: this kernel is chosen where the processor has the instructions.
                unsafe { wide($($argument),*) }
            }
        )*
    };
}

widened! {
    accumulate(sums: &mut [i32], pixel: &[i8]);
    accumulate_real(sums: &mut [i32], pixel: &[i8], input: (f32, i8));
    add_fixed(terms: &FixedTerms, inputs: (&[i8], &[i8]), cells: &mut [i8]);
    widen(from: &[i8], zero_point: i8, to: &mut [i16]);
}
