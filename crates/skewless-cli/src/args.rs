//! The arguments as they are typed; what they mean is resolved by each command.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use skewless_table::Format;

use crate::exit::STATUSES;

/// One model bundle, the same answer everywhere.
#[derive(Debug, Parser)]
#[command(name = "skewless", version, arg_required_else_help = true, after_help = STATUSES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a model from a configuration: read, split, fit, select, evaluate, and write the bundle
    #[command(after_help = STATUSES)]
    Train(TrainArgs),
    /// Train again on the data as they are now, and say whether the result takes the place of the bundle in use
    #[command(after_help = format!("{RETRAIN_NOTES}\n\n{STATUSES}"))]
    Retrain(RetrainArgs),
    /// Compute the features of a configuration's feature set, for a model that is trained elsewhere
    #[command(after_help = format!("{FEATURES_NOTES}\n\n{STATUSES}"))]
    Features(FeaturesArgs),
    /// Fit a feature specification on tables of any length, in bounded memory
    #[command(after_help = format!("{FIT_NOTES}\n\n{STATUSES}"))]
    Fit(FitArgs),
    /// Write a source of a configuration as the lookup table that serving uses
    #[command(after_help = format!("{LOOKUP_NOTES}\n\n{STATUSES}"))]
    Lookup(LookupArgs),
    /// List, compare and plot recorded runs of training
    #[command(after_help = STATUSES, args_conflicts_with_subcommands = true)]
    Runs(RunsArgs),
    /// List what a configuration leaves unsaid: open questions of the canvas, data without a description or an owner
    #[command(after_help = STATUSES)]
    Lint(LintArgs),
    /// Write the report of a study as one HTML page that needs nothing else
    #[command(after_help = STATUSES)]
    Report(ReportArgs),
    /// Make a bundle from a model trained elsewhere: LightGBM, XGBoost, ONNX or int8 TensorFlow Lite
    #[command(after_help = STATUSES)]
    Pack(Box<PackArgs>),
    /// Answer the records of a table, in their order
    #[command(after_help = format!("{PREDICT_NOTES}\n\n{STATUSES}"))]
    Predict(PredictArgs),
    /// Compute the features of the records of a table, in their order, as serving computes them
    #[command(after_help = format!("{TRANSFORM_NOTES}\n\n{STATUSES}"))]
    Transform(TransformArgs),
    /// Say what each feature of a record added to its raw score
    #[command(after_help = format!("{EXPLAIN_NOTES}\n\n{STATUSES}"))]
    Explain(ExplainArgs),
    /// Show what is in a bundle: inputs, features, model, metrics, provenance
    #[command(after_help = STATUSES)]
    Inspect(InspectArgs),
    /// Check a bundle: its digests, and that it answers its golden rows to the last bit
    #[command(after_help = STATUSES)]
    Verify(VerifyArgs),
    /// Serve a bundle over HTTP on this machine
    #[command(after_help = STATUSES)]
    Serve(Box<ServeArgs>),
}

const RETRAIN_NOTES: &str = "\
Champion and challenger answer the same test rows, which neither has seen. verdict.json says in `decision` what is to be done:
`promote` or `keep`, with the status 0 for both; a failed gate is a `keep` with status 1 and no challenger.";

const FEATURES_NOTES: &str = "\
The features are fitted on the rows that the winner of `skewless train` is fitted on. Without IN the configuration's own
rows are computed, with the columns `row`, `part` (0 training, n validation of fold n) and `label`, and without the test:
that stays shut. With IN every row of IN is computed, and there are features alone.";

const FIT_NOTES: &str = "\
Every row of the tables counts: leave out what is to stay unseen. The tables are read from the beginning for each pass; how many
there are depends on the ops and the memory, what is fitted does not. `skewless transform` and `skewless pack --features` take
the result.";

const LOOKUP_NOTES: &str = "\
Keys are in byte order. Of a source with a time each key has its newest row; of others a key stands once. Key and columns
are those of the `[[lookup]]` that is made from the source, else of its first `[[join]]`.";

