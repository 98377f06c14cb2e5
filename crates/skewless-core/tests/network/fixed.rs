//! TensorFlow Lite's fixed-point softmax a second time: real numbers as i128 fractions of 2^31, each step rounded where
//! gemmlowp rounds, and the whole held against the exponential in f64.

use super::reference::{half_away, saturated};

const UNIT: i128 = 1 << 31;

fn bounded(value: i128) -> i128 {
    value.clamp(-UNIT, UNIT - 1)
}

/// A product of fractions, rounded half up.
fn times(a: i128, b: i128) -> i128 {
    bounded((2 * a * b + UNIT).div_euclid(2 * UNIT))
}

fn shifted(value: i128, by: u32) -> i128 {
    half_away(value, 1 << by)
}

/// exp of a number that is not positive, in units of 2^-26.
fn exponential(x: i128) -> i128 {
    if x == 0 {
        return UNIT - 1;
    }
    let quarter = 1 << 24;
    let within = x.rem_euclid(quarter) - quarter;
    let y = bounded(within << 5) + (1 << 28);
    let square = times(y, y);
    let cube = times(square, y);
    let fourth = shifted(times(square, square), 2);
    let third = fraction(1.0 / 3.0);
    let tail = shifted(times(fourth + cube, third) + square, 1);
    let centre = fraction((-0.125f64).exp());
    let mut result = centre + times(centre, y + tail);
    let mut power = 0.25f64;
    for bit in 24..31 {
        if ((within - x) >> bit) & 1 == 1 {
            result = times(result, fraction((-power).exp()));
        }
        power *= 2.0;
    }
    result
}

fn fraction(real: f64) -> i128 {
    (real * UNIT as f64).round() as i128
}

/// 1 / (1 + x) for a fraction x, by three steps of Newton's iteration in units of 2^-29.
fn reciprocal(x: i128) -> i128 {
    let half = half_away(x + UNIT - 1, 2);
    let units = |real: f64| (real * (1u64 << 29) as f64).round() as i128;
    let mut result = units(48.0 / 17.0) + times(half, units(-32.0 / 17.0));
    for _ in 0..3 {
        let error = units(1.0) - times(half, result);
        result += bounded(times(result, error) << 2);
    }
    bounded(result << 1)
}

/// The shares of 256, from −128.
pub(crate) fn softmax(input: &[i8], shift: i32, multiplier: i32, least: i32) -> Vec<i8> {
    let greatest = i32::from(*input.iter().max().unwrap());
    let term = |q: i8| {
        let difference = i32::from(q) - greatest;
        let scaled = times(
            i128::from(difference.wrapping_shl(shift as u32)),
            multiplier.into(),
        );
        (difference >= least).then(|| exponential(scaled))
    };
    let sum: i128 = input
        .iter()
        .filter_map(|&q| term(q))
        .map(|it| shifted(it, 12))
        .sum();
    let headroom = (sum as i32).leading_zeros();
    let factor = reciprocal((sum << headroom) - UNIT);
    let share = |q: i8| match term(q) {
        Some(term) => shifted(times(factor, term), 35 - headroom).clamp(0, 255),
        None => 0,
    };
    input
        .iter()
        .map(|&q| saturated(share(q) as i64 - 128))
        .collect()
}

#[test]
fn the_fixed_softmax_is_near_the_real_one() {
    // A scale of 1/10 times 2^26, as a mantissa and an exponent.
    let (multiplier, shift) = (
        ((0.1 * 2f64.powi(26)) * 2f64.powi(31 - 23)).round() as i32,
        23,
    );
    for seed in 0..200i32 {
        let input: Vec<i8> = (0..10)
            .map(|it| ((seed * 37 + it * 53) % 256 - 128) as i8)
            .collect();
        let greatest = *input.iter().max().unwrap();
        let real = |q: i8| (0.1 * (f64::from(q) - f64::from(greatest))).exp();
        let sum: f64 = input.iter().map(|&q| real(q)).sum();
        for (&q, got) in input.iter().zip(softmax(&input, shift, multiplier, -255)) {
            let want = (real(q) / sum * 256.0).min(255.0) - 128.0;
            assert!(
                (f64::from(got) - want).abs() <= 0.51,
                "{q}: {got} and {want}"
            );
        }
    }
}
