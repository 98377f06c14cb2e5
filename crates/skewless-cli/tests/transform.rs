//! `skewless transform`, run as a program: the serving pipeline's bits, whatever the format and the number of threads, in
//! memory that does not grow with the table.

#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;

use fixture::{Fixture, csv, json_lines, rows};
use skewless_core::{Bundle, Counter, Predictor, Profile, Record, Scratch};

const MANY: usize = 20_000;

fn predictor(fixture: &Fixture) -> (Bundle, Predictor) {
    let bytes = std::fs::read(fixture.path("small.skw")).unwrap();
    let bundle = Bundle::from_bytes(&bytes).unwrap();
    let predictor = Predictor::new(&bundle).unwrap();
    (bundle, predictor)
}

fn records(count: usize) -> Vec<Record> {
    let text = json_lines(&rows(count));
    text.lines()
        .map(|line| Record::from_json(line).unwrap())
        .collect()
}

/// Feature rows as bits; missing is `None`.
type Bits = Vec<Vec<Option<u64>>>;

/// What the serving pipeline makes of the rows.
fn expected(fixture: &Fixture, count: usize) -> Bits {
    let (_, predictor) = predictor(fixture);
    let row = |record: &Record| {
        let row = predictor.feature_row(record).unwrap();
        let bits = row
            .iter()
            .map(|value| (!value.is_nan()).then(|| value.to_bits()));
        bits.collect()
    };
    records(count).iter().map(row).collect()
}

/// The cells of a CSV of features as bits.
fn csv_bits(text: &str) -> Bits {
    let bits = |cell: &str| cell.parse::<f64>().ok().map(f64::to_bits);
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        cells[..cells.len() - 2]
            .iter()
            .map(|cell| bits(cell))
            .collect()
    };
    text.lines().skip(1).map(row).collect()
}

fn inputs(fixture: &Fixture) -> Vec<&'static str> {
    fixture.write("a.jsonl", json_lines(&rows(MANY)));
    fixture.write("a.csv", csv(&rows(MANY)));
    #[cfg(feature = "parquet")]
    {
        fixture.write("a.parquet", fixture::parquet(&rows(MANY)));
        vec!["a.jsonl", "a.csv", "a.parquet"]
    }
    #[cfg(not(feature = "parquet"))]
    vec!["a.jsonl", "a.csv"]
}

#[test]
fn every_format_and_any_threads_give_the_bits_of_serving() {
    let fixture = Fixture::new();
    let expected = expected(&fixture, MANY);
    let inputs = inputs(&fixture);
    for input in inputs {
        for threads in ["1", "2"] {
            let run = fixture.run(&[
                "transform",
                "small.skw",
                input,
                "-o",
                "out.csv",
                "--threads",
                threads,
            ]);
            // A column that no input takes is noted, as `predict` notes it.
            assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{}", run.stderr);
            let text = std::fs::read_to_string(fixture.path("out.csv")).unwrap();
            assert_eq!(
                text.lines().next(),
                Some("carrier_code,miles,hour,wet,error,message")
            );
            assert!(csv_bits(&text) == expected, "{input}, {threads} threads");
        }
    }
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_has_the_same_bits_and_its_bytes_do_not_depend_on_threads() {
    use skewless_core::Column;
    use skewless_table::{Cells, Wanted, read_columns};

    let fixture = Fixture::new();
    let expected = expected(&fixture, MANY);
    fixture.write("a.parquet", fixture::parquet(&rows(MANY)));
    let mut files = Vec::new();
    for threads in ["1", "2"] {
        let run = fixture.run(&[
            "transform",
            "small.skw",
            "a.parquet",
            "-o",
            "out.parquet",
            "--threads",
            threads,
        ]);
        assert_eq!(run.status, 0, "{}", run.stderr);
        files.push(std::fs::read(fixture.path("out.parquet")).unwrap());
    }
    assert!(files[0] == files[1]);
    let piped = std::fs::read(fixture.path("a.parquet")).unwrap();
    let arguments = [
        "transform",
        "small.skw",
        "-",
        "--from",
        "parquet",
        "-o",
        "piped.parquet",
    ];
    let run = fixture.run_with_input(&arguments, &piped);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(std::fs::read(fixture.path("piped.parquet")).unwrap() == files[0]);
    let names = ["carrier_code", "miles", "hour", "wet"];
    let wanted = names.map(|name| Wanted::new(name, Cells::Number));
    let columns = read_columns(&fixture.path("out.parquet"), None, &wanted).unwrap();
    for (at, name) in names.into_iter().enumerate() {
        let Some(Column::Number(values)) = columns.column(name) else {
            panic!("{name} is no column of numbers")
        };
        let found: Vec<_> = values
            .iter()
            .map(|value| (!value.is_nan()).then(|| value.to_bits()))
            .collect();
        let due: Vec<_> = expected.iter().map(|row| row[at]).collect();
        assert!(found == due, "{name}");
    }
}

#[test]
fn a_bad_row_fails_alone_and_in_its_place() {
    let fixture = Fixture::new();
    let good = rows(1)[0].json().to_string();
    let text = format!(
        "{good}\n{{\"carrier\":\n{good}\n{{\"distance\":-1,\"departure\":\"2013-11-01T05:15\"}}\n"
    );
    let run = fixture.run_with_input(
        &["transform", "small.skw", "--profile", "profile.json"],
        text.as_bytes(),
    );
    assert_eq!(run.status, 1);
    assert!(
        run.stderr
            .contains("2 of 4 rows failed; first, row 1: input.invalid_json"),
        "{}",
        run.stderr
    );
    let lines = run.lines();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0], lines[2]);
    assert!(lines[0]["miles"].is_f64(), "{}", lines[0]);
    assert_eq!(lines[1]["error"]["code"], "input.invalid_json");
    assert_eq!(lines[3]["error"]["code"], "input.out_of_range");
    assert_eq!(lines[3]["error"]["row"], 3);
    let profile = profile(&fixture, "profile.json");
    assert_eq!((profile.rows, profile.failed), (2, 2));

    let run = fixture.run_with_input(&["transform", "small.skw", "--to", "csv"], text.as_bytes());
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(
        lines[4].starts_with(",,,,input.out_of_range,"),
        "{}",
        lines[4]
    );
}

