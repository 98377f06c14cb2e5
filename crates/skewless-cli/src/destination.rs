//! Where output goes: standard output, or a file that appears only when it is complete.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::NamedTempFile;

/// An open output.
pub(crate) enum Destination {
    Stdout(io::Stdout),
    /// Written beside its place and renamed at the end; dropped before that, it leaves nothing behind.
    File {
        partial: NamedTempFile,
        path: PathBuf,
    },
    /// A pipe or a device, which must not be replaced by a file.
    Special(std::fs::File),
}

impl Destination {
    /// Standard output for no path and for `-`.
    pub(crate) fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        match path {
            None => Ok(Self::Stdout(io::stdout())),
            Some(path) if path.as_os_str() == "-" => Ok(Self::Stdout(io::stdout())),
            Some(path) => Self::open_file(path).with_context(|| cannot_write(path)),
        }
    }

    fn open_file(path: &Path) -> io::Result<Self> {
        if std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            return std::fs::OpenOptions::new()
                .write(true)
                .open(path)
                .map(Self::Special);
        }
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let mut partial = tempfile::Builder::new();
        partial.prefix(".skewless-").suffix(".partial");
        readable_by_umask(&mut partial);
        let partial = partial.tempfile_in(folder.unwrap_or(Path::new(".")))?;
        Ok(Self::File {
            partial,
            path: path.to_owned(),
        })
    }

    /// Puts the file in its place once it is on the disk and holds `bytes`; a pipe or a device is not read back.
    #[cfg(feature = "train")]
    pub(crate) fn keep_verified(mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.flush()?;
        if let Self::File { partial, path } = &self {
            partial.as_file().sync_all()?;
            anyhow::ensure!(
                std::fs::read(partial.path())? == bytes,
                "`{}` does not hold what was written",
                path.display()
            );
        }
        self.keep()
    }

    /// Puts the complete file in its place.
    pub(crate) fn keep(mut self) -> anyhow::Result<()> {
        self.flush()?;
        match self {
            Self::Stdout(_) | Self::Special(_) => Ok(()),
            Self::File { partial, path } => {
                partial
                    .persist(&path)
                    .map_err(|error| error.error)
                    .with_context(|| cannot_write(&path))?;
                Ok(())
            }
        }
    }
}

fn cannot_write(path: &Path) -> String {
    format!("`{}` cannot be written", path.display())
}

/// Temporary files are private by default; this one becomes the user's output.
#[cfg(unix)]
fn readable_by_umask(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn readable_by_umask(_: &mut tempfile::Builder<'_, '_>) {}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::File { partial, .. } => partial.write(bytes),
            Self::Special(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File { partial, .. } => partial.flush(),
            Self::Special(file) => file.flush(),
        }
    }
}

/// Writes text to standard output.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_complete_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let mut dropped = Destination::open(Some(&path)).unwrap();
        dropped.write_all(b"half").unwrap();
        drop(dropped);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut kept = Destination::open(Some(&path)).unwrap();
        kept.write_all(b"whole").unwrap();
        assert!(!path.exists());
        kept.keep().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = Destination::open(Some(Path::new("no-such-folder/out.csv")))
            .err()
            .unwrap();
        assert!(
            error.to_string().contains("no-such-folder/out.csv"),
            "{error}"
        );
    }
}
