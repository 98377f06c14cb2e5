//! The house rules as a test: arrows between crates, inherited lints, first sentences, links of documents, formatting, clippy.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command::{at, cargo, command, output, root, run};
use crate::setup::{self, WASM_TARGET};

/// Crates that must not be in the tree of the browser's module.
const NOT_IN_WASM: [&str; 9] = [
    "tokio",
    "arrow-array",
    "parquet",
    "csv",
    "skewless-train",
    "skewless-compile",
    "skewless-table",
    "skewless-tract",
    "toml",
];

pub(crate) fn run_tidy() -> Result<()> {
    arrows()?;
    lean_wasm()?;
    first_sentences()?;
    links()?;
    run(cargo(&["fmt", "--all", "--check"]))?;
    setup::wasm_target()?;
    clippy()
}

fn clippy() -> Result<()> {
    let native = [
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--profile=ci",
        "--",
        "-D",
        "warnings",
    ];
    run(cargo(&native))?;
    let target = format!("--target={WASM_TARGET}");
    for feature in ["--features=model", "--features=network", "--features=serve"] {
        let wasm = [
            "clippy",
            "--quiet",
            "--package=skewless-wasm",
            "--no-default-features",
            feature,
            &target,
            "--profile=ci",
            "--",
            "-D",
            "warnings",
        ];
        run(cargo(&wasm))?;
    }
    Ok(())
}

/// Takes the place of a crate from elsewhere, under its name.
const STAND_IN: &str = "crc-fast";
/// Crates whose names do not begin with the project's.
const OTHERS: [&str; 2] = ["xtask", STAND_IN];

/// Holds the crates' dependencies against the table in ARCHITECTURE.md, and their manifests against the house rules.
fn arrows() -> Result<()> {
    let table = allowed_arrows(&std::fs::read_to_string(at("ARCHITECTURE.md"))?);
    let text = output(cargo(&[
        "metadata",
        "--format-version=1",
        "--no-deps",
        "--locked",
    ]))?;
    let metadata: Value = serde_json::from_str(&text)?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata names no packages")?;
    let members: Vec<&str> = packages
        .iter()
        .filter_map(|package| package["name"].as_str())
        .collect();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = table.iter().find(|(known, _)| known == name) else {
            bail!("crate `{name}` has no line in ARCHITECTURE.md's table");
        };
        let dependencies = package["dependencies"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        for to in dependencies
            .iter()
            .filter_map(|dependency| dependency["name"].as_str())
        {
            if members.contains(&to) && !allowed.iter().any(|known| known == to) {
                bail!("crate `{name}` depends on `{to}`, which ARCHITECTURE.md does not allow");
            }
        }
        let manifest =
            std::fs::read_to_string(package["manifest_path"].as_str().unwrap_or_default())?;
        if !manifest.contains("[lints]\nworkspace = true") {
            bail!("crate `{name}` does not inherit the workspace's lints");
        }
        // A stand-in has the version of what it stands in for.
        let is_stand_in = name == STAND_IN;
        if !is_stand_in && manifest.lines().any(|line| line.contains("version = \"")) {
            bail!("crate `{name}` states a version; versions stand in the workspace's Cargo.toml");
        }
    }
    match table
        .iter()
        .find(|(name, _)| !members.contains(&name.as_str()))
    {
        Some((name, _)) => {
            bail!("crate `{name}` stands in ARCHITECTURE.md and not in the workspace")
        }
        None => Ok(()),
    }
}

/// The rows of the crate table: a crate's name, and the crates that its column *depends on* names.
fn allowed_arrows(architecture: &str) -> Vec<(String, Vec<String>)> {
    let section = architecture
        .split("## Crates")
        .nth(1)
        .and_then(|rest| rest.split("\n## ").next());
    let rows = section
        .unwrap_or_default()
        .lines()
        .filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let names = cells.get(1).copied().unwrap_or_default();
        // A folder with another name than its crate has the crate's in brackets: the last name counts.
        let name = names
            .split('`')
            .rfind(|part| part.starts_with("skewless-") || OTHERS.contains(part));
        let to = cells
            .get(3)
            .copied()
            .unwrap_or_default()
            .split(", ")
            .filter(|short| *short != "–");
        (
            name.unwrap_or_default().to_owned(),
            to.map(|short| format!("skewless-{short}")).collect(),
        )
    })
    .collect()
}

/// The browser's module must not reach training, files or a runtime.
fn lean_wasm() -> Result<()> {
    let target = format!("--target={WASM_TARGET}");
    let tree = output(cargo(&[
        "tree",
        "--package=skewless-wasm",
        "--features=serve",
        "--edges=normal",
        "--prefix=none",
        &target,
        "--locked",
    ]))?;
    for line in tree.lines() {
        let name = line.split(' ').next().unwrap_or_default();
        if NOT_IN_WASM.contains(&name) {
            bail!("the browser's module reaches `{name}`");
        }
    }
    Ok(())
}

/// Every Rust file begins with a sentence on what it is.
fn first_sentences() -> Result<()> {
    for file in tracked("*.rs")? {
        let text = std::fs::read_to_string(&file)?;
        let sentence = text.lines().next().unwrap_or_default();
        if !sentence.starts_with("//! ") {
            bail!("{} does not begin with a `//!` sentence", shown(&file));
        }
    }
    Ok(())
}

/// A link of a document leads to a file of the repository, and its anchor to a heading there.
fn links() -> Result<()> {
    for file in tracked("*.md")? {
        let text = std::fs::read_to_string(&file)?;
        let folder = file.parent().context("a document stands in a folder")?;
        let links = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'))
            .map(|(link, _)| link);
        for link in links.filter(|link| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() {
                file.clone()
            } else {
                folder.join(path)
            };
            let leads = target.exists()
                && (anchor.is_empty()
                    || anchors(&std::fs::read_to_string(&target)?).any(|known| known == anchor));
            if !leads {
                bail!("{} links to `{link}`, which is not there", shown(&file));
            }
        }
    }
    Ok(())
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(document: &str) -> impl Iterator<Item = String> {
    let headings = document.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        heading
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    })
}

/// The files of the repository, and those to come, whose names match.
fn tracked(pattern: &str) -> Result<Vec<PathBuf>> {
    let listed = output(command(
        "git",
        &[
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            pattern,
        ],
    ))?;
    Ok(listed
        .lines()
        .map(at)
        .filter(|path| path.exists())
        .collect())
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}
