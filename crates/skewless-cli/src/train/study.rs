//! `skewless train` of a configuration with experiments: the study, its files and its tables.

use std::path::{Path, PathBuf};

use skewless_core::Error;
use skewless_train::bootstrap::Estimate;
use skewless_train::plural::counted;
use skewless_train::study::confidence::Coverage;
use skewless_train::study::config::ThresholdConfig;
use skewless_train::study::measure::Measure;
use skewless_train::study::report::{CandidateReport, Level, Slice};
use skewless_train::study::threshold::Threshold;
use skewless_train::study::{Studied, StudyOptions, StudyReport, study};

use super::{is_same, progress, put, source_date_epoch, threads};
use crate::args::{TrainArgs, TrainingRunArgs};
use crate::destination::print;
use crate::exit::Outcome;
use crate::inspect::{grouped, section, table, width};
use crate::records::{Recording, STORE};

pub(super) fn run(
    args: &TrainArgs,
    mut recording: Option<&mut Recording>,
) -> anyhow::Result<Outcome> {
    let folder = args.run.config.parent().unwrap_or(Path::new(""));
    let options = options(&args.run)?;
    let mut watching = Recording::watching(recording.as_deref_mut(), progress::on_stderr());
    let studied = study(&args.run.config, &options, &mut watching)?;
    if let Some(path) = &args.output {
        let files = studied.report.files.iter();
        let mut read = files.map(|file| folder.join(&file.path));
        if read.any(|read| is_same(path, &read)) {
            let message = format!("`{}` is a file that was learnt from", path.display());
            return Err(Error::input("train.unwritable", message).into());
        }
    }
    let written = write(args, folder, &options, &studied)?;
    let mut openings = 0;
    if let Some(recording) = recording {
        recording.study(&studied.report, &written);
        openings = recording.openings();
    }
    if args.json {
        print(&format!(
            "{}\n",
            serde_json::to_string_pretty(&studied.report)?
        ))?;
    } else {
        print(&text(&studied, &written, openings))?;
    }
    Ok(match studied.bundle {
        Some(_) => Outcome::Done,
        None => Outcome::SomeFailed,
    })
}

/// Threads and memory as they are asked for, results kept beside the configuration.
pub(super) fn options(args: &TrainingRunArgs) -> skewless_core::Result<StudyOptions> {
    let folder = args.config.parent().unwrap_or(Path::new(""));
    let store = args.store.clone().unwrap_or_else(|| folder.join(STORE));
    Ok(StudyOptions {
        threads: threads(args),
        memory: args.memory,
        store: (!args.no_store).then_some(store),
        source_date_epoch: source_date_epoch()?,
    })
}

/// Writes report and times, and where the gates let it pass bundle and card; gives the paths. With `-o` the report is
/// written only where a gate failed, beside the bundle that is not there.
fn write(
    args: &TrainArgs,
    folder: &Path,
    options: &StudyOptions,
    studied: &Studied,
) -> anyhow::Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    let mut keep = |path: PathBuf, bytes: &[u8]| -> anyhow::Result<()> {
        put(&path, bytes)?;
        written.push(path);
        Ok(())
    };
    keep_timings(options, studied)?;
    let report = serde_json::to_string_pretty(&studied.report)? + "\n";
    let Some(output) = &args.output else {
        keep(folder.join("report.json"), report.as_bytes())?;
        if let Some(bundle) = &studied.bundle {
            keep(folder.join("card.md"), studied.card.as_bytes())?;
            keep(folder.join(format!("{}.skw", studied.report.name)), bundle)?;
        }
        return Ok(written);
    };
    match &studied.bundle {
        Some(bundle) => keep(output.clone(), bundle)?,
        None => keep(output.with_extension("report.json"), report.as_bytes())?,
    }
    Ok(written)
}

/// How long the fits took, beside the kept results.
pub(super) fn keep_timings(options: &StudyOptions, studied: &Studied) -> anyhow::Result<()> {
    let Some(store) = &options.store else {
        return Ok(());
    };
    let times = serde_json::to_string_pretty(&studied.timings)?;
    put(&store.join("timings.json"), times.as_bytes())
}

