//! The bundle: one file with everything a prediction needs, validated in full before anything is used.

mod archive;
mod manifest;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use manifest::{FORMAT_VERSION, Manifest, Part};

use crate::digest::sha256_hex;
use crate::error::{Error, Result};
use crate::golden::{self, GoldenRow};
use crate::output::Output;
use crate::plan::Model;
use crate::profile::Profile;
use crate::spec::FittedSpec;
use archive::Entry;
use manifest::{ENGINE_PLAN, MANIFEST, PARTS};

/// A validated bundle.
#[derive(Clone, Debug)]
pub struct Bundle {
    digest: String,
    size: usize,
    manifest: Manifest,
    features: FittedSpec,
    output: Output,
    plan: Vec<u8>,
    profile: String,
    golden: String,
    card: String,
    provenance: String,
}

impl Bundle {
    /// Reads a `.skw` file's bytes: every byte of the archive, every digest, specification and output.
    ///
    /// # Errors
    /// `bundle.*` naming the part; `unsupported.format_version` and `unsupported.engine` for what a later version may
    /// read.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let entries = archive::read(bytes)?;
        let manifest = Manifest::read(entries.first())?;
        let digest = sha256_hex(entries.first().map(|entry| entry.data).unwrap_or_default());
        let parts = entries.get(1..).unwrap_or_default();
        manifest.check_parts(parts)?;
        let part = |name: &str| {
            parts
                .iter()
                .find(|entry| entry.name == name)
                .map(|entry| entry.data)
                .unwrap_or_default()
        };
        let features = json(
            part("features.json"),
            "features.json",
            "bundle.invalid_features",
        )?;
        let output: Output = json(part("output.json"), "output.json", "bundle.invalid_output")?;
        output.check(manifest.outputs)?;
        if output.task != manifest.task {
            return Err(Error::bundle(
                "bundle.invalid_output",
                "output.json has another task than manifest.json",
            )
            .with_field("output.json"));
        }
        Ok(Self {
            digest,
            size: bytes.len(),
            features,
            output,
            plan: part("model.plan").to_vec(),
            profile: text(part("profile.json"), "profile.json")?,
            golden: text(part("golden.jsonl"), "golden.jsonl")?,
            card: text(part("card.md"), "card.md")?,
            provenance: text(part("provenance.json"), "provenance.json")?,
            manifest,
        })
    }

    /// SHA-256 of `manifest.json` in hexadecimal: the bundle's identity.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Size of the file in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// `manifest.json`.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// `features.json`.
    pub fn features(&self) -> &FittedSpec {
        &self.features
    }

    /// `output.json`.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// The bytes of `model.plan`.
    pub fn plan(&self) -> &[u8] {
        &self.plan
    }

    /// `profile.json`.
    ///
    /// # Errors
    /// `bundle.invalid_profile`.
    pub fn profile(&self) -> Result<Profile> {
        json(
            self.profile.as_bytes(),
            "profile.json",
            "bundle.invalid_profile",
        )
    }

    /// `golden.jsonl`.
    ///
    /// # Errors
    /// `bundle.invalid_golden`.
    pub fn golden(&self) -> Result<Vec<GoldenRow>> {
        golden::from_jsonl(&self.golden)
    }

    /// The model card, Markdown.
    pub fn card(&self) -> &str {
        &self.card
    }

    /// `provenance.json` as it stands.
    pub fn provenance(&self) -> &str {
        &self.provenance
    }
}

fn json<T: DeserializeOwned>(bytes: &[u8], name: &str, code: &'static str) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::bundle(code, format!("{name}: {error}")).with_field(name))
}

fn text(bytes: &[u8], name: &str) -> Result<String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| {
        Error::bundle("bundle.not_canonical", format!("{name} is not UTF-8")).with_field(name)
    })
}

/// What a bundle is made from.
#[derive(Clone, Debug)]
pub struct BundleParts {
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// The fitted specification.
    pub features: FittedSpec,
    /// The model.
    pub model: Model,
    /// Link, labels, threshold.
    pub output: Output,
    /// The reference profile.
    pub profile: Profile,
    /// The golden rows.
    pub golden: Vec<GoldenRow>,
    /// The model card, Markdown.
    pub card: String,
    /// Where it all came from: an in-toto statement with a SLSA v1 predicate.
    pub provenance: serde_json::Value,
}

impl BundleParts {
    /// The bytes of a `.skw` file; the same parts give the same bytes.
    ///
    /// # Errors
    /// Whatever [`Model::encode`] and reading the result with [`Bundle::from_bytes`] would say.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let contents: [Vec<u8>; PARTS.len()] = [
            to_json(&self.features)?,
            self.model.encode()?,
            to_json(&self.output)?,
            to_json(&self.profile)?,
            golden::to_jsonl(&self.golden)?.into_bytes(),
            self.card.clone().into_bytes(),
            to_json(&self.provenance)?,
        ];
        let parts = PARTS
            .iter()
            .zip(&contents)
            .map(|(&(name, media_type), data)| Part {
                name: name.to_owned(),
                media_type: media_type.to_owned(),
                size: data.len(),
                sha256: sha256_hex(data),
            });
        let manifest = Manifest {
            format_version: FORMAT_VERSION,
            name: self.name.clone(),
            version: self.version.clone(),
            task: self.output.task,
            outputs: self.model.outputs(),
            engine: ENGINE_PLAN.to_owned(),
            parts: parts.collect(),
        };
        manifest.check_names()?;
        let manifest = to_json(&manifest)?;
        let mut entries = vec![Entry {
            name: MANIFEST,
            data: &manifest,
        }];
        entries.extend(
            PARTS
                .iter()
                .zip(&contents)
                .map(|(&(name, _), data)| Entry { name, data }),
        );
        let bytes = archive::write(&entries)?;
        let bundle = Bundle::from_bytes(&bytes)?;
        crate::predictor::Predictor::new(&bundle)?.check_golden(&bundle.golden()?)?;
        Ok(bytes)
    }
}

/// Compact JSON with a line break at the end.
fn to_json(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(value).map_err(|error| {
        Error::internal("internal.json", "a part cannot be written as JSON").with_source(error)
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}
