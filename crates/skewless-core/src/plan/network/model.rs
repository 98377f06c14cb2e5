//! The int8 network as importers build it: tensors, layers in the order in which they run, and how numbers get in and
//! out.
//!
//! Every activation is int8, channels last (`[height, width, channels]`, `[length, channels]` or `[n]`), without the
//! batch dimension; a real value is `(q − zero_point) · scale`. What a source holds as uint8 is shifted by 128. Weights
//! stand without their zero point.
//!
//! Sources: Jacob et al. 2018 (arXiv:1712.05877) for the arithmetic, the ONNX operators `QuantizeLinear` and
//! `DequantizeLinear` for the `Float` meaning, TensorFlow Lite's reference kernels for the `Fixed` meaning.

/// A feed-forward graph of int8 layers.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkModel {
    /// Where the feature row goes; the inputs take its columns in this order.
    pub inputs: Vec<NetworkInput>,
    /// All activations. Each is written by one input or one layer before it is read.
    pub tensors: Vec<Tensor>,
    /// The layers in the order in which they run.
    pub layers: Vec<Layer>,
    /// The tensors whose values are the raw scores, side by side, row-major, as `(q − zero_point) · scale` in f32.
    pub outputs: Vec<usize>,
}

/// An int8 activation of one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Dimensions without the batch, channels last.
    pub shape: Vec<usize>,
    /// The real value of one step; positive and finite.
    pub scale: f32,
    /// The quantised value of 0.
    pub zero_point: i8,
}

impl Tensor {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether a dimension is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A part of the feature row on its way into a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum NetworkInput {
    /// One column an element: `q = clamp(round_half_even(f32(x) / scale) + zero_point)`. The division is f32.
    Quantize {
        /// The tensor.
        tensor: usize,
    },
    /// One column an index, an integer from 0 to `rows` − 1; each is replaced by its row of the table, so that the
    /// tensor has the shape `[indices, width]`. Anything else is `input.out_of_domain`.
    Embedding {
        /// The tensor.
        tensor: usize,
        /// Number of indices.
        indices: usize,
        /// rows × width, row-major, in the tensor's quantisation.
        table: Vec<i8>,
        /// Rows of the table.
        rows: usize,
    },
}

impl NetworkInput {
    /// The tensor that is written.
    pub fn tensor(&self) -> usize {
        match self {
            Self::Quantize { tensor } | Self::Embedding { tensor, .. } => *tensor,
        }
    }

    /// Columns of the feature row that are read.
    pub fn columns(&self, tensors: &[Tensor]) -> usize {
        match self {
            Self::Quantize { tensor } => tensors.get(*tensor).map_or(0, Tensor::len),
            Self::Embedding { indices, .. } => *indices,
        }
    }
}

/// One step: some tensors in, one out.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// The node's name in the source, for messages; not part of the plan.
    pub name: String,
    /// What is computed.
    pub op: Op,
    /// The tensors read.
    pub inputs: Vec<usize>,
    /// The tensor written.
    pub output: usize,
}

/// What a layer computes. x is an input's element without its zero point, and `clamp` bounds the quantised output.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// `acc[o] = Σ_i weights[o][i] · x[i] + bias[o]` over the flattened input.
    Dense(Dense),
    /// A convolution over `[height, width, channels]`; one-dimensional ones have height 1. Zero padding.
    Conv(Conv),
    /// The greatest element of each window; scale and zero point are the input's.
    MaxPool(Window),
    /// The mean of each window.
    AveragePool {
        /// Where the windows lie.
        window: Window,
        /// Padding counts as zeros (ONNX `count_include_pad`).
        include_padding: bool,
        /// The arithmetic.
        meaning: PoolMeaning,
        /// Lower and upper bound of the output.
        clamp: (i8, i8),
    },
    /// The sum of two tensors of one shape.
    Add {
        /// The arithmetic.
        meaning: AddMeaning,
        /// Lower and upper bound of the output.
        clamp: (i8, i8),
    },
    /// Any function of one element: `out = table[q + 128]`. Relu family, sigmoid, tanh, a change of scale.
    Lookup {
        /// 256 values.
        table: Vec<i8>,
    },
    /// Softmax over the last dimension.
    Softmax(SoftmaxMeaning),
    /// The inputs side by side in the last dimension; all have the output's scale and zero point (a [`Op::Lookup`]
    /// before makes it so).
    Concat,
    /// The same elements in another shape.
    Reshape,
    /// Dimension `d` of the output is dimension `permutation[d]` of the input.
    Transpose {
        /// One entry a dimension.
        permutation: Vec<usize>,
    },
}

/// A fully connected layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// Outputs × inputs, row-major, −255 to 255 (the weight minus its zero point).
    pub weights: Vec<i16>,
    /// One accumulator value an output.
    pub bias: Vec<i32>,
    /// From accumulators to the output's steps.
    pub requantize: Requantize,
    /// Lower and upper bound of the output.
    pub clamp: (i8, i8),
}

