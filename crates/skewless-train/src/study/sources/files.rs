//! The files of a source: names with `*` and `?` resolved, digests.

use std::path::Path;

use skewless_core::{Error, Result};
use skewless_table::TableFile;

use super::address::{Address, shown};
use super::remote::Depot;
use crate::data::{SourceFile, file_digest};
use crate::recipe::unreadable;

/// A file of a table.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// What report and digests call it: its path as it is written, or its address.
    pub(super) name: String,
    pub(super) file: TableFile,
    /// SHA-256 and size, where fetching has told them.
    pub(super) known: Option<(String, u64)>,
}

/// The files that a source's patterns name, in the order of the patterns, those of one pattern in byte order.
///
/// # Errors
/// `source.no_files` for a pattern that nothing matches, `source.file_twice`, `train.unreadable` for a folder; of addresses
/// as [`Depot::files`].
pub(super) fn files(
    source: &str,
    folder: &Path,
    patterns: &[String],
    depot: &mut Depot,
) -> Result<Vec<Found>> {
    let mut all: Vec<Found> = Vec::new();
    for pattern in patterns {
        let found = match Address::parse(pattern)? {
            Some(address) => depot.files(&address)?,
            None => local(folder, pattern)?,
        };
        if found.is_empty() {
            let shown = shown(pattern);
            let message = format!("source `{source}`: no file is named like `{shown}`");
            return Err(Error::input("source.no_files", message).with_value(&shown));
        }
        for file in found {
            if all.iter().any(|known| known.is(&file)) {
                let name = &file.name;
                let message = format!("source `{source}`: `{name}` stands twice");
                return Err(Error::input("source.file_twice", message).with_value(name));
            }
            all.push(file);
        }
    }
    Ok(all)
}

impl Found {
    fn local(folder: &Path, path: String) -> Self {
        Self {
            file: TableFile::new(folder.join(&path)),
            name: path,
            known: None,
        }
    }

    /// Whether it is the same file. Addresses that differ in what is not shown have the same name, and other bytes.
    fn is(&self, other: &Self) -> bool {
        self.name == other.name && self.file == other.file
    }
}

/// The files of this machine that a pattern names.
fn local(folder: &Path, pattern: &str) -> Result<Vec<Found>> {
    let paths = paths(folder, pattern)?;
    let found = paths.into_iter().map(|path| Found::local(folder, path));
    Ok(found.collect())
}

fn paths(folder: &Path, pattern: &str) -> Result<Vec<String>> {
    let mut found = vec![String::new()];
    let is_absolute = pattern.starts_with('/');
    let is_deep = pattern.split('/').any(|part| part == "**");
    for (place, part) in pattern.split('/').enumerate() {
        let mut next = Vec::new();
        for path in &found {
            let joined = |name: &str| match path.is_empty() && (place == 0 || !is_absolute) {
                true => name.to_owned(),
                false => format!("{path}/{name}"),
            };
            if part == "**" {
                next.push(path.clone());
                next.extend(below(folder, path)?);
                continue;
            }
            if !part.contains(['*', '?']) {
                let named = joined(part);
                // Of the folders that `**` stands for, few have what is named behind it.
                if !is_deep || folder.join(&named).exists() {
                    next.push(named);
                }
                continue;
            }
            next.extend(
                names(&folder.join(path), part)?
                    .iter()
                    .map(|name| joined(name)),
            );
        }
        found = next;
    }
    if pattern.contains(['*', '?']) {
        found.retain(|path| folder.join(path).is_file());
    }
    found.sort_unstable();
    // A folder is reached by `**` in more than one way where two stand in a pattern.
    found.dedup();
    Ok(found)
}

/// All folders below one, of any depth; links are not followed, and names that begin with a dot are left out.
fn below(folder: &Path, path: &str) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for name in names(&folder.join(path), "*")? {
        let inner = match path.is_empty() {
            true => name,
            false => format!("{path}/{name}"),
        };
        let is_folder =
            std::fs::symlink_metadata(folder.join(&inner)).is_ok_and(|meta| meta.is_dir());
        if is_folder {
            all.extend(below(folder, &inner)?);
            all.push(inner);
        }
    }
    Ok(all)
}

/// Names in a folder that the pattern fits; those that begin with a dot are left to patterns that do.
fn names(folder: &Path, pattern: &str) -> Result<Vec<String>> {
    // A configuration in the working folder has the empty path as its folder, which cannot be listed.
    let listed = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let listed = match std::fs::read_dir(listed) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, error)),
    };
    let mut names = Vec::new();
    for entry in listed {
        let entry = entry.map_err(|error| unreadable(folder, error))?;
        if let Ok(name) = entry.file_name().into_string()
            && (pattern.starts_with('.') || !name.starts_with('.'))
            && fits(pattern.as_bytes(), name.as_bytes())
        {
            names.push(name);
        }
    }
    Ok(names)
}

