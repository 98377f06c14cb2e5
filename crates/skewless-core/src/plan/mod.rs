//! The plan: trees, linear models and small networks as small edge devices want them, and the engine trait every model kind serves.
//!
//! A [`Model`] is what importers and trainers build; [`Model::encode`] turns it into the bytes of `model.plan`;
//! [`decode`] validates such bytes in full and gives an [`Engine`].

mod bytes;
mod contributions;
mod layout;
mod linear;
pub mod network;
mod rank;
mod simd;
mod trees;

pub use contributions::Contributions;
pub(crate) use layout::one_hot_column;
pub use layout::{Group, Layout};
pub use network::NetworkModel;

use crate::error::{Error, Result};
use crate::explanation::Method;
use bytes::{PlanReader, PlanWriter};

/// Scores feature rows. The scalar implementation in this module's engines is the definition of every result.
pub trait Engine: Send + Sync {
    /// Width of a feature row.
    fn inputs(&self) -> usize;

    /// Raw scores per row.
    fn outputs(&self) -> usize;

    /// Whether a feature may be NaN, which means missing.
    fn accepts_missing(&self) -> bool;

    /// Size of the model for people.
    fn summary(&self) -> ModelSummary;

    /// How far a score may lie from the same row's score on another target, relative to the greater of 1 and the
    /// score's size: 0 for engines that give the same bits everywhere, as a plan's do.
    fn tolerance(&self) -> f64 {
        0.0
    }

    /// Scores `rows` (n × [`Engine::inputs`], row-major f64) into `raw` (n × [`Engine::outputs`], row-major).
    ///
    /// # Errors
    /// `misuse.shape` where the lengths do not fit each other.
    fn score(&self, rows: &[f64], scratch: &mut EngineScratch, raw: &mut [f64]) -> Result<()>;

    /// Prepares for compact rows of one layout, whose width is [`Engine::inputs`]; called once, before any
    /// [`Engine::score_compact`].
    fn bind(&mut self, _layout: &Layout) {}

    /// Scores compact rows (n × [`Layout::compact_width`], row-major) of the layout bound before. The result is that of
    /// [`Engine::score`] on the feature rows, to the bit.
    ///
    /// # Errors
    /// As [`Engine::score`].
    fn score_compact(
        &self,
        layout: &Layout,
        rows: &[f64],
        scratch: &mut EngineScratch,
        raw: &mut [f64],
    ) -> Result<()> {
        expand_and_score(self, layout, rows, scratch, raw)
    }

    /// Takes a bundle's part `explain.plan`; called at most once.
    ///
    /// # Errors
    /// `bundle.invalid_explain` where the part is malformed, does not fit the model, or is nothing that the model needs.
    fn take_shares(&mut self, _part: &[u8]) -> Result<()> {
        let message = "explain.plan is for trees, and the model has none";
        Err(Error::bundle("bundle.invalid_explain", message).with_field("explain.plan"))
    }

    /// How [`Engine::explain`] computes.
    ///
    /// # Errors
    /// `unsupported.explain` where it cannot, with the reason.
    fn explains(&self) -> Result<Method> {
        Err(Error::unsupported(
            "unsupported.explain",
            "contributions of features are there for linear models and sums of trees alone",
        ))
    }

    /// Adds what each column of one feature row added to the raw scores.
    ///
    /// # Errors
    /// As [`Engine::explains`], and `misuse.shape`.
    fn explain(&self, _row: &[f64], _to: &mut Contributions) -> Result<()> {
        self.explains().map(|_| ())
    }
}

/// Which instructions an engine may use. Every choice gives the same bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Simd {
    /// The best that the target and the processor have.
    #[default]
    Auto,
    /// The scalar code, which is the definition.
    Off,
}

/// Memory that an engine uses while it scores; owned by the caller so that nothing is allocated per row.
#[derive(Clone, Debug, Default)]
pub struct EngineScratch {
    bins: Vec<u16>,
    active: trees::Active,
    /// Feature rows of an engine that reads no compact ones.
    dense: Vec<f64>,
    network: network::NetworkScratch,
}

