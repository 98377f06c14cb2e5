//! Graphs that `tests/references/tract/make.py` made, held to what ONNX Runtime answered, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use skewless_core::plan::{Engine, EngineScratch, ModelSummary};
use skewless_tract::{BOUND, TractEngine, Wishes, wire};

struct Row {
    row: Vec<f64>,
    raw: Vec<f64>,
}

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/references/tract")
        .join(name)
}

fn onnx(name: &str) -> Vec<u8> {
    std::fs::read(reference(&format!("{name}.onnx"))).unwrap()
}

fn rows(name: &str) -> Vec<Row> {
    let numbers = |cells: &Json| {
        let cells = cells.as_array().unwrap();
        cells.iter().map(|cell| cell.as_f64().unwrap()).collect()
    };
    std::fs::read_to_string(reference(&format!("{name}.rows.jsonl")))
        .unwrap()
        .lines()
        .map(|line| {
            let line: Json = serde_json::from_str(line).unwrap();
            Row {
                row: numbers(&line["row"]),
                raw: numbers(&line["raw"]),
            }
        })
        .collect()
}

fn wishes(name: &str) -> Wishes {
    Wishes {
        fixed: match name {
            "two_inputs" => vec![("scale".to_owned(), vec![3.0])],
            _ => vec![],
        },
        sizes: match name {
            "gru" => vec![("length".to_owned(), 7)],
            _ => vec![],
        },
        outputs: vec![],
    }
}

fn engine(name: &str) -> TractEngine {
    TractEngine::read(&wire(&onnx(name), &wishes(name)).unwrap().onnx).unwrap()
}

fn scores(engine: &TractEngine, rows: &[f64]) -> Vec<f64> {
    let mut raw = vec![0.0; rows.len() / engine.inputs() * engine.outputs()];
    engine
        .score(rows, &mut EngineScratch::default(), &mut raw)
        .unwrap();
    raw
}

fn assert_near(found: &[f64], expected: &[f64], of: &str) {
    assert_eq!(found.len(), expected.len(), "{of}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let apart = (found - expected).abs() / expected.abs().max(1.0);
        assert!(apart <= BOUND, "{of}, score {at}: {found} and {expected}");
    }
}

const NAMES: [&str; 5] = ["lstm", "gru", "attention", "resize", "two_inputs"];

#[test]
fn answers_are_onnx_runtimes() {
    for name in NAMES {
        let engine = engine(name);
        for (at, Row { row, raw }) in rows(name).iter().enumerate() {
            assert_near(&scores(&engine, row), raw, &format!("{name}, row {at}"));
        }
    }
}

#[test]
fn the_optimised_graph_answers_like_the_one_as_written() {
    for name in NAMES {
        let wired = wire(&onnx(name), &wishes(name)).unwrap();
        let plain = TractEngine::read_as_written(&wired.onnx).unwrap();
        let optimised = TractEngine::read(&wired.onnx).unwrap();
        for Row { row, .. } in rows(name) {
            assert_near(&scores(&optimised, &row), &scores(&plain, &row), name);
        }
    }
}

#[test]
fn an_answer_does_not_depend_on_the_rows_beside_it() {
    for name in NAMES {
        let engine = engine(name);
        let rows = rows(name);
        let all: Vec<f64> = rows.iter().flat_map(|row| row.row.clone()).collect();
        let alone: Vec<u64> = rows
            .iter()
            .flat_map(|row| scores(&engine, &row.row))
            .map(f64::to_bits)
            .collect();
        let together: Vec<u64> = scores(&engine, &all)
            .into_iter()
            .map(f64::to_bits)
            .collect();
        assert_eq!(alone, together, "{name}");
    }
}

#[test]
fn the_wiring_says_what_a_row_is() {
    let wired = wire(&onnx("two_inputs"), &wishes("two_inputs")).unwrap();
    let json = r#"{"inputs":[{"name":"tokens","type":"i64","shape":[1,6]},{"name":"scale","type":"i64","shape":[],"fixed":[3.0]},{"name":"numbers","type":"f32","shape":[1,3]}],"outputs":[{"name":"scaled","width":5},{"name":"best","width":1}]}"#;
    assert_eq!(wired.wiring.write().unwrap(), json);
    assert!(wired.onnx.starts_with(&onnx("two_inputs")));
    let engine = TractEngine::read(&wired.onnx).unwrap();
    assert_eq!((engine.inputs(), engine.outputs()), (9, 6));
    assert_eq!(engine.summary(), ModelSummary::Graph { nodes: 7 });
}

