//! Inputs that are indices into a table: tract does not check them, so that the engine must.

use std::collections::HashSet;

use tract_onnx::pb::{NodeProto, TensorProto};

use crate::document::Document;

/// Operators whose first input's numbers come out again.
const PASSING: [&str; 7] = [
    "Cast",
    "Flatten",
    "Identity",
    "Reshape",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
];

/// The rows n of the smallest table that an input is an index into, as `Gather` has it: −n to n − 1 are indices. `None`
/// where the input reaches no `Gather` from a constant table as it is.
pub(crate) fn table_rows(document: &Document, input: &str) -> Option<usize> {
    let mut values: HashSet<&str> = HashSet::from([input]);
    let mut least = None;
    for node in &document.graph.node {
        let read = |at: usize| {
            node.input
                .get(at)
                .is_some_and(|name| values.contains(name.as_str()))
        };
        if node.op_type == "Gather" && read(1) {
            let rows = node
                .input
                .first()
                .and_then(|table| rows(document, table, node));
            least = match (least, rows) {
                (Some(least), Some(rows)) => Some(usize::min(least, rows)),
                (least, rows) => least.or(rows),
            };
        }
        if PASSING.contains(&node.op_type.as_str()) && read(0) {
            values.extend(node.output.iter().map(String::as_str));
        }
    }
    least
}

/// The size of a constant's axis that a `Gather` picks from.
fn rows(document: &Document, table: &str, gather: &NodeProto) -> Option<usize> {
    let table = constant(document, table)?;
    let axis = gather
        .attribute
        .iter()
        .find(|attribute| attribute.name == "axis")
        .map_or(0, |attribute| attribute.i);
    let axis = match usize::try_from(axis) {
        Ok(axis) => axis,
        Err(_) => table
            .dims
            .len()
            .checked_sub(usize::try_from(axis.unsigned_abs()).ok()?)?,
    };
    usize::try_from(*table.dims.get(axis)?).ok()
}

fn constant<'a>(document: &'a Document, name: &str) -> Option<&'a TensorProto> {
    let graph = &document.graph;
    let initializer = graph.initializer.iter().find(|tensor| tensor.name == name);
    initializer.or_else(|| {
        let node = graph.node.iter().find(|node| {
            node.op_type == "Constant" && node.output.iter().any(|output| output == name)
        })?;
        node.attribute
            .iter()
            .find_map(|attribute| attribute.t.as_ref())
    })
}