const PREDICT_NOTES: &str = "\
JSON lines answer each record with {\"label\", \"probability\", \"raw\"} for two labels, {\"label\", \"probabilities\",
\"raw\"} for several, {\"value\", \"raw\"} for a number; a bundle that promises a
coverage adds the labels of the \"set\" or the \"interval\". A record that cannot be answered has {\"error\": {\"code\",
\"message\", \"field\", \"value\", \"row\"}} in its place; rows count from 0, and the other rows are answered.";

const TRANSFORM_NOTES: &str = "\
A column a column of the feature row; missing is null, or an empty cell. A row that fails has its error in its place: in JSON lines
{\"error\": {\"code\", \"message\", \"field\", \"value\", \"row\"}}, else nothing in the features and the columns `error` and
`message`. The table goes through memory in blocks, so that its length does not matter.";

const EXPLAIN_NOTES: &str = "\
A line a record: {\"method\", \"raw\", \"base\", \"features\": [{\"feature\", \"inputs\", \"contributions\"}]}. A raw score is
its base and the contributions of all features, added. On a terminal, a record alone is shown as a table.";

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    pub(crate) run: TrainingRunArgs,
    /// Where the bundle goes [default: NAME.skw beside the configuration, and card.md with it; of experiments report.json too]
    #[arg(short, long, value_name = "BUNDLE")]
    pub(crate) output: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RetrainArgs {
    #[command(flatten)]
    pub(crate) run: TrainingRunArgs,
    /// The bundle in use
    #[arg(long, value_name = "BUNDLE")]
    pub(crate) champion: PathBuf,
    /// Folder for verdict.json, report.json, card.md and the challenger NAME.skw [default: challenger beside the configuration]
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) output: Option<PathBuf>,
    /// Version of the challenger, instead of the configuration's
    #[arg(long, value_name = "VERSION")]
    pub(crate) set_version: Option<String>,
    /// Allow that the champion was trained from another configuration
    #[arg(long)]
    pub(crate) changed: bool,
    /// Print the verdict as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a run of training takes, whatever becomes of its bundle.
#[derive(Debug, Args)]
pub(crate) struct TrainingRunArgs {
    /// The configuration, such as models/flights/skewless.toml
    pub(crate) config: PathBuf,
    /// Threads to train with; the bundle does not depend on it [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) threads: Option<u16>,
    /// Experiments: bytes that all fits together may take, by estimate, as in 500MB or 4GB
    #[arg(long, value_name = "SIZE", default_value = "4GB", value_parser = bytes)]
    pub(crate) memory: u64,
    /// Where runs are recorded, and of experiments results kept, so that a run that was killed goes on, and copies of sources
    /// from S3 and the web [default: .skewless beside the configuration]
    #[arg(long, value_name = "FOLDER", conflicts_with = "no_store")]
    pub(crate) store: Option<PathBuf>,
    /// Record no run; of experiments keep no results and no copies, and use none
    #[arg(long)]
    pub(crate) no_store: bool,
    /// Append OpenLineage events of the run to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    pub(crate) openlineage: Option<PathBuf>,
    /// Send the run, once it has ended, to this MLflow tracking server, such as http://127.0.0.1:5000
    #[arg(long, value_name = "URL")]
    pub(crate) mlflow: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<RunsCommand>,
    /// A configuration, its folder, or the folder that --store named
    #[arg(value_name = "CONFIG_OR_FOLDER", default_value = ".")]
    pub(crate) place: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// Show parameters and measures of two runs side by side
    Compare(CompareArgs),
    /// Draw a measure over runs
    Plot(PlotArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// A run: its number, or how its id begins
    pub(crate) a: String,
    /// The other one
    pub(crate) b: String,
    #[command(flatten)]
    pub(crate) of: RunsOf,
}

#[derive(Debug, Args)]
pub(crate) struct PlotArgs {
    /// A measure of the test, such as rmse; validate.rmse is the winner's on the validation rows
    pub(crate) metric: String,
    #[command(flatten)]
    pub(crate) of: RunsOf,
}

#[derive(Debug, Args)]
pub(crate) struct RunsOf {
    /// A configuration, its folder, or the folder that --store named
    #[arg(long, value_name = "CONFIG_OR_FOLDER", default_value = ".")]
    pub(crate) of: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    /// The configuration
    pub(crate) config: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A size in bytes: `500MB` is 500 million, `4GB` 4 billion.
fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|sign: char| sign.is_ascii_alphabetic());
    let factor = match text.split_at(digits.len()).1 {
        "" | "B" => Some(1),
        "KB" => Some(1_000),
        "MB" => Some(1_000_000),
        "GB" => Some(1_000_000_000),
        _ => None,
    };
    let size = digits.parse::<u64>().ok().zip(factor);
    let size = size.and_then(|(number, factor)| number.checked_mul(factor));
    size.filter(|&size| size > 0)
        .ok_or_else(|| "a number with B, KB, MB or GB is due, as in 500MB".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct FeaturesArgs {
    /// The configuration, with `[[experiment]]`
    pub(crate) config: PathBuf,
    /// A table of raw records [default: the configuration's own rows outside the test]
    #[arg(value_name = "IN")]
    pub(crate) input: Option<PathBuf>,
    /// The feature set [default: the first]
    #[arg(long, value_name = "NAME")]
    pub(crate) set: Option<String>,
    /// Where the fitted specification goes, which `skewless pack --features` takes
    #[arg(long, value_name = "FILE")]
    pub(crate) spec: Option<PathBuf>,
    /// Where the features go: a .parquet or .csv file
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) copies: CopiesArgs,
}

/// Where copies of sources from S3 and the web are kept.
#[derive(Debug, Args)]
pub(crate) struct CopiesArgs {
    /// Where copies of sources from S3 and the web are kept [default: .skewless beside the configuration]
    #[arg(long, value_name = "FOLDER", conflicts_with = "no_store")]
    pub(crate) store: Option<PathBuf>,
    /// Keep no copies, and use none
    #[arg(long)]
    pub(crate) no_store: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FitArgs {
    /// The specification: `[[input]]`, `[[feature]]` and `[[lookup]]` in TOML or JSON, or a configuration with `[[experiment]]`
    pub(crate) spec: PathBuf,
    /// The training rows: .parquet, .csv or .jsonl files, one after the other
    #[arg(value_name = "TABLE", required = true)]
    pub(crate) tables: Vec<PathBuf>,
    /// The feature set of a configuration [default: the first]
    #[arg(long, value_name = "NAME")]
    pub(crate) set: Option<String>,
    /// Where the fitted specification goes, as JSON
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// Threads that read; what is fitted does not depend on it [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) threads: Option<u16>,
    /// Bytes that the program may take, by estimate, as in 500MB or 4GB; vocabularies and the longest line need theirs
    #[arg(long, value_name = "SIZE", default_value = "1GB", value_parser = bytes)]
    pub(crate) memory: u64,
}

#[derive(Debug, Args)]
pub(crate) struct LookupArgs {
    /// The configuration, with `[[experiment]]`
    pub(crate) config: PathBuf,
    /// A source, a view, or the name of a lookup table that is made from one
    pub(crate) source: String,
    /// The key's column
    #[arg(long, value_name = "COLUMN")]
    pub(crate) key: Option<String>,
    /// The columns beside it
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,...")]
    pub(crate) columns: Vec<String>,
    /// Where the table goes: a .csv or .jsonl file
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) copies: CopiesArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The report.json that `skewless train` wrote of experiments
    #[arg(value_name = "REPORT_JSON")]
    pub(crate) report: PathBuf,
    /// Where the page goes; `-` is standard output [default: beside the report, ending in .html]
    #[arg(short, long, value_name = "PAGE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PackArgs {
    /// The model: LightGBM text, XGBoost JSON or UBJSON, ONNX, or TensorFlow Lite with int8 tensors
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// What the model file is [default: told by its content]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) model_format: Option<ModelFormat>,
    /// What runs the model [default: the plan where it can hold the model, else tract for ONNX]
    #[arg(long, value_enum, value_name = "ENGINE", default_value_t = EngineChoice::Auto, hide_default_value = true)]
    pub(crate) engine: EngineChoice,
    /// The feature specification: TOML as written, or fitted JSON (features.json) [default: the model's own inputs, where
    /// it takes tensors]
    #[arg(long, value_name = "FILE")]
    pub(crate) features: Option<PathBuf>,
    /// Fit the specification's parameters on this table of raw records
    #[arg(long, value_name = "TABLE")]
    pub(crate) fit_on: Option<PathBuf>,
    /// Take golden rows and the reference profile from this table of raw records [default: that of --fit-on, then that
    /// of --calibration, then made-up rows where the inputs are the model's own]
    #[arg(long, value_name = "TABLE")]
    pub(crate) golden_from: Option<PathBuf>,
    /// Raw records on which engine and source are compared before the bundle is written [default: those that golden rows
    /// come from]
    #[arg(long, value_name = "TABLE")]
    pub(crate) calibration: Option<PathBuf>,
    /// The column of --calibration with the raw scores of the source's own library, to which the engine is held: a number,
    /// or a list where the model gives several
    #[arg(long, value_name = "NAME", requires = "calibration")]
    pub(crate) library_scores: Option<String>,
    /// Turn a float network into an int8 one, by the rows of --calibration
    #[arg(long)]
    pub(crate) quantize: bool,
    /// How the range of an activation follows from the calibration rows
    #[arg(long, value_enum, value_name = "RULE", default_value_t = RangeChoice::MinMax, requires = "quantize")]
    pub(crate) range: RangeChoice,
    /// Raw records with the truth, on which the float and the int8 network are measured
    #[arg(long, value_name = "TABLE", requires = "quantize")]
    pub(crate) labelled: Option<PathBuf>,
    /// The column of --labelled with the truth: a label, or the number that is due
    #[arg(long, value_name = "NAME", requires = "labelled")]
    pub(crate) label_column: Option<String>,
    /// How much accuracy may be lost, as a share of the rows; for numbers, how much the error may grow, as a share of it
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.01,
        requires = "labelled"
    )]
    pub(crate) max_drop: f64,
    /// The model's name
    #[arg(long)]
    pub(crate) name: String,
    /// The model's version, as in semantic versioning
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: String,
    /// How the plan holds the leaves of trees: i16 halves it, and `inspect` says what that costs [default: exact]
    #[arg(long, value_enum, value_name = "PRECISION", default_value_t = LeafChoice::Exact, hide_default_value = true, conflicts_with = "quantize")]
    pub(crate) leaves: LeafChoice,
    /// The labels in the model's order, for models that do not carry them: --labels on_time,late
    #[arg(long, value_delimiter = ',', value_name = "LABEL,...")]
    pub(crate) labels: Vec<String>,
    /// What turns raw scores into probabilities, for models that do not say it [default: identity]
    #[arg(long, value_enum, value_name = "LINK")]
    pub(crate) link: Option<LinkChoice>,
    /// ONNX: the graph's outputs that are the raw scores, in this order [default: all]
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    pub(crate) scores: Vec<String>,
    /// ONNX: an input that always has the same numbers: --fix sr=16000
    #[arg(long, value_name = "NAME=N,...")]
    pub(crate) fix: Vec<String>,
    /// ONNX: a size that the graph leaves open: --size sequence=576
    #[arg(long, value_name = "NAME=N")]
    pub(crate) size: Vec<String>,
    /// What the prediction is called [default: the model's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) target: Option<String>,
    /// A model card in Markdown [default: a short one that says where the model came from]
    #[arg(long, value_name = "FILE")]
    pub(crate) card: Option<PathBuf>,
    /// Where the bundle goes
    #[arg(short, long, value_name = "BUNDLE")]
    pub(crate) output: PathBuf,
}

