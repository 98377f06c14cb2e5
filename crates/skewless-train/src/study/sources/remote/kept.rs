//! Copies in a folder: bytes under their own digest, and beside them which version of which address they are.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use skewless_core::Result;
use skewless_core::digest::{hex, sha256_hex};
use skewless_table::Format;
use tempfile::{NamedTempFile, TempDir};

use crate::data::file_digest;
use crate::study::store::{self, unwritable};

/// A folder of copies.
pub(super) struct Kept {
    folder: PathBuf,
    /// Where nothing outlasts the study.
    _temporary: Option<TempDir>,
}

/// What a file of elsewhere is to be kept as.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Where it lies, with everything that is not shown.
    pub(super) address: &'a str,
    /// What errors and reports call it.
    pub(super) name: &'a str,
    pub(super) format: Format,
}

/// A copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// What reports call the address.
    pub(super) name: String,
    pub(super) version: Version,
    /// SHA-256 of the bytes.
    pub(super) sha256: String,
    pub(super) bytes: u64,
    /// Name of the copy.
    file: String,
}

/// By what one tells that an address has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    /// The entity tag.
    pub(super) e_tag: Option<String>,
    /// The time of the last change, as it was told.
    pub(super) changed: Option<String>,
    /// In bytes.
    pub(super) size: Option<u64>,
}

impl Kept {
    /// `objects` in the store, or a folder that goes away.
    ///
    /// # Errors
    /// `train.unwritable`
    pub(super) fn open(store: Option<&Path>) -> Result<Self> {
        let Some(store) = store else {
            let temporary = tempfile::tempdir();
            let temporary = temporary.map_err(|error| unwritable(&std::env::temp_dir(), error))?;
            return Ok(Self {
                folder: temporary.path().to_owned(),
                _temporary: Some(temporary),
            });
        };
        Ok(Self {
            folder: store::folder(store, "objects")?,
            _temporary: None,
        })
    }

    /// Where a copy lies.
    pub(super) fn path(&self, entry: &Entry) -> PathBuf {
        self.folder.join(&entry.file)
    }

    /// The newest copy of an address; one that is not whole counts as not there.
    pub(super) fn find(&self, wanted: Wanted<'_>) -> Option<Entry> {
        let text = std::fs::read_to_string(self.note(wanted)).ok()?;
        let entry: Entry = serde_json::from_str(&text).ok()?;
        let is_ours = entry.file == file_name(&entry.sha256, wanted.format);
        let is_whole =
            || file_digest(&self.path(&entry)).is_ok_and(|(digest, _)| digest == entry.sha256);
        (is_ours && is_whole()).then_some(entry)
    }

    /// Begins a copy, which is nowhere before it is kept.
    ///
    /// # Errors
    /// `train.unwritable`
    pub(super) fn begin(&self) -> Result<Copying> {
        Ok(Copying {
            folder: self.folder.clone(),
            file: partial(&self.folder)?,
            hasher: Sha256::new(),
            bytes: 0,
        })
    }

    /// Keeps a copy: flushed to the disk, then named, so that a kill leaves all of it or nothing.
    ///
    /// # Errors
    /// `train.unwritable`
    pub(super) fn keep(
        &self,
        copying: Copying,
        wanted: Wanted<'_>,
        version: Version,
    ) -> Result<Entry> {
        let sha256 = hex(&copying.hasher.finalize());
        let entry = Entry {
            name: wanted.name.to_owned(),
            version,
            bytes: copying.bytes,
            file: file_name(&sha256, wanted.format),
            sha256,
        };
        persist(copying.file, &self.path(&entry))?;
        let mut note = partial(&self.folder)?;
        let text = serde_json::to_string_pretty(&entry).unwrap_or_default();
        let written = note.write_all(text.as_bytes());
        written.map_err(|error| unwritable(&self.folder, error))?;
        persist(note, &self.note(wanted))?;
        Ok(entry)
    }

    /// Where it stands which copy an address has. An address may hold a signature, so that its digest is the name.
    fn note(&self, wanted: Wanted<'_>) -> PathBuf {
        let name = format!("{}.json", sha256_hex(wanted.address.as_bytes()));
        self.folder.join(name)
    }
}

/// A copy under way.
pub(super) struct Copying {
    folder: PathBuf,
    file: NamedTempFile,
    hasher: Sha256,
    bytes: u64,
}

impl Copying {
    /// Appends what has come.
    ///
    /// # Errors
    /// `train.unwritable`
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<()> {
        self.hasher.update(piece);
        self.bytes += piece.len() as u64;
        let written = self.file.write_all(piece);
        written.map_err(|error| unwritable(&self.folder, error))
    }
}

fn file_name(sha256: &str, format: Format) -> String {
    format!("{sha256}.{}", format.name())
}

fn partial(folder: &Path) -> Result<NamedTempFile> {
    let made = tempfile::Builder::new()
        .suffix(".partial")
        .tempfile_in(folder);
    made.map_err(|error| unwritable(folder, error))
}

fn persist(file: NamedTempFile, path: &Path) -> Result<()> {
    let flushed = file.as_file().sync_all();
    flushed.map_err(|error| unwritable(path, error))?;
    let kept = file.persist(path);
    kept.map(drop)
        .map_err(|error| unwritable(path, error.error))
}
