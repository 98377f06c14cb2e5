//! Models that tract runs: the arguments that wire a graph, and the engine made of it.

#[cfg(feature = "tract")]
mod linked;
#[cfg(feature = "tract")]
pub(super) use linked::{chosen, open, reference};

use crate::args::PackArgs;

/// The flag of the arguments that only tract's graphs take.
pub(super) fn flag(args: &PackArgs) -> Option<&'static str> {
    let given = [
        ("--fix", !args.fix.is_empty()),
        ("--size", !args.size.is_empty()),
        ("--scores", !args.scores.is_empty()),
    ];
    given
        .iter()
        .find(|(_, given)| *given)
        .map(|(flag, _)| *flag)
}

#[cfg(not(feature = "tract"))]
mod absent;
#[cfg(not(feature = "tract"))]
pub(super) use absent::{chosen, open, reference};
