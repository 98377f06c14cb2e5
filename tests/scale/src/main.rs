//! The table and the bundle of the bench `scale`: made rows of numbers, categories and times, written while they are made,
//! and a specification fitted on some of them.

mod bundle;
mod table;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: scale table OUT.parquet ROWS SEED             writes a table
       scale bundle SPEC.toml SAMPLE.parquet OUT.skw  fits a specification on a table, in a bundle with a model of zeros";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["table", out, rows, seed] => table::write(out.as_ref(), rows.parse()?, seed.parse()?),
        ["bundle", spec, sample, out] => {
            bundle::write(spec.as_ref(), sample.as_ref(), out.as_ref())
        }
        _ => bail!("{USAGE}"),
    }
}
