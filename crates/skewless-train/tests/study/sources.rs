//! Sources, views and joins: the same as a table made by hand, every planted look ahead named, every change digested.

use std::fmt::Write as _;

use skewless_core::{Bundle, Error};
use skewless_table::Format;
use skewless_train::study::report::Level;
use skewless_train::study::{LookupExport, StudyReport, export};

use crate::project::{BY_HASH, BY_TIME, Delivery, Project, binary, deliveries, rows, table};

const INPUT: &str = "[[input]]\nname = \"load\"\ntype = \"number\"\nnullable = true\n";
const FEATURE: &str = "[[feature_set]]\nname = \"loaded\"\n[[feature_set.feature]]\nname = \"load_filled\"\n\
    op = \"impute\"\nstrategy = \"mean\"\nfrom = \"load\"\n";
const LOADS: &str = "[[source]]\nname = \"loads\"\npath = \"loads/*.csv\"\ntime = \"known\"\n";
const JOIN: &str = "[[join]]\nsource = \"loads\"\non = [\"courier\"]\nas_of = \"ordered\"\nlateness = \"1d\"\nwithin = \"20d\"\n\
    columns = [\"load\"]\n";

fn day(row: &Delivery) -> String {
    format!("2020-{:02}-{:02}", 1 + row.day / 30, 1 + row.day % 30 % 28)
}

/// What two of three couriers carried, on some days, in two files.
fn loads() -> [String; 2] {
    let mut files = [
        "courier,known,load\n".to_owned(),
        "load,courier,known\n".to_owned(),
    ];
    for month in 1..=4 {
        for at in [2, 3, 11, 20, 28] {
            let load = month * 10 + at;
            writeln!(files[0], "ann,2020-{month:02}-{at:02},{load}").unwrap();
            if month != 2 {
                writeln!(files[1], "{},bob,2020-{month:02}-{at:02}", load * 2).unwrap();
            }
        }
    }
    // A second row of one time, in the later file: it is the one that counts.
    files[1].push_str("77,ann,2020-03-11\n");
    files
}

fn project(config: &str) -> Project {
    let [first, second] = loads();
    Project::new(config)
        .with("loads/1.csv", &first)
        .with("loads/2.csv", &second)
}

/// By hand: the newest load of the courier known a day before, and no older than twenty days.
fn by_hand(row: &Delivery) -> Option<u32> {
    let days = |text: &str| -> i64 {
        let at: Vec<i64> = text.split('-').map(|part| part.parse().unwrap()).collect();
        [0, 31, 60, 91][usize::try_from(at[1] - 1).unwrap()] + at[2]
    };
    let ordered = days(&day(row));
    let [first, second] = loads();
    let mut best: Option<(i64, u32)> = None;
    let lines = first.lines().skip(1).map(str::to_owned);
    let turned = second.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        [cells[1], cells[2], cells[0]].join(",")
    });
    for line in lines.chain(turned) {
        let cells: Vec<&str> = line.split(',').collect();
        let known = days(cells[1]);
        if cells[0] == row.courier
            && known < ordered
            && ordered - known <= 20
            && best.is_none_or(|(best, _)| known >= best)
        {
            best = Some((known, cells[2].parse().unwrap()));
        }
    }
    best.map(|(_, load)| load)
}

fn joined(split: &str) -> String {
    format!("{}\n{INPUT}{FEATURE}{LOADS}{JOIN}", binary(split))
}

fn features(bundle: &[u8]) -> String {
    serde_json::to_string(Bundle::from_bytes(bundle).unwrap().features()).unwrap()
}

