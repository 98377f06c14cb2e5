//! Small int8 networks: exact integer accumulation, and one stated rounding per layer.

mod model;

pub use model::{
    AddMeaning, Conv, Dense, Layer, NetworkInput, NetworkModel, Op, PoolMeaning, Requantize,
    SoftmaxMeaning, Tensor, Window,
};
