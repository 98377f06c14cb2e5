//! The progress of training on standard error: a bar on a terminal, a line a step elsewhere.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};
use skewless_train::Progress;

/// What suits standard error.
pub(super) fn on_stderr() -> Box<dyn Progress> {
    if std::io::stderr().is_terminal() {
        Box::new(Bar::default())
    } else {
        Box::new(Lines::default())
    }
}

/// A moving bar, replaced by a line when its step is done.
#[derive(Default)]
struct Bar {
    bar: Option<ProgressBar>,
    step: String,
}

impl Progress for Bar {
    fn begin(&mut self, step: &str, total: Option<u64>) {
        let (bar, template) = match total {
            Some(total) => (
                ProgressBar::new(total),
                "{msg}  {wide_bar} {pos}/{len}  {elapsed}",
            ),
            None => (ProgressBar::new_spinner(), "{spinner} {msg}  {elapsed}"),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(step.to_owned());
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        self.bar = Some(bar);
        step.clone_into(&mut self.step);
    }

    fn advance(&mut self, parts: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(parts);
        }
    }

    fn finish(&mut self, result: &str) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        say(&format!("{}: {result}", self.step));
    }
}

/// A line a step, for logs.
#[derive(Default)]
struct Lines {
    step: String,
}

impl Progress for Lines {
    fn begin(&mut self, step: &str, _: Option<u64>) {
        step.clone_into(&mut self.step);
    }

    fn finish(&mut self, result: &str) {
        say(&format!("{}: {result}", self.step));
    }
}

fn say(line: &str) {
    // Progress that nobody can see is not worth failing for.
    let _ = writeln!(std::io::stderr(), "{line}");
}
