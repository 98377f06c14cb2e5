//! The layers of a configuration, and how it is shown.

use std::path::Path;

use skewless_core::Result;
use skewless_serving::config::{Arguments, KEYS, LogTarget, Origin, table};
use skewless_serving::{Config, Door};

fn resolve(door: Door, variables: &[(&str, &str)], arguments: &[&str]) -> Result<Config> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let arguments = Arguments::read(door, arguments.iter().map(|text| (*text).to_owned()))?;
    Config::resolve(door, variables, &arguments)
}

#[test]
fn later_layers_win() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("serve.toml");
    std::fs::write(&file, "max_rows = 5\nmax_line = 6\nmax_body = 7\ncors_origins = [\"https://a.example\", \"https://b.example\"]\n").unwrap();
    let file = file.to_str().unwrap();
    let variables = [
        ("SKEWLESS_MAX_ROWS", "50"),
        ("SKEWLESS_MAX_LINE", "60"),
        ("PATH", "/bin"),
    ];
    let config = resolve(
        Door::Serve,
        &variables,
        &["--config", file, "--max-rows=500"],
    )
    .unwrap();
    let limits = config.settings.limits;
    assert_eq!(
        (limits.max_rows, limits.max_line, limits.max_body),
        (500, 60, 7)
    );
    assert_eq!(
        config.settings.cors.origins_text().as_deref(),
        Some("https://a.example,https://b.example")
    );
    assert_eq!(
        *config.origin("max_rows"),
        Origin::Flag("--max-rows".into())
    );
    assert_eq!(
        *config.origin("max_line"),
        Origin::Variable("SKEWLESS_MAX_LINE".into())
    );
    assert_eq!(*config.origin("max_body"), Origin::File(file.into()));
    assert_eq!(*config.origin("listen"), Origin::Default);
    let by_variable = resolve(Door::Serve, &[("SKEWLESS_CONFIG", file)], &[]).unwrap();
    assert_eq!(by_variable.settings.limits.max_rows, 5);
}

#[test]
fn what_is_shown_gives_the_same_again() {
    let folder = tempfile::tempdir().unwrap();
    for (door, flags) in [
        (
            Door::Lambda,
            &[
                "--stream",
                "true",
                "--output",
                "s3://b/p",
                "--log=debug",
                "--check-seconds=0",
            ][..],
        ),
        (
            Door::Serve,
            &[
                "--threads=3",
                "--listen",
                "0.0.0.0:80",
                "--feature-log",
                "logs",
                "--feature-log-share=0.25",
            ],
        ),
    ] {
        let config = resolve(door, &[], flags).unwrap();
        let file = folder.path().join("shown.toml");
        std::fs::write(&file, config.to_string()).unwrap();
        let again = resolve(door, &[], &["--config", file.to_str().unwrap()]).unwrap();
        let without_origins = |config: &Config| {
            let text = config.to_string();
            let lines = text
                .lines()
                .map(|line| line.split("  # ").next().unwrap_or_default().to_owned());
            lines.collect::<Vec<_>>()
        };
        assert_eq!(without_origins(&config), without_origins(&again));
    }
}

