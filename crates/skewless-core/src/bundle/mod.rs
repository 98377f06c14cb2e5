//! The bundle: one file with everything a prediction needs, validated in full before anything is used.

mod archive;
mod canonical;
mod compiled;
mod contents;
mod crc;
mod manifest;
mod wire;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use contents::Contents;
pub use manifest::{FORMAT_VERSION, Manifest, Part};

use crate::digest::sha256_hex;
use crate::error::{Error, Result};
use crate::golden::{self, GoldenRow};
use crate::output::Output;
use crate::plan::Model;
use crate::profile::Profile;
use crate::spec::FittedSpec;
use archive::Entry;
use manifest::{ENGINE_PLAN, ENGINE_TRACT, MANIFEST};

/// A validated bundle.
#[derive(Clone, Debug)]
pub struct Bundle {
    digest: String,
    size: usize,
    manifest: Manifest,
    features: FittedSpec,
    output: Output,
    model: Vec<u8>,
    explain: Option<Vec<u8>>,
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
        let contents = Contents::read(bytes)?;
        let part = |name: &str| contents.part(name);
        let features = json(
            part("features.json"),
            "features.json",
            "bundle.invalid_features",
        )?;
        let output: Output = json(part("output.json"), "output.json", "bundle.invalid_output")?;
        contents::check_output(contents.manifest(), &output)?;
        if compiled::write(&features, &output) != part("spec.plan") {
            return Err(Error::bundle(
                "bundle.invalid_features",
                "spec.plan does not say what features.json and output.json say",
            )
            .with_field("spec.plan"));
        }
        Ok(Self {
            digest: contents.digest().to_owned(),
            size: bytes.len(),
            features,
            output,
            model: contents.model().to_vec(),
            explain: contents.explain().map(<[u8]>::to_vec),
            profile: text(part("profile.json"), "profile.json")?,
            golden: text(part("golden.jsonl"), "golden.jsonl")?,
            card: text(part("card.md"), "card.md")?,
            provenance: text(part("provenance.json"), "provenance.json")?,
            manifest: contents.manifest().clone(),
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

    /// The bytes of `model.plan` or `model.onnx`, by [`Manifest::engine`].
    pub fn model(&self) -> &[u8] {
        &self.model
    }

    /// The bytes of `explain.plan`, where the bundle has the part.
    pub fn explain(&self) -> Option<&[u8]> {
        self.explain.as_deref()
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

/// The model of a bundle that is being made.
#[derive(Clone, Debug)]
pub enum BundleModel {
    /// What `model.plan` is made from.
    Plan(Model),
    /// The part `model.onnx`, for an engine of another crate.
    Onnx {
        /// The file.
        file: Vec<u8>,
        /// Raw scores per row.
        outputs: usize,
    },
}

impl From<Model> for BundleModel {
    fn from(model: Model) -> Self {
        Self::Plan(model)
    }
}

impl BundleModel {
    fn outputs(&self) -> usize {
        match self {
            Self::Plan(model) => model.outputs(),
            Self::Onnx { outputs, .. } => *outputs,
        }
    }

    fn engine(&self) -> &'static str {
        match self {
            Self::Plan(_) => ENGINE_PLAN,
            Self::Onnx { .. } => ENGINE_TRACT,
        }
    }

    fn encode(&self) -> Result<Vec<u8>> {
        match self {
            Self::Plan(model) => model.encode(),
            Self::Onnx { file, .. } => Ok(file.clone()),
        }
    }

    fn encode_explain(&self) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Plan(model) => model.encode_explain(),
            Self::Onnx { .. } => Ok(None),
        }
    }
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
    pub model: BundleModel,
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
    /// A plan has answered the golden rows then. Whoever makes a bundle of an ONNX file, and has its engine, lets it
    /// answer them: [`crate::Predictor::with_engine`], [`crate::Predictor::check_golden`].
    ///
    /// # Errors
    /// Whatever [`Model::encode`] and reading the result with [`Bundle::from_bytes`] would say.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let explain = self.model.encode_explain()?;
        let explained = explain.is_some();
        let before = [to_json(&self.features)?, self.model.encode()?];
        let after = [
            to_json(&self.output)?,
            compiled::write(&self.features, &self.output),
            to_json(&self.profile)?,
            golden::to_jsonl(&self.golden)?.into_bytes(),
            self.card.clone().into_bytes(),
            to_json(&self.provenance)?,
        ];
        let contents: Vec<Vec<u8>> = before.into_iter().chain(explain).chain(after).collect();
        let mut manifest = Manifest {
            format_version: FORMAT_VERSION,
            name: self.name.clone(),
            version: self.version.clone(),
            task: self.output.task,
            outputs: self.model.outputs(),
            engine: self.model.engine().to_owned(),
            parts: vec![],
        };
        manifest.check_names()?;
        let names = manifest.expected_parts(explained);
        manifest.parts = names
            .iter()
            .zip(&contents)
            .map(|(&(name, media_type), data)| Part {
                name: name.to_owned(),
                media_type: media_type.to_owned(),
                size: data.len(),
                sha256: sha256_hex(data),
            })
            .collect();
        let manifest = to_json(&manifest)?;
        let mut entries = vec![Entry {
            name: MANIFEST,
            data: &manifest,
        }];
        let named = names.iter().zip(&contents);
        entries.extend(named.map(|(&(name, _), data)| Entry { name, data }));
        let bytes = archive::write(&entries)?;
        let bundle = Bundle::from_bytes(&bytes)?;
        if matches!(self.model, BundleModel::Plan(_)) {
            crate::predictor::Predictor::new(&bundle)?.check_golden(&bundle.golden()?)?;
        }
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

#[cfg(test)]
mod tests {
    use super::manifest::{EXPLAIN, PARTS};
    use super::*;

    /// Names and media types of the parts that every bundle has.
    fn names() -> Vec<(&'static str, &'static str)> {
        let parts = PARTS.into_iter().filter(|part| part.0 != EXPLAIN);
        parts.collect()
    }

    /// The smallest bundle there is, as named parts.
    fn parts() -> Vec<(String, Vec<u8>)> {
        let features = r#"{"inputs":[{"name":"x","type":"number"}],"features":[{"name":"x2","from":["x"],"op":"number"}]}"#;
        let model = Model::Linear(crate::plan::LinearModel {
            inputs: 1,
            outputs: 1,
            weights: vec![2.0],
            intercept: vec![1.0],
            accumulate: crate::plan::Accumulate::F64,
        });
        let output = r#"{"name":"y","task":"regression","link":"identity"}"#;
        let contents: [&[u8]; PARTS.len() - 1] = [
            features.as_bytes(),
            &model.encode().unwrap(),
            output.as_bytes(),
            &compiled::write(
                &serde_json::from_str(features).unwrap(),
                &serde_json::from_str(output).unwrap(),
            ),
            b"{}",
            b"",
            b"# y",
            b"{}",
        ];
        names()
            .into_iter()
            .zip(contents)
            .map(|(name, data)| (name.0.to_owned(), data.to_vec()))
            .collect()
    }

    fn manifest(parts: &[(String, Vec<u8>)]) -> Manifest {
        let described = parts
            .iter()
            .zip(names())
            .map(|((name, data), (_, media_type))| Part {
                name: name.clone(),
                media_type: media_type.to_owned(),
                size: data.len(),
                sha256: sha256_hex(data),
            });
        Manifest {
            format_version: FORMAT_VERSION,
            name: "y".into(),
            version: "1.0.0".into(),
            task: crate::output::Task::Regression,
            outputs: 1,
            engine: ENGINE_PLAN.into(),
            parts: described.collect(),
        }
    }

    fn archive_of(manifest: &str, parts: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut entries = vec![Entry {
            name: MANIFEST,
            data: manifest.as_bytes(),
        }];
        entries.extend(parts.iter().map(|(name, data)| Entry { name, data }));
        archive::write(&entries).unwrap()
    }

    fn code(manifest: &Manifest, parts: &[(String, Vec<u8>)]) -> &'static str {
        let text = serde_json::to_string(manifest).unwrap() + "\n";
        Bundle::from_bytes(&archive_of(&text, parts))
            .err()
            .map_or("read", |error| error.code())
    }

    #[test]
    fn what_a_manifest_and_its_parts_can_contradict_is_refused() {
        let parts = parts();
        let good = manifest(&parts);
        assert_eq!(code(&good, &parts), "read");
        let changed = |change: fn(&mut Manifest)| {
            let mut manifest = good.clone();
            change(&mut manifest);
            code(&manifest, &parts)
        };
        assert_eq!(
            changed(|m| m.format_version = 2),
            "unsupported.format_version"
        );
        assert_eq!(changed(|m| m.engine = "other".into()), "unsupported.engine");
        assert_eq!(
            changed(|m| m.engine = "tract".into()),
            "bundle.unknown_part"
        );
        assert_eq!(
            changed(|m| m.name = "../y".into()),
            "bundle.invalid_manifest"
        );
        assert_eq!(changed(|m| m.name = "..".into()), "bundle.invalid_manifest");
        assert_eq!(
            changed(|m| m.version = "1.0".into()),
            "bundle.invalid_manifest"
        );
        assert_eq!(changed(|m| m.outputs = 2), "bundle.invalid_output");
        assert_eq!(
            changed(|m| m.task = crate::output::Task::Binary),
            "bundle.invalid_output"
        );
        assert_eq!(changed(|m| m.parts[0].size += 1), "bundle.size_mismatch");
        assert_eq!(
            changed(|m| m.parts[1].sha256 = "0".repeat(64)),
            "bundle.digest_mismatch"
        );
        assert_eq!(
            changed(|m| m.parts[2].media_type = "text/html".into()),
            "bundle.not_canonical"
        );
        assert_eq!(changed(|m| m.parts.truncate(3)), "bundle.missing_part");
        assert_eq!(
            changed(|m| m.parts.push(m.parts[0].clone())),
            "bundle.invalid_manifest"
        );
    }

    #[test]
    fn parts_are_exactly_those_of_a_bundle() {
        let parts = parts();
        let good = manifest(&parts);
        let changed = |change: fn(&mut Vec<(String, Vec<u8>)>)| {
            let mut parts = parts.clone();
            change(&mut parts);
            code(&good, &parts)
        };
        assert_eq!(changed(|p| p.truncate(6)), "bundle.missing_part");
        assert_eq!(
            changed(|p| p.push(("/etc/passwd".into(), vec![]))),
            "bundle.unknown_part"
        );
        assert_eq!(changed(|p| p.push(p[0].clone())), "bundle.duplicate_part");
        assert_eq!(changed(|p| p.swap(0, 1)), "bundle.not_canonical");
        assert_eq!(changed(|p| p[4].1.push(b'x')), "bundle.size_mismatch");
        assert_eq!(changed(|p| p[6].1[0] = b'x'), "bundle.digest_mismatch");
    }

    #[test]
    fn the_part_for_explanations_is_there_or_not_and_fits_the_model() {
        let (name, media_type) = (EXPLAIN, "application/vnd.skewless.explain");
        let mut with = parts();
        with.insert(2, (name.to_owned(), b"SKWE".to_vec()));
        let mut told = manifest(&parts());
        let described = Part {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            size: 4,
            sha256: sha256_hex(b"SKWE"),
        };
        told.parts.insert(2, described.clone());
        let text = |manifest: &Manifest| serde_json::to_string(manifest).unwrap() + "\n";
        let bundle = Bundle::from_bytes(&archive_of(&text(&told), &with)).unwrap();
        assert_eq!(bundle.explain(), Some(&b"SKWE"[..]));
        let refused = crate::Predictor::new(&bundle).err().unwrap();
        assert_eq!(
            (refused.code(), refused.field()),
            ("bundle.invalid_explain", Some(name))
        );
        assert_eq!(code(&told, &parts()), "bundle.missing_part");
        assert_eq!(code(&manifest(&parts()), &with), "bundle.unknown_part");
        let mut late = with.clone();
        late.swap(2, 3);
        assert_eq!(code(&told, &late), "bundle.not_canonical");
        let mut other = told.clone();
        other.parts[2].media_type = "application/json".into();
        assert_eq!(code(&other, &with), "bundle.not_canonical");
        let mut graph = told;
        graph.engine = ENGINE_TRACT.into();
        graph.parts[1].name = "model.onnx".into();
        let mut onnx = with;
        onnx[1].0 = "model.onnx".into();
        assert_eq!(code(&graph, &onnx), "bundle.unknown_part");
    }

    #[test]
    fn the_compiled_specification_says_what_the_json_parts_say() {
        let good = parts();
        let bytes = |parts: &[(String, Vec<u8>)]| {
            let text = serde_json::to_string(&manifest(parts)).unwrap() + "\n";
            archive_of(&text, parts)
        };
        let whole = bytes(&good);
        let contents = Contents::read(&whole).unwrap();
        let (features, output) = contents.compiled().unwrap();
        assert_eq!((features.inputs.len(), output.labels.len()), (1, 0));
        for (name, data) in &good {
            let range = contents.range(name);
            assert_eq!(whole.get(range), Some(data.as_slice()), "{name}");
        }
        let mut other = good.clone();
        let text = String::from_utf8(other[0].1.clone()).unwrap();
        other[0].1 = text.replace("\"x\"", "\"z\"").into_bytes();
        let error = Bundle::from_bytes(&bytes(&other)).unwrap_err();
        assert_eq!(
            (error.code(), error.field()),
            ("bundle.invalid_features", Some("spec.plan"))
        );
        let mut cut = good;
        cut[3].1.pop();
        let cut = bytes(&cut);
        let error = Contents::read(&cut).unwrap().compiled().unwrap_err();
        assert_eq!(error.code(), "bundle.invalid_features");
    }

    #[test]
    fn a_manifest_is_written_in_one_way() {
        let parts = parts();
        let good = serde_json::to_string(&manifest(&parts)).unwrap() + "\n";
        for (from, to) in [
            (",\"name\"", ", \"name\""),
            ("\"outputs\":1", "\"outputs\":01"),
            ("\"outputs\":1", "\"outputs\":99999999999999999999999"),
            ("\"name\":\"y\"", "\"name\":\"\\u0079\""),
            ("regression", "guess"),
            ("}\n", "}"),
            ("}\n", "}\n\n"),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good, "{from}");
            let error = Bundle::from_bytes(&archive_of(&text, &parts)).unwrap_err();
            assert_eq!(error.code(), "bundle.invalid_manifest", "{to}");
        }
    }

    #[test]
    fn a_later_manifest_is_named_though_it_says_more() {
        let text = r#"{"format_version":9,"signatures":[]}"#;
        let error = Bundle::from_bytes(&archive_of(text, &parts())).unwrap_err();
        assert_eq!(error.code(), "unsupported.format_version");
    }
}
