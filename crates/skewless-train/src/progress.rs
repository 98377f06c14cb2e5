//! Progress as callbacks: this crate prints nothing, the program that calls it decides what is shown.

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

    /// The step is done, with its result in a few words.
    fn finish(&mut self, result: &str) {
        let _ = result;
    }
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {}
