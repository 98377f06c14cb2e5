//! The README's commands, run as they stand there, and its Rust as a program.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Commands that other tests or other machines run, each with the reason.
const ELSEWHERE: [(&str, &str); 3] = [
    ("cargo xtask demo", "a step of `cargo xtask test`"),
    ("cargo xtask test", "what runs this test"),
    (
        "cargo xtask install",
        "a step of `cargo xtask test`, into a folder of its own",
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

/// The text of the fenced blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    text.split(fence.as_str())
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

#[test]
fn each_command_works_as_it_stands() {
    let text = readme();
    let commands: Vec<&str> = blocks(&text, "sh")
        .into_iter()
        .flat_map(str::lines)
        .collect();
    let program = Path::new(env!("CARGO_BIN_EXE_skewless")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    std::fs::create_dir_all(root().join("target")).unwrap();
    let mut run = 0;
    for command in commands {
        if ELSEWHERE
            .iter()
            .any(|(known, _)| command.starts_with(known))
        {
            continue;
        }
        let script = format!("set -o pipefail; {command}");
        let output = Command::new("bash")
            .args(["-c", &script])
            .env("PATH", &path)
            .current_dir(root())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{command}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        run += 1;
    }
    assert_eq!(run, 5, "commands run");
}

#[test]
fn the_rust_of_the_readme_is_the_example() {
    let text = readme();
    let example =
        std::fs::read_to_string(root().join("crates/skewless-core/examples/predict.rs")).unwrap();
    let [block] = blocks(&text, "rust")[..] else {
        unreachable!("one block of Rust")
    };
    assert!(
        example.ends_with(block),
        "README.md and examples/predict.rs differ"
    );
}
