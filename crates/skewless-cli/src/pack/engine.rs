//! Which engine a model gets: the plan where it can hold the model, else tract, with the reason.

use skewless_compile::{Compiled, ModelInput, Source, compile};
use skewless_core::bundle::BundleModel;
use skewless_core::plan::network::NetworkInput;
use skewless_core::plan::{Engine, LeafPrecision, Model, decode};
use skewless_core::{Error, FittedSpec, Output, Result};

use crate::args::{EngineChoice, LeafChoice, ModelFormat, PackArgs};
use crate::pack::graph;
use crate::pack::in_file;

/// A model with its engine.
pub(super) struct Chosen {
    pub(super) model: BundleModel,
    /// Task, link and labels as far as the source knows them.
    pub(super) output: Output,
    /// The source's names of the feature columns.
    pub(super) feature_names: Option<Vec<String>>,
    /// The specification that the source's own preprocessing became.
    pub(super) head: Option<FittedSpec>,
    /// The model's own inputs, where they are tensors; in the order of the feature row's columns.
    pub(super) tensors: Vec<TensorInput>,
    pub(super) source: Source,
    /// What a person should know, a sentence each.
    pub(super) notes: Vec<String>,
    /// The engine, and why not the plan.
    pub(super) engine: String,
}

/// An input of a model that takes tensors.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TensorInput {
    pub(super) name: String,
    /// Shape of one row's values.
    pub(super) shape: Vec<usize>,
    /// Only whole numbers are values.
    pub(super) whole: bool,
    /// The numbers that made-up rows hold.
    pub(super) range: (f64, f64),
}

impl Chosen {
    /// A model that the plan holds.
    pub(super) fn of(compiled: Compiled) -> Self {
        let Compiled {
            model,
            output,
            feature_names,
            head,
            inputs,
            source,
            notes,
        } = compiled;
        Self {
            tensors: tensors(&model, inputs),
            head,
            engine: format!("plan ({})", kind(&model)),
            model: model.into(),
            output,
            feature_names,
            source,
            notes,
        }
    }

    /// Width of the feature row.
    pub(super) fn columns(&self) -> Result<usize> {
        match &self.model {
            BundleModel::Plan(model) => Ok(model.inputs()),
            BundleModel::Onnx { .. } => {
                let columns = |input: &TensorInput| input.shape.iter().product::<usize>();
                Ok(self.tensors.iter().map(columns).sum())
            }
        }
    }

    /// The engine as every door makes it.
    pub(super) fn open(&self) -> Result<Box<dyn Engine>> {
        match &self.model {
            BundleModel::Plan(model) => decode(&model.encode()?),
            BundleModel::Onnx { file, .. } => graph::open(file),
        }
    }
}

/// Reads the model's file with the engine that the arguments ask for.
pub(super) fn choose(args: &PackArgs, bytes: &[u8]) -> anyhow::Result<Chosen> {
    let source = source(args, bytes)?;
    let in_model = |error| in_file(&args.model, error);
    match args.engine {
        EngineChoice::Plan => planned(args, bytes, source).map_err(in_model),
        EngineChoice::Tract if args.leaves == LeafChoice::I16 => Err(in_model(no_leaves())),
        EngineChoice::Tract => graph::chosen(args, bytes, source, None).map_err(in_model),
        EngineChoice::Auto => match planned(args, bytes, source) {
            Err(reason) if falls_to_tract(args, source, &reason) => {
                graph::chosen(args, bytes, source, Some(&reason)).map_err(in_model)
            }
            planned => planned.map_err(in_model),
        },
    }
}

fn source(args: &PackArgs, bytes: &[u8]) -> anyhow::Result<Source> {
    match args.model_format {
        Some(ModelFormat::Lightgbm) => Ok(Source::LightGbm),
        Some(ModelFormat::Xgboost) => Ok(Source::XgBoost),
        Some(ModelFormat::Onnx) => Ok(Source::Onnx),
        Some(ModelFormat::Tflite) => Ok(Source::TfLite),
        None => Source::detect(bytes).map_err(|error| in_file(&args.model, error)),
    }
}

/// A graph that is well-formed and that the plan cannot hold, though nothing asks for trees.
fn falls_to_tract(args: &PackArgs, source: Source, reason: &Error) -> bool {
    let unsupported = reason.kind() == skewless_core::ErrorKind::Unsupported;
    source == Source::Onnx && unsupported && args.leaves == LeafChoice::Exact
}

fn no_leaves() -> Error {
    Error::input(
        "pack.no_leaves",
        "--leaves is for trees, and the model has none",
    )
}

fn planned(args: &PackArgs, bytes: &[u8], source: Source) -> Result<Chosen> {
    let mut compiled = compile(bytes, source)?;
    if let Some(flag) = graph::flag(args) {
        return Err(Error::unsupported(
            "unsupported.onnx_input",
            format!("{flag} wires a graph that tract runs, and the plan can hold this model"),
        ));
    }
    compiled.model = with_leaves(args, compiled.model)?;
    Ok(Chosen::of(compiled))
}

/// The model with leaves as precise as the arguments ask for.
fn with_leaves(args: &PackArgs, mut model: Model) -> Result<Model> {
    match (&mut model, args.leaves) {
        (_, LeafChoice::Exact) => {}
        (Model::Trees(trees), LeafChoice::I16) => trees.leaves = LeafPrecision::I16,
        (_, LeafChoice::I16) => return Err(no_leaves()),
    }
    Ok(model)
}

fn kind(model: &Model) -> &'static str {
    match model {
        Model::Trees(trees) if trees.leaves == LeafPrecision::I16 => "trees, 16-bit leaves",
        Model::Trees(_) => "trees",
        Model::Linear(_) => "linear",
        Model::Network(_) => "int8 network",
    }
}

/// The inputs of a network with the numbers that its quantisation tells apart.
fn tensors(model: &Model, inputs: Vec<ModelInput>) -> Vec<TensorInput> {
    let Model::Network(network) = model else {
        return vec![];
    };
    let ends = inputs.into_iter().zip(&network.inputs);
    ends.map(|(input, end)| {
        let (whole, range) = match end {
            NetworkInput::Quantize { tensor } => {
                let tensor = network.tensors.get(*tensor);
                let (scale, zero_point) =
                    tensor.map_or((1.0, 0), |tensor| (tensor.scale, tensor.zero_point));
                let real = |step: i16| f64::from(step - i16::from(zero_point)) * f64::from(scale);
                (false, (real(-128), real(127)))
            }
            NetworkInput::Embedding { rows, .. } => {
                let last = u32::try_from(rows.saturating_sub(1)).unwrap_or(u32::MAX);
                (true, (0.0, f64::from(last)))
            }
        };
        TensorInput {
            name: input.name,
            shape: input.shape,
            whole,
            range,
        }
    })
    .collect()
}
