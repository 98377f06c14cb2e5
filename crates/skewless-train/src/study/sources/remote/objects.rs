//! Objects in S3: listed by a pattern of keys, copied by ranges, each range of the version that was listed.

use std::ops::Range;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt as _};
use skewless_core::{Error, Result};

use super::kept::{Entry, Kept, Version, Wanted};
use super::web::{told, unreachable};
use crate::study::sources::files::fits_key;

/// Bytes of one request, short enough to arrive within the time that the client gives it.
const RANGE: u64 = 4 << 20;
/// Requests of an object that are under way at once.
const AT_ONCE: usize = 2;

/// The objects whose keys a pattern fits, in byte order; a key without `*` and `?` has to be there.
///
/// # Errors
/// `source.not_found` for bucket or object, `source.denied`, `source.unreachable`.
pub(super) async fn list(
    store: &dyn ObjectStore,
    bucket: &str,
    pattern: &str,
) -> Result<Vec<ObjectMeta>> {
    let name = format!("{bucket}/{pattern}");
    let failed = |error: object_store::Error| failure(&name, error);
    if !pattern.contains(['*', '?']) {
        let path = Path::parse(pattern).map_err(|error| failed(error.into()))?;
        return Ok(vec![store.head(&path).await.map_err(failed)?]);
    }
    let parts: Vec<&str> = pattern.split('/').collect();
    let fixed = parts.iter().position(|part| part.contains(['*', '?']));
    let fixed = fixed.unwrap_or_default();
    let prefix = parts.get(..fixed).unwrap_or_default().join("/");
    let prefix = Path::parse(&prefix).map_err(|error| failed(error.into()))?;
    let prefix = (!prefix.as_ref().is_empty()).then_some(&prefix);
    // What lies in deeper folders is not listed where nothing of it can fit.
    let mut found: Vec<ObjectMeta> = match fixed + 1 == parts.len() && parts.last() != Some(&"**") {
        true => {
            store
                .list_with_delimiter(prefix)
                .await
                .map_err(failed)?
                .objects
        }
        false => store.list(prefix).try_collect().await.map_err(failed)?,
    };
    found.retain(|object| {
        let key: Vec<&str> = object.location.as_ref().split('/').collect();
        fits_key(&parts, &key)
    });
    found.sort_unstable_by(|a, b| a.location.as_ref().cmp(b.location.as_ref()));
    Ok(found)
}

/// The copy of an object as it was listed.
///
/// # Errors
/// `source.changed` where it is another one by now, and as [`list`]; `train.unwritable`.
pub(super) async fn copy(
    store: &dyn ObjectStore,
    kept: &Kept,
    listed: &ObjectMeta,
    wanted: Wanted<'_>,
) -> Result<Entry> {
    let version = Version {
        e_tag: listed.e_tag.clone(),
        // In seconds, which listings and heads agree on.
        changed: Some(listed.last_modified.timestamp().to_string()),
        size: Some(listed.size),
    };
    if let Some(entry) = kept.find(wanted).filter(|known| known.version == version) {
        return Ok(entry);
    }
    let mut copying = kept.begin()?;
    let starts = (0..listed.size).step_by(usize::try_from(RANGE).unwrap_or(usize::MAX));
    let ranges = starts.map(|start| start..listed.size.min(start + RANGE));
    let pieces = ranges.map(|range| piece(store, listed, range, wanted.name));
    let mut pieces = stream::iter(pieces).buffered(AT_ONCE);
    while let Some(piece) = pieces.next().await {
        copying.push(&piece?)?;
    }
    drop(pieces);
    kept.keep(copying, wanted, version)
}

async fn piece(
    store: &dyn ObjectStore,
    listed: &ObjectMeta,
    range: Range<u64>,
    name: &str,
) -> Result<bytes::Bytes> {
    let options = GetOptions {
        if_match: listed.e_tag.clone(),
        range: Some(GetRange::Bounded(range.clone())),
        ..GetOptions::default()
    };
    let found = match store.get_opts(&listed.location, options).await {
        // Listed, and gone.
        Err(object_store::Error::NotFound { .. } | object_store::Error::Precondition { .. }) => {
            return Err(changed(name));
        }
        found => found.map_err(|error| failure(name, error))?,
    };
    let is_listed = found.meta.e_tag == listed.e_tag && found.meta.size == listed.size;
    if !is_listed || found.range != range {
        return Err(changed(name));
    }
    found.bytes().await.map_err(|error| failure(name, error))
}