/// What a model is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelSummary {
    /// A tree ensemble.
    Trees {
        /// Number of trees.
        trees: usize,
        /// Number of leaves of all trees.
        leaves: usize,
        /// Longest path from a root to a leaf, in splits.
        depth: usize,
        /// Number of distinct thresholds of all inputs.
        thresholds: usize,
        /// Number of inputs that some split reads.
        inputs_used: usize,
        /// Where leaves are 16-bit integers: how far from the exact ones.
        rounding: Option<LeafRounding>,
    },
    /// A linear model.
    Linear {
        /// Number of weights that are not zero, intercepts aside.
        nonzero: usize,
        /// Number of weights, intercepts aside.
        weights: usize,
    },
    /// A small int8 network.
    Network {
        /// Number of layers.
        layers: usize,
        /// Number of weights, biases aside.
        weights: usize,
        /// Multiplications of one row.
        multiplications: usize,
        /// Bytes of working memory for one row.
        memory: usize,
    },
    /// An ONNX graph that the general engine runs.
    Graph {
        /// Number of nodes.
        nodes: usize,
    },
}

/// The type in which scores are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accumulate {
    /// IEEE binary64: LightGBM, and trees trained here.
    F64,
    /// IEEE binary32: XGBoost and ONNX.
    F32,
}

/// A model as importers and trainers build it.
#[derive(Clone, Debug, PartialEq)]
pub enum Model {
    /// A tree ensemble.
    Trees(TreeModel),
    /// A linear model.
    Linear(LinearModel),
    /// A small int8 network.
    Network(NetworkModel),
}

/// An ensemble of decision trees.
///
/// The raw score of an output is `base`, then the leaves of its trees added in the trees' order, in the type of
/// `accumulate`; or what else [`Aggregate`] says.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeModel {
    /// Width of a feature row.
    pub inputs: usize,
    /// Raw scores per row.
    pub outputs: usize,
    /// Features are rounded to f32 before any test (XGBoost, ONNX).
    pub narrow_inputs: bool,
    /// Type of the sums.
    pub accumulate: Accumulate,
    /// Where each output's sum starts; one value an output.
    pub base: Vec<f64>,
    /// What becomes of the leaves that a row falls into.
    pub aggregate: Aggregate,
    /// How the plan holds the leaves.
    pub leaves: LeafPrecision,
    /// The trees in the order in which they are summed.
    pub trees: Vec<Tree>,
}

impl TreeModel {
    /// Counts feature rows (n × `inputs`, row-major) through the trees and adds them to the covers of all nodes: for models
    /// whose source does not say how training rows went.
    ///
    /// # Errors
    /// `misuse.shape` for numbers that are no rows of that width; as [`Model::encode`].
    pub fn count_covers(&mut self, rows: &[f64]) -> Result<()> {
        trees::count_covers(self, rows)
    }
}

/// What becomes of the leaves that a row falls into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aggregate {
    /// Their sum, which starts at the base score.
    #[default]
    Sum,
    /// That sum, divided by the number of the output's trees (random forests).
    Average,
    /// The least of them, to which the base score is added. Every output has a tree.
    Min,
    /// The greatest of them, to which the base score is added. Every output has a tree.
    Max,
}

impl Aggregate {
    /// Whether leaves are added.
    pub fn adds(self) -> bool {
        matches!(self, Self::Sum | Self::Average)
    }
}

/// How a plan holds the leaves of trees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LeafPrecision {
    /// As they are: the raw scores are the library's.
    #[default]
    Exact,
    /// As 16-bit integers q with one scale an output: a raw score is `base + scale · Σ q`, whose sum is exact. The plan
    /// of a model with f64 leaves is about half as large; [`LeafRounding`] says what it costs.
    I16,
}

/// How far 16-bit leaves are from the exact ones.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LeafRounding {
    /// Largest difference of one leaf.
    pub leaf: f64,
    /// No raw score differs by more, whatever the row: a bound, not a measurement.
    pub bound: f64,
}

/// One tree: `nodes[0]` is the root, and every other node is the child of exactly one split.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// The output whose score the tree's leaf is added to.
    pub output: usize,
    /// The nodes in any order.
    pub nodes: Vec<Node>,
    /// How many training rows came to each node, or their weight, in the order of `nodes`; empty where nobody knows.
    /// Predictions don't depend on it: explanations do.
    pub covers: Vec<f64>,
}

