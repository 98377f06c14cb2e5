//! Addresses in place of paths: objects in S3 and files of the web, and what reports and errors call them.

use std::path::Path;

use skewless_core::{Error, Result};
use skewless_table::Format;

/// A place that is no path of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// The objects of a bucket whose keys the pattern fits; a key stands as it is, without escapes.
    Objects { bucket: String, pattern: String },
    /// One file, asked for as it is written.
    Web(String),
}

impl Address {
    /// The address that a text is; none for a path.
    ///
    /// # Errors
    /// `unsupported.source` for a scheme that nothing here reads, and for `s3://` without bucket or key.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(None);
        };
        match (scheme, rest.split_once('/')) {
            ("s3", Some((bucket, pattern))) if !bucket.is_empty() && !pattern.is_empty() => {
                Ok(Some(Self::Objects {
                    bucket: bucket.to_owned(),
                    pattern: pattern.to_owned(),
                }))
            }
            ("http" | "https", Some((host, _))) if !host.is_empty() => {
                Ok(Some(Self::Web(text.to_owned())))
            }
            _ => {
                let shown = shown(text);
                let message = format!(
                    "`{shown}` is neither a path nor s3://BUCKET/KEY, http://HOST/PATH or https://HOST/PATH"
                );
                Err(Error::unsupported("unsupported.source", message).with_value(&shown))
            }
        }
    }

    /// The format that its extension names.
    ///
    /// # Errors
    /// `table.unknown_format`
    #[cfg_attr(
        not(any(feature = "remote", test)),
        expect(dead_code, reason = "nothing is fetched")
    )]
    pub(super) fn format(&self) -> Result<Format> {
        match self {
            Self::Objects { bucket, pattern } => {
                Format::of_path(Path::new(&format!("s3://{bucket}/{pattern}")))
            }
            Self::Web(address) => Format::of_path(Path::new(&bare(address))),
        }
    }
}

/// What a path or an address is called: credentials and a query, which may be a signature, are nobody's to read.
pub(crate) fn shown(text: &str) -> String {
    match text.contains("://") && !text.starts_with("s3://") {
        true if text.contains('?') => format!("{}?…", bare(text)),
        true => bare(text),
        false => text.to_owned(),
    }
}

/// An address of the web without credentials, query and fragment.
fn bare(address: &str) -> String {
    let end = address.find(['?', '#']).unwrap_or(address.len());
    let (place, _) = address.split_at(end);
    let Some((scheme, rest)) = place.split_once("://") else {
        return place.to_owned();
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_not_shown() {
        for (text, expected) in [
            ("data/a?.csv", "data/a?.csv"),
            ("s3://b/part-?.csv", "s3://b/part-?.csv"),
            ("https://h/a.csv", "https://h/a.csv"),
            ("https://h/a.csv?X-Amz-Signature=5e", "https://h/a.csv?…"),
            ("http://ann:secret@h:8/a@b.csv#x", "http://h:8/a@b.csv"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn paths_are_no_addresses_and_others_are_refused() {
        assert_eq!(Address::parse("data/*.csv").unwrap(), None);
        let objects = Address::parse("s3://b/a/**/*.csv").unwrap().unwrap();
        assert_eq!(objects.format().unwrap(), Format::Csv);
        let web = Address::parse("https://h/a.parquet?x=a.csv").unwrap();
        assert_eq!(web.unwrap().format().unwrap(), Format::Parquet);
        for text in [
            "s3://b",
            "s3:///k",
            "http:///x",
            "https://h",
            "ftp://u:p@h/a.csv",
        ] {
            let error = Address::parse(text).unwrap_err();
            assert_eq!(error.code(), "unsupported.source", "{text}");
            assert!(!error.message().contains("u:p"), "{error}");
        }
    }
}
