//! Where a packed model came from: SLSA-shaped provenance, and the card of a model without one.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use skewless_core::bundle::BundleModel;
use skewless_core::digest::sha256_hex;

use crate::args::PackArgs;
use crate::exit::unreadable;
use crate::pack::engine::Chosen;

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

/// The provenance: an in-toto statement with a SLSA v1 predicate, as training writes it too.
pub(super) fn statement(
    args: &PackArgs,
    chosen: &Chosen,
    files: &[File],
) -> skewless_core::Result<Json> {
    let (name, bytes) = match &chosen.model {
        BundleModel::Plan(model) => ("model.plan", model.encode()?),
        BundleModel::Onnx { file, .. } => ("model.onnx", file.clone()),
    };
    let materials = files.iter().map(|file| {
        json!({
            "uri": file.name(),
            "digest": {"sha256": file.sha256},
            "annotations": {"role": file.role, "bytes": file.bytes.len()},
        })
    });
    Ok(json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": sha256_hex(&bytes)}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": concat!(env!("CARGO_PKG_REPOSITORY"), "/pack/v1"),
                "externalParameters": {
                    "model": args.name,
                    "version": args.version,
                    "format": chosen.source.name(),
                    "engine": chosen.engine,
                    "notes": chosen.notes,
                },
                "resolvedDependencies": materials.collect::<Vec<_>>(),
            },
            "runDetails": {
                "builder": {
                    "id": concat!(env!("CARGO_PKG_REPOSITORY"), "/skewless-cli"),
                    "version": {"skewless-cli": env!("CARGO_PKG_VERSION")},
                },
            },
        },
    }))
}

/// A card that says no more than is known.
pub(super) fn card(args: &PackArgs, chosen: &Chosen, files: &[File]) -> String {
    let mut card = format!(
        "# {} {}\n\nA {} model packed with skewless {}. Its maker has not described it.\n\nMade from\n\n",
        args.name,
        args.version,
        chosen.source.name(),
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