/// A node of a [`Tree`].
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// The end of a path.
    Leaf {
        /// Added to the score; exactly an f32 where the model accumulates in f32.
        value: f64,
    },
    /// A question about one feature.
    Split {
        /// Column of the feature row.
        input: usize,
        /// The question.
        test: Test,
        /// What a missing value does.
        missing: Missing,
        /// Index of the node for "yes".
        left: usize,
        /// Index of the node for "no".
        right: usize,
    },
}

/// The question of a split, answered for a value x that is not missing.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// x ≤ t goes left.
    AtMost(f64),
    /// x < t goes left.
    Below(f64),
    /// x cut towards zero is one of these categories (at most 65,533): goes left. Anything else goes right.
    InSet(Vec<u32>),
}

/// What a split does with a missing value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// NaN goes left.
    Left,
    /// NaN goes right.
    Right,
    /// NaN is tested as 0 (LightGBM `missing_type` none).
    AsZero,
    /// NaN and |x| ≤ 1e-35 go left (LightGBM `missing_type` zero).
    ZeroIsMissingLeft,
    /// NaN and |x| ≤ 1e-35 go right (LightGBM `missing_type` zero).
    ZeroIsMissingRight,
}

/// A linear model: `raw[k] = Σ_j weights[k][j] · x[j] + intercept[k]`, starting at 0, columns in their order, the
/// intercept last, each step rounded to the type of `accumulate`.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearModel {
    /// Width of a feature row.
    pub inputs: usize,
    /// Raw scores per row.
    pub outputs: usize,
    /// outputs × inputs, row-major.
    pub weights: Vec<f64>,
    /// One value an output.
    pub intercept: Vec<f64>,
    /// Type of products and sums; with [`Accumulate::F32`], features and weights are rounded to f32 first.
    pub accumulate: Accumulate,
}

impl Model {
    /// The bytes of `model.plan`.
    ///
    /// # Errors
    /// `unsupported.model_size`, `unsupported.threshold` or `unsupported.category` for what the format cannot hold,
    /// `misuse.model` for nodes that are not a tree or lengths that contradict each other.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut plan = PlanWriter::default();
        plan.raw(MAGIC);
        plan.u16(FORMAT);
        match self {
            Self::Trees(model) => {
                plan.u8(KIND_TREES);
                trees::encode(model, &mut plan)?;
            }
            Self::Linear(model) => {
                plan.u8(KIND_LINEAR);
                linear::encode(model, &mut plan)?;
            }
            Self::Network(model) => {
                plan.u8(KIND_NETWORK);
                network::encode(model, &mut plan)?;
            }
        }
        Ok(plan.finish())
    }

    /// The bytes of `explain.plan`; nothing where the model needs no such part, cannot be explained, or is of trees whose
    /// [`Tree::covers`] are not known.
    ///
    /// # Errors
    /// `unsupported.model_size`.
    pub fn encode_explain(&self) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Trees(model) => trees::encode_shares(model),
            Self::Linear(_) | Self::Network(_) => Ok(None),
        }
    }

    /// Width of a feature row.
    pub fn inputs(&self) -> usize {
        match self {
            Self::Trees(model) => model.inputs,
            Self::Linear(model) => model.inputs,
            Self::Network(model) => model.columns(),
        }
    }

    /// Raw scores per row.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Trees(model) => model.outputs,
            Self::Linear(model) => model.outputs,
            Self::Network(model) => model.scores(),
        }
    }
}

/// Reads the bytes of `model.plan`.
///
/// # Errors
/// `bundle.invalid_plan` naming what was read, expected and found; `unsupported.format_version` for a later format.
pub fn decode(bytes: &[u8]) -> Result<Box<dyn Engine>> {
    decode_with(bytes, Simd::Auto)
}

/// Reads the bytes of `model.plan` for an engine that uses certain instructions.
///
/// # Errors
/// As [`decode`].
pub fn decode_with(bytes: &[u8], simd: Simd) -> Result<Box<dyn Engine>> {
    let mut plan = PlanReader::new(bytes);
    let engine: Box<dyn Engine> = match kind(&mut plan)? {
        KIND_NETWORK => Box::new(network::NetworkEngine::read(&mut plan, simd)?),
        kind => tables(kind, &mut plan, simd)?,
    };
    plan.end()?;
    Ok(engine)
}

