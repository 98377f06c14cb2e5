//! What a page downloads, against the limits of `web/budget.toml`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command::{at, command, output};
use crate::web;

const BUDGET: &str = "web/budget.toml";

/// Builds the package and measures it.
pub(crate) fn run() -> Result<()> {
    web::build()?;
    measure()
}

/// Measures the package as it is built: prints every file and every download, and fails above a limit.
pub(crate) fn measure() -> Result<()> {
    let downloads = budget()?;
    let mut over = Vec::new();
    for (name, (limit, files)) in &downloads {
        println!("{name}");
        row("  file", ["bytes", "gzip", "brotli"].map(str::to_owned));
        let mut all = [0; 3];
        for file in files {
            let sizes = sizes(file)?;
            all.iter_mut()
                .zip(sizes)
                .for_each(|(sum, size)| *sum += size);
            row(&format!("  {file}"), sizes.map(|size| size.to_string()));
        }
        row("  in all", all.map(|size| size.to_string()));
        println!("  limit {limit} bytes of brotli\n");
        if all[2] > *limit {
            over.push(format!("{name} takes {} bytes of {limit}", all[2]));
        }
    }
    match over.is_empty() {
        true => Ok(()),
        false => bail!("{BUDGET}: {}", over.join("; ")),
    }
}

/// The downloads' names, limits in bytes of brotli, and files in `web/dist`.
fn budget() -> Result<BTreeMap<String, (usize, Vec<String>)>> {
    let text = std::fs::read_to_string(at(BUDGET))?;
    let table: toml::Table = text.parse().context(BUDGET)?;
    table
        .into_iter()
        .map(|(name, download)| {
            let limit = download.get("brotli_kib").and_then(toml::Value::as_integer);
            let limit = limit.and_then(|limit| usize::try_from(limit).ok());
            let files = download.get("files").and_then(toml::Value::as_array);
            let files = files.map(|files| files.iter().filter_map(toml::Value::as_str));
            let (Some(limit), Some(files)) = (limit, files) else {
                bail!("{BUDGET}: `{name}` needs `brotli_kib` and `files`");
            };
            Ok((name, (limit * 1024, files.map(str::to_owned).collect())))
        })
        .collect()
}

fn row(name: &str, cells: [String; 3]) {
    let [bytes, gzip, brotli] = cells;
    println!("{name:<32}{bytes:>9}{gzip:>9}{brotli:>9}");
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
