//! The roundings where they are easily wrong, through networks of one unit.

use super::reference::{once_rounded, twice_rounded};
use super::scores;
use skewless_core::plan::Simd;
use skewless_core::plan::network::{
    Dense, Layer, NetworkInput, NetworkModel, Op, Requantize, Tensor,
};

/// One unit of eight equal outputs whose accumulator is `bias` alone; the first output.
fn unit(bias: i32, requantize: Requantize, zero_point: i8, clamp: (i8, i8)) -> i8 {
    let tensor = |size: usize, zero_point: i8| Tensor {
        shape: vec![size],
        scale: 1.0,
        zero_point,
    };
    let dense = Dense {
        weights: vec![0; 8],
        bias: vec![bias; 8],
        requantize,
        clamp,
    };
    let model = NetworkModel {
        inputs: vec![NetworkInput::Quantize { tensor: 0 }],
        tensors: vec![tensor(1, 0), tensor(8, zero_point)],
        layers: vec![Layer {
            name: "unit".to_owned(),
            op: Op::Dense(dense),
            inputs: vec![0],
            output: 1,
        }],
        outputs: vec![1],
    };
    let both = [Simd::Off, Simd::Auto].map(|simd| scores(&model, &[0.0], simd));
    assert_eq!(both[0], both[1]);
    (both[0][0] as i16 + i16::from(zero_point)) as i8
}

const WHOLE: (i8, i8) = (i8::MIN, i8::MAX);

#[test]
fn floats_round_half_to_even_and_saturate() {
    let halves = |bias| {
        let multiplier = vec![0.5];
        unit(bias, Requantize::Float { multiplier }, 0, WHOLE)
    };
    assert_eq!([1, 3, 5, -1, -3, -5].map(halves), [0, 2, 2, 0, -2, -2]);
    let large = |bias| {
        let multiplier = vec![f32::MAX];
        unit(bias, Requantize::Float { multiplier }, 7, (-100, 90))
    };
    assert_eq!(
        [i32::MAX, 1, 0, -1, i32::MIN].map(large),
        [90, 90, 7, -100, -100]
    );
}

#[test]
fn fixed_shifts_round_half_away_from_zero_and_products_half_up() {
    // One half: the product gives x · 2^-1 rounded half up.
    let product = |bias| {
        let (multiplier, shift) = (vec![1 << 30], vec![0]);
        unit(bias, Requantize::Fixed { multiplier, shift }, 0, WHOLE)
    };
    assert_eq!([1, 3, -1, -3].map(product), [1, 2, 0, -1]);
    // Almost 1, then a shift by one: x / 2 rounded half away from zero.
    let shift = |bias| {
        let (multiplier, shift) = (vec![i32::MAX], vec![-1]);
        unit(bias, Requantize::Fixed { multiplier, shift }, 0, WHOLE)
    };
    assert_eq!([1, 3, -1, -3].map(shift), [1, 2, -1, -2]);
}

#[test]
fn fixed_multipliers_are_exact_at_the_ends_of_their_ranges() {
    let accumulators = [
        0,
        1,
        -1,
        77,
        -78,
        1 << 20,
        -(1 << 24) - 1,
        i32::MAX,
        i32::MIN + 1,
    ];
    for shift in -31..=30 {
        for multiplier in [0, 1, 1 << 30, (1 << 30) + 12_345, i32::MAX] {
            for accumulator in accumulators {
                let lists = || (vec![multiplier], vec![shift]);
                let bounded = |steps: i32| steps.clamp(-125, 130) - 3;
                let (list, shifts) = lists();
                let twice = Requantize::Fixed {
                    multiplier: list,
                    shift: shifts,
                };
                let (list, shifts) = lists();
                let once = Requantize::FixedOnce {
                    multiplier: list,
                    shift: shifts,
                };
                let place = format!("{accumulator} · {multiplier} · 2^{shift}");
                let want = bounded(twice_rounded(accumulator, multiplier, shift));
                assert_eq!(
                    i32::from(unit(accumulator, twice, -3, WHOLE)),
                    want,
                    "{place}"
                );
                let want = bounded(once_rounded(accumulator, multiplier, shift));
                assert_eq!(
                    i32::from(unit(accumulator, once, -3, WHOLE)),
                    want,
                    "{place}"
                );
            }
        }
    }
}

#[test]
fn an_embedding_takes_no_index_beyond_its_table() {
    use skewless_core::plan::{EngineScratch, Model, decode};
    let model = NetworkModel {
        inputs: vec![NetworkInput::Embedding {
            tensor: 0,
            indices: 2,
            table: vec![1, 2, 3, 4, 5, 6],
            rows: 3,
        }],
        tensors: vec![Tensor {
            shape: vec![2, 2],
            scale: 1.0,
            zero_point: 0,
        }],
        layers: Vec::new(),
        outputs: vec![0],
    };
    assert_eq!(
        scores(&model, &[2.0, 0.0], Simd::Auto),
        [5.0, 6.0, 1.0, 2.0]
    );
    let engine = decode(&Model::Network(model).encode().unwrap()).unwrap();
    for index in [3.0, -1.0, 0.5, f64::NAN, f64::INFINITY] {
        let mut raw = [0.0; 4];
        let result = engine.score(&[0.0, index], &mut EngineScratch::default(), &mut raw);
        assert_eq!(result.unwrap_err().code(), "input.out_of_domain", "{index}");
    }
}