#[test]
fn a_join_gives_what_a_table_made_by_hand_gives() {
    let by_join = project(&joined(BY_TIME)).run().unwrap();
    let all = rows(1_200);
    let cell = |row: &Delivery| {
        let load = by_hand(row).map_or_else(String::new, |load| load.to_string());
        format!(",{load}")
    };
    let config = format!("{}\n{INPUT}{FEATURE}", binary(BY_TIME));
    let by_table = Project::with_table(&config, &table(&all, ",load", cell))
        .run()
        .unwrap();
    assert_eq!(by_join.report.candidates, by_table.report.candidates);
    assert_eq!(by_join.report.test, by_table.report.test);
    assert_eq!(by_join.report.inputs, by_table.report.inputs);
    assert_eq!(
        features(&by_join.bundle.unwrap()),
        features(&by_table.bundle.unwrap())
    );
    let join = &by_join.report.joins[0];
    let unmatched = all.iter().filter(|row| by_hand(row).is_none()).count();
    assert!(unmatched > 400, "cem has no load");
    assert_eq!((join.rows, join.unmatched), (1_200, unmatched));
    assert_eq!((join.without_key, join.without_time), (0, 0));
    let steps = &by_join.report.steps;
    assert_eq!(
        (steps[1].step.as_str(), steps[1].rows),
        ("join loads", 1_200)
    );
    let source = &by_join.report.sources[0];
    assert_eq!(
        (
            source.rows,
            source.files.as_slice(),
            source.newest.as_deref()
        ),
        (
            36,
            &["loads/1.csv".to_owned(), "loads/2.csv".to_owned()][..],
            Some("2020-04-28")
        )
    );
}

#[test]
fn one_changed_row_changes_every_digest() {
    let project = project(&joined(BY_TIME));
    let before = project.run().unwrap();
    // After every event: no row takes it, and the digests still tell.
    let changed = loads()[1].replace("136,bob,2020-04-28", "135,bob,2020-04-28");
    assert_ne!(changed, loads()[1]);
    let after = project.with("loads/2.csv", &changed).run().unwrap();
    assert_eq!(before.report.candidates, after.report.candidates);
    assert_ne!(
        before.report.sources[0].digest,
        after.report.sources[0].digest
    );
    assert_ne!(before.report.data, after.report.data);
    assert_ne!(before.report.digest, after.report.digest);
    let provenance = |bundle: &Option<Vec<u8>>| {
        let bundle = Bundle::from_bytes(bundle.as_ref().unwrap()).unwrap();
        bundle.provenance().to_string()
    };
    let (before, after) = (provenance(&before.bundle), provenance(&after.bundle));
    assert_ne!(before, after);
    assert!(before.contains("skewless_joins") && before.contains("loads/2.csv"));
}

fn refused(project: &Project) -> (String, Option<String>, Option<usize>, String) {
    let error: Error = project.run().err().unwrap();
    (
        error.code().to_owned(),
        error.field().map(str::to_owned),
        error.row(),
        error.message().to_owned(),
    )
}

