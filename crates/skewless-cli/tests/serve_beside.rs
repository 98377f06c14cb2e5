//! What `skewless serve` does beside its answers on its only thread: a shadow that scores the same rows, and a feature log.
#![cfg(all(feature = "serve", feature = "parquet"))]
#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;
mod server;

use std::path::Path;

use fixture::Fixture;
use parquet::file::reader::{FileReader, SerializedFileReader};
use server::{Asked, Server, until};

#[test]
fn a_shadow_and_a_feature_log_see_every_row_and_change_no_answer() {
    let fixture = Fixture::new();
    std::fs::create_dir(fixture.path("log")).unwrap();
    let log = fixture.path("log").display().to_string();
    let server = Server::start(
        &fixture,
        &[
            "--threads=1",
            "--shadow=small.skw",
            "--shadow-share=1",
            &format!("--feature-log={log}"),
            "--feature-log-share=1",
            // Of the usual 1 MiB a busy machine drops rows, as it should.
            "--feature-log-max-bytes=16777216",
        ],
    );
    let asked = Asked::rows(&fixture, 500);
    for _ in 0..8 {
        assert!(server.is_well(&asked));
    }
    let count = |name: &str| -> f64 {
        let text = String::from_utf8(server.ask("GET", "/metrics", b"").body).unwrap();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split(' ').nth(1).unwrap().parse().unwrap()
    };
    let rows = until(|| Some(count("skewless_shadow_rows_total")).filter(|rows| *rows == 4_000.0));
    assert_eq!(rows, Some(4_000.0));
    for name in ["differences", "failures", "dropped"] {
        assert_eq!(
            count(&format!("skewless_shadow_{name}_total")),
            0.0,
            "{name}"
        );
    }
    assert_eq!(server.stop(), Some(0));
    assert_eq!(rows_below(&fixture.path("log")), 4_000);
}

/// Rows of all Parquet objects in a folder and the folders in it.
fn rows_below(folder: &Path) -> i64 {
    let entries = std::fs::read_dir(folder).unwrap();
    let rows = |path: &Path| match path.is_dir() {
        true => rows_below(path),
        false => {
            let file = std::fs::File::open(path).unwrap();
            let reader = SerializedFileReader::new(file).unwrap();
            reader.metadata().file_metadata().num_rows()
        }
    };
    entries.map(|entry| rows(&entry.unwrap().path())).sum()
}

#[test]
fn a_shadow_that_cannot_be_opened_is_told_and_its_rows_are_counted_as_dropped() {
    let fixture = Fixture::new();
    fixture.write("bad.skw", "<html>gone</html>");
    let arguments = ["--threads=1", "--shadow=bad.skw", "--shadow-share=1"];
    let server = Server::start(&fixture, &arguments);
    assert!(server.is_well(&Asked::rows(&fixture, 10)));
    server.logged(|entry| entry["event"] == "shadow" && entry["code"] == "bundle.not_a_bundle");
    let dropped = until(|| {
        let text = String::from_utf8(server.ask("GET", "/metrics", b"").body).unwrap();
        text.contains("skewless_shadow_dropped_total 10\n")
            .then_some(())
    });
    assert!(dropped.is_some());
}
