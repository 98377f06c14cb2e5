//! What a bundle's bytes hold: every byte of the archive and every digest proven, no part interpreted yet.

use std::ops::Range;

use super::archive::{self, Entry};
use super::compiled;
use super::manifest::{EXPLAIN, MANIFEST, Manifest};
use crate::digest::sha256_hex;
use crate::error::{Error, Result};
use crate::golden::{self, GoldenRow};
use crate::output::Output;
use crate::profile::Profile;
use crate::spec::FittedSpec;

/// A bundle's parts as bytes.
#[derive(Clone)]
pub struct Contents<'a> {
    digest: String,
    manifest: Manifest,
    manifest_size: usize,
    parts: Vec<Entry<'a>>,
}

impl<'a> Contents<'a> {
    /// Reads a `.skw` file's bytes.
    ///
    /// # Errors
    /// `bundle.*` naming the part; `unsupported.format_version` and `unsupported.engine` for what a later version may
    /// read.
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut parts = archive::read(bytes)?;
        let manifest = Manifest::read(parts.first())?;
        let first = parts.drain(..1).next();
        let written = first.map(|entry| entry.data).unwrap_or_default();
        let digest = sha256_hex(written);
        manifest.check_parts(&parts)?;
        Ok(Self {
            digest,
            manifest,
            manifest_size: written.len(),
            parts,
        })
    }

    /// SHA-256 of `manifest.json` in hexadecimal: the bundle's identity.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// `manifest.json`.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// A part's bytes; none for a name that no part has.
    pub fn part(&self, name: &str) -> &'a [u8] {
        self.optional(name).unwrap_or_default()
    }

    fn optional(&self, name: &str) -> Option<&'a [u8]> {
        let entry = self.parts.iter().find(|entry| entry.name == name);
        entry.map(|entry| entry.data)
    }

    /// The bytes of `explain.plan`, where the bundle has the part.
    pub fn explain(&self) -> Option<&'a [u8]> {
        self.optional(EXPLAIN)
    }

    /// Where a part's bytes stand in the bundle's; nothing at 0 for a name that no part has.
    pub fn range(&self, name: &str) -> Range<usize> {
        let mut start = archive::data_start(MANIFEST) + self.manifest_size;
        for entry in &self.parts {
            start += archive::data_start(entry.name);
            let end = start + entry.data.len();
            if entry.name == name {
                return start..end;
            }
            start = end;
        }
        0..0
    }

    /// The bytes of `model.plan` or `model.onnx`.
    pub fn model(&self) -> &'a [u8] {
        self.part(self.manifest.model_part())
    }

    /// `features.json`, with the names and sentences that people read.
    ///
    /// # Errors
    /// `bundle.invalid_features`.
    pub fn features(&self) -> Result<FittedSpec> {
        super::json(
            self.part("features.json"),
            "features.json",
            "bundle.invalid_features",
        )
    }

    /// `profile.json`.
    ///
    /// # Errors
    /// `bundle.invalid_profile`.
    pub fn profile(&self) -> Result<Profile> {
        super::json(
            self.part("profile.json"),
            "profile.json",
            "bundle.invalid_profile",
        )
    }

    /// `golden.jsonl`.
    ///
    /// # Errors
    /// `bundle.invalid_golden`.
    pub fn golden(&self) -> Result<Vec<GoldenRow>> {
        const NAME: &str = "golden.jsonl";
        let text = std::str::from_utf8(self.part(NAME)).map_err(|error| {
            Error::bundle("bundle.invalid_golden", "golden.jsonl is not UTF-8")
                .with_field(NAME)
                .with_source(error)
        })?;
        golden::from_jsonl(text)
    }

    /// The specification and the output as `spec.plan` has them: without names, units and sentences that only people
    /// read.
    ///
    /// # Errors
    /// `bundle.invalid_features`, `bundle.invalid_output`, `unsupported.format_version`.
    pub fn compiled(&self) -> Result<(FittedSpec, Output)> {
        let (features, output) = compiled::read(self.part("spec.plan"))?;
        check_output(&self.manifest, &output)?;
        Ok((features, output))
    }
}

/// Proves that an output is the one that the manifest speaks of.
pub(super) fn check_output(manifest: &Manifest, output: &Output) -> Result<()> {
    output.check(manifest.outputs)?;
    match output.task == manifest.task {
        true => Ok(()),
        false => Err(Error::bundle(
            "bundle.invalid_output",
            "output.json has another task than manifest.json",
        )
        .with_field("output.json")),
    }
}
