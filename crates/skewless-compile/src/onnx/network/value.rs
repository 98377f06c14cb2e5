//! What a name of a quantised graph stands for while the graph is followed: never data, but what the plan will hold.

use std::rc::Rc;

use skewless_core::plan::network::{SumOrder, Window};

use crate::network::order::Order;
use crate::onnx::constant::Constant;

/// A value of the graph.
#[derive(Clone)]
pub(crate) enum Value {
    /// No input changes it.
    Constant(Rc<Constant>),
    /// A constant that was quantised: weights, biases, embedding tables.
    Weights(Rc<Weights>),
    /// A float input, not quantised yet.
    Row(Row),
    /// An input of whole numbers that name rows of a table.
    Indices(Row),
    /// The integers of an int8 tensor, as the source has them.
    Steps(Steps),
    /// A float that is a function of one int8 tensor's elements.
    Real(Real),
    /// A float that becomes a tensor when it is quantised.
    Pending(Pending),
}

/// A dequantised constant: element i is `(integers[i] − zero) · scale`, with one scale for all or one for each index of
/// a dimension.
#[derive(Clone)]
pub(crate) struct Weights {
    pub(crate) shape: Vec<usize>,
    /// Without their zero point.
    pub(crate) integers: Vec<i32>,
    pub(crate) scale: Vec<f32>,
    /// The dimension that `scale` belongs to, where it has several entries.
    pub(crate) axis: usize,
}

/// A graph's input.
#[derive(Clone)]
pub(crate) struct Row {
    /// Its number.
    pub(crate) input: usize,
    pub(crate) shape: Vec<usize>,
    /// Of the input's columns.
    pub(crate) order: Order,
}

/// A look at a tensor as the source sees it.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) tensor: usize,
    /// The source's, without the batch.
    pub(crate) shape: Vec<usize>,
    pub(crate) order: Order,
    /// Zeros around it that only a convolution can add.
    pub(crate) padding: Option<Padding>,
}

/// Zeros before and after each dimension but the first.
#[derive(Clone, PartialEq)]
pub(crate) struct Padding {
    pub(crate) before: Vec<usize>,
    pub(crate) after: Vec<usize>,
}

/// Integers as the source has them: the tensor's plus `shift`.
#[derive(Clone)]
pub(crate) struct Steps {
    pub(crate) view: View,
    /// 128 for what the source holds as uint8, else 0.
    pub(crate) shift: i32,
}

/// Entry q + 128 is the value of an element q.
pub(crate) type Table = Rc<[f32; 256]>;

/// A float that is a function of one int8 tensor's elements.
#[derive(Clone)]
pub(crate) struct Real {
    pub(crate) view: View,
    pub(crate) table: Table,
    /// Where the values came from: `(q − zero) · scale`.
    pub(crate) grid: Grid,
    /// What was applied last, where a link could say it.
    pub(crate) last: Last,
}

/// A quantisation of int8.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Grid {
    pub(crate) scale: f32,
    pub(crate) zero: i32,
}

/// The function that a link of the output can take over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Last {
    /// None.
    Dequantized,
    /// A sigmoid of dequantised values.
    Sigmoid,
    /// Anything else.
    Other,
}

/// A float that a layer gives once its quantisation is known.
#[derive(Clone)]
pub(crate) struct Pending {
    /// The node's name.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Bounds of the value.
    pub(crate) clamp: (f32, f32),
    /// The layer's tensor.
    pub(crate) stored: Vec<usize>,
    /// The source's.
    pub(crate) shape: Vec<usize>,
    pub(crate) order: Order,
    /// Greatest elements of windows, taken afterwards: the window, the tensor's shape then.
    pub(crate) pools: Vec<(Window, Vec<usize>)>,
    /// The dimension of `shape` that has one scale and offset an index, for [`Kind::Linear`].
    pub(crate) channel: Option<usize>,
}

/// The layer of a [`Pending`].
#[derive(Clone)]
pub(crate) enum Kind {
    Linear(Rc<Linear>),
    /// The sum of two tensors.
    Sum([usize; 2]),
    Average {
        input: usize,
        window: Window,
        include_padding: bool,
        order: SumOrder,
    },
    /// Over the stored tensor's last dimension.
    Softmax {
        input: usize,
    },
    /// In the last dimension: tensors with what their elements mean.
    Concat(Vec<(usize, Table)>),
    /// Rows of a table of floats, chosen by an input.
    Embedding {
        input: usize,
        table: Rc<Constant>,
    },
}

/// A layer of products and sums. `real = acc · scale + offset` for every output.
#[derive(Clone)]
pub(crate) struct Linear {
    pub(crate) input: usize,
    /// As the plan has them.
    pub(crate) weights: Vec<i16>,
    pub(crate) scale: Vec<f64>,
    pub(crate) offset: Vec<f64>,
    /// Absent for a fully connected layer.
    pub(crate) conv: Option<(usize, Window)>,
}

impl View {
    pub(crate) fn whole(tensor: usize, shape: Vec<usize>, order: Order) -> Self {
        Self {
            tensor,
            shape,
            order,
            padding: None,
        }
    }
}

impl Real {
    pub(crate) fn dequantized(view: View, grid: Grid) -> Self {
        Self {
            view,
            table: grid.table(),
            grid,
            last: Last::Dequantized,
        }
    }

    pub(crate) fn map(&self, last: Last, function: impl Fn(f32) -> f32) -> Self {
        let mut table = *self.table;
        for value in &mut table {
            *value = function(*value);
        }
        Self {
            table: Rc::new(table),
            last,
            ..self.clone()
        }
    }
}

impl Grid {
    /// The value of every element.
    #[expect(clippy::cast_precision_loss, reason = "differences of small integers")]
    pub(crate) fn table(self) -> Table {
        let mut table = [0.0; 256];
        for (value, q) in table.iter_mut().zip(-128_i32..) {
            *value = (q - self.zero) as f32 * self.scale;
        }
        Rc::new(table)
    }

    /// The nearest element, ties to even.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "the sum is clamped to int8; the zero point is small"
    )]
    pub(crate) fn nearest(self, value: f32) -> i8 {
        let q = (value / self.scale).round_ties_even() + self.zero as f32;
        q.clamp(-128.0, 127.0) as i8
    }

    /// The zero point, where int8 holds it.
    pub(crate) fn zero_point(self) -> Option<i8> {
        i8::try_from(self.zero).ok()
    }
}
