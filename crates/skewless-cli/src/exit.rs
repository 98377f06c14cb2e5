//! The exit status and the last words of the program: decided here alone.

use std::fmt;
use std::io::Write;
#[cfg(any(feature = "pack", feature = "train"))]
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use skewless_core::{Error, ErrorKind};

/// The exit statuses, for every command's help.
pub(crate) const STATUSES: &str = "\
Exit status:
  0  done
  1  some rows failed, or a check did
  2  usage
  3  bad bundle
  4  bad input
  5  the output could not be written, or a fault of this program";

/// How a command that ran to its end ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// Rows, a gate, or what `lint` asks for.
    SomeFailed,
}

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Done = 0,
    SomeFailed = 1,
    Usage = 2,
    BadBundle = 3,
    BadInput = 4,
    Fault = 5,
}

/// Context of everything that fails while a bundle is opened, whatever the cause.
#[derive(Debug)]
pub(crate) struct InBundle(pub(crate) PathBuf);

impl fmt::Display for InBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.display())
    }
}

/// Reports an error, if there is one, and gives the exit code.
pub(crate) fn end(outcome: anyhow::Result<Outcome>) -> ExitCode {
    let status = match outcome {
        Ok(Outcome::Done) => Status::Done,
        Ok(Outcome::SomeFailed) => Status::SomeFailed,
        // The reader of our output has seen enough.
        Err(error) if is_broken_pipe(&error) => Status::Done,
        Err(error) => {
            // With standard error closed there is nobody left to tell.
            let _ = write!(std::io::stderr(), "skewless: {}", described(&error));
            status(&error)
        }
    };
    ExitCode::from(status as u8)
}

/// A command that this build leaves out.
#[cfg_attr(
    all(feature = "train", feature = "pack", feature = "serve"),
    expect(dead_code, reason = "such a build has every command")
)]
pub(crate) fn left_out(command: &str, feature: &str) -> anyhow::Error {
    Error::unsupported(
        "unsupported.command",
        format!("`skewless {command}` is not in this build; build skewless-cli with the feature `{feature}`"),
    )
    .into()
}

/// A file that a command needs and that cannot be read.
#[cfg(any(feature = "pack", feature = "train"))]
pub(crate) fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::input(
        "input.unreadable",
        format!("`{}` cannot be read", path.display()),
    )
    .with_source(error)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

fn status(error: &anyhow::Error) -> Status {
    if error.downcast_ref::<InBundle>().is_some() {
        return Status::BadBundle;
    }
    let Some(error) = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Error>())
    else {
        return Status::Fault;
    };
    match (error.kind(), error.code()) {
        (_, code) if code.starts_with("config.") => Status::Usage,
        (_, "train.unwritable") => Status::Fault,
        (_, "table.unknown_format" | "unsupported.table_format" | "unsupported.command") => {
            Status::Usage
        }
        (ErrorKind::InvalidBundle, _) => Status::BadBundle,
        (ErrorKind::InvalidInput | ErrorKind::InvalidSpec | ErrorKind::Unsupported, _) => {
            Status::BadInput
        }
        _ => Status::Fault,
    }
}

/// What went wrong in one sentence, then the causes a line each.
fn described(error: &anyhow::Error) -> String {
    let mut text = String::new();
    let mut in_sentence = true;
    let mut said: Option<&Error> = None;
    for (level, cause) in error.chain().enumerate() {
        let coded = cause.downcast_ref::<Error>();
        // One that was only told again with its place.
        let is_said = |said: &Error, coded: &Error| {
            said.code() == coded.code() && said.message().ends_with(coded.message())
        };
        if said
            .zip(coded)
            .is_some_and(|(said, coded)| is_said(said, coded))
        {
            continue;
        }
        said = coded.or(said);
        match (in_sentence, level) {
            (true, 0) => {}
            (true, _) => text.push_str(": "),
            (false, _) => text.push_str("\n  because: "),
        }
        text.push_str(&coded.map_or_else(|| cause.to_string(), sentence));
        in_sentence &= coded.is_none();
    }
    text.push('\n');
    text
}

/// An error's code and message, with the field, value and row that the message does not name itself.
pub(crate) fn sentence(error: &Error) -> String {
    let parts = [
        error.field().map(|field| ("field", field.to_owned())),
        error.value().map(|value| ("value", value.to_owned())),
        error.row().map(|row| ("row", row.to_string())),
    ];
    let unnamed: Vec<String> = parts
        .into_iter()
        .flatten()
        .filter(|(_, text)| !error.message().contains(text.as_str()))
        .map(|(what, text)| {
            if what == "row" {
                format!("row {text}")
            } else {
                format!("{what} `{text}`")
            }
        })
        .collect();
    if unnamed.is_empty() {
        error.to_string()
    } else {
        format!("{error} ({})", unnamed.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    fn failed(error: Error) -> anyhow::Error {
        error.into()
    }

    #[test]
    fn the_kind_decides_the_status() {
        let in_bundle = failed(Error::unsupported("unsupported.format_version", "format 9"))
            .context(InBundle("a.skw".into()));
        let broken = Err::<(), _>(std::io::Error::other("disk gone"))
            .context("writing")
            .unwrap_err();
        for (error, expected) in [
            (
                failed(Error::bundle("bundle.truncated", "")),
                Status::BadBundle,
            ),
            (in_bundle, Status::BadBundle),
            (
                failed(Error::input("input.empty_batch", "")).context("rows"),
                Status::BadInput,
            ),
            (
                failed(Error::spec("spec.unknown_input", "")),
                Status::BadInput,
            ),
            (
                failed(Error::unsupported("unsupported.op", "")),
                Status::BadInput,
            ),
            (
                failed(Error::input("table.unknown_format", "")),
                Status::Usage,
            ),
            (failed(Error::internal("internal.x", "")), Status::Fault),
            (broken, Status::Fault),
        ] {
            assert_eq!(status(&error), expected, "{error:?}");
        }
    }

    #[test]
    fn a_sentence_then_its_causes() {
        let error = Error::input("table.unreadable", "`a.csv` cannot be read")
            .with_field("x")
            .with_row(3)
            .with_source(std::io::Error::other("disk gone"));
        assert_eq!(
            described(&failed(error).context("predicting")),
            "predicting: table.unreadable: `a.csv` cannot be read (field `x`, row 3)\n  because: disk gone\n"
        );
    }

    #[test]
    fn what_the_message_names_is_not_repeated() {
        let error = Error::input("input.wrong_type", "field `x` is `far`")
            .with_field("x")
            .with_value("far");
        assert_eq!(sentence(&error), "input.wrong_type: field `x` is `far`");
    }
}
