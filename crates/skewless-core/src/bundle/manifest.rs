//! `manifest.json`: what a bundle is and what is in it.

use serde::Serialize;

use super::archive::Entry;
use super::canonical::Canonical;
use crate::digest::sha256_hex;
use crate::error::{Error, Result};
use crate::output::Task;

/// The bundle format that this version writes, and the latest it reads.
pub const FORMAT_VERSION: u32 = 1;

/// The first entry's name.
pub(super) const MANIFEST: &str = "manifest.json";

/// The part that not every bundle has.
pub(super) const EXPLAIN: &str = "explain.plan";

/// Names and media types of the other entries, in their order.
pub(super) const PARTS: [(&str, &str); 9] = [
    ("features.json", "application/json"),
    ("model.plan", "application/vnd.skewless.plan"),
    (EXPLAIN, "application/vnd.skewless.explain"),
    ("output.json", "application/json"),
    ("spec.plan", "application/vnd.skewless.spec"),
    ("profile.json", "application/json"),
    ("golden.jsonl", "application/jsonl"),
    ("card.md", "text/markdown"),
    ("provenance.json", "application/json"),
];
/// The places of the model and of what explains it.
const MODEL: usize = 1;
const BEHIND_MODEL: usize = 2;

/// The engine that runs `model.plan`.
pub(super) const ENGINE_PLAN: &str = "plan";
/// The engine that runs `model.onnx`.
pub(super) const ENGINE_TRACT: &str = "tract";

/// The part `manifest.json`; its SHA-256 is the bundle's digest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Manifest {
    /// Format of the bundle.
    pub format_version: u32,
    /// The model's name: letters, digits, `-`, `_`, `.`, and not dots alone.
    pub name: String,
    /// The model's version, MAJOR.MINOR.PATCH.
    pub version: String,
    /// What it predicts.
    pub task: Task,
    /// Raw scores per row.
    pub outputs: usize,
    /// What runs the model: `plan` or `tract`.
    pub engine: String,
    /// Every other part.
    pub parts: Vec<Part>,
}

/// One part of a bundle.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// Name of the entry.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// Size in bytes.
    pub size: usize,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    pub(super) fn read(entry: Option<&Entry<'_>>) -> Result<Self> {
        let Some(entry) = entry.filter(|entry| entry.name == MANIFEST) else {
            return Err(Error::bundle(
                "bundle.not_a_bundle",
                "the archive does not begin with manifest.json",
            ));
        };
        let invalid = || {
            let message = "manifest.json is not written as a bundle's is";
            Error::bundle("bundle.invalid_manifest", message).with_field(MANIFEST)
        };
        let mut text = Canonical(std::str::from_utf8(entry.data).map_err(|_| invalid())?);
        let format = format_version(&mut text).ok_or_else(invalid)?;
        if format != FORMAT_VERSION as usize {
            return Err(Error::unsupported(
                "unsupported.format_version",
                format!("the bundle has format {format}; this version reads {FORMAT_VERSION}"),
            ));
        }
        let manifest = Self::read_on(&mut text).ok_or_else(invalid)?;
        if ![ENGINE_PLAN, ENGINE_TRACT].contains(&manifest.engine.as_str()) {
            return Err(manifest.unknown_engine());
        }
        manifest.check_names()?;
        Ok(manifest)
    }

    /// What follows the format's version.
    fn read_on(text: &mut Canonical<'_>) -> Option<Self> {
        text.literal(",\"name\":")?;
        let name = text.string()?.to_owned();
        text.literal(",\"version\":")?;
        let version = text.string()?.to_owned();
        text.literal(",\"task\":")?;
        let task = Task::of_name(text.string()?)?;
        text.literal(",\"outputs\":")?;
        let outputs = text.whole()?;
        text.literal(",\"engine\":")?;
        let engine = text.string()?.to_owned();
        text.literal(",\"parts\":[")?;
        let mut parts = vec![Part::read(text)?];
        while text.literal(",").is_some() {
            parts.push(Part::read(text)?);
        }
        text.literal("]}\n")?;
        text.0.is_empty().then_some(Self {
            format_version: FORMAT_VERSION,
            name,
            version,
            task,
            outputs,
            engine,
            parts,
        })
    }

    /// Proves that the model is a plan, which every build runs.
    ///
    /// # Errors
    /// `unsupported.engine`.
    pub fn check_plan(&self) -> Result<()> {
        match self.engine.as_str() {
            ENGINE_PLAN => Ok(()),
            _ => Err(self.unknown_engine()),
        }
    }

    fn unknown_engine(&self) -> Error {
        Error::unsupported(
            "unsupported.engine",
            format!(
                "the bundle needs the engine `{}`, which is not part of this build: `skewless/full` on npm and the feature `tract` of the programs have the engine `tract`",
                self.engine
            ),
        )
    }

    /// The name of the part that holds the model.
    pub(super) fn model_part(&self) -> &'static str {
        self.model().0
    }

    fn model(&self) -> (&'static str, &'static str) {
        match self.engine.as_str() {
            ENGINE_TRACT => ("model.onnx", "application/onnx"),
            _ => PARTS[MODEL],
        }
    }

    /// Names and media types of the parts, in their order; with or without the one that not every bundle has.
    pub(super) fn expected_parts(&self, explain: bool) -> Vec<(&'static str, &'static str)> {
        let mut parts = Vec::with_capacity(PARTS.len());
        for (place, part) in PARTS.into_iter().enumerate() {
            match place {
                MODEL => parts.push(self.model()),
                BEHIND_MODEL if !explain || self.engine == ENGINE_TRACT => {}
                _ => parts.push(part),
            }
        }
        parts
    }

    pub(super) fn check_names(&self) -> Result<()> {
        let name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let only_dots = self.name.bytes().all(|byte| byte == b'.');
        if only_dots || !self.name.bytes().all(name_byte) {
            return Err(Error::bundle(
                "bundle.invalid_manifest",
                format!(
                    "the model's name `{}` must be letters, digits, `-`, `_` and `.`",
                    self.name
                ),
            ));
        }
        if !is_version(&self.version) {
            return Err(Error::bundle(
                "bundle.invalid_manifest",
                format!(
                    "the model's version `{}` must be MAJOR.MINOR.PATCH",
                    self.version
                ),
            ));
        }
        Ok(())
    }

    /// Proves that the entries are exactly the parts that the manifest names, in order, size and digest.
    pub(super) fn check_parts(&self, entries: &[Entry<'_>]) -> Result<()> {
        let explain = self.parts.iter().any(|part| part.name == EXPLAIN);
        let expected = self.expected_parts(explain);
        for (at, entry) in entries.iter().enumerate() {
            let name = entry.name;
            if !expected.iter().any(|(known, _)| *known == name) {
                return Err(Error::bundle(
                    "bundle.unknown_part",
                    format!("the part `{name}` is not one of a bundle's"),
                )
                .with_field(name));
            }
            if entries.iter().take(at).any(|earlier| earlier.name == name) {
                return Err(Error::bundle(
                    "bundle.duplicate_part",
                    format!("the part {name} stands twice"),
                )
                .with_field(name));
            }
        }
        for &(name, _) in &expected {
            let named = self.parts.iter().any(|part| part.name == name);
            if !named || !entries.iter().any(|entry| entry.name == name) {
                return Err(Error::bundle(
                    "bundle.missing_part",
                    format!("the part {name} is missing"),
                )
                .with_field(name));
            }
        }
        for ((part, entry), (name, media_type)) in
            self.parts.iter().zip(entries).zip(expected.clone())
        {
            check_part(part, entry, name, media_type)?;
        }
        match self.parts.len() == expected.len() {
            true => Ok(()),
            false => Err(Error::bundle(
                "bundle.invalid_manifest",
                "manifest.json names a part twice",
            )),
        }
    }
}

