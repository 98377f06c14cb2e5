//! The general engine: any ONNX graph that tract runs, behind the core's engine trait.
//!
//! A bundle whose model the plan cannot hold keeps the ONNX file itself, with a [`Wiring`] that says how a feature row
//! becomes the graph's inputs. [`wire`] makes that file when a bundle is packed, [`TractEngine`] runs it, and
//! [`predictor`] opens a bundle of either kind.

mod document;
mod draft;
mod element;
mod engine;
mod graph;
mod indices;
mod lowered;
mod wire;
mod wiring;

use skewless_core::bundle::Contents;
use skewless_core::{Bundle, Predictor, Result};

pub use engine::TractEngine;
pub use wire::{Wired, Wishes, wire};
pub use wiring::{Element, InputWire, OutputWire, Wiring};

/// How far answers of one graph may lie apart on different processors, relative to the greater of 1 and the answer.
pub const BOUND: f64 = 1e-4;

/// Compiles a bundle of any engine.
///
/// # Errors
/// As [`Predictor::new`] and [`TractEngine::read`].
pub fn predictor(bundle: &Bundle) -> Result<Predictor> {
    match bundle.manifest().engine.as_str() {
        "tract" => {
            let engine = TractEngine::read(bundle.model())?;
            Predictor::with_engine(bundle, Box::new(engine))
        }
        _ => Predictor::new(bundle),
    }
}

/// The same of a bundle of which only `spec.plan` and the model are read, as a page does.
///
/// # Errors
/// As [`Predictor::of_contents`] and [`TractEngine::read`].
pub fn predictor_of(contents: &Contents<'_>) -> Result<Predictor> {
    match contents.manifest().engine.as_str() {
        "tract" => {
            let engine = TractEngine::read(contents.model())?;
            let (features, output) = contents.compiled()?;
            Predictor::from_engine(&features, Box::new(engine), output)
        }
        _ => Predictor::of_contents(contents),
    }
}
