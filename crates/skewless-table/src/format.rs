//! Which format a table has: said outright, or told by the file's extension.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use skewless_core::{Error, Result};

/// A table's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object a line.
    JsonLines,
    /// Comma-separated values with a header (RFC 4180).
    Csv,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// The format that a path's extension names: `jsonl` or `ndjson`, `csv`, `parquet`.
    ///
    /// # Errors
    /// `table.unknown_format` for any other extension.
    pub fn of_path(path: &Path) -> Result<Self> {
        let extension = path
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" => Ok(Self::JsonLines),
            "csv" => Ok(Self::Csv),
            "parquet" => Ok(Self::Parquet),
            _ => Err(Error::input(
                "table.unknown_format",
                format!(
                    "`{}` does not end in .jsonl, .ndjson, .csv or .parquet; say which format it has",
                    path.display()
                ),
            )),
        }
    }

    /// The format's name, as [`Format::from_str`] reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// True when this build reads and writes the format.
    pub fn is_built(self) -> bool {
        self != Self::Parquet || cfg!(feature = "parquet")
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "jsonl" | "ndjson" => Ok(Self::JsonLines),
            "csv" => Ok(Self::Csv),
            "parquet" => Ok(Self::Parquet),
            _ => Err(Error::input(
                "table.unknown_format",
                format!("`{name}` is not a table format; there are jsonl, csv and parquet"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_names_the_format() {
        for (path, format) in [
            ("a.jsonl", Some(Format::JsonLines)),
            ("a.b.NDJSON", Some(Format::JsonLines)),
            ("dir.csv/a.csv", Some(Format::Csv)),
            ("a.parquet", Some(Format::Parquet)),
            ("a.json", None),
            ("csv", None),
        ] {
            let found = Format::of_path(Path::new(path));
            match format {
                Some(format) => assert_eq!(found.unwrap(), format, "{path}"),
                None => assert_eq!(found.unwrap_err().code(), "table.unknown_format", "{path}"),
            }
        }
    }

    #[test]
    fn names_read_back() {
        for format in [Format::JsonLines, Format::Csv, Format::Parquet] {
            assert_eq!(format.name().parse::<Format>().unwrap(), format);
        }
    }
}
