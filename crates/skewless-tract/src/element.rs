//! Numbers of a feature row as tensors of the graph's types, and back.

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::prelude::{DatumType, Tensor, TractError, TractResult};

use crate::wiring::Element;

impl Element {
    /// The type as tract has it.
    pub(crate) fn datum(self) -> DatumType {
        match self {
            Self::F32 => DatumType::F32,
            Self::F64 => DatumType::F64,
            Self::I8 => DatumType::I8,
            Self::I16 => DatumType::I16,
            Self::I32 => DatumType::I32,
            Self::I64 => DatumType::I64,
            Self::U8 => DatumType::U8,
            Self::U16 => DatumType::U16,
            Self::U32 => DatumType::U32,
            Self::U64 => DatumType::U64,
            Self::Bool => DatumType::Bool,
        }
    }

    /// The type of an ONNX value; none for texts, halves and complex numbers.
    pub(crate) fn of_onnx(kind: i32) -> Option<Self> {
        Some(match DataType::try_from(kind).ok()? {
            DataType::Float => Self::F32,
            DataType::Double => Self::F64,
            DataType::Int8 => Self::I8,
            DataType::Int16 => Self::I16,
            DataType::Int32 => Self::I32,
            DataType::Int64 => Self::I64,
            DataType::Uint8 => Self::U8,
            DataType::Uint16 => Self::U16,
            DataType::Uint32 => Self::U32,
            DataType::Uint64 => Self::U64,
            DataType::Bool => Self::Bool,
            _ => return None,
        })
    }
}

/// A tensor of numbers in row-major order; `None` where one of them is not the type's.
pub(crate) fn tensor(
    kind: Element,
    shape: &[usize],
    numbers: &[f64],
) -> TractResult<Option<Tensor>> {
    if !numbers.iter().all(|&number| kind.holds(number)) {
        return Ok(None);
    }
    let wide = Tensor::from_shape(shape, numbers)?;
    Ok(Some(wide.cast_to_dt(kind.datum())?.into_owned()))
}

/// Writes a tensor's numbers in row-major order.
pub(crate) fn write_numbers(tensor: &Tensor, into: &mut [f64]) -> TractResult<()> {
    let wide = tensor.cast_to::<f64>()?;
    let plain = wide.try_as_plain_ram()?;
    let found = plain.as_slice::<f64>()?;
    if found.len() != into.len() {
        return Err(TractError::msg(format!(
            "an output of {} numbers where the wiring says {}",
            found.len(),
            into.len()
        )));
    }
    into.copy_from_slice(found);
    Ok(())
}
