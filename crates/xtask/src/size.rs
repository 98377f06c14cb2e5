//! What a page downloads, against the limits of `web/budget.toml`.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::bench::table;
use crate::command::{at, command, output};
use crate::web;

const BUDGET: &str = "web/budget.toml";

/// One thing that is downloaded at a time.
struct Download {
    /// What it is, for the document's table.
    what: String,
    /// Most bytes of brotli.
    limit: usize,
    /// Its files in `web/dist`.
    files: Vec<String>,
}

/// Builds the package, measures it, and writes the downloads into the document.
pub(crate) fn run() -> Result<()> {
    web::build()?;
    table::replace("downloads", &measured()?)
}

/// Measures the package as it is built.
pub(crate) fn measure() -> Result<()> {
    measured().map(drop)
}

/// Prints every file and every download, and fails above a limit; otherwise the document's table.
fn measured() -> Result<String> {
    let mut over = Vec::new();
    let mut table = String::from(
        "| download | brotli, bytes | of which WebAssembly | limit |\n|---|---:|---:|---:|\n",
    );
    for (name, Download { what, limit, files }) in budget()? {
        println!("{name}");
        row("  file", ["bytes", "gzip", "brotli"].map(str::to_owned));
        let (mut all, mut modules) = ([0; 3], 0);
        for file in files {
            let sizes = sizes(&file)?;
            modules += if file.ends_with(".wasm") { sizes[2] } else { 0 };
            all.iter_mut()
                .zip(sizes)
                .for_each(|(sum, size)| *sum += size);
            row(&format!("  {file}"), sizes.map(|size| size.to_string()));
        }
        row("  in all", all.map(|size| size.to_string()));
        println!("  limit {limit} bytes of brotli\n");
        let modules = match modules {
            0 => "–".to_owned(),
            bytes => grouped(bytes),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "| {what} | {} | {modules} | {} |",
            grouped(all[2]),
            grouped(limit)
        );
        if all[2] > limit {
            over.push(format!("{name} takes {} bytes of {limit}", all[2]));
        }
    }
    match over.is_empty() {
        true => Ok(table),
        false => bail!("{BUDGET}: {}", over.join("; ")),
    }
}

/// The downloads by their names.
fn budget() -> Result<BTreeMap<String, Download>> {
    let text = std::fs::read_to_string(at(BUDGET))?;
    let table: toml::Table = text.parse().context(BUDGET)?;
    table
        .into_iter()
        .map(|(name, download)| {
            let limit = download.get("brotli_kib").and_then(toml::Value::as_integer);
            let limit = limit.and_then(|limit| usize::try_from(limit).ok());
            let files = download.get("files").and_then(toml::Value::as_array);
            let files = files.map(|files| files.iter().filter_map(toml::Value::as_str));
            let what = download.get("what").and_then(toml::Value::as_str);
            let (Some(what), Some(limit), Some(files)) = (what, limit, files) else {
                bail!("{BUDGET}: `{name}` needs `what`, `brotli_kib` and `files`");
            };
            let download = Download {
                what: what.to_owned(),
                limit: limit * 1024,
                files: files.map(str::to_owned).collect(),
            };
            Ok((name, download))
        })
        .collect()
}

fn row(name: &str, cells: [String; 3]) {
    let [bytes, gzip, brotli] = cells;
    println!("{name:<32}{bytes:>9}{gzip:>9}{brotli:>9}");
}

/// A number with its thousands set apart.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let begins = |at: &usize| *at > 0 && (digits.len() - at).is_multiple_of(3);
    let parts = digits.char_indices().map(|(at, digit)| match begins(&at) {
        true => format!(",{digit}"),
        false => digit.to_string(),
    });
    parts.collect()
}

/// Bytes as they stand, by gzip 9 and by brotli 11, as servers send them.
fn sizes(file: &str) -> Result<[usize; 3]> {
    let script = "const z = require('node:zlib'), bytes = require('node:fs').readFileSync(process.argv[1]); \
        const q = z.constants.BROTLI_PARAM_QUALITY; \
        console.log(JSON.stringify([bytes.length, z.gzipSync(bytes, { level: 9 }).length, \
        z.brotliCompressSync(bytes, { params: { [q]: 11 } }).length]))";
    let path = at("web/dist").join(file);
    let text = output(command(
        "node",
        &["-e", script, &path.display().to_string()],
    ))?;
    let sizes: Value = serde_json::from_str(&text)?;
    let size = |at: usize| {
        let size = sizes[at]
            .as_u64()
            .and_then(|size| usize::try_from(size).ok());
        size.with_context(|| format!("{file} has no size"))
    };
    Ok([size(0)?, size(1)?, size(2)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let shown = [7, 999, 1000, 88_313, 1_234_567].map(grouped);
        assert_eq!(shown, ["7", "999", "1,000", "88,313", "1,234,567"]);
    }
}