/// From the values of an activation on calibration rows to its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RangeChoice {
    /// From the least to the greatest value
    MinMax,
    /// All but 0.01 % of the values
    Percentile,
    /// The range whose steps have the least mean square error
    LeastError,
}

/// What may run a packed model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineChoice {
    Auto,
    Plan,
    Tract,
}

/// How precise the leaves of trees are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LeafChoice {
    /// The raw scores are the library's
    Exact,
    /// 16-bit integers with one scale an output
    I16,
}

/// From raw scores to probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LinkChoice {
    Identity,
    Logistic,
    Softmax,
    Exp,
}

/// The formats of model files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModelFormat {
    Lightgbm,
    Xgboost,
    Onnx,
    Tflite,
}

#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    /// The bundle
    pub(crate) bundle: PathBuf,
    /// The table of records [default: standard input]
    #[arg(value_name = "IN")]
    pub(crate) input: Option<PathBuf>,
    /// Where the predictions go; the file appears when it is complete [default: standard output]
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
    /// The input's format [default: its extension; jsonl for standard input]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) from: Option<TableFormat>,
    /// The output's format [default: its extension; jsonl for standard output]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) to: Option<TableFormat>,
    /// Threads that predict; the answers and their order do not depend on it [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) jobs: Option<u16>,
    /// Print the SHA-256 over all predictions to standard error
    #[arg(long)]
    pub(crate) digest: bool,
    /// Print the SHA-256 over all predictions to standard output, and nothing else
    #[arg(long, conflicts_with_all = ["digest", "output", "to"])]
    pub(crate) digest_only: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TransformArgs {
    /// The bundle, or a fitted specification (.json)
    #[arg(value_name = "BUNDLE")]
    pub(crate) features: PathBuf,
    /// The table of records [default: standard input]
    #[arg(value_name = "IN")]
    pub(crate) input: Option<PathBuf>,
    /// Where the features go; the file appears when it is complete [default: standard output]
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
    /// The input's format [default: its extension; jsonl for standard input]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) from: Option<TableFormat>,
    /// The output's format [default: its extension; jsonl for standard output]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) to: Option<TableFormat>,
    /// Where the counts of the inputs' values go, as JSON, in the bins and categories of the bundle's profile; predictions are
    /// not counted
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,
    /// Write the profile alone; the features are computed and dropped
    #[arg(long, requires = "profile", conflicts_with_all = ["output", "to"])]
    pub(crate) profile_only: bool,
    /// Threads that transform; the features and their order do not depend on it [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) threads: Option<u16>,
    /// Bytes that the program may take, by estimate, as in 500MB or 4GB; the bundle and the longest line need theirs
    #[arg(long, value_name = "SIZE", default_value = "1GB", value_parser = bytes)]
    pub(crate) memory: u64,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The bundle
    pub(crate) bundle: PathBuf,
    /// The table of records [default: standard input]
    #[arg(value_name = "IN")]
    pub(crate) input: Option<PathBuf>,
    /// Where the explanations go, as JSON lines; the file appears when it is complete [default: standard output]
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
    /// The input's format [default: its extension; jsonl for standard input]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) from: Option<TableFormat>,
}

/// The formats of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableFormat {
    Jsonl,
    Csv,
    Parquet,
}

impl From<TableFormat> for Format {
    fn from(format: TableFormat) -> Self {
        match format {
            TableFormat::Jsonl => Self::JsonLines,
            TableFormat::Csv => Self::Csv,
            TableFormat::Parquet => Self::Parquet,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The bundle
    pub(crate) bundle: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The bundle
    pub(crate) bundle: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The bundle: a path, s3://BUCKET/KEY, or an address [default: what the file or SKEWLESS_BUNDLE names]
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: Option<String>,
    /// The configuration as a file (TOML); variables SKEWLESS_… come over it, flags over them [default: what
    /// SKEWLESS_CONFIG names]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print the configuration, each value with where it is from, and serve nothing
    #[arg(long)]
    pub(crate) print_config: bool,
    #[cfg(feature = "serve")]
    #[command(flatten)]
    pub(crate) keys: crate::serve::Keys,
}
