//! `skewless lint`: what a configuration leaves unsaid.

use skewless_train::lint;
use skewless_train::plural::counted;

use crate::args::LintArgs;
use crate::destination::print;
use crate::exit::Outcome;
use crate::inspect::{section, table, width};

pub(crate) fn run(args: &LintArgs) -> anyhow::Result<Outcome> {
    let found = lint(&args.config)?;
    if args.json {
        print(&format!("{}\n", serde_json::to_string_pretty(&found)?))?;
    } else if found.is_empty() {
        print("nothing is left unsaid\n")?;
    } else {
        let mut table = table(width());
        for one in &found {
            table.add_row([one.code, &one.place, &one.message]);
        }
        print(&section(&counted(found.len(), "finding"), &table))?;
    }
    Ok(if found.is_empty() {
        Outcome::Done
    } else {
        Outcome::SomeFailed
    })
}
