//! Requests of the bench, one a line, as every runner of a peer answers them too.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::timing::per_row;
use crate::work::Work;

/// Answers requests from the standard input until it ends.
///
/// `{"do":"answer","work":NAME,"rows":N}` gives `{"answer":[…],"expected":FILE}`;
/// `{"do":"time","work":NAME,"batch":B,"seconds":S}` gives `{"us_per_row":x}`; what goes wrong gives `{"error":"…"}`.
pub(crate) fn answer_requests(works: &str, tract: bool) -> Result<()> {
    let mut opened = BTreeMap::new();
    for line in std::io::stdin().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let reply = reply(Path::new(works), tract, &mut opened, &request)
            .unwrap_or_else(|error| json!({"error": format!("{error:#}")}));
        println!("{reply}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn reply(
    works: &Path,
    tract: bool,
    opened: &mut BTreeMap<String, Work>,
    request: &Value,
) -> Result<Value> {
    let name = request["work"].as_str().context("no work is named")?;
    if !opened.contains_key(name) {
        opened.insert(name.to_owned(), Work::open(works, name, tract)?);
    }
    let work = opened.get_mut(name).context("the work is open")?;
    match request["do"].as_str() {
        Some("answer") => {
            let rows = count(request, "rows")?.min(work.rows());
            let expected = work.expected();
            Ok(json!({"answer": work.score(0, rows)?, "expected": expected}))
        }
        Some("time") => {
            let seconds = request["seconds"].as_f64().context("no seconds")?;
            let time = per_row(
                work.rows(),
                count(request, "batch")?,
                seconds,
                |from, count| work.score(from, count).map(|_| ()),
            );
            Ok(json!({"us_per_row": time?}))
        }
        _ => bail!("a request is `answer` or `time`"),
    }
}

fn count(request: &Value, name: &str) -> Result<usize> {
    let number = request[name]
        .as_u64()
        .with_context(|| format!("no {name}"))?;
    Ok(usize::try_from(number)?)
}