/// A convolution.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    /// `[outputs, kernel height, kernel width, inputs / groups]`, row-major, −255 to 255 (the weight minus its zero
    /// point). A depthwise convolution has as many groups as inputs.
    pub weights: Vec<i16>,
    /// One accumulator value an output channel.
    pub bias: Vec<i32>,
    /// Number of groups; channels of input and output are split evenly among them.
    pub groups: usize,
    /// Where the kernel lies.
    pub window: Window,
    /// From accumulators to the output's steps.
    pub requantize: Requantize,
    /// Lower and upper bound of the output.
    pub clamp: (i8, i8),
}

/// Where a kernel or a pool lies on its input, as (height, width).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Size.
    pub kernel: (usize, usize),
    /// Step.
    pub stride: (usize, usize),
    /// Distance of the kernel's elements; 1 is dense.
    pub dilation: (usize, usize),
    /// Padding before: top and left.
    pub before: (usize, usize),
    /// Padding after: bottom and right.
    pub after: (usize, usize),
}

/// From an i32 accumulator to the output's steps, before the zero point is added and the clamp applied. One entry an
/// output channel, or one for all.
#[derive(Clone, Debug, PartialEq)]
pub enum Requantize {
    /// `round_half_even(f32(acc) · multiplier)`: the meaning of an ONNX QDQ graph.
    Float {
        /// input scale · weight scale / output scale.
        multiplier: Vec<f32>,
    },
    /// TensorFlow Lite's `MultiplyByQuantizedMultiplier`: a saturating rounding doubling high product, then a rounding
    /// shift (a positive shift is to the left, before the product).
    Fixed {
        /// Q31 mantissas.
        multiplier: Vec<i32>,
        /// Exponents, −31 to 30.
        shift: Vec<i8>,
    },
    /// `(acc · multiplier + 2^(30 − shift)) >> (31 − shift)` in i64: the single rounding that TensorFlow Lite's
    /// FULLY_CONNECTED has, where its convolutions round twice.
    FixedOnce {
        /// Q31 mantissas.
        multiplier: Vec<i32>,
        /// Exponents, −31 to 30.
        shift: Vec<i8>,
    },
}

/// The arithmetic of an average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PoolMeaning {
    /// `round_half_even((Σ (x · input scale) / f32(n)) / output scale)`: every product, the sum in the stated order and
    /// both quotients in f32. The last bit of the sum decides where a mean lies half-way between two steps, which with
    /// equal scales of input and output is one mean in n.
    Float(SumOrder),
    /// `Σ q / n` rounded half away from zero, zero point included: input and output have one scale (TensorFlow Lite).
    Fixed,
    /// `round_half_away((Σ x) · multiplier · 2^shift / n)` as TensorFlow Lite's quantised MEAN.
    FixedMean {
        /// Q31 mantissa.
        multiplier: i32,
        /// Exponent.
        shift: i8,
    },
}

/// The order in which a window's elements are added in f32; padding adds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SumOrder {
    /// One after the other, row-major.
    Rows,
    /// Each column from top to bottom, then the columns' sums from left to right.
    Columns,
    /// Row-major, element i of the whole fours to lane i mod 4; then `(lane 0 + lane 2) + (lane 1 + lane 3)`, and the
    /// elements that are left one after the other.
    Lanes,
}

/// The arithmetic of a sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AddMeaning {
    /// `round_half_even((x_a · scale_a + x_b · scale_b) / scale)`, each step in f32.
    Float,
    /// TensorFlow Lite's quantised ADD.
    Fixed {
        /// Bits that both inputs are shifted to the left first (20).
        left_shift: u8,
        /// Q31 mantissas of a, b and the output.
        multiplier: [i32; 3],
        /// Exponents of a, b and the output.
        shift: [i8; 3],
    },
}

/// The arithmetic of a softmax.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SoftmaxMeaning {
    /// f32 with the portable exp: terms `exp(−scale · (q_max − q))`, each divided by their sum in order, then
    /// quantised.
    Float,
    /// TensorFlow Lite's fixed-point softmax.
    Fixed {
        /// Q31 mantissa of the input's scale times beta.
        multiplier: i32,
        /// Its exponent.
        shift: i8,
        /// The difference to the greatest input from which a term is 0.
        minimum_difference: i32,
    },
    /// TensorFlow Lite's table-driven softmax: f32 exponentials from a table over the 256 possible differences.
    Table {
        /// The positive factor of the exponent: the input's scale times beta.
        beta: f32,
    },
}

impl NetworkModel {
    /// Width of a feature row.
    pub fn columns(&self) -> usize {
        let columns = |input: &NetworkInput| input.columns(&self.tensors);
        self.inputs.iter().map(columns).sum()
    }

    /// Raw scores per row.
    pub fn scores(&self) -> usize {
        self.outputs
            .iter()
            .map(|&tensor| self.tensor_len(tensor))
            .sum()
    }

    fn tensor_len(&self, tensor: usize) -> usize {
        self.tensors.get(tensor).map_or(0, Tensor::len)
    }
}