/// The one field that every format version has, in its first place.
fn format_version(text: &mut Canonical<'_>) -> Option<usize> {
    text.literal("{\"format_version\":")?;
    text.whole()
}

impl Part {
    fn read(text: &mut Canonical<'_>) -> Option<Self> {
        text.literal("{\"name\":")?;
        let name = text.string()?.to_owned();
        text.literal(",\"media_type\":")?;
        let media_type = text.string()?.to_owned();
        text.literal(",\"size\":")?;
        let size = text.whole()?;
        text.literal(",\"sha256\":")?;
        let sha256 = text.string()?.to_owned();
        text.literal("}")?;
        Some(Self {
            name,
            media_type,
            size,
            sha256,
        })
    }
}

fn check_part(part: &Part, entry: &Entry<'_>, name: &str, media_type: &str) -> Result<()> {
    if part.name != name || entry.name != name || part.media_type != media_type {
        return Err(Error::bundle(
            "bundle.not_canonical",
            format!("the part {name} is not in its place"),
        )
        .with_field(name));
    }
    if part.size != entry.data.len() {
        return Err(Error::bundle(
            "bundle.size_mismatch",
            format!(
                "{name} has {} bytes, and manifest.json says {}",
                entry.data.len(),
                part.size
            ),
        )
        .with_field(name));
    }
    if part.sha256 != sha256_hex(entry.data) {
        return Err(Error::bundle(
            "bundle.digest_mismatch",
            format!("{name} does not have the SHA-256 that manifest.json says"),
        )
        .with_field(name));
    }
    Ok(())
}

/// MAJOR.MINOR.PATCH, with an optional pre-release behind `-`.
fn is_version(text: &str) -> bool {
    let (core, pre) = text
        .split_once('-')
        .map_or((text, None), |(core, pre)| (core, Some(pre)));
    let numbers: Vec<&str> = core.split('.').collect();
    let number = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    let pre_fits = pre.is_none_or(|pre| {
        !pre.is_empty()
            && pre
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
    });
    numbers.len() == 3 && numbers.into_iter().all(number) && pre_fits
}
