//! The zip that is deployed to arm64: built, unpacked as Lambda unpacks it, and its program run under an emulator.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::kinds;
use crate::command::{at, command, output, run};
use crate::zips::{self, Processor};
use crate::{built, setup};

const BUNDLE: &str = "models/flights/flights.skw";
const ROWS: &str = "target/parity/trees.jsonl";

/// `parity --arm64-lambda`: the zip's program must give the digest of this machine's own processor.
pub(crate) fn arm64_lambda() -> Result<()> {
    std::fs::create_dir_all(at("target/parity"))?;
    let emulator = setup::qemu()?;
    let folder = unpacked()?;
    let native = digest_of(&kinds::write_flights(built::CI)?)?;
    let mut parity = command(
        "node",
        &["tests/lambda/parity.mjs", "--target=lambda-arm64"],
    );
    parity
        .args(["--emulator", emulator, "--rows", ROWS, "--program"])
        .arg(folder.join("bootstrap"))
        .env("QEMU_LD_PREFIX", setup::arm_libraries()?)
        .env("LAMBDA_TASK_ROOT", &folder)
        .env("SKEWLESS_BUNDLE", BUNDLE);
    let arm = digest_of(&output(parity)?)?;
    println!("  {native} natively\n  {arm} of the zip for arm64");
    if arm != native {
        bail!("the function for arm64 predicts otherwise");
    }
    Ok(())
}

/// Builds the zip, says how long it is, and gives the folder of what is in it.
fn unpacked() -> Result<std::path::PathBuf> {
    let zip = zips::build(Processor::Arm64)?;
    println!("  the zip for arm64 has {} bytes", zip.metadata()?.len());
    let folder = at("target/lambda-arm64/task");
    let mut unpack = command("python3", &["-m", "zipfile", "-e"]);
    unpack.arg(&zip).arg(&folder);
    run(unpack)?;
    // Python leaves out what the archive says of who may execute a file.
    let mut permit = command("chmod", &["755"]);
    permit.arg(folder.join("bootstrap"));
    run(permit)?;
    Ok(folder)
}

/// The digest of the first line.
fn digest_of(lines: &str) -> Result<String> {
    let line = lines.lines().next().context("no digest")?;
    let result: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
    Ok(result["sha256"].as_str().context("no digest")?.to_owned())
}