fn profile(fixture: &Fixture, name: &str) -> Profile {
    serde_json::from_slice(&std::fs::read(fixture.path(name)).unwrap()).unwrap()
}

#[test]
fn the_profile_is_that_of_one_whole_batch_and_merges() {
    let fixture = Fixture::new();
    let (bundle, predictor) = predictor(&fixture);
    let reference = bundle.profile().unwrap();
    let mut scratch = Scratch::default();
    scratch.counter = Some(Counter::new(predictor.pipeline(), &reference).unwrap());
    predictor
        .predict_records_with(&records(MANY), &mut scratch)
        .unwrap();
    let mut due = scratch.counter.unwrap().profile().clone();
    due.predictions.counts.fill(0);
    for input in inputs(&fixture) {
        let run = fixture.run(&[
            "transform",
            "small.skw",
            input,
            "--profile",
            "p.json",
            "--profile-only",
        ]);
        assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{}", run.stderr);
        assert_eq!(profile(&fixture, "p.json"), due, "{input}");
    }
    let text = json_lines(&rows(MANY));
    let half = text.match_indices('\n').nth(7_000).unwrap().0;
    let mut merged = reference.emptied();
    for half in [&text[..half], &text[half..]] {
        fixture.write("half.jsonl", half);
        fixture.run(&[
            "transform",
            "small.skw",
            "half.jsonl",
            "--profile",
            "p.json",
            "--profile-only",
        ]);
        merged.merge(&profile(&fixture, "p.json")).unwrap();
    }
    assert_eq!(merged, due);
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_table() {
    let fixture = Fixture::new();
    let table = rows(MANY * 10);
    let mut tables = vec![(
        "csv",
        csv(&table[..MANY]).into_bytes(),
        csv(&table).into_bytes(),
    )];
    let lines = |rows: &[fixture::Row]| json_lines(rows).into_bytes();
    tables.push(("jsonl", lines(&table[..MANY]), lines(&table)));
    #[cfg(feature = "parquet")]
    tables.push((
        "parquet",
        fixture::parquet(&table[..MANY]),
        fixture::parquet(&table),
    ));
    for (format, few, many) in tables {
        let peaks = [few, many].map(|bytes| {
            let input = format!("in.{format}");
            fixture.write(&input, bytes);
            let output = format!("out.{format}");
            fixture.peak(&[
                "transform",
                "small.skw",
                &input,
                "-o",
                &output,
                "--threads",
                "2",
                "--memory",
                "8MB",
            ])
        });
        assert!(
            peaks[1] < peaks[0] + 8 * 1024,
            "{format}: {peaks:?} KiB for {MANY} rows and ten times as many"
        );
    }
}

/// The specification of the bundle, as a file of its own.
fn specification(fixture: &Fixture) -> String {
    let (bundle, _) = predictor(fixture);
    serde_json::to_string(bundle.features()).unwrap()
}

#[test]
fn a_fitted_specification_stands_for_the_bundle() {
    let fixture = Fixture::new();
    let text = csv(&rows(300));
    let (head, rest) = text.split_once('\n').unwrap();
    let noted = rest.replace('\n', ",x\n");
    fixture.write("a.csv", format!("{head},note\n{noted}"));
    fixture.write("features.json", specification(&fixture));
    let [by_bundle, by_specification] = ["small.skw", "features.json"]
        .map(|features| fixture.run(&["transform", features, "a.csv", "--to", "csv"]));
    assert_eq!((by_bundle.status, by_specification.status), (0, 0));
    assert_eq!(by_bundle.stdout, by_specification.stdout);
    fixture::ended(
        &by_specification,
        0,
        "note: field `note` is no input of features.json and is ignored",
    );

    let run = fixture.run(&[
        "transform",
        "features.json",
        "a.csv",
        "--profile",
        "p.json",
        "--profile-only",
    ]);
    fixture::ended(&run, 4, "unsupported.profile");
    fixture.write("broken.json", "{\"inputs\": 3}");
    let run = fixture.run(&["transform", "broken.json", "a.csv"]);
    fixture::ended(
        &run,
        4,
        "broken.json: spec.invalid: this is no fitted specification",
    );
    let run = fixture.run(&["transform", "absent.json", "a.csv"]);
    fixture::ended(
        &run,
        4,
        "absent.json: spec.invalid: the file cannot be read",
    );
}

#[test]
fn usage_is_status_2() {
    let fixture = Fixture::new();
    for arguments in [
        &["transform"][..],
        &["transform", "small.skw", "--threads", "0"],
        &["transform", "small.skw", "--memory", "much"],
        &["transform", "small.skw", "--profile-only"],
        &["transform", "small.skw", "-o", "out.txt"],
    ] {
        let run = fixture.run(arguments);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{arguments:?}");
    }
}
