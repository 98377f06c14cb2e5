//! The table of the measurements, in the terminal and in the docs.

use std::fmt::Write;

use anyhow::{Context, Result};

use super::DOCUMENT;
use super::contest::Measured;
use crate::command::{at, command, output};

/// Prints the table.
pub(crate) fn print(measured: &[Measured]) {
    println!("\n{}", markdown(measured));
}

/// Puts the table and the machine into the document, between the table's marks.
pub(crate) fn write(measured: &[Measured], date: Option<&str>) -> Result<()> {
    let mut text = machine(date)?;
    text.push_str("\n\n");
    text.push_str(&markdown(measured));
    replace("peers", &text)
}

/// Replaces what stands between `<!-- NAME -->` and `<!-- /NAME -->` in the document.
pub(crate) fn replace(name: &str, text: &str) -> Result<()> {
    let path = at(DOCUMENT);
    let document = std::fs::read_to_string(&path)?;
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let lost = || format!("{DOCUMENT} has no marks for `{name}`");
    let (before, rest) = document.split_once(&begin).with_context(lost)?;
    let (_, after) = rest.split_once(&end).with_context(lost)?;
    std::fs::write(
        &path,
        format!("{before}{begin}\n{}\n\n{end}{after}", text.trim_end()),
    )?;
    println!("  {DOCUMENT} has the table `{name}`.");
    Ok(())
}

/// One row a measurement: median, and in brackets least and greatest.
fn markdown(measured: &[Measured]) -> String {
    let mut text = String::from(
        "| work | target | batch | ours, µs a row | peer | peer, µs a row | ratio |\n|---|---|---:|---:|---|---:|---:|\n",
    );
    for row in measured {
        let ours = cell(row.ours.min, row.ours.median, row.ours.max);
        let (peer, theirs, ratio) = match &row.peer {
            Some((peer, times)) => (
                peer.as_str(),
                cell(times.min, times.median, times.max),
                format!("{}×", figure(times.median / row.ours.median)),
            ),
            None => ("–", "–".to_owned(), "–".to_owned()),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {ours} | {peer} | {theirs} | {ratio} |",
            row.work, row.target, row.batch
        );
    }
    text
}

fn cell(min: f64, median: f64, max: f64) -> String {
    format!("{} ({}–{})", figure(median), figure(min), figure(max))
}

/// Three significant figures, or all digits before the point.
pub(crate) fn figure(number: f64) -> String {
    let decimals = match number {
        n if n >= 100.0 => 0,
        n if n >= 10.0 => 1,
        n if n >= 1.0 => 2,
        _ => 3,
    };
    format!("{number:.decimals$}")
}

/// What the times were measured on.
pub(crate) fn machine(date: Option<&str>) -> Result<String> {
    let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = information.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.split_once(':'));
        value.map_or("", |(_, value)| value.trim())
    };
    let flags: Vec<&str> = field("flags").split(' ').collect();
    let features = [
        ("avx2", "AVX2"),
        ("avx512f", "AVX-512"),
        ("avx512_vnni", "AVX-512 VNNI"),
        ("avx_vnni", "AVX-VNNI"),
    ]
    .into_iter()
    .filter_map(|(flag, name)| flags.contains(&flag).then_some(name))
    .collect::<Vec<_>>();
    let cores = std::thread::available_parallelism()?;
    let node = output(command("node", &["--version"]))?;
    let date = date.map(|date| format!(", {date}")).unwrap_or_default();
    Ok(format!(
        "{} ({}), {cores} cores, one thread used, Node {}{date}.",
        field("model name"),
        features.join(", "),
        node.trim().trim_start_matches('v')
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_three() {
        let shown = [1234.5, 123.45, 12.345, 1.2345, 0.12345].map(figure);
        assert_eq!(shown, ["1234", "123", "12.3", "1.23", "0.123"]);
    }
}
