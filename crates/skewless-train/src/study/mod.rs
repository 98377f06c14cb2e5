//! A study: several feature sets, families of models and parameters; one of them wins, is tested once and packed.
//!
//! What a study does stands in a configuration with `[[experiment]]` (`docs/training.md`). It reads and checks the data,
//! splits it, fits every candidate inside the training part of every fold, chooses by the validation rows, opens the test
//! for the winner alone, and writes a bundle where every gate holds. The result is a pure function of the configuration
//! and the files that it names: threads, memory and what was kept of an earlier run change nothing but the time.

pub mod calibration;
mod card;
mod checks;
mod column;
pub mod confidence;
pub mod config;
pub mod conformal;
pub(crate) mod data;
mod export;
mod feature_set;
mod fitted;
mod folds;
mod gates;
mod intervals;
mod jobs;
mod leaks;
pub mod measure;
pub mod models;
mod pack;
pub mod plots;
mod provenance;
mod race;
mod recipe;
pub mod report;
pub mod retrain;
mod run;
mod select;
mod slices;
pub mod sources;
mod stop;
mod store;
mod strength;
pub mod threshold;
pub mod venn_abers;

pub use export::{Exported, export, feature_set};
pub use intervals::wilson;
pub use recipe::Candidate;
pub use report::StudyReport;
pub use retrain::{Retrained, Retraining, retrain};
pub use run::{Studied, StudyOptions, study};
pub use sources::LookupExport;

/// Whether the text of a configuration describes a study: it has `[[experiment]]`.
pub fn is_study(text: &str) -> bool {
    let table: Result<toml::Table, _> = toml::from_str(text);
    table.is_ok_and(|table| table.contains_key("experiment"))
}