fn changed(name: &str) -> Error {
    let message = format!("`{name}` changed between being listed and being fetched");
    Error::input("source.changed", message).with_value(name)
}

fn failure(name: &str, error: object_store::Error) -> Error {
    use object_store::Error as Cause;
    let why = told(&error);
    // A listing's status stands in its text alone.
    let is = |status: &str| why.contains(&format!("status code: {status} "));
    let (code, what) = match &error {
        Cause::NotFound { .. } => ("source.not_found", "is not there"),
        Cause::PermissionDenied { .. } | Cause::Unauthenticated { .. } => {
            ("source.denied", "may not be read")
        }
        _ if is("404") => ("source.not_found", "is not there"),
        _ if is("401") || is("403") => ("source.denied", "may not be read"),
        _ => return unreachable(name, &why).with_source(error),
    };
    Error::input(code, format!("`{name}` {what}: {why}"))
        .with_value(name)
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;
    use skewless_table::Format;

    use super::*;

    const NAME: &str = "s3://b/a.csv";

    fn done<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(future)
    }

    fn store(keys: &[&str]) -> InMemory {
        let store = InMemory::new();
        for key in keys {
            done(store.put(&Path::parse(key).unwrap(), key.as_bytes().to_vec().into())).unwrap();
        }
        store
    }

    fn wanted() -> Wanted<'static> {
        Wanted {
            address: NAME,
            name: NAME,
            format: Format::Csv,
        }
    }

    #[test]
    fn keys_come_in_byte_order() {
        let store = store(&[
            "b/2.csv", "b/10.csv", "a/1.csv", "a/.h.csv", "c.csv", "c.json",
        ]);
        let of = |pattern: &str| {
            let listed = done(list(&store, "s3://b", pattern)).unwrap();
            let keys = listed.iter().map(|one| one.location.to_string());
            keys.collect::<Vec<_>>()
        };
        assert_eq!(of("**/*.csv"), ["a/1.csv", "b/10.csv", "b/2.csv", "c.csv"]);
        assert_eq!(of("*.csv"), ["c.csv"]);
        assert_eq!(of("b/*.csv"), ["b/10.csv", "b/2.csv"]);
        assert_eq!(of("?/1*.csv"), ["a/1.csv", "b/10.csv"]);
        assert_eq!(of("c.csv"), ["c.csv"]);
        assert!(of("*.parquet").is_empty());
        let error = done(list(&store, "s3://b", "d.csv")).unwrap_err();
        assert_eq!(
            (error.code(), error.value()),
            ("source.not_found", Some("s3://b/d.csv"))
        );
    }

    #[test]
    fn a_copy_is_of_the_version_that_was_listed() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::open(Some(folder.path())).unwrap();
        let store = store(&["a.csv"]);
        let path = Path::parse("a.csv").unwrap();
        let put = |content: &[u8]| done(store.put(&path, content.to_vec().into())).unwrap();
        let listed = || done(list(&store, "s3://b", "a.csv")).unwrap().remove(0);
        let copied = |object: &ObjectMeta| done(copy(&store, &kept, object, wanted()));
        let before = listed();
        // Of several ranges, of none, of one.
        let long: Vec<u8> = (0..3 * RANGE / 2).map(|at| (at % 251) as u8).collect();
        for content in [&long[..], b"", b"x\n1\n"] {
            put(content);
            let entry = copied(&listed()).unwrap();
            assert_eq!(entry.bytes, content.len() as u64);
            assert_eq!(std::fs::read(kept.path(&entry)).unwrap(), content);
        }
        assert_eq!(copied(&before).unwrap_err().code(), "source.changed");
    }

    #[test]
    fn what_is_whole_is_not_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::open(Some(folder.path())).unwrap();
        let store = store(&["a.csv"]);
        let path = Path::parse("a.csv").unwrap();
        let listed = done(list(&store, "s3://b", "a.csv")).unwrap().remove(0);
        let copied = || done(copy(&store, &kept, &listed, wanted()));
        let entry = copied().unwrap();
        let bytes = || std::fs::read(kept.path(&entry)).unwrap();
        std::fs::write(kept.path(&entry), "b.csv").unwrap();
        assert_eq!(copied().unwrap(), entry);
        assert_eq!(bytes(), b"a.csv");
        done(store.delete(&path)).unwrap();
        assert_eq!(copied().unwrap(), entry);
        std::fs::remove_file(kept.path(&entry)).unwrap();
        assert_eq!(copied().unwrap_err().code(), "source.changed");
    }
}
