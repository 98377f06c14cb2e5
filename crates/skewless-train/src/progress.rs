//! Progress as callbacks: this crate prints nothing, the program that calls it decides what is shown.

use crate::data::SourceFile;
use crate::study::report::Measured;

/// Hears what training is doing. Every method may be left out.
pub trait Progress {
    /// A step begins; `total` counts its parts where they are known.
    fn begin(&mut self, step: &str, total: Option<u64>) {
        let _ = (step, total);
    }

    /// `parts` more parts of the step are done.
    fn advance(&mut self, parts: u64) {
        let _ = parts;
    }

    /// All files were read, those of joins and lookups too.
    fn read(&mut self, files: &[SourceFile]) {
        let _ = files;
    }

    /// The test rows were predicted, whatever comes of the run.
    fn opened(&mut self, opening: &Opening<'_>) {
        let _ = opening;
    }

    /// The step is done, with its result in a few words.
    fn finish(&mut self, result: &str) {
        let _ = result;
    }
}

/// What was seen of the test.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// Digest of the data.
    pub data: &'a str,
    /// Place of the winner among the candidates.
    pub winner: usize,
    /// What the winner measures on the test rows.
    pub measures: &'a [Measured],
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {}
