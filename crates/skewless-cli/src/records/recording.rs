//! The record of a run under way: begun before training, ended with what came of it.

use std::io::Write;
use std::path::{Path, PathBuf};

use skewless_core::digest::sha256_hex;
use skewless_core::{Error, Result};
use skewless_train::progress::{Opening, Progress};
use skewless_train::study::StudyReport;
use skewless_train::{Report, SourceFile};

use super::{
    Artefact, Direction, FILE, Run, STORE, Status, database, facts, instant, lineage, mlflow,
};
use crate::args::TrainingRunArgs;
use crate::exit::sentence;

/// A run that is recorded; where it cannot be, a warning says so, and training does not depend on it.
pub(crate) struct Recording {
    run: Run,
    /// None where nothing is kept, or the first write failed.
    database: Option<PathBuf>,
    lineage: Option<PathBuf>,
    mlflow: Option<mlflow::Server>,
    /// Folder of the configuration.
    folder: PathBuf,
}

impl Recording {
    /// Begins a record; none where the configuration cannot be read or nothing is to be kept.
    ///
    /// # Errors
    /// Before any work is done, `train.unwritable` where the lineage events cannot be appended, and `config.invalid_value`
    /// for what is no address of an MLflow server.
    pub(crate) fn begin(args: &TrainingRunArgs) -> Result<Option<Self>> {
        let mlflow = args
            .mlflow
            .as_deref()
            .map(mlflow::Server::new)
            .transpose()?;
        if args.no_store && args.openlineage.is_none() && mlflow.is_none() {
            return Ok(None);
        }
        let Ok(bytes) = std::fs::read(&args.config) else {
            return Ok(None);
        };
        let folder = args.config.parent().unwrap_or(Path::new("")).to_owned();
        let store = args.store.clone().unwrap_or_else(|| folder.join(STORE));
        let mut recording = Self {
            run: begun(&args.config, &bytes)?,
            database: (!args.no_store).then(|| store.join(FILE)),
            lineage: args.openlineage.clone(),
            mlflow,
            folder,
        };
        if let Some(path) = &recording.lineage {
            lineage::append(path, &recording.run, &recording.folder)?;
        }
        recording.save();
        Ok(Some(recording))
    }

    /// Takes over what a study found and the files that it wrote.
    pub(crate) fn study(&mut self, report: &StudyReport, written: &[PathBuf]) {
        facts::study(&mut self.run, report);
        self.run
            .artefacts
            .extend(written.iter().filter_map(|path| output(path)));
    }

    /// Progress that is shown and from which the record learns, as it comes, what a run that fails later would leave unsaid.
    pub(crate) fn watching(recording: Option<&mut Self>, shown: Box<dyn Progress>) -> Watching<'_> {
        Watching { recording, shown }
    }

    /// How many recorded runs of other configurations have measured the test of the same data; none where that is not known.
    pub(crate) fn openings(&self) -> u64 {
        let path = self.database.as_ref();
        path.and_then(|path| database::openings(path, &self.run).ok())
            .unwrap_or_default()
    }

    /// Takes over what trees and baseline gave and the files that were written.
    pub(crate) fn trees(&mut self, report: &Report, written: &[PathBuf]) {
        facts::trees(&mut self.run, report);
        self.run
            .artefacts
            .extend(written.iter().filter_map(|path| output(path)));
    }

    /// Ends the record, with the error where there was one.
    pub(crate) fn end(mut self, error: Option<&anyhow::Error>) {
        self.run.ended = Some(instant::now());
        if let Some(error) = error {
            let mut causes = error.chain();
            let coded = causes.find_map(|cause| cause.downcast_ref::<Error>());
            self.run.status = Status::Error;
            self.run.code = Some(coded.map_or("internal", Error::code).to_owned());
            self.run.message =
                Some(coded.map_or_else(|| error.to_string(), |error| error.message().to_owned()));
        }
        self.save();
        if let Some(path) = &self.lineage
            && let Err(error) = lineage::append(path, &self.run, &self.folder)
        {
            warn(&error);
        }
        if let Some(server) = &self.mlflow
            && let Err(error) = server.send(&self.run)
        {
            warn(&error);
        }
    }

    fn save(&mut self) {
        if let Some(path) = &self.database
            && let Err(error) = database::save(path, &self.run)
        {
            warn(&error);
            self.database = None;
        }
    }
}

/// Progress on its way to the person and to the record.
pub(crate) struct Watching<'a> {
    recording: Option<&'a mut Recording>,
    shown: Box<dyn Progress>,
}

impl Progress for Watching<'_> {
    fn begin(&mut self, step: &str, total: Option<u64>) {
        self.shown.begin(step, total);
    }

    fn advance(&mut self, parts: u64) {
        self.shown.advance(parts);
    }

    fn finish(&mut self, result: &str) {
        self.shown.finish(result);
    }

    fn read(&mut self, files: &[SourceFile]) {
        if let Some(recording) = &mut self.recording {
            facts::read(&mut recording.run, files);
        }
    }

    fn opened(&mut self, opening: &Opening<'_>) {
        if let Some(recording) = &mut self.recording {
            facts::opened(&mut recording.run, opening);
            recording.save();
        }
    }
}

fn warn(error: &Error) {
    // A warning that nobody can see is not worth failing for.
    let _ = writeln!(
        std::io::stderr(),
        "skewless: warning: {}; training does not depend on it",
        sentence(error)
    );
}

fn begun(config: &Path, bytes: &[u8]) -> Result<Run> {
    let table: toml::Table = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| toml::from_str(text).ok())
        .unwrap_or_default();
    let model = |key: &str| table.get("model").and_then(|model| model.get(key));
    let text = |key: &str| model(key).and_then(toml::Value::as_str).map(str::to_owned);
    Ok(Run {
        number: 0,
        id: instant::uuid()?,
        started: instant::now(),
        ended: None,
        status: Status::Running,
        code: None,
        message: None,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        configuration: config.display().to_string(),
        configuration_sha256: sha256_hex(bytes),
        model: text("name"),
        version: text("version"),
        task: text("task"),
        seed: model("seed")
            .and_then(toml::Value::as_integer)
            .and_then(|seed| u64::try_from(seed).ok()),
        data: None,
        winner: None,
        bundle: None,
        candidates: Vec::new(),
        parameters: Vec::new(),
        metrics: Vec::new(),
        gates: Vec::new(),
        artefacts: Vec::new(),
    })
}

/// A file that was written; a pipe or a device is not read back.
fn output(path: &Path) -> Option<Artefact> {
    let bytes = path.is_file().then(|| std::fs::read(path).ok()).flatten()?;
    Some(Artefact {
        direction: Direction::Output,
        path: path.display().to_string(),
        sha256: sha256_hex(&bytes),
        bytes: bytes.len() as u64,
        rows: None,
    })
}