#[test]
fn chosen_outputs_come_in_the_chosen_order() {
    let wishes = Wishes {
        outputs: vec!["c_next".to_owned(), "probability".to_owned()],
        ..Wishes::default()
    };
    let engine = TractEngine::read(&wire(&onnx("lstm"), &wishes).unwrap().onnx).unwrap();
    for Row { row, raw } in rows("lstm") {
        let expected = [&raw[7..13], &raw[0..1]].concat();
        assert_near(&scores(&engine, &row), &expected, "lstm");
    }
}

#[test]
fn a_row_without_an_answer_is_nan_and_leaves_the_others_alone() {
    let engine = engine("two_inputs");
    let good = &rows("two_inputs")[0];
    for bad_token in [0.5, 1e19, f64::NAN, 20.0] {
        let mut bad = good.row.clone();
        bad[2] = bad_token;
        let raw = scores(&engine, &[bad, good.row.clone()].concat());
        assert!(raw[..6].iter().all(|score| score.is_nan()), "{bad_token}");
        assert_near(&raw[6..], &good.raw, "the row beside");
    }
}

#[test]
fn wishes_that_the_graph_does_not_have_are_refused() {
    let named = |name: &str| (name.to_owned(), vec![1.0]);
    let sized = |name: &str| (name.to_owned(), 2);
    for (of, wishes, message) in [
        (
            "gru",
            Wishes::default(),
            "input `x` leaves the size `length` of axis 1 open; say it",
        ),
        (
            "lstm",
            Wishes {
                fixed: vec![named("z")],
                ..Wishes::default()
            },
            "the graph has no input `z` to fix",
        ),
        (
            "lstm",
            Wishes {
                sizes: vec![sized("z")],
                ..Wishes::default()
            },
            "the graph leaves no size `z` open",
        ),
        (
            "lstm",
            Wishes {
                outputs: vec!["z".to_owned()],
                ..Wishes::default()
            },
            "the graph has no output `z`; it has `probability`, `h_next`, `c_next`",
        ),
    ] {
        let error = wire(&onnx(of), &wishes).unwrap_err();
        assert_eq!((error.code(), error.message()), ("pack.wiring", message));
    }
}

#[test]
fn files_that_are_no_wired_graph_are_refused() {
    let plain = onnx("lstm");
    let wired = wire(&plain, &Wishes::default()).unwrap().onnx;
    let twice = [&wired[..], &wired[plain.len()..]].concat();
    for (bytes, code) in [
        (&b"not an ONNX model"[..], "bundle.invalid_onnx"),
        (b"", "bundle.invalid_onnx"),
        (&plain, "bundle.invalid_onnx"),
        (&wired[..wired.len() - 1], "bundle.invalid_onnx"),
        (&twice, "bundle.invalid_onnx"),
    ] {
        let error = TractEngine::read(bytes).err().unwrap();
        assert_eq!(error.code(), code, "{}", error.message());
    }
    let text = String::from_utf8_lossy(&wired[plain.len()..]).into_owned();
    assert!(text.contains(r#""width":6"#), "{text}");
    for (from, to) in [
        (
            r#""name":"h_next","width":6"#,
            r#""name":"h_next","width":7"#,
        ),
        (r#""name":"h_next""#, r#""name":"h_nexd""#),
        (r#""name":"c","#, r#""name":"d","#),
        ("[1,5,4]", "[1,5,3]"),
    ] {
        let changed = replaced(&wired, from, to);
        assert_ne!(changed, wired, "{from}");
        let error = TractEngine::read(&changed).err().expect(to);
        let codes = ["bundle.invalid_onnx", "unsupported.onnx_op"];
        assert!(codes.contains(&error.code()), "{to}: {error}");
    }
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let at = bytes
        .windows(from.len())
        .rposition(|window| window == from.as_bytes())
        .unwrap();
    [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
}

#[test]
fn operators_that_no_engine_has_are_named() {
    // The classifier's neighbours here are operators of ai.onnx.ml that tract does not have.
    let forest = std::fs::read(reference("../onnx_branch_modes.onnx")).unwrap();
    let error = wire(&forest, &Wishes::default()).unwrap_err();
    assert_eq!(error.code(), "unsupported.onnx_op");
    assert!(error.message().contains("TreeEnsembleRegressor"), "{error}");
}