#[test]
fn every_planted_look_ahead_is_named() {
    let plain = JOIN
        .replace(
            "as_of = \"ordered\"\nlateness = \"1d\"\nwithin = \"20d\"\n",
            "",
        )
        .replace("\"courier\"", "\"id\"");
    let outcome = |known: &dyn Fn(&Delivery) -> String| {
        let mut csv = String::from("id,known,load\n");
        for row in rows(1_200) {
            writeln!(csv, "d{},{},{}", row.id, known(&row), row.id % 7).unwrap();
        }
        csv
    };
    let later = outcome(&|row| day(row).replace("2020-", "2021-"));
    let same_day = outcome(&|row| day(row));
    let of = |split: &str, source: &str, more: &str, csv: &str| {
        let config = format!("{}\n{INPUT}{FEATURE}{source}{plain}{more}", binary(split));
        Project::new(&config).with("loads/1.csv", csv)
    };
    let untimed = LOADS.replace("time = \"known\"\n", "");
    let fixed = format!("{untimed}static = true\n");
    // A source that says nothing of its time.
    let (code, field, _, message) = refused(&of(BY_TIME, &untimed, "", &same_day));
    assert_eq!(
        (code.as_str(), field.as_deref()),
        ("check.future_join", Some("loads"))
    );
    assert!(message.contains("static = true"), "{message}");
    of(BY_TIME, &fixed, "", &later).run().unwrap();
    // Rows that were known a year later, joined by their key alone.
    let (code, field, _, message) = refused(&of(BY_TIME, LOADS, "", &later));
    assert_eq!(
        (code.as_str(), field.as_deref()),
        ("check.future_join", Some("loads"))
    );
    assert!(message.contains("1200 of 1200 rows"), "{message}");
    of(BY_TIME, LOADS, "", &same_day).run().unwrap();
    // The time itself as an input.
    let time = "[[input]]\nname = \"known\"\ntype = \"date\"\nnullable = true\n";
    let with_time = |csv: &str, source: &str| {
        let config = format!("{}\n{INPUT}{time}{FEATURE}{source}{plain}", binary(BY_TIME));
        let config = config.replace("columns = [\"load\"]", "columns = [\"load\", \"known\"]");
        Project::new(&config).with("loads/1.csv", csv)
    };
    let (code, field, _, _) = refused(&with_time(&later, &fixed));
    assert_eq!(
        (code.as_str(), field.as_deref()),
        ("check.future_join", Some("known"))
    );
    with_time(&same_day, &fixed).run().unwrap();
    // A time that is itself known only afterwards.
    let arrived = "[[input]]\nname = \"arrived\"\ntype = \"date\"\nknown_at_prediction = false\n";
    let config = joined(BY_TIME).replace("as_of = \"ordered\"", "as_of = \"arrived\"");
    let with_arrival = table(&rows(1_200), ",arrived", |row| format!(",{}", day(row)));
    let [first, second] = loads();
    let project = Project::with_table(&format!("{config}{arrived}"), &with_arrival)
        .with("loads/1.csv", &first)
        .with("loads/2.csv", &second);
    let (code, _, _, message) = refused(&project);
    assert_eq!(code, "check.future_join");
    assert!(message.contains("`arrived`"), "{message}");
    // A lookup table of newest rows.
    let lookup =
        "[[lookup]]\nname = \"of\"\nsource = \"loads\"\nkey = \"id\"\ncolumns = [\"load\"]\n";
    let config = format!("{}\n{LOADS}{lookup}", binary(BY_TIME));
    let (code, _, _, message) = refused(&Project::new(&config).with("loads/1.csv", &same_day));
    assert_eq!(code, "check.future_join");
    assert!(message.contains("lookup table `of`"), "{message}");
}

fn levels(report: &StudyReport, check: &str) -> Vec<Level> {
    let found = report.findings.iter().filter(|one| one.check == check);
    found.map(|one| one.level).collect()
}

#[test]
fn findings_of_sources_can_be_accepted_and_a_key_split_warns() {
    let untimed = joined(BY_TIME).replace("time = \"known\"\n", "").replace(
        "as_of = \"ordered\"\nlateness = \"1d\"\nwithin = \"20d\"\n",
        "",
    );
    let one = "courier,load\nann,1\nbob,2\n";
    let run = |config: &str| Project::new(config).with("loads/1.csv", one).run();
    assert_eq!(run(&untimed).err().unwrap().code(), "check.future_join");
    let accepted = format!("{untimed}[checks]\naccept = [\"loads\"]\n");
    let report = run(&accepted).unwrap().report;
    assert_eq!(levels(&report, "check.future_join"), [Level::Warning]);
    let newest = "[split]\nby = \"time\"\ninput = \"ordered\"\nvalidate_last = \"30d\"\ntest_last = \"30d\"\n";
    let moving = untimed.replace(BY_TIME, newest);
    assert_eq!(run(&moving).err().unwrap().code(), "check.future_join");
    let by_key = untimed.replace(BY_TIME, BY_HASH);
    let without_event = by_key.replace("role = \"time\"\n", "");
    for config in [by_key, without_event] {
        let report = run(&config).unwrap().report;
        assert_eq!(levels(&report, "check.future_join"), [Level::Warning]);
    }
}

