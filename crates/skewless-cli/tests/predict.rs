//! `skewless predict`, run as a program: one answer a record, whatever the format and the number of threads.

mod fixture;

use std::io::{Read, Write};

use fixture::{Fixture, csv, json_lines, rows};
use serde_json::json;

const MANY: usize = 20_000;

fn digest(fixture: &Fixture, table: &str) -> String {
    let run = fixture.run(&["predict", "small.skw", table, "--digest-only"]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{table}");
    assert_eq!(run.stdout.trim_end().len(), 64, "{}", run.stdout);
    run.stdout
}

#[test]
fn every_format_gives_the_same_digest() {
    let fixture = Fixture::new();
    fixture.write("a.jsonl", json_lines(&rows(MANY)));
    fixture.write("a.csv", csv(&rows(MANY)));
    let expected = digest(&fixture, "a.jsonl");
    assert_eq!(digest(&fixture, "a.csv"), expected);
    #[cfg(feature = "parquet")]
    {
        fixture.write("a.parquet", fixture::parquet(&rows(MANY)));
        assert_eq!(digest(&fixture, "a.parquet"), expected);
    }
    fixture.write("b.jsonl", json_lines(&rows(MANY - 1)));
    assert_ne!(digest(&fixture, "b.jsonl"), expected);
}

#[test]
fn threads_change_no_byte() {
    let fixture = Fixture::new();
    fixture.write("a.csv", csv(&rows(MANY)));
    let formats: &[&str] = if cfg!(feature = "parquet") {
        &["jsonl", "csv", "parquet"]
    } else {
        &["jsonl", "csv"]
    };
    for to in formats {
        let mut outputs = Vec::new();
        for jobs in ["1", "4"] {
            let out = format!("out-{jobs}.{to}");
            let run = fixture.run(&["predict", "small.skw", "a.csv", "-o", &out, "--jobs", jobs]);
            assert_eq!(
                (run.status, run.stdout.as_str(), run.stderr.as_str()),
                (0, "", "")
            );
            outputs.push(std::fs::read(fixture.path(&out)).unwrap());
        }
        assert!(!outputs[0].is_empty());
        assert!(
            outputs[0] == outputs[1],
            "{to} differs between 1 and 4 threads"
        );
    }
}

#[test]
fn standard_streams_are_json_lines() {
    let fixture = Fixture::new();
    let run = fixture.run_with_input(&["predict", "small.skw"], json_lines(&rows(3)).as_bytes());
    assert_eq!(run.status, 0, "{}", run.stderr);
    let lines = run.lines();
    assert_eq!(lines.len(), 3);
    for line in &lines {
        let probability = line["probability"].as_f64().unwrap();
        let label = if probability >= 0.5 {
            "late"
        } else {
            "on_time"
        };
        assert_eq!(line["label"], label);
        let expected = 1.0 / (1.0 + (-line["raw"].as_f64().unwrap()).exp());
        assert!((probability - expected).abs() < 1e-15);
    }
    let dashes = fixture.run_with_input(
        &["predict", "small.skw", "-", "-o", "-"],
        json_lines(&rows(3)).as_bytes(),
    );
    assert_eq!(dashes.stdout, run.stdout);
}

#[test]
fn csv_in_and_out_by_streams() {
    let fixture = Fixture::new();
    let arguments = ["predict", "small.skw", "--from", "csv", "--to", "csv"];
    let run = fixture.run_with_input(&arguments, csv(&rows(2)).as_bytes());
    assert_eq!(run.status, 0, "{}", run.stderr);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[0], "label,probability,raw,error,message");
    assert_eq!(lines.len(), 3);
    let from_json =
        fixture.run_with_input(&["predict", "small.skw"], json_lines(&rows(2)).as_bytes());
    for (cells, json) in lines[1..].iter().zip(from_json.lines()) {
        let expected = format!(
            "{},{},{},,",
            json["label"].as_str().unwrap(),
            json["probability"],
            json["raw"]
        );
        assert_eq!(*cells, expected);
    }
}