/// `openings` are those of the test by other configurations before.
fn text(studied: &Studied, written: &[PathBuf], openings: u64) -> String {
    let report = &studied.report;
    let mut sections = vec![
        section(
            &format!("{} {}", report.name, report.version),
            &facts(studied, written),
        ),
        section(
            "Candidates on the validation rows, best first",
            &candidates(report),
        ),
        section("Selection", &duels(report)),
        section(
            &format!("Test: {}, opened once", counted(report.test.rows, "row")),
            &test(report, openings),
        ),
    ];
    if !report.joins.is_empty() {
        sections.push(section("Joins", &joins(report)));
    }
    if !report.findings.is_empty() {
        sections.push(section("Checks before training", &findings(report)));
    }
    if let Some(found) = &report.coverage {
        sections.push(section("Coverage of the test", &coverage(found)));
    }
    if !report.slices.is_empty() {
        sections.push(section("Slices of the test", &slices(report)));
    }
    if !report.gates.is_empty() {
        sections.push(section("Gates", &gates(report)));
    }
    sections.join("\n")
}

fn facts(studied: &Studied, written: &[PathBuf]) -> comfy_table::Table {
    let report = &studied.report;
    let files: Vec<String> = written
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let mut facts = table(width());
    facts.add_row([
        "sha256",
        if studied.bundle.is_some() {
            &report.digest
        } else {
            "no bundle: a gate failed"
        },
    ]);
    facts.add_row(["size", &format!("{} bytes", grouped(report.bytes))]);
    facts.add_row([
        "fits",
        &format!(
            "{}, {} of them from an earlier run",
            grouped(studied.timings.len()),
            grouped(studied.reused)
        ),
    ]);
    if let Some(winner) = report.candidates.get(report.selection.winner) {
        facts.add_row([
            "chosen",
            &format!(
                "{} ({})",
                name(winner),
                winner.candidate.parameters.described()
            ),
        ]);
    }
    facts.add_row(["written", &files.join(", ")]);
    facts
}

fn name(candidate: &CandidateReport) -> String {
    format!(
        "{} on {}",
        candidate.candidate.parameters.kind(),
        candidate.candidate.feature_set
    )
}

/// The best ones; all of them stand in the report.
fn candidates(report: &StudyReport) -> comfy_table::Table {
    const SHOWN: usize = 12;
    let measures = Measure::of_task(report.task);
    let by = measures
        .iter()
        .position(|measure| *measure == report.selection.by);
    let value = |candidate: &CandidateReport| {
        let value = by.and_then(|by| candidate.measures.get(by).copied());
        report.selection.by.gain(value.unwrap_or(f64::NAN), 0.0)
    };
    let mut places: Vec<&CandidateReport> = report.candidates.iter().collect();
    places.sort_by(|a, b| value(b).total_cmp(&value(a)));
    let mut table = table(width());
    let head = ["candidate", "parameters"].into_iter();
    table.set_header(head.chain(measures.iter().map(|measure| measure.title())));
    for candidate in places.into_iter().take(SHOWN) {
        let cells = [name(candidate), candidate.candidate.parameters.described()].into_iter();
        table.add_row(cells.chain(candidate.measures.iter().map(|value| format!("{value:.4}"))));
    }
    table
}

fn duels(report: &StudyReport) -> comfy_table::Table {
    let mut table = table(width());
    let gain = format!("gain in {}", report.selection.by.title());
    table.set_header(["more complex", "best so far", gain.as_str(), "verdict"]);
    let of = |place: usize| report.candidates.get(place).map_or_else(String::new, name);
    for duel in &report.selection.duels {
        let verdict = if duel.won {
            "wins"
        } else {
            "does not win clearly"
        };
        table.add_row([
            of(duel.challenger),
            of(duel.incumbent),
            interval(duel.gain),
            verdict.to_owned(),
        ]);
    }
    table
}