#[test]
fn a_stale_source_is_found_by_the_studys_date() {
    // The newest row is of 28 April, the study of 1 June: 34 days.
    for (within, is_stale) in [("34d", false), ("33d", true), ("815h", true)] {
        let fresh = format!("{LOADS}fresh_within = \"{within}\"\n");
        let config = joined(BY_TIME).replace(LOADS, &fresh);
        let ran = project(&config).run();
        match is_stale {
            false => drop(ran.unwrap()),
            true => {
                let error = ran.err().unwrap();
                assert_eq!(
                    (error.code(), error.field()),
                    ("check.stale_source", Some("loads")),
                    "{within}"
                );
                assert!(error.message().contains("2020-04-28"), "{error}");
            }
        }
    }
}

#[test]
fn views_are_data_and_are_joined() {
    let views = "[[view]]\nname = \"near\"\nsql = \"SELECT * FROM orders WHERE CAST(distance AS REAL) < 39\"\n\
        [[view]]\nname = \"monthly\"\ntime = \"known\"\n\
        sql = \"\"\"SELECT courier AS who, date(known, 'start of month', '+1 month') AS known, avg(load) AS mean, count(*) AS n \
        FROM loads GROUP BY 1, 2 ORDER BY 1, 2\"\"\"\n";
    let orders = "[[source]]\nname = \"orders\"\npath = \"deliveries.csv\"\n";
    let join = "[[join]]\nsource = \"monthly\"\non = [{ left = \"courier\", right = \"who\" }]\nas_of = \"ordered\"\n\
        columns = [\"mean\"]\nprefix = \"load_\"\n";
    let config = format!(
        "{}\n{INPUT}{FEATURE}{LOADS}{orders}{views}{join}",
        binary(BY_TIME)
    )
    .replace("source = \"deliveries.csv\"", "source = \"near\"")
    .replace("name = \"load\"\n", "name = \"load_mean\"\n")
    .replace("from = \"load\"\n", "from = \"load_mean\"\n");
    let ran = project(&config).run().unwrap();
    let report = &ran.report;
    let near = rows(1_200).iter().filter(|row| row.distance < 39.0).count();
    assert_eq!(report.steps[0].rows, near);
    let names: Vec<&str> = report.sources.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["loads", "orders", "near", "monthly"]);
    // One row a courier and month: four months of one, three of the other.
    assert_eq!(report.sources[3].rows, 7);
    assert_eq!(project(&config).run().unwrap().bundle, ran.bundle);
    let mut changed = config.replace("< 39", "< 38");
    assert_ne!(project(&changed).run().unwrap().report.data, report.data);
    changed = config.replace("WHERE CAST(distance", "WHERE CAST(distanse");
    let (code, field, _, message) = refused(&project(&changed));
    assert_eq!(
        (code.as_str(), field.as_deref()),
        ("view.sql", Some("near"))
    );
    assert!(message.contains("distanse"), "{message}");
    changed = config.replace(
        "FROM loads GROUP",
        "FROM loads WHERE known < date('now') GROUP",
    );
    assert_eq!(refused(&project(&changed)).0, "view.not_repeatable");
}

