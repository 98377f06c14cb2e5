//! What the importers of networks share: a builder of layers, and the order in which a tensor's elements lie.

pub(crate) mod builder;
pub(crate) mod order;

/// Most elements of a tensor; a file that states more is not a small network.
pub(crate) const MAX_ELEMENTS: usize = 1 << 24;

/// The number of elements of a shape, where it is not beyond all bounds.
pub(crate) fn elements(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size))
        .filter(|&elements| elements <= MAX_ELEMENTS)
}
