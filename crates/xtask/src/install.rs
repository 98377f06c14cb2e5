//! The program with the playground where it looks for it: `bin/skewless`, and `share/skewless/playground` beside `bin`.
//!
//! `cargo install` alone brings the program without the playground, which Node builds; embedding the page in the program
//! would make every build of it need Node.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context, Result, ensure};

use crate::command::{at, cargo, command, run};
use crate::{built, web};

const PLAYGROUND: &str = "share/skewless/playground";
const BUNDLE: &str = "models/flights/flights.skw";

/// Builds and installs both below `root`, or where cargo installs programs.
pub(crate) fn install(root: Option<&str>) -> Result<()> {
    let root = root.map_or_else(cargo_root, |root| Ok(std::path::absolute(root)?))?;
    web::build()?;
    let mut program = cargo(&[
        "install",
        "--locked",
        "--force",
        "--path=crates/skewless-cli",
    ]);
    program.arg("--root").arg(&root);
    run(program)?;
    place_playground(&root)?;
    println!("the playground is in {}", root.join(PLAYGROUND).display());
    Ok(())
}

/// Where `cargo install` puts programs when nobody says another place.
fn cargo_root() -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    variable("CARGO_INSTALL_ROOT")
        .or_else(|| variable("CARGO_HOME"))
        .or_else(|| variable("HOME").map(|home| home.join(".cargo")))
        .context(
            "neither CARGO_INSTALL_ROOT, CARGO_HOME nor HOME is set: --root=FOLDER names the place",
        )
}

/// Puts the playground as it is built in the place of an earlier one.
fn place_playground(root: &Path) -> Result<()> {
    let place = root.join(PLAYGROUND);
    if place.exists() {
        std::fs::remove_dir_all(&place)?;
    }
    copy(&at("web/dist/playground"), &place).with_context(|| place.display().to_string())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &place)?;
        } else {
            std::fs::copy(entry.path(), place)?;
        }
    }
    Ok(())
}

/// An installation with the program that the tests run: it serves the playground, and nobody names a folder.
pub(crate) fn test(profile: &str) -> Result<()> {
    let tested = built::skewless(profile)?;
    let root = web::target().join("installed");
    std::fs::create_dir_all(root.join("bin"))?;
    let program = root.join("bin/skewless");
    std::fs::copy(tested, &program)?;
    place_playground(&root)?;
    let mut serve = command(&program, &["serve", BUNDLE, "--listen", "127.0.0.1:0"]);
    let mut server = Server(serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?);
    let address = server.address()?;
    for path in ["/", "/playground.js", "/full/index.js"] {
        let answer = asked(&address, path)?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer:.200}");
    }
    Ok(())
}

/// A program that ends with its test.
struct Server(Child);

impl Server {
    /// The address that the first line names.
    fn address(&mut self) -> Result<String> {
        let out = self.0.stdout.take().context("no output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let address = line.split("http://").nth(1).context(line.clone())?;
        Ok(address.trim_end().trim_end_matches('/').to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn asked(address: &str, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
