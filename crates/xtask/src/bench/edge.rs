//! `bench edge`: time to ready and processor time a request of the serving handler on each host.

use std::fmt::Write;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{FOLDER, table};
use crate::command::{at, command, output};
use crate::{setup, web};

/// Measures every host, and writes `target/bench/edge.json` and the table.
pub(crate) fn run(date: Option<&str>, built: bool) -> Result<()> {
    prepare(built)?;
    let measured = measure(&[])?;
    let path = format!("{FOLDER}/edge.json");
    std::fs::create_dir_all(at(FOLDER))?;
    std::fs::write(at(&path), serde_json::to_string_pretty(&measured)? + "\n")?;
    let mut text = table::machine(date)?;
    text.push_str("\n\n");
    text.push_str(&markdown(&measured)?);
    println!("\n{text}");
    table::replace("edge", &text)
}

/// The same script in one short round: what CI runs.
pub(crate) fn small() -> Result<()> {
    prepare(true)?;
    markdown(&measure(&["--small"])?).map(drop)
}

fn prepare(built: bool) -> Result<()> {
    if !built {
        web::build()?;
    }
    setup::npm("tests/web")?;
    setup::npm("tests/edge")
}

fn measure(flags: &[&str]) -> Result<Value> {
    println!("\n── the serving handler on each host");
    let mut arguments = vec!["tests/edge/bench.mjs"];
    arguments.extend(flags);
    let text = output(command("node", &arguments))?;
    serde_json::from_str(&text).context("tests/edge/bench.mjs prints no JSON")
}

/// One row a host: median, and in brackets least and greatest.
fn markdown(measured: &Value) -> Result<String> {
    let mut text = String::from(
        "| host | ready, ms | of it the processor, ms | opened again, processor ms | a request, processor ms | of a handler that does nothing | difference |\n\
         |---|---:|---:|---:|---:|---:|---:|\n",
    );
    let results = measured["results"].as_array().context("no results")?;
    if results.is_empty() {
        bail!("nothing was measured");
    }
    for row in results {
        let host = row["host"].as_str().context("no host")?;
        let version = row["version"].as_str().context("no version")?;
        let cell = |name: &str| {
            let [least, median, greatest] =
                ["min", "median", "max"].map(|part| row[name][part].as_f64());
            let cell = least.zip(median).zip(greatest);
            let ((least, median), greatest) =
                cell.with_context(|| format!("{host} has no {name}"))?;
            Ok::<_, anyhow::Error>(format!("{median:.3} ({least:.3}–{greatest:.3})"))
        };
        let again = match &row["again"] {
            Value::Null => "–".to_owned(),
            _ => cell("again")?,
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {host} {version} | {} | {} | {again} | {} | {} | {} |",
            cell("ready")?,
            cell("ready_cpu")?,
            cell("cpu")?,
            cell("empty")?,
            cell("own")?
        );
    }
    Ok(text)
}