#[test]
fn a_bad_source_is_told_by_file_row_and_column() {
    let [first, second] = loads();
    let with = |config: &str, two: &str| {
        Project::new(config)
            .with("loads/1.csv", &first)
            .with("loads/2.csv", two)
    };
    let config = joined(BY_TIME);
    let plain = config.replace(
        "as_of = \"ordered\"\nlateness = \"1d\"\nwithin = \"20d\"\n",
        "",
    );
    for (config, two, code, field, row) in [
        (
            &config,
            second.replacen("24,bob", "much,bob", 1),
            "input.wrong_type",
            "load",
            0,
        ),
        (
            &config,
            second.replace("77,ann,2020-03-11", "77,ann,"),
            "source.time",
            "known",
            15,
        ),
        (
            &config,
            second.replace("2020-04-28", "28 April"),
            "source.time",
            "known",
            14,
        ),
        (&plain, second.clone(), "join.duplicate_key", "courier", 1),
    ] {
        let (found, column, at, message) = refused(&with(config, &two));
        assert_eq!(
            (found.as_str(), column.as_deref(), at),
            (code, Some(field), Some(row)),
            "{message}"
        );
        let file = if code == "join.duplicate_key" {
            "loads/1.csv"
        } else {
            "loads/2.csv"
        };
        assert!(message.contains(file), "{message}");
    }
    let (code, field, _, message) = refused(&with(&config, "courier,known\nann,2020-01-01\n"));
    assert_eq!(
        (code.as_str(), field.as_deref()),
        ("table.missing_column", Some("load"))
    );
    assert!(message.contains("loads/2.csv"), "{message}");
    // What only the checks see is counted in its file too.
    let negative = deliveries(1_200).replacen("\nd0,2020-01-01,", "\nd0,2020-01-01,x", 1);
    let head = negative.lines().next().unwrap().to_owned();
    let bad = format!("{head}\nz,2020-01-01,ann,-4,1,1,early\n");
    let orders = "[[source]]\nname = \"orders\"\npath = [\"deliveries.csv\", \"more.csv\"]\n";
    let config = format!("{}\n{orders}", binary(BY_TIME))
        .replace("source = \"deliveries.csv\"", "source = \"orders\"");
    let (code, field, row, message) = refused(&Project::new(&config).with("more.csv", &bad));
    assert_eq!(
        (code.as_str(), field.as_deref(), row),
        ("input.out_of_range", Some("distance"), Some(0))
    );
    assert!(message.contains("more.csv"), "{message}");
}

#[test]
fn what_a_join_cannot_mean_is_refused() {
    let config = joined(BY_TIME);
    let [first, _] = loads();
    for (from, to, code) in [
        ("source = \"loads\"", "source = \"lods\"", "train.config"),
        ("as_of = \"ordered\"", "as_of = \"courier\"", "train.config"),
        ("time = \"known\"\n", "", "train.config"),
        (
            "time = \"known\"\n",
            "time = \"known\"\nstatic = true\n",
            "train.config",
        ),
        ("time = \"known\"\n", "zone = \"utc\"\n", "train.config"),
        ("within = \"20d\"", "within = \"1h\"", "train.config"),
        ("within = \"20d\"", "within = \"20 days\"", "train.config"),
        ("as_of = \"ordered\"\n", "", "train.config"),
        ("name = \"loads\"", "name = \"my loads\"", "train.config"),
        ("columns = [\"load\"]\n", "columns = []\n", "train.config"),
        (
            "columns = [\"load\"]\n",
            "columns = [\"load\", \"load\"]\n",
            "train.config",
        ),
        (
            "columns = [\"load\"]\n",
            "columns = [\"load\", \"courier\"]\n",
            "train.config",
        ),
        // Nothing would come of a column that is no input.
        (
            "columns = [\"load\"]\n",
            "columns = [\"load\", \"known\"]\n",
            "train.config",
        ),
        (
            "time = \"known\"\n",
            "time = \"known\"\ntypes = { known = \"number\" }\n",
            "train.config",
        ),
        (
            "time = \"known\"\n",
            "time = \"known\"\ntypes = { lode = \"number\" }\n",
            "table.missing_column",
        ),
        ("loads/*.csv", "loads/*.parquet", "source.no_files"),
        (
            "time = \"known\"\n",
            "time = \"known\"\ntypes = { courier = \"number\" }\n",
            "input.wrong_type",
        ),
        (
            "on = [\"courier\"]",
            "on = [{ left = \"distance\", right = \"courier\" }]",
            "join.key_type",
        ),
        (
            "columns = [\"load\"]\n",
            "columns = [\"load\"]\n[[join]]\nsource = \"loads\"\non = [\"courier\"]\nas_of = \"ordered\"\ncolumns = [\"load\"]\n",
            "train.config",
        ),
        (
            "path = \"loads/*.csv\"",
            "path = \"loads/*.csv\"\nfresh_within = \"soon\"",
            "train.config",
        ),
    ] {
        let changed = config.replacen(from, to, 1);
        assert_ne!(changed, config);
        let error = Project::new(&changed)
            .with("loads/1.csv", &first)
            .run()
            .err()
            .unwrap();
        assert_eq!(error.code(), code, "{to}: {error}");
    }
    // A column that the table has itself.
    let twice = table(&rows(1_200), ",load", |_| ",1".to_owned());
    let error = Project::with_table(&config, &twice)
        .with("loads/1.csv", &first)
        .run()
        .err()
        .unwrap();
    assert_eq!(
        (error.code(), error.field()),
        ("join.column_twice", Some("load"))
    );
}

