//! A `.tflite` file's tensors and operators, read out of its tables.
//!
//! Field numbers are those of TensorFlow Lite's `schema.fbs`.

use skewless_core::error::{Error, Result};

use super::flatbuffer::Table;
use super::invalid;

/// The file's only graph.
pub(super) struct Graph<'a> {
    pub(super) tensors: Vec<FileTensor<'a>>,
    pub(super) inputs: Vec<usize>,
    pub(super) outputs: Vec<usize>,
    pub(super) operators: Vec<Operator<'a>>,
}

/// A tensor of the file.
pub(super) struct FileTensor<'a> {
    pub(super) name: &'a str,
    /// With the batch as the first dimension, which is 1.
    pub(super) shape: Vec<usize>,
    pub(super) element: i8,
    /// The bytes of a constant.
    pub(super) data: &'a [u8],
    pub(super) scale: Vec<f32>,
    pub(super) zero: Vec<i64>,
    /// The dimension that several scales belong to.
    pub(super) axis: i32,
}

/// An operator of the file.
pub(super) struct Operator<'a> {
    pub(super) code: i32,
    /// Tensors; None is left out.
    pub(super) inputs: Vec<Option<usize>>,
    pub(super) outputs: Vec<usize>,
    pub(super) options: Option<Table<'a>>,
}

pub(super) const FLOAT32: i8 = 0;
pub(super) const INT32: i8 = 2;
pub(super) const UINT8: i8 = 3;
pub(super) const INT64: i8 = 4;
pub(super) const INT8: i8 = 9;

impl<'a> Graph<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self> {
        let model = Table::root(bytes).ok_or_else(|| invalid("no root table"))?;
        let graphs = model.vector(2);
        if graphs.len() > 1 {
            return Err(Error::unsupported(
                "unsupported.tflite_graphs",
                format!("{} graphs; one is read", graphs.len()),
            ));
        }
        let graph = graphs
            .table(0)
            .ok_or_else(|| invalid("the file has no graph"))?;
        let tensors = graph.vector(0);
        let tensors = (0..tensors.len())
            .map(|number| tensor(bytes, &model, tensors.table(number)))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| invalid("a tensor beyond the file's end"))?;
        let operators = graph.vector(3);
        let operators = (0..operators.len())
            .map(|number| operator(&model, operators.table(number), tensors.len()))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| invalid("an operator that points nowhere"))?;
        let ends = |field| {
            let numbers = graph.vector(field).i32s()?;
            numbers
                .into_iter()
                .map(|number| usize::try_from(number).ok())
                .map(|number| number.filter(|&number| number < tensors.len()))
                .collect::<Option<Vec<_>>>()
        };
        match (ends(1), ends(2)) {
            (Some(inputs), Some(outputs)) if !inputs.is_empty() && !outputs.is_empty() => {
                Ok(Self {
                    tensors,
                    inputs,
                    outputs,
                    operators,
                })
            }
            _ => Err(invalid("inputs and outputs that are no tensors")),
        }
    }
}

fn tensor<'a>(
    bytes: &'a [u8],
    model: &Table<'a>,
    table: Option<Table<'a>>,
) -> Option<FileTensor<'a>> {
    let table = table?;
    let shape = table.vector(0).i32s()?;
    let shape = shape
        .into_iter()
        .map(|size| usize::try_from(size).ok())
        .collect::<Option<Vec<_>>>()?;
    let quantization = table.table(4);
    let buffer = model.vector(4).table(usize::try_from(table.u32(2)).ok()?)?;
    // Large files keep their data behind the tables, by place and size.
    let data = match (
        usize::try_from(buffer.u64(1)),
        usize::try_from(buffer.u64(2)),
    ) {
        (Ok(first), Ok(size)) if first > 1 => bytes.get(first..first.checked_add(size)?)?,
        _ => buffer.vector(0).bytes()?,
    };
    let (scale, zero, axis) = match quantization {
        None => (Vec::new(), Vec::new(), 0),
        Some(table) => (
            table.vector(2).f32s()?,
            table.vector(3).i64s()?,
            table.i32(6, 0),
        ),
    };
    Some(FileTensor {
        name: table.text(3),
        shape,
        element: table.i8(1),
        data,
        scale,
        zero,
        axis,
    })
}

fn operator<'a>(
    model: &Table<'a>,
    table: Option<Table<'a>>,
    tensors: usize,
) -> Option<Operator<'a>> {
    let table = table?;
    let code = model.vector(1).table(usize::try_from(table.u32(0)).ok()?)?;
    let input = |number: i32| match number {
        -1 => Some(None),
        _ => {
            let number = usize::try_from(number).ok()?;
            (number < tensors).then_some(Some(number))
        }
    };
    let inputs = table.vector(1).i32s()?.into_iter().map(input);
    let outputs = table.vector(2).i32s()?.into_iter().map(input);
    Some(Operator {
        // Old files have the code in a byte, new ones in a word.
        code: code.i32(3, 0).max(code.i8(0).into()),
        inputs: inputs.collect::<Option<_>>()?,
        outputs: outputs
            .map(Option::flatten)
            .collect::<Option<Vec<usize>>>()?,
        options: table.table(4),
    })
}