#[test]
fn one_bad_row_fails_alone_and_in_its_place() {
    let fixture = Fixture::new();
    let good = rows(1)[0].json().to_string();
    let text = format!(
        "{good}\n{{\"carrier\":\n{good}\n[1]\n{}\n{}\n{}\n{}\n{good}\n",
        r#"{"carrier":"AA","departure":"2013-11-01T05:15"}"#,
        r#"{"distance":"far","departure":"2013-11-01T05:15"}"#,
        r#"{"distance":-1,"departure":"2013-11-01T05:15"}"#,
        r#"{"distance":1,"departure":"yesterday"}"#,
    );
    let run = fixture.run_with_input(&["predict", "small.skw", "--digest"], text.as_bytes());
    assert_eq!(run.status, 1);
    let lines = run.lines();
    let codes: Vec<_> = lines
        .iter()
        .map(|line| line["error"]["code"].as_str().unwrap_or("answered"))
        .collect();
    assert_eq!(
        codes,
        [
            "answered",
            "input.invalid_json",
            "answered",
            "input.not_an_object",
            "input.missing_field",
            "input.wrong_type",
            "input.out_of_range",
            "input.invalid_timestamp",
            "answered",
        ]
    );
    assert_eq!((&lines[0], &lines[0]), (&lines[2], &lines[8]));
    let error = &lines[6]["error"];
    assert_eq!(
        (&error["field"], &error["value"], &error["row"]),
        (&json!("distance"), &json!("-1"), &json!(6))
    );
    insta::assert_snapshot!("bad_rows_stderr", run.stderr);
    insta::assert_snapshot!("bad_rows_stdout", run.stdout);
}

