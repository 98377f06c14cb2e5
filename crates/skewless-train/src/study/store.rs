//! Results of earlier runs, one file each under the digest of everything that decides them, so that a run that was killed
//! goes on where it stopped.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use skewless_core::{Error, Result};

use super::data::digest;

/// What a candidate predicts for the validation rows of one fold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// As many values a row as the task has, or raw scores where quantiles stand beside them, in the order of the rows.
    pub(crate) values: Vec<f64>,
    /// Seconds of fitting and predicting. Nothing that is compared or digested depends on it.
    pub(crate) seconds: f64,
}

/// The file of a result.
#[derive(Serialize, Deserialize)]
struct Entry {
    key: String,
    outcome: Outcome,
    sha256: String,
}

/// A folder of results; without a folder nothing is kept.
pub(crate) struct Store {
    folder: Option<PathBuf>,
}

impl Store {
    /// Makes the folder where it is not there.
    ///
    /// # Errors
    /// `train.unwritable`.
    pub(crate) fn open(folder: Option<&Path>) -> Result<Self> {
        let Some(folder) = folder else {
            return Ok(Self { folder: None });
        };
        Ok(Self {
            folder: Some(self::folder(folder, "results")?),
        })
    }

    /// A result that is whole; anything else counts as not there and is made again.
    pub(crate) fn get(&self, key: &str, values: usize) -> Option<Outcome> {
        let text = std::fs::read_to_string(self.path(key)?).ok()?;
        let entry: Entry = serde_json::from_str(&text).ok()?;
        let is_whole = entry.key == key
            && entry.outcome.values.len() == values
            && entry.sha256 == digest(&entry.outcome);
        is_whole.then_some(entry.outcome)
    }

    /// Keeps a result: written beside its place, flushed to the disk, then renamed, so that a kill leaves all or nothing.
    ///
    /// # Errors
    /// `train.unwritable`, as on a full disk.
    pub(crate) fn put(&self, key: &str, outcome: &Outcome) -> Result<()> {
        let (Some(folder), Some(path)) = (&self.folder, self.path(key)) else {
            return Ok(());
        };
        let entry = Entry {
            key: key.to_owned(),
            sha256: digest(outcome),
            outcome: outcome.clone(),
        };
        let text = serde_json::to_string(&entry).unwrap_or_default();
        let write = || {
            let mut partial = tempfile::Builder::new()
                .suffix(".partial")
                .tempfile_in(folder)?;
            partial.write_all(text.as_bytes())?;
            partial.as_file().sync_all()?;
            partial.persist(&path).map_err(|error| error.error)
        };
        write().map(drop).map_err(|error| unwritable(&path, error))
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(format!("{key}.json")))
    }
}

/// A folder of a store, which is out of sight of Git, made where it is not there.
///
/// # Errors
/// `train.unwritable`.
pub(crate) fn folder(store: &Path, name: &str) -> Result<PathBuf> {
    let folder = store.join(name);
    std::fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, error))?;
    let ignore = store.join(".gitignore");
    if !ignore.exists() {
        std::fs::write(&ignore, "*\n").map_err(|error| unwritable(&ignore, error))?;
    }
    Ok(folder)
}

pub(crate) fn unwritable(path: &Path, error: std::io::Error) -> Error {
    let message = format!("`{}` cannot be written", path.display());
    Error::input("train.unwritable", message).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_whole_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Some(folder.path())).unwrap();
        let outcome = Outcome {
            values: vec![0.1, 1.0 / 3.0, -2.5e-300],
            seconds: 0.25,
        };
        store.put("a", &outcome).unwrap();
        assert_eq!(store.get("a", 3), Some(outcome));
        assert_eq!(store.get("a", 2), None);
        assert_eq!(store.get("b", 3), None);
        let path = store.path("a").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("0.1", "0.2")).unwrap();
        assert_eq!(store.get("a", 3), None);
        std::fs::write(&path, &text[..text.len() / 2]).unwrap();
        assert_eq!(store.get("a", 3), None);
    }

    #[test]
    fn without_a_folder_nothing_is_kept() {
        let store = Store::open(None).unwrap();
        let outcome = Outcome {
            values: vec![1.0],
            seconds: 0.0,
        };
        store.put("a", &outcome).unwrap();
        assert_eq!(store.get("a", 1), None);
    }
}
