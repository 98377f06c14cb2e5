//! Rows of constant tables by indices: embeddings; and lists of whole numbers, as a shape is computed with them.

use std::rc::Rc;

use skewless_core::error::Result;
use skewless_core::plan::network::Tensor;

use super::Lowering;
use super::linear::UNBOUNDED;
use super::shape::{look, whole};
use super::value::{Kind, Pending, Real, Row, Steps, Value, View};
use crate::network::order::row_major;
use crate::onnx::attributes::{Attributes, describe};
use crate::onnx::constant::{Constant, Data};
use crate::onnx::message::{INT64, NodeProto};
use crate::onnx::{invalid, unsupported_op};

impl Lowering<'_> {
    /// The dimensions as a constant, in which −1 stands for the batch.
    pub(super) fn shape(&self, node: &NodeProto) -> Result<Value> {
        Attributes::of(node, &[])?;
        let value = self.input(node, 0)?;
        let sizes: Vec<i64> = match &value {
            Value::Constant(constant) => constant.shape.iter().map(|&size| whole(size)).collect(),
            _ => {
                let (shape, _) = look(node, &value)?;
                let row = shape.into_iter().map(whole);
                std::iter::once(-1).chain(row).collect()
            }
        };
        Ok(Value::Constant(Rc::new(Constant {
            shape: vec![sizes.len()],
            data: Data::Whole(sizes, INT64),
        })))
    }

    /// Lists of whole numbers side by side, as a shape is put together.
    pub(super) fn concatenated_list(&self, node: &NodeProto) -> Result<Option<Value>> {
        let mut all = Vec::new();
        for index in 0..node.input.len() {
            match self.input(node, index)? {
                Value::Constant(part) if part.shape.len() == 1 && part.as_whole().is_some() => {
                    all.extend_from_slice(part.as_whole().unwrap_or_default());
                }
                _ => return Ok(None),
            }
        }
        Ok(Some(Value::Constant(Rc::new(Constant {
            shape: vec![all.len()],
            data: Data::Whole(all, INT64),
        }))))
    }

    /// Entries of a constant list, as a shape is taken apart.
    fn entries(&self, node: &NodeProto, list: &Constant, at: &Constant) -> Result<Value> {
        let values = list.as_whole().unwrap_or_default();
        let entry = |&index: &i64| {
            let index = if index < 0 {
                index + whole(values.len())
            } else {
                index
            };
            values.get(usize::try_from(index).ok()?).copied()
        };
        let entries: Option<Vec<i64>> = at
            .as_whole()
            .unwrap_or_default()
            .iter()
            .map(entry)
            .collect();
        match entries {
            Some(entries) if list.shape.len() == 1 && entries.len() == at.len() => {
                Ok(Value::Constant(Rc::new(Constant {
                    shape: at.shape.clone(),
                    data: Data::Whole(entries, INT64),
                })))
            }
            _ => Err(unsupported_op(
                node,
                "of a constant that is no list of whole numbers",
            )),
        }
    }

    /// Rows of a table: an embedding.
    pub(super) fn gather(&mut self, node: &NodeProto) -> Result<Value> {
        if Attributes::of(node, &["axis"])?.int("axis", 0) != 0 {
            return Err(unsupported_op(node, "along another dimension than 0"));
        }
        let table = self.input(node, 0)?;
        let row = match (&table, self.input(node, 1)?) {
            (_, Value::Indices(row)) => row,
            (Value::Constant(list), Value::Constant(at)) => return self.entries(node, list, &at),
            _ => {
                let message = "by indices that are no input of the graph";
                return Err(unsupported_op(node, message));
            }
        };
        let table_shape = match &table {
            Value::Constant(table) => table.shape.clone(),
            Value::Weights(table) => table.shape.clone(),
            _ => return Err(unsupported_op(node, "of rows that are not constant")),
        };
        let &[rows, width] = &table_shape[..] else {
            return Err(unsupported_op(
                node,
                "of a table of other than two dimensions",
            ));
        };
        if rows == 0 || width == 0 || row.order != row_major(row.order.len()) {
            return Err(invalid(format!("{}: an empty table", describe(node))));
        }
        let count = row.order.len();
        super::linear::bounded(node, &[count, width])?;
        let mut shape = row.shape.clone();
        shape.push(width);
        let order = row_major(count * width);
        let stored = vec![count, width];
        match table {
            Value::Weights(table) => {
                let [scale] = table.scale[..] else {
                    return Err(unsupported_op(node, "of a table with several scales"));
                };
                // The zero point has been subtracted; any that makes room for all entries is as good.
                let least = table.integers.iter().copied().min().unwrap_or(0);
                let zero = (-128 - least).clamp(-128, 127);
                let entries: Option<Vec<i8>> = table
                    .integers
                    .iter()
                    .map(|integer| i8::try_from(integer + zero).ok())
                    .collect();
                let entries = entries
                    .ok_or_else(|| unsupported_op(node, "of entries of more than 8 bits"))?;
                let grid = super::value::Grid { scale, zero };
                let tensor = Tensor {
                    shape: stored,
                    scale,
                    zero_point: grid.zero_point().unwrap_or_default(),
                };
                let tensor = self.embedding_tensor(node, row.input, entries, tensor)?;
                let view = View::whole(tensor, shape, order);
                Ok(Value::Real(Real::dequantized(view, grid)))
            }
            Value::Constant(table) if table.as_reals().is_some() => Ok(Value::Pending(Pending {
                name: node.name.clone(),
                kind: Kind::Embedding {
                    input: row.input,
                    table,
                },
                clamp: UNBOUNDED,
                stored,
                shape,
                order,
                pools: Vec::new(),
                channel: None,
            })),
            Value::Constant(table) => self.gather_steps(node, &row, &table, stored, shape),
            _ => Err(unsupported_op(node, "of rows that are not constant")),
        }
    }

    /// A table of integers, whose meaning a `DequantizeLinear` behind it states.
    fn gather_steps(
        &mut self,
        node: &NodeProto,
        row: &Row,
        table: &Constant,
        stored: Vec<usize>,
        shape: Vec<usize>,
    ) -> Result<Value> {
        let shift = if table.is_unsigned() { 128 } else { 0 };
        let entries: Option<Vec<i8>> = table
            .as_whole()
            .unwrap_or_default()
            .iter()
            .map(|&entry| i8::try_from(entry - i64::from(shift)).ok())
            .collect();
        let entries =
            entries.ok_or_else(|| unsupported_op(node, "of entries of more than 8 bits"))?;
        let tensor = Tensor {
            shape: stored,
            scale: 1.0,
            zero_point: if shift == 0 { 0 } else { i8::MIN },
        };
        let order = row_major(entries_of(&shape));
        let tensor = self.embedding_tensor(node, row.input, entries, tensor)?;
        let view = View::whole(tensor, shape, order);
        Ok(Value::Steps(Steps { view, shift }))
    }
}

fn entries_of(shape: &[usize]) -> usize {
    shape.iter().product()
}
