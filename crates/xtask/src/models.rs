//! Models that nobody here wrote: fetched as Python wheels, packed, and compared with ONNX Runtime.

use anyhow::Result;

use crate::command::{at, cargo, command, run};
use crate::setup;

/// The wheels that carry the models; their own dependencies are not needed.
const WHEELS: [&str; 2] = ["silero-vad==6.2.3", "magika==1.0.3"];
const FOLDER: &str = "target/models";

/// The verb: fetches what is not there, packs, predicts, and prints the greatest differences with their bound.
pub(crate) fn run_models() -> Result<()> {
    let programs = setup::venv("models", "tests/models/requirements.txt")?;
    std::fs::create_dir_all(at(FOLDER))?;
    for wheel in WHEELS {
        run(command(
            programs.join("pip"),
            &["download", "--quiet", "--no-deps", "--dest", FOLDER, wheel],
        ))?;
    }
    run(cargo(&[
        "build",
        "--quiet",
        "--release",
        "--package=skewless-cli",
        "--no-default-features",
        "--features=pack,tract",
    ]))?;
    run(command(
        programs.join("python"),
        &[
            "tests/models/compare.py",
            "--skewless",
            "target/release/skewless",
            "--wheels",
            FOLDER,
        ],
    ))
}
