//! A file of this machine with what errors call it: its path, or the address that it was fetched from.

use std::path::{Path, PathBuf};

/// A file to be read; its extension says which format it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFile {
    path: PathBuf,
    name: String,
}

impl TableFile {
    /// A file that errors call by its path.
    pub fn new(path: PathBuf) -> Self {
        let name = path.display().to_string();
        Self { path, name }
    }

    /// A copy of what lies elsewhere, which errors call by its name there.
    pub fn copy_of(name: &str, path: PathBuf) -> Self {
        let name = name.to_owned();
        Self { path, name }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What errors call it.
    pub fn name(&self) -> &str {
        &self.name
    }
}
