//! Bytes that are no network: each gives an error that names what is wrong, or an engine that runs.

use super::generate::{Draw, network, rows};
use proptest::prelude::*;
use skewless_core::plan::{EngineScratch, Model, Simd, decode_with};

/// Reads bytes; what can be read must also run.
fn read(bytes: &[u8]) {
    match decode_with(bytes, Simd::Auto) {
        Err(error) => assert!(
            matches!(
                error.code(),
                "bundle.invalid_plan" | "unsupported.format_version" | "unsupported.engine"
            ),
            "{error}"
        ),
        Ok(engine) => {
            let row = vec![0.0; engine.inputs()];
            let mut raw = vec![0.0; engine.outputs()];
            (engine.score(&row, &mut EngineScratch::default(), &mut raw)).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn changed_bytes_give_an_error_or_an_engine(
        seed: u64,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = Model::Network(network(&mut Draw::new(seed))).encode().unwrap();
        for (place, value) in changes {
            let place = place.index(bytes.len() - 7) + 7;
            bytes[place] = value;
        }
        read(&bytes);
    }

    #[test]
    fn cut_bytes_give_an_error(seed: u64, cut: prop::sample::Index) {
        let bytes = Model::Network(network(&mut Draw::new(seed))).encode().unwrap();
        let cut = cut.index(bytes.len());
        let error = decode_with(&bytes[..cut], Simd::Auto).err().unwrap();
        prop_assert_eq!(error.code(), "bundle.invalid_plan");
    }

    #[test]
    fn noise_gives_an_error_or_an_engine(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = b"SKWP\x01\x00\x03".to_vec();
        bytes.extend(noise);
        read(&bytes);
    }
}

#[test]
fn what_is_read_is_named() {
    let mut draw = Draw::new(3);
    let model = network(&mut draw);
    let rows = rows(&model, &mut draw);
    assert!(!rows.is_empty());
    let bytes = Model::Network(model).encode().unwrap();
    let error = decode_with(&bytes[..bytes.len() - 1], Simd::Off)
        .err()
        .unwrap();
    assert!(
        error
            .message()
            .contains("outputs needs 4 bytes and 3 are left"),
        "{error}"
    );
    let mut longer = bytes;
    longer.push(0);
    let error = decode_with(&longer, Simd::Off).err().unwrap();
    assert!(error.message().contains("1 bytes follow"), "{error}");
}

#[test]
fn models_that_contradict_themselves_are_refused() {
    let mut refused = 0;
    for seed in 0..400 {
        let mut draw = Draw::new(seed);
        let mut model = network(&mut draw);
        match draw.bits() % 5 {
            0 => model.tensors[0].scale = f32::NAN,
            1 => model.layers[0].output = 99,
            2 => model.layers[0].inputs.push(0),
            3 => model.outputs = vec![model.tensors.len()],
            _ => {
                let last = model.tensors.len() - 1;
                model.tensors[last].shape.push(2);
            }
        }
        match Model::Network(model).encode() {
            Err(error) => {
                assert_eq!(error.code(), "misuse.model");
                refused += 1;
            }
            Ok(bytes) => read(&bytes),
        }
    }
    assert!(refused > 350, "{refused}");
}