/// Whether `*`, any bytes, and `?`, one character, make the name of the pattern.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            fits(rest, name)
                || name
                    .split_first()
                    .is_some_and(|(_, name)| fits(pattern, name))
        }
        (Some((b'?', rest)), Some((_, name))) => {
            let more = name.iter().take_while(|&&byte| byte & 0xc0 == 0x80).count();
            fits(rest, name.get(more..).unwrap_or_default())
        }
        (Some((a, rest)), Some((b, name))) => a == b && fits(rest, name),
        _ => false,
    }
}

/// Whether a pattern fits a key of an object, both in parts: as in folders `**` stands for parts before the last, also for
/// none, and names that begin with a dot are left to patterns that do.
#[cfg(any(feature = "remote", test))]
pub(super) fn fits_key(pattern: &[&str], key: &[&str]) -> bool {
    match (pattern.split_first(), key.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), Some((name, below))) => {
            let is_folder = !below.is_empty() && !name.starts_with('.');
            fits_key(rest, key) || (is_folder && fits_key(pattern, below))
        }
        (Some((part, rest)), Some((name, below))) => {
            (part.starts_with('.') || !name.starts_with('.'))
                && fits(part.as_bytes(), name.as_bytes())
                && fits_key(rest, below)
        }
        _ => false,
    }
}

/// The facts of a file but its rows, read piece by piece where they are not known.
///
/// # Errors
/// `train.unreadable`.
pub(super) fn source_file(found: &Found) -> Result<SourceFile> {
    if let Some((sha256, bytes)) = found.known.clone() {
        return Ok(SourceFile {
            path: found.name.clone(),
            sha256,
            bytes,
            rows: 0,
        });
    }
    let path = found.file.path();
    let (sha256, bytes) = file_digest(path).map_err(|error| unreadable(path, error))?;
    Ok(SourceFile {
        path: found.name.clone(),
        sha256,
        bytes,
        rows: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_names() {
        for (pattern, name, is) in [
            ("*", "", true),
            ("a*.csv", "a.csv", true),
            ("a*.csv", "a-1.csv", true),
            ("a*.csv", "b.csv", false),
            ("?.csv", "é.csv", true),
            ("?.csv", "ab.csv", false),
            ("*a*b", "xaxxb", true),
            ("a", "ab", false),
        ] {
            assert_eq!(
                fits(pattern.as_bytes(), name.as_bytes()),
                is,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn keys_fit_as_paths_do() {
        for (pattern, key, is) in [
            ("a/*.csv", "a/1.csv", true),
            ("a/*.csv", "a/b/1.csv", false),
            ("a/*.csv", "b/1.csv", false),
            ("a/*.csv", "a/.1.csv", false),
            ("a/.*.csv", "a/.1.csv", true),
            ("**/*.csv", "1.csv", true),
            ("**/*.csv", "a/b/1.csv", true),
            ("**/*.csv", "a/.b/1.csv", false),
            ("a/**/b/?.csv", "a/b/1.csv", true),
            ("a/**/b/?.csv", "a/x/b/1.csv", true),
            ("a/**/b/?.csv", "a/b/x/1.csv", false),
            ("a/**", "a/1.csv", false),
            ("day=*/x.csv", "day=1/x.csv", true),
        ] {
            let [pattern_parts, parts] =
                [pattern, key].map(|text| text.split('/').collect::<Vec<_>>());
            assert_eq!(fits_key(&pattern_parts, &parts), is, "{pattern} {key}");
        }
    }

    #[test]
    fn files_come_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b/2.csv", "b/10.csv", "a/1.csv", "a/.hidden.csv", "c.csv"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let of = |patterns: &[&str]| -> Result<Vec<String>> {
            let patterns: Vec<String> = patterns.iter().map(|&one| one.to_owned()).collect();
            let found = files("s", folder.path(), &patterns, &mut Depot::new(None))?;
            Ok(found.into_iter().map(|one| one.name).collect())
        };
        assert_eq!(
            of(&["c.csv", "*/*.csv"]).unwrap(),
            ["c.csv", "a/1.csv", "b/10.csv", "b/2.csv"]
        );
        assert_eq!(
            of(&["**/*.csv"]).unwrap(),
            ["a/1.csv", "b/10.csv", "b/2.csv", "c.csv"]
        );
        assert_eq!(of(&["**/b/**/1*.csv"]).unwrap(), ["b/10.csv"]);
        let absolute = format!("{}/**/1.csv", folder.path().display());
        assert_eq!(
            of(&[&absolute]).unwrap(),
            [format!("{}/a/1.csv", folder.path().display())]
        );
        assert_eq!(of(&["*.parquet"]).unwrap_err().code(), "source.no_files");
        assert_eq!(
            of(&["c.csv", "?.csv"]).unwrap_err().code(),
            "source.file_twice"
        );
        let one = Found::local(folder.path(), "c.csv".to_owned());
        let one = source_file(&one).unwrap();
        assert_eq!(
            (one.bytes, one.sha256),
            (1, skewless_core::digest::sha256_hex(b"x"))
        );
    }
}
