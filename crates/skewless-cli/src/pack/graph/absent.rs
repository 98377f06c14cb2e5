//! Graphs in a build without tract: refused with what to do.

use skewless_compile::Source;
use skewless_core::plan::Engine;
use skewless_core::{Error, Result};

use crate::args::PackArgs;
use crate::pack::engine::Chosen;

pub(crate) fn chosen(
    _args: &PackArgs,
    _bytes: &[u8],
    _source: Source,
    reason: Option<&Error>,
) -> Result<Chosen> {
    let reason = reason.map_or_else(String::new, |reason| {
        format!("the plan cannot hold the model: {reason}; ")
    });
    Err(Error::unsupported(
        "unsupported.engine",
        format!(
            "{reason}this program was built without the engine `tract`; build it with the feature `tract`"
        ),
    ))
}

/// Never reached: no graph is chosen here.
pub(crate) fn open(_onnx: &[u8]) -> Result<Box<dyn Engine>> {
    Err(Error::internal(
        "internal.engine",
        "a graph in a build without tract",
    ))
}

pub(crate) fn reference(
    _args: &PackArgs,
    _chosen: &Chosen,
    _bytes: &[u8],
) -> std::result::Result<Box<dyn Engine>, String> {
    Err("this program was built without tract, which would run it".to_owned())
}
