//! Operators that choose, join and rename columns.

use skewless_core::error::Result;

use super::super::attributes::{Attributes, tensor_numbers};
use super::super::message::{DOUBLE, FLOAT, INT32, INT64, NodeProto, STRING};
use super::super::{cast_target, invalid, unsupported_op};
use super::Walk;
use super::column::{Kind, Matrix};

impl<'a> Walk<'a> {
    pub(super) fn cast(&mut self, node: &'a NodeProto) -> Result<Matrix> {
        let mut matrix = self.only(node)?.clone();
        let to = cast_target(node)?;
        let is = |target: i32| to == i64::from(target);
        let is_float = matches!(matrix.kind, Kind::Single | Kind::Double);
        match matrix.kind {
            Kind::Text if is(STRING) => {}
            Kind::Text => return Err(unsupported_op(node, "a cast of texts")),
            _ if is(FLOAT) && !matrix.cut => {
                matrix.kind = Kind::Single;
                matrix.narrow = true;
            }
            _ if is(DOUBLE) && !matrix.cut => matrix.kind = Kind::Double,
            _ if is(INT64) || is(INT32) => {
                matrix.cut |= is_float;
                matrix.kind = Kind::Whole;
            }
            _ => return Err(unsupported_op(node, "a cast to another type")),
        }
        Ok(matrix)
    }

    pub(super) fn concat(&mut self, node: &'a NodeProto) -> Result<Matrix> {
        let attributes = Attributes::of(node, &["axis", "inputdimensions"])?;
        if node.op_type == "Concat" && !matches!(attributes.int("axis", 0), 1 | -1) {
            return Err(unsupported_op(node, "another axis than the columns'"));
        }
        let mut joined: Option<Matrix> = None;
        for name in &node.input {
            let matrix = self.matrix(name)?.clone();
            match &mut joined {
                None => joined = Some(matrix),
                Some(joined) if (joined.kind, joined.cut) == (matrix.kind, matrix.cut) => {
                    joined.columns.extend(matrix.columns);
                    joined.narrow |= matrix.narrow;
                }
                Some(joined)
                    if node.op_type != "Concat" && joined.is_number() && matrix.is_number() =>
                {
                    joined.columns.extend(matrix.columns);
                }
                Some(_) => return Err(unsupported_op(node, "inputs of several types")),
            }
        }
        let mut joined = joined.ok_or_else(|| invalid("a Concat has no inputs"))?;
        if node.op_type != "Concat" {
            // A FeatureVectorizer gives floats.
            joined.kind = Kind::Single;
            joined.narrow = true;
        }
        Ok(joined)
    }

    pub(super) fn pick(&mut self, node: &'a NodeProto) -> Result<Matrix> {
        let [from, indices] = &node.input[..] else {
            return Err(invalid(format!("{} has not two inputs", node.op_type)));
        };
        let axis = Attributes::of(node, &["axis"])?.int("axis", 0);
        if node.op_type == "Gather" && !matches!(axis, 1 | -1) {
            return Err(unsupported_op(node, "another axis than the columns'"));
        }
        let matrix = self.matrix(from)?;
        let indices = self.constant(indices).and_then(tensor_numbers);
        let indices =
            indices.ok_or_else(|| unsupported_op(node, "columns that are no constant"))?;
        let count = matrix.columns.len();
        let picked = indices.iter().map(|&index| {
            let found = (0..count)
                .find(|&column| whole(column) == index || whole(column) - whole(count) == index);
            found.and_then(|column| matrix.columns.get(column)).cloned()
        });
        let columns: Option<_> = picked.collect();
        Ok(Matrix {
            columns: columns.ok_or_else(|| {
                invalid(format!("{} picks a column that is not there", node.op_type))
            })?,
            ..matrix.clone()
        })
    }

    /// Only a shape that leaves rows and columns as they are.
    pub(super) fn reshape(&mut self, node: &'a NodeProto) -> Result<Matrix> {
        let (from, shape) = match &node.input[..] {
            [from] => (from, None),
            [from, shape] => (from, self.constant(shape).and_then(tensor_numbers)),
            _ => {
                return Err(invalid(format!(
                    "{} has not one or two inputs",
                    node.op_type
                )));
            }
        };
        let attributes = Attributes::of(node, &["axis", "allowzero"])?;
        let matrix = self.matrix(from)?;
        let stays = match (node.op_type.as_str(), shape.as_deref()) {
            ("Flatten", None) => attributes.int("axis", 1) == 1,
            (_, Some([-1.0, columns])) => *columns == whole(matrix.columns.len()),
            _ => false,
        };
        match stays {
            true => Ok(matrix.clone()),
            false => Err(unsupported_op(node, "a shape that mixes rows and columns")),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of columns")]
pub(in super::super) fn whole(count: usize) -> f64 {
    count as f64
}
