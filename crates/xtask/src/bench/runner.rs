//! A process that answers requests, a line each: one engine on one target.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// A running engine.
pub(crate) struct Runner {
    name: String,
    process: Child,
    requests: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
}

/// Answers of an engine, and the file with those that are due.
pub(crate) struct Answer {
    pub(crate) values: Vec<f64>,
    pub(crate) expected: String,
}

impl Runner {
    /// Starts the process. What it writes to the standard error is shown only where it ends by itself.
    pub(crate) fn start(name: &str, mut command: Command) -> Result<Self> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = command
            .spawn()
            .with_context(|| format!("{name} does not start"))?;
        let replies = process.stdout.take().context("no standard output")?;
        Ok(Self {
            name: name.to_owned(),
            requests: process.stdin.take(),
            replies: BufReader::new(replies),
            process,
        })
    }

    /// The answers for the first `rows` rows of a work.
    pub(crate) fn answer(&mut self, work: &str, rows: usize) -> Result<Answer> {
        let reply = self.ask(&json!({"do": "answer", "work": work, "rows": rows}))?;
        let values = reply["answer"].as_array().context("no answer")?;
        Ok(Answer {
            // JSON has no NaN: what is no number differs from every number that is due.
            values: values
                .iter()
                .map(|value| value.as_f64().unwrap_or(f64::NAN))
                .collect(),
            expected: reply["expected"]
                .as_str()
                .unwrap_or("expected.f64")
                .to_owned(),
        })
    }

    /// Microseconds a row in calls of `batch` rows, over about `seconds`.
    pub(crate) fn time(&mut self, work: &str, batch: usize, seconds: f64) -> Result<f64> {
        let request = json!({"do": "time", "work": work, "batch": batch, "seconds": seconds});
        self.ask(&request)?["us_per_row"]
            .as_f64()
            .context("no time")
    }

    fn ask(&mut self, request: &Value) -> Result<Value> {
        let requests = self.requests.as_mut().context("no standard input")?;
        writeln!(requests, "{request}").with_context(|| format!("{} has ended", self.name))?;
        let mut line = String::new();
        self.replies.read_line(&mut line)?;
        if line.is_empty() {
            bail!("{} has ended", self.name);
        }
        let reply: Value =
            serde_json::from_str(&line).with_context(|| format!("{} replies {line}", self.name))?;
        match reply["error"].as_str() {
            Some(error) => bail!("{error}"),
            None => Ok(reply),
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        // Without its standard input a runner ends by itself.
        self.requests = None;
        let _ = self.process.wait();
    }
}