/// A source as a lookup table: from the source itself and from the exported file, the features are the same.
#[test]
fn an_exported_lookup_gives_the_features_of_its_source() {
    let riders = "rider,bags\ncem,3\nann,1.5\nbob,\n";
    let source = "[[source]]\nname = \"riders\"\npath = \"riders.csv\"\nstatic = true\n";
    let lookup = |source: &str| {
        format!(
            "[[lookup]]\nname = \"bags\"\nsource = \"{source}\"\nkey = \"rider\"\ncolumns = [\"bags\"]\n"
        )
    };
    let feature = "[[feature_set]]\nname = \"bags\"\n[[feature_set.feature]]\nname = \"bags_of\"\nop = \"lookup\"\n\
        table = \"bags\"\ncolumn = \"bags\"\nfrom = \"courier\"\n";
    let config = |of: &str| format!("{}\n{source}{}{feature}", binary(BY_TIME), lookup(of));
    let project = Project::new(&config("riders")).with("riders.csv", riders);
    let path = project.path().join("skewless.toml");
    let from_source = export(&path, Some("bags"), None, None).unwrap();
    let exported = LookupExport::read(&path, "riders", None, &[], None).unwrap();
    for (format, name) in [(Format::Csv, "bags.csv"), (Format::JsonLines, "bags.jsonl")] {
        let text = String::from_utf8(exported.to_bytes(format).unwrap()).unwrap();
        if format == Format::Csv {
            assert_eq!(text, "rider,bags\nann,1.5\nbob,\ncem,3\n");
        }
        let project = Project::new(&config(name)).with(name, &text);
        let project = project.with("riders.csv", riders);
        let from_file = export(
            &project.path().join("skewless.toml"),
            Some("bags"),
            None,
            None,
        )
        .unwrap();
        let bits = |columns: &[Vec<f64>]| -> Vec<Vec<u64>> {
            let of = |column: &Vec<f64>| column.iter().map(|value| value.to_bits()).collect();
            columns.iter().map(of).collect()
        };
        assert_eq!(bits(&from_source.columns), bits(&from_file.columns));
        assert_eq!(from_source.names, from_file.names);
        let json = |spec| serde_json::to_string(spec).unwrap();
        assert_eq!(json(&from_source.spec), json(&from_file.spec));
    }
}

#[test]
fn a_timed_source_exports_its_newest_row_of_each_key() {
    let project = project(&joined(BY_TIME));
    let path = project.path().join("skewless.toml");
    let exported = LookupExport::read(&path, "loads", None, &[], None).unwrap();
    let text = String::from_utf8(exported.to_bytes(Format::Csv).unwrap()).unwrap();
    assert_eq!(text, "courier,load\nann,68\nbob,136\n");
    let error = LookupExport::read(&path, "nowhere", None, &[], None).unwrap_err();
    assert_eq!(error.code(), "train.config");
}
