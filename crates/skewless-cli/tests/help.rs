//! The help of every command renders and says what the exit statuses mean.

mod fixture;

use fixture::Fixture;

#[test]
fn every_command_has_help_with_exit_statuses() {
    let fixture = Fixture::new();
    for command in [
        None,
        Some("train"),
        Some("retrain"),
        Some("runs"),
        Some("features"),
        Some("lookup"),
        Some("lint"),
        Some("report"),
        Some("pack"),
        Some("predict"),
        Some("fit"),
        Some("transform"),
        Some("explain"),
        Some("inspect"),
        Some("verify"),
        Some("serve"),
    ] {
        let arguments: Vec<&str> = command.into_iter().chain(["--help"]).collect();
        let run = fixture.run(&arguments);
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{command:?}");
        for line in [
            "Usage: skewless",
            "Exit status:",
            "0  done",
            "1  some rows failed",
            "3  bad bundle",
            "4  bad input",
        ] {
            assert!(
                run.stdout.contains(line),
                "{command:?} lacks {line:?}:\n{}",
                run.stdout
            );
        }
    }
}

#[test]
fn no_command_is_usage() {
    let fixture = Fixture::new();
    for arguments in [&[][..], &["fly"], &["predict", "--fast"]] {
        let run = fixture.run::<&str>(arguments);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(run.stderr.contains("Usage"), "{}", run.stderr);
    }
}

#[test]
fn the_version_is_that_of_the_program() {
    let run = Fixture::new().run(&["--version"]);
    assert_eq!(
        run.stdout,
        format!("skewless {}\n", env!("CARGO_PKG_VERSION"))
    );
}
