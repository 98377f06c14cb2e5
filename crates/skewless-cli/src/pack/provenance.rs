//! Where a packed model came from: SLSA-shaped provenance, and the card of a model without one.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use skewless_compile::Compiled;
use skewless_core::digest::sha256_hex;

use crate::args::PackArgs;
use crate::exit::unreadable;

/// A file that a bundle is made from.
pub(super) struct File {
    /// What it was used for.
    role: &'static str,
    path: PathBuf,
    pub(super) bytes: Vec<u8>,
    sha256: String,
}

impl File {
    pub(super) fn read(role: &'static str, path: &Path) -> skewless_core::Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| unreadable(path, error))?;
        let sha256 = sha256_hex(&bytes);
        Ok(Self {
            role,
            path: path.to_owned(),
            bytes,
            sha256,
        })
    }

    /// The name without its folder, which would differ from machine to machine.
    fn name(&self) -> String {
        self.path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }
}

/// The provenance, shaped as the predicate of SLSA provenance v1.
pub(super) fn statement(args: &PackArgs, compiled: &Compiled, files: &[File]) -> Json {
    let materials: Vec<Json> = files
        .iter()
        .map(|file| {
            json!({
                "name": file.name(),
                "digest": {"sha256": file.sha256},
                "annotations": {"role": file.role, "size": file.bytes.len()},
            })
        })
        .collect();
    json!({
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://github.com/skewless/skewless/pack/v1",
                "externalParameters": {
                    "name": args.name,
                    "version": args.version,
                    "modelFormat": compiled.source.name(),
                    "notes": compiled.notes,
                },
                "resolvedDependencies": materials,
            },
            "runDetails": {
                "builder": {
                    "id": "https://github.com/skewless/skewless",
                    "version": {"skewless": env!("CARGO_PKG_VERSION")},
                },
            },
        },
    })
}

/// A card that says no more than is known.
pub(super) fn card(args: &PackArgs, compiled: &Compiled, files: &[File]) -> String {
    let mut card = format!(
        "# {} {}\n\nA {} model packed with skewless {}. Its maker has not described it.\n\nMade from\n\n",
        args.name,
        args.version,
        compiled.source.name(),
        env!("CARGO_PKG_VERSION"),
    );
    for file in files {
        card.push_str(&format!(
            "- {}: `{}`, SHA-256 `{}`\n",
            file.role,
            file.name(),
            file.sha256
        ));
    }
    card
}
