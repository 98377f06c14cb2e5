//! What the importers of networks share: a builder of layers, and the order in which a tensor's elements lie.

pub(crate) mod builder;
pub(crate) mod order;

use skewless_core::error::{Error, ErrorKind, Result};
use skewless_core::plan::Model;
use skewless_core::plan::network::NetworkModel;

/// The model, where the plan can hold it. A file may state what an importer follows and a plan refuses, such as windows
/// that do not lie on their input: `invalid` makes its error.
pub(crate) fn checked(model: NetworkModel, invalid: impl FnOnce(String) -> Error) -> Result<Model> {
    let model = Model::Network(model);
    match model.encode() {
        Ok(_) => Ok(model),
        Err(error) if error.kind() == ErrorKind::Misuse => {
            Err(invalid(error.message().to_owned()).with_source(error))
        }
        Err(error) => Err(error),
    }
}

/// Most elements of a tensor; a file that states more is not a small network.
pub(crate) const MAX_ELEMENTS: usize = 1 << 24;

/// The number of elements of a shape, where it is not beyond all bounds.
pub(crate) fn elements(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size))
        .filter(|&elements| elements <= MAX_ELEMENTS)
}