#[test]
fn bad_cells_fail_like_bad_values() {
    let fixture = Fixture::new();
    let text = "carrier,distance,departure,rain\n\
                AA,1,2013-11-01T05:15,true\n\
                AA,far,2013-11-01T05:15,\n\
                AA,1\n\
                AA,,2013-11-01T05:15,false\n\
                AA,1,2013-11-01T05:15,perhaps\n";
    let run = fixture.run_with_input(&["predict", "small.skw", "--from", "csv"], text.as_bytes());
    assert_eq!(run.status, 1);
    let lines = run.lines();
    let codes: Vec<_> = lines
        .iter()
        .map(|line| line["error"]["code"].as_str().unwrap_or("answered"))
        .collect();
    assert_eq!(
        codes,
        [
            "answered",
            "input.wrong_type",
            "table.ragged_row",
            "input.missing_field",
            "input.wrong_type"
        ]
    );
    insta::assert_snapshot!("bad_cells_stdout", run.stdout);
    fixture.write(
        "same.jsonl",
        "{\"carrier\":\"AA\",\"distance\":\"far\",\"departure\":\"2013-11-01T05:15\"}\n",
    );
    fixture.write(
        "same.csv",
        "carrier,distance,departure\nAA,far,2013-11-01T05:15\n",
    );
    let digests: Vec<String> = ["same.jsonl", "same.csv"]
        .map(|table| {
            fixture
                .run(&["predict", "small.skw", table, "--digest-only"])
                .stdout
        })
        .to_vec();
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn rows_count_on_over_blocks() {
    let fixture = Fixture::new();
    let mut text = json_lines(&rows(MANY));
    text.push_str("{}\n");
    fixture.write("a.jsonl", text);
    let run = fixture.run(&["predict", "small.skw", "a.jsonl", "--jobs", "3"]);
    assert_eq!(run.status, 1);
    let lines = run.lines();
    assert_eq!(lines.len(), MANY + 1);
    assert_eq!(lines[MANY]["error"]["row"], MANY);
    assert!(
        run.stderr.contains(&format!(
            "1 of {} rows failed; first, row {MANY}: ",
            MANY + 1
        )),
        "{}",
        run.stderr
    );
}

#[test]
fn an_unknown_field_is_noted_once() {
    let fixture = Fixture::new();
    let line =
        r#"{"distance":1,"departure":"2013-11-01T05:15","gate":"A1","note":1,"dep_delay":3}"#;
    let run = fixture.run_with_input(
        &["predict", "small.skw"],
        format!("{line}\n").repeat(10_000).as_bytes(),
    );
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(
        run.stderr,
        "note: field `gate` is no input of small 1.2.3 and is ignored\n\
         note: field `note` is no input of small 1.2.3 and is ignored\n"
    );
    let table = "distance,departure,gate\n1,2013-11-01T05:15,A1\n";
    let run = fixture.run_with_input(&["predict", "small.skw", "--from", "csv"], table.as_bytes());
    assert_eq!(
        run.stderr,
        "note: field `gate` is no input of small 1.2.3 and is ignored\n"
    );
}

#[test]
fn an_unknown_field_is_refused_where_the_specification_says_so() {
    let fixture = Fixture::with_unknown_fields("reject");
    let line = r#"{"distance":1,"departure":"2013-11-01T05:15","gate":"A1"}"#;
    let run = fixture.run_with_input(&["predict", "small.skw"], line.as_bytes());
    assert_eq!(run.status, 1);
    assert_eq!(run.lines()[0]["error"]["code"], "input.unknown_field");
    let table = "distance,departure,gate\n1,2013-11-01T05:15,A1\n";
    let run = fixture.run_with_input(&["predict", "small.skw", "--from", "csv"], table.as_bytes());
    assert_eq!((run.status, run.stdout.as_str()), (4, ""));
    assert!(
        run.stderr.starts_with("skewless: input.unknown_field: "),
        "{}",
        run.stderr
    );
}

#[test]
fn without_rows_there_is_no_answer_and_no_file() {
    let fixture = Fixture::new();
    let header = "distance,departure\n";
    for (from, text) in [("jsonl", ""), ("jsonl", "\n\n"), ("csv", header)] {
        let arguments = ["predict", "small.skw", "--from", from, "-o", "out.csv"];
        let run = fixture.run_with_input(&arguments, text.as_bytes());
        assert_eq!((run.status, run.stdout.as_str()), (4, ""), "{text:?}");
        assert_eq!(
            run.stderr,
            "skewless: input.empty_batch: the input has no rows\n"
        );
        assert!(!fixture.path("out.csv").exists());
    }
}

#[test]
fn a_failed_run_leaves_no_output() {
    let fixture = Fixture::new();
    fixture.write("out.jsonl", "earlier\n");
    fixture.write("bad.csv", "distance,distance\n1,2\n");
    let run = fixture.run(&["predict", "small.skw", "bad.csv", "-o", "out.jsonl"]);
    assert_eq!(run.status, 4);
    insta::assert_snapshot!("duplicate_column_stderr", run.stderr);
    assert_eq!(
        std::fs::read_to_string(fixture.path("out.jsonl")).unwrap(),
        "earlier\n"
    );
    let left: Vec<_> = std::fs::read_dir(fixture.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        left.iter()
            .all(|name| !name.to_string_lossy().contains("partial")),
        "{left:?}"
    );
}

#[test]
fn a_reader_that_leaves_ends_the_program_quietly() {
    let fixture = Fixture::new();
    fixture.write("a.jsonl", json_lines(&rows(200_000)));
    let mut child = fixture
        .command(&["predict", "small.skw", "a.jsonl"])
        .spawn()
        .unwrap();
    let mut first = [0; 10];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    let ended = child.wait_with_output().unwrap();
    assert_eq!(
        (
            ended.status.code(),
            String::from_utf8_lossy(&ended.stderr).as_ref()
        ),
        (Some(0), "")
    );
}

#[test]
fn a_slow_pipe_is_answered_line_by_line() {
    let fixture = Fixture::new();
    let mut child = fixture
        .command(&["predict", "small.skw", "--jobs", "2"])
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    for row in rows(5) {
        writeln!(stdin, "{}", row.json()).unwrap();
        let mut answer = String::new();
        std::io::BufRead::read_line(&mut stdout, &mut answer).unwrap();
        assert!(answer.starts_with("{\"label\":"), "{answer}");
    }
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn usage_is_status_2_and_bad_input_4() {
    let fixture = Fixture::new();
    fixture.write("a.txt", "x");
    for (arguments, status) in [
        (&["predict"][..], 2),
        (&["predict", "small.skw", "--jobs", "0"], 2),
        (&["predict", "small.skw", "--to", "xml"], 2),
        (&["predict", "small.skw", "--digest-only", "-o", "x.csv"], 2),
        (&["predict", "small.skw", "a.txt"], 2),
        (&["predict", "small.skw", "-o", "out.txt"], 2),
        (&["predict", "small.skw", "absent.csv"], 4),
        (&["predict", "small.skw", "-o", "no-such-folder/out.csv"], 5),
    ] {
        let run = fixture.run(arguments);
        assert_eq!(
            (run.status, run.stdout.as_str()),
            (status, ""),
            "{arguments:?}: {}",
            run.stderr
        );
        assert!(!run.stderr.is_empty());
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    }
}

#[cfg(feature = "parquet")]
#[test]
fn predictions_in_parquet_read_back() {
    use skewless_core::Column;
    use skewless_table::{Cells, Wanted, read_columns};

    let fixture = Fixture::new();
    let text = format!("{}{{}}\n", json_lines(&rows(2)));
    let run = fixture.run_with_input(
        &["predict", "small.skw", "-o", "out.parquet"],
        text.as_bytes(),
    );
    assert_eq!(run.status, 1);
    let wanted = [
        Wanted::new("label", Cells::Text),
        Wanted::new("probability", Cells::Number),
        Wanted::new("raw", Cells::Number),
        Wanted::new("error", Cells::Text),
        Wanted::new("message", Cells::Text),
    ];
    let columns = read_columns(&fixture.path("out.parquet"), None, &wanted).unwrap();
    let expected = fixture
        .run_with_input(&["predict", "small.skw"], text.as_bytes())
        .lines();
    let Some(Column::Number(probability)) = columns.column("probability") else {
        unreachable!()
    };
    let Some(Column::Text(error)) = columns.column("error") else {
        unreachable!()
    };
    for row in 0..2 {
        assert_eq!(
            Some(probability[row]),
            expected[row]["probability"].as_f64()
        );
        assert_eq!(error.value(row), None);
    }
    assert!(probability[2].is_nan());
    assert_eq!(error.value(2), Some("input.missing_field"));
}