/// As [`decode`], of trees and linear models alone: a program that never asks for networks does not carry them.
///
/// # Errors
/// As [`decode`]; `unsupported.engine` for a network.
pub fn decode_tables(bytes: &[u8]) -> Result<Box<dyn Engine>> {
    let mut plan = PlanReader::new(bytes);
    let kind = kind(&mut plan)?;
    let engine = tables(kind, &mut plan, Simd::Auto)?;
    plan.end()?;
    Ok(engine)
}

/// The kind of a plan's model, behind the header.
fn kind(plan: &mut PlanReader<'_>) -> Result<u8> {
    if plan.raw(MAGIC.len(), "magic")? != MAGIC {
        return Err(Error::bundle(
            "bundle.invalid_plan",
            "model.plan does not begin with `SKWP`",
        ));
    }
    let format = plan.u16("format")?;
    if format != FORMAT {
        return Err(Error::unsupported(
            "unsupported.format_version",
            format!("model.plan has format {format}; this version reads {FORMAT}"),
        ));
    }
    plan.u8("kind")
}

/// The engine of a model that reads tables.
fn tables(kind: u8, plan: &mut PlanReader<'_>, simd: Simd) -> Result<Box<dyn Engine>> {
    Ok(match kind {
        KIND_TREES => Box::new(trees::TreeEngine::read(plan, simd)?),
        KIND_LINEAR => Box::new(linear::LinearEngine::read(plan)?),
        KIND_NETWORK => {
            let message = "model.plan holds a network, which this build does not know";
            return Err(Error::unsupported("unsupported.engine", message).with_value("network"));
        }
        kind => {
            return Err(Error::unsupported(
                "unsupported.engine",
                format!("model.plan holds a model of kind {kind}, which this build does not know"),
            ));
        }
    })
}

const MAGIC: &[u8] = b"SKWP";
const FORMAT: u16 = 1;
const KIND_TREES: u8 = 1;
const KIND_LINEAR: u8 = 2;
const KIND_NETWORK: u8 = 3;

/// Scores compact rows as the feature rows that they stand for.
fn expand_and_score<E: Engine + ?Sized>(
    engine: &E,
    layout: &Layout,
    rows: &[f64],
    scratch: &mut EngineScratch,
    raw: &mut [f64],
) -> Result<()> {
    if layout.is_dense() {
        return engine.score(rows, scratch, raw);
    }
    check_compact_shape(engine, layout, rows, raw)?;
    let n = raw.len() / engine.outputs().max(1);
    let mut dense = std::mem::take(&mut scratch.dense);
    dense.clear();
    dense.resize(n * layout.width(), 0.0);
    layout.expand(rows, &mut dense);
    let result = engine.score(&dense, scratch, raw);
    scratch.dense = dense;
    result
}

fn check_compact_shape<E: Engine + ?Sized>(
    engine: &E,
    layout: &Layout,
    rows: &[f64],
    raw: &[f64],
) -> Result<()> {
    check_lengths(layout.compact_width(), engine.outputs(), rows, raw)
}

fn check_shape<E: Engine + ?Sized>(engine: &E, rows: &[f64], raw: &[f64]) -> Result<()> {
    check_lengths(engine.inputs(), engine.outputs(), rows, raw)
}

fn check_row<E: Engine + ?Sized>(engine: &E, row: &[f64]) -> Result<()> {
    check_lengths(engine.inputs(), 1, row, &[0.0])
}

fn check_lengths(inputs: usize, outputs: usize, rows: &[f64], raw: &[f64]) -> Result<()> {
    let n = raw.len() / outputs.max(1);
    if n * outputs == raw.len() && n * inputs == rows.len() {
        return Ok(());
    }
    Err(Error::misuse(
        "misuse.shape",
        format!(
            "{} values and {} scores do not fit rows of {inputs} values and {outputs} scores",
            rows.len(),
            raw.len()
        ),
    ))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to f32 is what the model asks for"
)]
fn narrow(value: f64) -> f64 {
    f64::from(value as f32)
}
