//! Constants of a graph: initializers, `Constant` nodes, and what follows from them without any input.

use skewless_core::error::{Error, Result};

use super::invalid;
use super::message::{DOUBLE, FLOAT, INT8, INT32, INT64, TensorProto, UINT8};
use crate::network::elements;
use crate::network::order::{row_major, transposed};

/// A tensor that no input changes. Elements are row-major.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Constant {
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Data,
}

/// The elements of a [`Constant`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    /// Floats; doubles are rounded.
    Real(Vec<f32>),
    /// Whole numbers of any width, with their type.
    Whole(Vec<i64>, i32),
}

impl Constant {
    pub(crate) fn reals(shape: Vec<usize>, values: Vec<f32>) -> Self {
        Self {
            shape,
            data: Data::Real(values),
        }
    }

    pub(crate) fn read(tensor: &TensorProto) -> Result<Self> {
        let broken = |what: &str| invalid(format!("initializer `{}`: {what}", tensor.name));
        if tensor.data_location != 0 {
            return Err(Error::unsupported(
                "unsupported.onnx_external_data",
                format!("initializer `{}` stands in another file", tensor.name),
            ));
        }
        let shape: Option<Vec<usize>> = tensor
            .dims
            .iter()
            .map(|&size| usize::try_from(size).ok())
            .collect();
        let shape = shape.ok_or_else(|| broken("a negative dimension"))?;
        let data = data(tensor)?.ok_or_else(|| broken("bytes that are no whole elements"))?;
        let constant = Self { shape, data };
        if elements(&constant.shape) != Some(constant.len()) {
            return Err(broken("as many elements as its shape says are not there"));
        }
        Ok(constant)
    }

    pub(crate) fn len(&self) -> usize {
        match &self.data {
            Data::Real(values) => values.len(),
            Data::Whole(values, _) => values.len(),
        }
    }

    /// The elements of a float tensor.
    pub(crate) fn as_reals(&self) -> Option<&[f32]> {
        match &self.data {
            Data::Real(values) => Some(values),
            Data::Whole(..) => None,
        }
    }

    /// The elements of a tensor of whole numbers.
    pub(crate) fn as_whole(&self) -> Option<&[i64]> {
        match &self.data {
            Data::Whole(values, _) => Some(values),
            Data::Real(_) => None,
        }
    }

    /// Whether the elements are uint8.
    pub(crate) fn is_unsigned(&self) -> bool {
        matches!(self.data, Data::Whole(_, UINT8))
    }

    pub(crate) fn reshaped(mut self, shape: Vec<usize>) -> Option<Self> {
        (elements(&shape) == Some(self.len())).then(|| {
            self.shape = shape;
            self
        })
    }

    /// `axes` is a permutation of the dimensions.
    pub(crate) fn transposed(&self, axes: &[usize]) -> Self {
        let order = transposed(&self.shape, axes, &row_major(self.len()));
        Self {
            shape: axes.iter().map(|&axis| self.shape[axis]).collect(),
            data: match &self.data {
                Data::Real(values) => Data::Real(order.iter().map(|&at| values[at]).collect()),
                Data::Whole(values, kind) => {
                    Data::Whole(order.iter().map(|&at| values[at]).collect(), *kind)
                }
            },
        }
    }
}

fn data(tensor: &TensorProto) -> Result<Option<Data>> {
    let raw = &tensor.raw_data;
    let kind = tensor.data_type;
    let small = || {
        tensor
            .int32_data
            .iter()
            .copied()
            .map(i64::from)
            .collect::<Vec<_>>()
    };
    let data = match (kind, raw.is_empty()) {
        (FLOAT, true) => Some(Data::Real(tensor.float_data.clone())),
        (DOUBLE, true) => Some(Data::Real(tensor.double_data.iter().map(narrow).collect())),
        (INT64, true) => Some(Data::Whole(tensor.int64_data.clone(), kind)),
        (INT32 | INT8 | UINT8 | BOOL, true) => Some(Data::Whole(small(), kind)),
        (FLOAT, false) => elements_of(raw, f32::from_le_bytes).map(Data::Real),
        (DOUBLE, false) => {
            elements_of(raw, |bytes| narrow(&f64::from_le_bytes(bytes))).map(Data::Real)
        }
        (INT64, false) => {
            elements_of(raw, i64::from_le_bytes).map(|values| Data::Whole(values, kind))
        }
        (INT32, false) => elements_of(raw, |bytes| i32::from_le_bytes(bytes).into())
            .map(|values| Data::Whole(values, kind)),
        (INT8, false) => elements_of(raw, |bytes| i8::from_le_bytes(bytes).into())
            .map(|values| Data::Whole(values, kind)),
        (UINT8 | BOOL, false) => {
            elements_of(raw, |[byte]: [u8; 1]| byte.into()).map(|values| Data::Whole(values, kind))
        }
        (other, _) => {
            return Err(Error::unsupported(
                "unsupported.onnx_element_type",
                format!(
                    "initializer `{}` has elements of type {other}; floats, doubles, and whole numbers of 8, 32 and \
                     64 bits are read",
                    tensor.name
                ),
            ));
        }
    };
    Ok(data)
}

const BOOL: i32 = 9;

#[expect(
    clippy::cast_possible_truncation,
    reason = "networks are computed in f32"
)]
fn narrow(value: &f64) -> f32 {
    *value as f32
}

fn elements_of<T, const N: usize>(raw: &[u8], read: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (chunks, rest) = raw.as_chunks::<N>();
    rest.is_empty()
        .then(|| chunks.iter().map(|&chunk| read(chunk)).collect())
}
