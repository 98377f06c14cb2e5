//! `bench scale`: `skewless transform` and `skewless fit` over a table of any length on one core, beside DataFusion's scan of the
//! same columns and scikit-learn's transformer with the same ops.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{FOLDER, table};
use crate::command::{at, cargo, command, output, run, step};
use crate::{built, setup, web};

/// Rows of the table, where none are asked for.
pub(crate) const ROWS: u64 = 100_000_000;
/// Rows that the specification is fitted on, and on which features are compared.
const SAMPLE_ROWS: u64 = 100_000;
const SMALL_ROWS: u64 = 50_000;
/// Most rows that scikit-learn transforms; it reads them in batches, so that more change no rate.
const SKLEARN_ROWS: u64 = 2_000_000;
/// Most rows whose features are written.
const WRITTEN_ROWS: u64 = 10_000_000;
/// Most memory that ours may take, in KiB: 2 GB.
const MOST_MEMORY: u64 = 2_000_000_000 / 1024;
/// Clock ticks in a second of `/proc/PID/stat`.
const TICKS: f64 = 100.0;

const OURS: &str = "`skewless transform`, with the profile";
const OURS_WRITING: &str = "the same, and the features written as Parquet";
const FITTING: &str = "`skewless fit` of the specification, all passes";
const SKLEARN: &str = "scikit-learn's `ColumnTransformer`, read by pyarrow";

/// What the measurement works with.
struct Bench {
    program: PathBuf,
    maker: PathBuf,
    folder: PathBuf,
}

/// Measures, and writes `target/bench/scale.json` and the table.
pub(crate) fn run_bench(rows: u64, date: Option<&str>) -> Result<()> {
    let mut python = PathBuf::new();
    step("the peers", || {
        python = setup::venv("scale-peers", "tests/scale/peers.txt")?.join("python");
        Ok(())
    })?;
    step("the programs", || {
        run(cargo(&[
            "build",
            "--quiet",
            "--release",
            "--package=skewless-cli",
            "--package=skewless-scale",
            "--no-default-features",
            "--features=skewless-cli/pack,skewless-cli/parquet",
        ]))
    })?;
    let built = web::target().join("release");
    let bench = Bench {
        program: built.join("skewless"),
        maker: built.join("scale"),
        folder: at(FOLDER).join("scale"),
    };
    step("sample, bundle and table", || bench.make(rows))?;
    step("features are those of scikit-learn", || {
        bench.check(&python)
    })?;
    let measured = bench.measure(rows, Some(&python))?;
    let path = format!("{FOLDER}/scale.json");
    std::fs::write(at(&path), serde_json::to_string_pretty(&measured)? + "\n")?;
    for table in ["table.parquet", "written.parquet"] {
        std::fs::remove_file(bench.file(table))?;
    }
    let mut text = table::machine(date)?;
    text.push_str("\n\n");
    text.push_str(&markdown(&measured)?);
    println!("\n{text}");
    table::replace("scale", &text)
}

/// The same with few rows and without peers: what CI runs.
pub(crate) fn small() -> Result<()> {
    println!("\n── transform at scale");
    built::workspace()?;
    let built = web::target().join(built::CI);
    let bench = Bench {
        program: built.join("skewless"),
        maker: built.join("scale"),
        folder: at(FOLDER).join("scale-small"),
    };
    bench.make(SMALL_ROWS)?;
    markdown(&bench.measure(SMALL_ROWS, None)?).map(drop)
}

impl Bench {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The sample, the bundle that is fitted on it, and the table of other rows.
    fn make(&self, rows: u64) -> Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        for (name, rows, seed) in [
            ("sample.parquet", SAMPLE_ROWS.min(rows), "1"),
            ("check.parquet", SAMPLE_ROWS.min(rows), "2"),
            ("table.parquet", rows, "3"),
            ("written.parquet", WRITTEN_ROWS.min(rows), "4"),
        ] {
            let mut table = command(&self.maker, &["table"]);
            table.arg(self.file(name)).arg(rows.to_string()).arg(seed);
            run(table)?;
        }
        let mut bundle = command(&self.maker, &["bundle"]);
        bundle
            .arg(at("tests/scale/features.toml"))
            .arg(self.file("sample.parquet"))
            .arg(self.file("bundle.skw"));
        run(bundle)
    }

    /// Compares the features of rows that nothing was fitted on.
    fn check(&self, python: &PathBuf) -> Result<()> {
        let mut transform = command(&self.program, &["transform"]);
        transform
            .arg(self.file("bundle.skw"))
            .arg(self.file("check.parquet"))
            .arg("--output")
            .arg(self.file("check-features.parquet"));
        run(transform)?;
        let mut check = command(python, &[]);
        check
            .arg(at("tests/scale/sklearn_transform.py"))
            .arg(self.file("sample.parquet"))
            .arg(self.file("check.parquet"))
            .arg("--check")
            .arg(self.file("check-features.parquet"))
            .env("PYTHONDONTWRITEBYTECODE", "1");
        println!("  {}", output(check)?.trim());
        Ok(())
    }

    fn measure(&self, rows: u64, python: Option<&PathBuf>) -> Result<Value> {
        let mut measured = vec![
            self.ours(OURS, "table.parquet", rows, |transform| {
                transform.arg("--profile-only");
            })?,
            self.ours(
                OURS_WRITING,
                "written.parquet",
                WRITTEN_ROWS.min(rows),
                |transform| {
                    transform.arg("--output").arg(self.file("features.parquet"));
                },
            )?,
        ];
        std::fs::remove_file(self.file("features.parquet"))?;
        measured.push(self.fitting(rows)?);
        if let Some(python) = python {
            let mut scan = pinned(python);
            scan.arg(at("tests/scale/datafusion_scan.py"))
                .arg(self.file("table.parquet"));
            measured.push(theirs("DataFusion's scan alone", scan)?);
            let mut sklearn = pinned(python);
            sklearn
                .arg(at("tests/scale/sklearn_transform.py"))
                .arg(self.file("sample.parquet"))
                .arg(self.file("table.parquet"))
                .arg(SKLEARN_ROWS.min(rows).to_string());
            measured.push(theirs(SKLEARN, sklearn)?);
        }
        Ok(measured.into())
    }

    /// A run of the program from its start to its end.
    fn ours(
        &self,
        name: &str,
        table: &str,
        rows: u64,
        to: impl FnOnce(&mut Command),
    ) -> Result<Value> {
        let mut transform = pinned(&self.program);
        transform
            .arg("transform")
            .arg(self.file("bundle.skw"))
            .arg(self.file(table))
            .arg("--threads=1")
            .arg("--profile")
            .arg(self.file("profile.json"));
        to(&mut transform);
        let began = Instant::now();
        let (_, processor, memory) = watched(transform)?;
        let seconds = began.elapsed().as_secs_f64();
        let profile = std::fs::read_to_string(self.file("profile.json"))?;
        let counted: Value = serde_json::from_str(&profile)?;
        if counted["rows"] != rows || counted["failed"] != 0 {
            bail!("{} rows are counted where {rows} are due", counted["rows"]);
        }
        held(row(name, rows as f64, seconds, processor, memory))
    }

    fn fitting(&self, rows: u64) -> Result<Value> {
        let mut fit = pinned(&self.program);
        fit.arg("fit")
            .arg(at("tests/scale/features.toml"))
            .arg(self.file("table.parquet"))
            .arg("--threads=1")
            .arg("--output")
            .arg(self.file("fitted.json"));
        let began = Instant::now();
        let (told, processor, memory) = watched(fit)?;
        if !told.contains(&format!(" fitted on {rows} rows ")) {
            bail!("{rows} rows are due: {told}");
        }
        println!("  {}", told.trim());
        let seconds = began.elapsed().as_secs_f64();
        held(row(FITTING, rows as f64, seconds, processor, memory))
    }
}

