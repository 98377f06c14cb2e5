//! Small int8 networks: exact integer accumulation, and one stated rounding per layer.
//!
//! Arithmetic is that of Jacob et al. 2018 (arXiv:1712.05877): a real number is `(q − zero point) · scale`, a layer
//! with weights sums `(q − zero point) · weight` in i32 and brings the sum to the output's steps. How it is rounded is
//! the source's own meaning: [`Requantize::Float`] for ONNX graphs of `QuantizeLinear` and `DequantizeLinear`,
//! [`Requantize::Fixed`] for TensorFlow Lite's quantisation specification. Sums wrap where they leave i32, which a
//! layer of fewer than 2^31 / (255 · 255) products cannot do. Exponentials are `libm`'s, so that no platform's C library
//! has a say.
//!
//! A network is stored with its weights in the order in which kernels read them (`weights`), so that loading is
//! checking and copying. Inputs are copied into patches with their padding (`patch`), so that the inner loops (`kernel`)
//! have no edge cases; there the scalar code is the definition and everything faster gives its bits.

#![cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, reason = "some patches and lists are for one kernel only")
)]

mod add;
mod arrange;
mod check;
mod decode;
mod depthwise;
mod encode;
mod engine;
mod epilogue;
#[cfg(test)]
#[path = "../../../tests/network/generate.rs"]
mod generate;
mod kernel;
mod memory;
mod model;
mod patch;
mod pool;
mod product;
mod program;
mod rounding;
mod run;
mod shape;
mod softmax;
mod weights;

pub use model::{
    AddMeaning, Conv, Dense, Layer, NetworkInput, NetworkModel, Op, PoolMeaning, Requantize,
    SoftmaxMeaning, SumOrder, Tensor, Window,
};

pub(super) use encode::encode;
pub(super) use engine::{NetworkEngine, NetworkScratch};
