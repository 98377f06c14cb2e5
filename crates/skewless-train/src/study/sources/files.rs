//! The files of a source: names with `*` and `?` resolved, digests.

use std::io::Read;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use skewless_core::{Error, Result};

use crate::data::SourceFile;
use crate::recipe::unreadable;

/// The files that a source's patterns name, in the order of the patterns, those of one pattern in byte order.
///
/// # Errors
/// `source.no_files` for a pattern that nothing matches, `source.file_twice`, `train.unreadable` for a folder.
pub(super) fn files(source: &str, folder: &Path, patterns: &[String]) -> Result<Vec<String>> {
    let mut all: Vec<String> = Vec::new();
    for pattern in patterns {
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
        if found.is_empty() {
            let message = format!("source `{source}`: no file is named like `{pattern}`");
            return Err(Error::input("source.no_files", message).with_value(pattern));
        }
        for path in found {
            if all.contains(&path) {
                let message = format!("source `{source}`: `{path}` stands twice");
                return Err(Error::input("source.file_twice", message).with_value(&path));
            }
            all.push(path);
        }
    }
    Ok(all)
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

/// The facts of a file but its rows, read piece by piece.
///
/// # Errors
/// `train.unreadable`.
pub(super) fn source_file(folder: &Path, path: &str) -> Result<SourceFile> {
    let full = folder.join(path);
    let read = || -> std::io::Result<([u8; 32], u64)> {
        let mut file = std::fs::File::open(&full)?;
        let (mut hasher, mut bytes) = (Sha256::new(), 0);
        let mut piece = vec![0; 1 << 16];
        loop {
            let read = file.read(&mut piece)?;
            if read == 0 {
                return Ok((hasher.finalize().into(), bytes));
            }
            hasher.update(piece.get(..read).unwrap_or_default());
            bytes += read as u64;
        }
    };
    let (digest, bytes) = read().map_err(|error| unreadable(&full, error))?;
    Ok(SourceFile {
        path: path.to_owned(),
        sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
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
    fn files_come_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b/2.csv", "b/10.csv", "a/1.csv", "a/.hidden.csv", "c.csv"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let of = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(|&one| one.to_owned()).collect();
            files("s", folder.path(), &patterns)
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
        let one = source_file(folder.path(), "c.csv").unwrap();
        assert_eq!(
            (one.bytes, one.sha256),
            (1, skewless_core::digest::sha256_hex(b"x"))
        );
    }
}
