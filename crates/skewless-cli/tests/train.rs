//! `skewless train` on configurations that cannot be trained; what it trains is held by the flights bundle itself.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;

use std::path::Path;

use fixture::Fixture;

fn flights() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/flights/skewless.toml");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn what_is_known_only_afterwards_feeds_no_feature() {
    let fixture = Fixture::new();
    let leak =
        "\n[[feature]]\nname = \"leak\"\nop = \"passthrough_missing\"\nfrom = \"dep_delay\"\n";
    fixture.write("skewless.toml", flights() + leak);
    let run = fixture.run(&["train", "skewless.toml", "-o", "out.skw"]);
    assert_eq!((run.status, run.stdout.as_str()), (4, ""), "{}", run.stderr);
    assert!(
        run.stderr.contains("spec.leak") && run.stderr.contains("`dep_delay`"),
        "{}",
        run.stderr
    );
    assert!(!fixture.path("out.skw").exists());
}

#[test]
fn a_configuration_that_cannot_be_read_is_named() {
    let fixture = Fixture::new();
    fixture.write("typo.toml", flights().replace("[split]", "[splits]"));
    fixture.write("no-data.toml", flights());
    for (config, named) in [
        ("absent.toml", "absent.toml"),
        ("typo.toml", "splits"),
        ("no-data.toml", "flights.parquet"),
    ] {
        let run = fixture.run(&["train", config]);
        assert_eq!(
            (run.status, run.stdout.as_str()),
            (4, ""),
            "{config}: {}",
            run.stderr
        );
        assert!(
            run.stderr.contains(named) && !run.stderr.contains("panicked"),
            "{config}: {}",
            run.stderr
        );
    }
}

#[test]
fn the_date_comes_from_source_date_epoch_or_fails() {
    let fixture = Fixture::new();
    fixture.write("skewless.toml", flights());
    let mut command = fixture.command(&["train", "skewless.toml"]);
    let ended = command
        .env("SOURCE_DATE_EPOCH", "yesterday")
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(4));
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(
        told.starts_with("skewless: train.source_date_epoch: "),
        "{told}"
    );
}