fn test(report: &StudyReport, openings: u64) -> comfy_table::Table {
    let mut table = table(width());
    if openings > 0 {
        let told = format!(
            "by {} of other configurations: the more there are, the more the best of them flatters",
            counted(
                usize::try_from(openings).unwrap_or(usize::MAX),
                "recorded run"
            )
        );
        table.add_row(["opened before".to_owned(), told]);
    }
    let mut floats = report.test.before_int8.iter();
    for one in &report.test.measures {
        let measured = match floats.next() {
            Some(value) => format!("{}, before int8 {value:.4}", interval(one.estimate)),
            None => interval(one.estimate),
        };
        table.add_row([one.measure.title().to_owned(), measured]);
    }
    if let Some(Threshold { value, by, reached }) = report.threshold {
        let by = match by {
            ThresholdConfig::F1 {} => format!("F1 {reached:.4}"),
            ThresholdConfig::Costs { .. } => format!("a mean cost of {reached:.4}"),
        };
        let told = format!("{value:.4}, by {by} on the validation rows");
        table.add_row(["threshold".to_owned(), told]);
    }
    table
}

fn joins(report: &StudyReport) -> comfy_table::Table {
    let mut table = table(width());
    table.set_header(["source", "on", "as of", "rows", "unmatched"]);
    for join in &report.joins {
        table.add_row([
            join.source.clone(),
            join.on.join(", "),
            join.as_of.clone().unwrap_or_default(),
            grouped(join.rows),
            format!("{:.2} %", 100.0 * join.unmatched_share),
        ]);
    }
    table
}

/// Of all rows, and of each group with a quantile of its own.
fn coverage(coverage: &Coverage) -> comfy_table::Table {
    let mut table = table(width());
    let size = match coverage.method.is_of_numbers() {
        true => "mean width",
        false => "labels in a set",
    };
    let promised = format!("held, of {}", coverage.confidence);
    table.set_header(["rows", promised.as_str(), "the promise within", size]);
    let mut row = |rows: String, test, holds, size: Option<f64>| {
        let size = size.map_or_else(|| "without end".to_owned(), |size| format!("{size:.4}"));
        let holds = if holds { "yes" } else { "no" };
        table.add_row([rows, interval(test), holds.to_owned(), size]);
    };
    row(
        "all".to_owned(),
        coverage.test,
        coverage.holds,
        coverage.size,
    );
    for group in &coverage.groups {
        let by = coverage.by.as_deref().unwrap_or_default();
        let value = group.value.as_deref().unwrap_or("others");
        let rows = format!("{by} = {value}, {}", grouped(group.rows));
        row(rows, group.test, group.holds, group.size);
    }
    if coverage.says_nothing {
        table.add_row([
            "warning",
            "every answer holds everything, so that the promise says nothing",
        ]);
    }
    table
}

fn findings(report: &StudyReport) -> comfy_table::Table {
    let mut table = table(width());
    for finding in &report.findings {
        let level = match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Info => "note",
        };
        table.add_row([level, &finding.check, &finding.message]);
    }
    table
}

fn slices(report: &StudyReport) -> comfy_table::Table {
    let measures = Measure::of_task(report.task);
    let mut table = table(width());
    let head = ["input", "value", "rows"].into_iter();
    table.set_header(head.chain(measures.iter().map(|measure| measure.title())));
    let value = |slice: &Slice, measure: &Measure| {
        let found = slice.measures.iter().find(|one| one.measure == *measure);
        found.map_or_else(
            || "–".to_owned(),
            |one| format!("{:.4}", one.estimate.value),
        )
    };
    for slice in &report.slices {
        let group = slice.value.clone().unwrap_or_else(|| "missing".to_owned());
        let cells = [slice.input.clone(), group, grouped(slice.rows)].into_iter();
        table.add_row(cells.chain(measures.iter().map(|measure| value(slice, measure))));
    }
    table
}

fn gates(report: &StudyReport) -> comfy_table::Table {
    let mut table = table(width());
    table.set_header(["gate", "found", "least", "greatest", ""]);
    let bound = |bound: Option<f64>| bound.map_or_else(String::new, |bound| bound.to_string());
    for gate in &report.gates {
        let verdict = if gate.passed { "passed" } else { "failed" };
        table.add_row([
            gate.gate.clone(),
            match gate.is_count() {
                true => gate.found.to_string(),
                false => format!("{:.4}", gate.found),
            },
            bound(gate.min),
            bound(gate.max),
            verdict.to_owned(),
        ]);
    }
    table
}

pub(super) fn interval(estimate: Estimate) -> String {
    format!(
        "{:.4}  ({:.4} … {:.4})",
        estimate.value, estimate.low, estimate.high
    )
}