fn pinned(program: &PathBuf) -> Command {
    let mut pinned = Command::new("taskset");
    pinned
        .args(["-c", "1"])
        .arg(program)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("OMP_NUM_THREADS", "1");
    pinned
}

/// A peer, which says itself how long it read and transformed: starting and fitting are not in it.
fn theirs(name: &str, peer: Command) -> Result<Value> {
    let (text, _, memory) = watched(peer)?;
    let told: Value = serde_json::from_str(&text).with_context(|| format!("{name} says {text}"))?;
    let number = |name: &str| told[name].as_f64().with_context(|| format!("no {name}"));
    Ok(row(
        name,
        number("rows")?,
        number("seconds")?,
        number("processor_seconds")?,
        memory,
    ))
}

fn row(name: &str, rows: f64, seconds: f64, processor: f64, memory: u64) -> Value {
    println!(
        "  {name}: {rows} rows, {seconds:.1} s, {processor:.1} s of the processor, {memory} KiB"
    );
    json!({
        "name": name,
        "rows": rows,
        "seconds": seconds,
        "processor_seconds": processor,
        "rows_per_second": rows / processor.max(1.0 / TICKS),
        "memory_kib": memory,
    })
}

/// Holds ours to its memory.
fn held(row: Value) -> Result<Value> {
    match row["memory_kib"].as_u64() {
        Some(memory) if memory <= MOST_MEMORY => Ok(row),
        _ => bail!("{row} takes over {MOST_MEMORY} KiB"),
    }
}

/// Runs to the end: what was written to standard output, seconds of the processor, and most memory in KiB.
fn watched(mut command: Command) -> Result<(String, f64, u64)> {
    let mut process = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("taskset is needed, of the package util-linux")?;
    let folder = PathBuf::from(format!("/proc/{}", process.id()));
    let (mut processor, mut memory) = (0.0_f64, 0);
    let status = loop {
        let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        processor = processor.max(ticks(&text("stat")).unwrap_or_default() / TICKS);
        memory = memory.max(peak(&text("status")).unwrap_or_default());
        if let Some(status) = process.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let mut written = String::new();
    if let Some(mut stdout) = process.stdout.take() {
        stdout.read_to_string(&mut written)?;
    }
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok((written, processor, memory))
}

/// Ticks in user and system mode, the fields 14 and 15; the second, a name, may hold spaces.
fn ticks(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some(next()? + next()?)
}

fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn markdown(measured: &Value) -> Result<String> {
    let mut text = String::from(
        "| work | rows | rows a second of one core | most memory, MiB | of the first line's rate |\n|---|---:|---:|---:|---:|\n",
    );
    let rows = measured.as_array().context("no rows")?;
    let first = rows.first().and_then(|row| row["rows_per_second"].as_f64());
    let first = first.context("no rate")?;
    for row in rows {
        let of = |name: &str| {
            row[name]
                .as_f64()
                .with_context(|| format!("no {name} in {row}"))
        };
        let rate = of("rows_per_second")?;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {:.0} | {rate:.0} | {} | {}× |",
            row["name"].as_str().unwrap_or_default(),
            of("rows")?,
            table::figure(of("memory_kib")? / 1024.0),
            table::figure(rate / first),
        );
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read() {
        let stat = "7 (a (b) c) R 1 2 3 4 5 6 7 8 9 10 250 50 0 0";
        assert_eq!(ticks(stat), Some(300.0));
        assert_eq!(peak("VmPeak:\t9 kB\nVmHWM:\t  12 kB\n"), Some(12));
    }
}
