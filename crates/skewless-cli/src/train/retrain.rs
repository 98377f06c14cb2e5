//! `skewless retrain`: the study on the data as they are now, held against the bundle in use.

use std::path::{Path, PathBuf};

use skewless_core::Error;
use skewless_train::plural::counted;
use skewless_train::study::report::Measured;
use skewless_train::study::retrain::{Decision, Verdict};
use skewless_train::study::{Retrained, Retraining, is_study, retrain};

use super::{progress, put, real, study};
use crate::args::RetrainArgs;
use crate::destination::print;
use crate::exit::{InBundle, Outcome};
use crate::inspect::{grouped, section, table, width};
use crate::records::Recording;

pub(crate) fn run(args: &RetrainArgs) -> anyhow::Result<Outcome> {
    let mut recording = Recording::begin(&args.run)?;
    let outcome = retrained(args, recording.as_mut());
    if let Some(recording) = recording {
        recording.end(outcome.as_ref().err());
    }
    outcome
}

fn retrained(args: &RetrainArgs, mut recording: Option<&mut Recording>) -> anyhow::Result<Outcome> {
    let config = &args.run.config;
    if std::fs::read_to_string(config).is_ok_and(|text| !is_study(&text)) {
        let message = format!("`{}` has no [[experiment]]", config.display());
        return Err(Error::input("unsupported.retrain", message).into());
    }
    let champion = std::fs::read(&args.champion).map_err(|cause| {
        let message = format!("`{}` cannot be read", args.champion.display());
        Error::input("train.unreadable", message).with_source(cause)
    })?;
    let folder = folder(args);
    can_hold_challenger(&folder, &args.champion)?;
    let options = study::options(&args.run)?;
    let retraining = Retraining {
        champion: &champion,
        version: args.set_version.clone(),
        changed: args.changed,
    };
    let mut watching = Recording::watching(recording.as_deref_mut(), progress::on_stderr());
    let retrained = retrain(config, &retraining, &options, &mut watching);
    let retrained = retrained.map_err(|error| of_champion(error, &args.champion))?;
    study::keep_timings(&options, &retrained.studied)?;
    let written = write(&folder, &retrained)?;
    let Retrained { studied, verdict } = &retrained;
    if let Some(recording) = recording {
        recording.study(&studied.report, &written);
    }
    if args.json {
        print(&format!("{}\n", serde_json::to_string_pretty(verdict)?))?;
    } else {
        print(&text(verdict, &written))?;
    }
    Ok(match studied.bundle {
        Some(_) => Outcome::Done,
        None => Outcome::SomeFailed,
    })
}

/// Errors of a bundle can only be the champion's.
fn of_champion(error: Error, champion: &Path) -> anyhow::Error {
    let is_bundles = error.code().starts_with("bundle.");
    let error = anyhow::Error::from(error);
    if is_bundles {
        return error.context(InBundle(champion.to_owned()));
    }
    error
}

/// Where the challenger and what is told of it go.
fn folder(args: &RetrainArgs) -> PathBuf {
    let config = &args.run.config;
    let beside = || config.parent().unwrap_or(Path::new("")).join("challenger");
    args.output.clone().unwrap_or_else(beside)
}

/// Refuses, before anything is trained, what cannot be a folder, and one in which the champion lies: it is never touched.
fn can_hold_challenger(folder: &Path, champion: &Path) -> anyhow::Result<()> {
    let refused = |why: &str| {
        let message = format!("`{}` {why}", folder.display());
        Err(Error::input("train.unwritable", message).into())
    };
    if folder.exists() && !folder.is_dir() {
        return refused("is no folder, and the challenger goes to one");
    }
    let champion = real(champion);
    let lies_in = champion.as_deref().and_then(Path::parent);
    if lies_in.is_some() && lies_in == real(folder).as_deref() {
        return refused("is where the champion lies; give the challenger another folder by `-o`");
    }
    Ok(())
}

/// Writes everything to the folder, the verdict last: who sees it finds the rest, and nothing of an earlier run.
fn write(folder: &Path, retrained: &Retrained) -> anyhow::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder).map_err(|cause| {
        let message = format!("`{}` cannot be made", folder.display());
        Error::input("train.unwritable", message).with_source(cause)
    })?;
    let Retrained { studied, verdict } = retrained;
    let challenger = format!("{}.skw", studied.report.name);
    for name in ["verdict.json", "card.md", &challenger] {
        let path = folder.join(name);
        match std::fs::remove_file(&path) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                let message = format!("`{}` of an earlier run cannot be removed", path.display());
                return Err(Error::input("train.unwritable", message)
                    .with_source(cause)
                    .into());
            }
            _ => {}
        }
    }
    let mut files = vec![(
        "report.json".to_owned(),
        serde_json::to_vec_pretty(&studied.report)?,
    )];
    if let Some(bundle) = &studied.bundle {
        files.push(("card.md".to_owned(), studied.card.clone().into_bytes()));
        files.push((challenger, bundle.clone()));
    }
    files.push((
        "verdict.json".to_owned(),
        serde_json::to_vec_pretty(verdict)?,
    ));
    let mut written = Vec::new();
    for (name, bytes) in files {
        let path = folder.join(name);
        put(&path, &bytes)?;
        written.push(path);
    }
    Ok(written)
}

fn text(verdict: &Verdict, written: &[PathBuf]) -> String {
    let (decision, meaning) = match verdict.decision {
        Decision::Promote => ("promote", "the challenger takes the champion's place"),
        Decision::Keep => ("keep", "the champion stays"),
    };
    let mut facts = table(width());
    facts.add_row(["decision", &format!("{decision}: {meaning}")]);
    facts.add_row(["because", &verdict.reasons.join("; ")]);
    let sides = [
        ("champion", &verdict.champion),
        ("challenger", &verdict.challenger),
    ];
    for (name, side) in sides {
        let digest = if side.digest.is_empty() {
            "no bundle"
        } else {
            &side.digest
        };
        facts.add_row([name, &format!("{} {}, {digest}", side.name, side.version)]);
    }
    facts.add_row(["test", &window(verdict)]);
    let files: Vec<String> = written
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    facts.add_row(["written", &files.join(", ")]);
    let mut measures = table(width());
    measures.set_header(["measure", "champion", "challenger", "gain"]);
    let cell = |of: &[Measured], place: usize| {
        of.get(place)
            .map_or_else(String::new, |one| study::interval(one.estimate))
    };
    for (place, gain) in verdict.gains.iter().enumerate() {
        measures.add_row([
            gain.measure.title().to_owned(),
            cell(&verdict.champion.measures, place),
            cell(&verdict.challenger.measures, place),
            study::interval(gain.estimate),
        ]);
    }
    [
        section(&verdict.challenger.name, &facts),
        section("Both on the same test rows", &measures),
    ]
    .join("\n")
}

fn window(verdict: &Verdict) -> String {
    let window = &verdict.window;
    let mut text = counted(window.rows, "row");
    if let (Some(from), Some(to)) = (&window.from, &window.to) {
        text += &format!(" from {from} to {to}");
    }
    if verdict.champion.refused > 0 {
        text += &format!(
            ", of which the champion refuses {}",
            grouped(verdict.champion.refused)
        );
    }
    text
}
