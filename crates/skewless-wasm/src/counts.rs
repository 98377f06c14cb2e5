//! The profile over the border: JavaScript has read `profile.json`, and numbers go both ways.

use skewless_core::profile::{Bins, Counts, InputProfile};
use skewless_core::{Pipeline, Profile};

/// Numbers, dates and timestamps, by edges.
const NUMBERS: u32 = 0;
/// Categories and text, by listed values.
const CATEGORIES: u32 = 1;

/// The empty profile whose inputs have the kinds and the numbers of edges or values in `shape`, the predictions' edges
/// last. Edges and values stand one after the other. A shape that is not the pipeline's gives a profile that is not.
pub(crate) fn empty(
    pipeline: &Pipeline,
    shape: &[u32],
    edges: &[f64],
    values: Vec<String>,
) -> Profile {
    let mut edges = edges.iter().copied();
    let mut values = values.into_iter();
    let mut bins = |count: u32| {
        let edges: Vec<f64> = edges.by_ref().take(count as usize).collect();
        let counts = vec![0; edges.len() + 1];
        Bins { edges, counts }
    };
    let mut profile = Profile::default();
    let mut inputs = pipeline.inputs();
    for pair in shape.chunks_exact(2) {
        let &[kind, count] = pair else { continue };
        let Some(input) = inputs.next() else {
            profile.predictions = bins(count);
            continue;
        };
        let counts = match kind {
            NUMBERS => Counts::Numbers(bins(count)),
            CATEGORIES => {
                let values: Vec<String> = values.by_ref().take(count as usize).collect();
                Counts::Categories {
                    counts: vec![0; values.len()],
                    values,
                    other: 0,
                    out_of_vocabulary: 0,
                }
            }
            _ => Counts::Tensors(0),
        };
        profile.inputs.push(InputProfile {
            name: input.name.clone(),
            missing: 0,
            counts,
        });
    }
    profile
}

/// All counts: rows and failed ones; for each input the missing ones, then bins, or the listed values, the other ones and
/// those out of vocabulary, or the tensors; the predictions' bins.
pub(crate) fn numbers(profile: &Profile) -> Vec<f64> {
    let mut all = vec![profile.rows, profile.failed];
    for input in &profile.inputs {
        all.push(input.missing);
        match &input.counts {
            Counts::Numbers(bins) => all.extend(&bins.counts),
            Counts::Categories {
                counts,
                other,
                out_of_vocabulary,
                ..
            } => {
                all.extend(counts);
                all.extend([other, out_of_vocabulary]);
            }
            Counts::Tensors(count) => all.push(*count),
        }
    }
    all.extend(&profile.predictions.counts);
    // Counts are exact up to 2^53.
    all.into_iter().map(|count| count as f64).collect()
}