#[test]
fn what_means_nothing_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let unknown = file("unknown.toml", "max_row = 5\n");
    let table = file("table.toml", "[max_rows]\nx = 1\n");
    let broken = file("broken.toml", "max_rows = = 5\n");
    for (door, variables, arguments, code, field) in [
        (
            Door::Lambda,
            &[("SKEWLESS_BUNDEL", "x")][..],
            &[][..],
            "config.unknown_key",
            Some("SKEWLESS_BUNDEL"),
        ),
        (
            Door::Lambda,
            &[("SKEWLESS_bundle", "x")],
            &[],
            "config.unknown_key",
            Some("SKEWLESS_bundle"),
        ),
        (
            Door::Lambda,
            &[("SKEWLESS_THREADS", "2")],
            &[],
            "config.unknown_key",
            Some("SKEWLESS_THREADS"),
        ),
        (
            Door::Serve,
            &[("SKEWLESS_STREAM", "true")],
            &[],
            "config.unknown_key",
            Some("SKEWLESS_STREAM"),
        ),
        (
            Door::Serve,
            &[("SKEWLESS_LOG", "loud")],
            &[],
            "config.invalid_value",
            Some("SKEWLESS_LOG"),
        ),
        (
            Door::Serve,
            &[("SKEWLESS_BUNDLE", "")],
            &[],
            "config.invalid_value",
            Some("SKEWLESS_BUNDLE"),
        ),
        (
            Door::Serve,
            &[("SKEWLESS_MAX_ROWS", "0")],
            &[],
            "config.invalid_value",
            Some("SKEWLESS_MAX_ROWS"),
        ),
        (
            Door::Serve,
            &[("SKEWLESS_SHADOW_SHARE", "1.5")],
            &[],
            "config.invalid_value",
            Some("SKEWLESS_SHADOW_SHARE"),
        ),
        (
            Door::Serve,
            &[("SKEWLESS_SHADOW_SHARE", "NaN")],
            &[],
            "config.invalid_value",
            Some("SKEWLESS_SHADOW_SHARE"),
        ),
        (
            Door::Lambda,
            &[("SKEWLESS_OUTPUT", "/tmp")],
            &[],
            "config.invalid_value",
            Some("SKEWLESS_OUTPUT"),
        ),
        (
            Door::Serve,
            &[],
            &["--check-seconds=-1"],
            "config.invalid_value",
            Some("--check-seconds"),
        ),
        (
            Door::Serve,
            &[],
            &["--max_rows=1"],
            "config.unknown_key",
            Some("--max_rows"),
        ),
        (
            Door::Serve,
            &[],
            &["stray"],
            "config.unknown_key",
            Some("stray"),
        ),
        (
            Door::Serve,
            &[],
            &["--max-rows"],
            "config.invalid_value",
            Some("--max-rows"),
        ),
        (
            Door::Serve,
            &[],
            &["--threads", "none"],
            "config.invalid_value",
            Some("--threads"),
        ),
        (
            Door::Serve,
            &[],
            &["--config", &unknown],
            "config.unknown_key",
            Some("max_row"),
        ),
        (
            Door::Serve,
            &[],
            &["--config", &table],
            "config.invalid_value",
            Some("max_rows"),
        ),
        (
            Door::Serve,
            &[],
            &["--config", &broken],
            "config.unreadable",
            None,
        ),
        (
            Door::Serve,
            &[],
            &["--config", "/nowhere.toml"],
            "config.unreadable",
            None,
        ),
    ] {
        let error = resolve(door, variables, arguments).unwrap_err();
        assert_eq!((error.code(), error.field()), (code, field), "{error}");
    }
}

#[test]
fn the_log_level_is_ours_before_it_is_lambdas() {
    let lambda = ("AWS_LAMBDA_LOG_LEVEL", "WARN");
    let level =
        |door, variables: &[(&str, &str)]| resolve(door, variables, &[]).unwrap().log.to_string();
    assert_eq!(level(Door::Lambda, &[lambda]), "warn");
    assert_eq!(
        level(Door::Lambda, &[("SKEWLESS_LOG", "trace"), lambda]),
        "trace"
    );
    assert_eq!(level(Door::Serve, &[lambda]), "info");
    assert_eq!(
        resolve(Door::Lambda, &[], &[]).unwrap().feature_log,
        LogTarget::Off
    );
}

#[test]
fn keys_stand_once() {
    let mut names: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), KEYS.len());
}

/// `BLESS=1` writes the table into the document.
#[test]
fn the_document_has_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("<!-- keys -->\n").unwrap();
    let (found, after) = rest.split_once("<!-- /keys -->").unwrap();
    let expected = format!("\n{}\n", table());
    if std::env::var_os("BLESS").is_some() {
        let renewed = format!("{before}<!-- keys -->\n{expected}<!-- /keys -->{after}");
        return std::fs::write(path, renewed).unwrap();
    }
    assert_eq!(
        found, expected,
        "BLESS=1 cargo test -p skewless-serving renews docs/configuration.md"
    );
}
