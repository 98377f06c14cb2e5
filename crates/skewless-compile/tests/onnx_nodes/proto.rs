//! As much of ONNX's messages as a case needs: its tensors, and constants added to its graph.

use prost::Message;
use skewless_core::Value;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    pub(crate) dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub(crate) data_type: i32,
    #[prost(float, repeated, tag = "4")]
    pub(crate) float_data: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    pub(crate) int32_data: Vec<i32>,
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub(crate) string_data: Vec<Vec<u8>>,
    #[prost(int64, repeated, tag = "7")]
    pub(crate) int64_data: Vec<i64>,
    #[prost(string, tag = "8")]
    pub(crate) name: String,
    #[prost(bytes = "vec", tag = "9")]
    pub(crate) raw_data: Vec<u8>,
    #[prost(double, repeated, tag = "10")]
    pub(crate) double_data: Vec<f64>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Model {
    #[prost(message, optional, tag = "7")]
    pub(crate) graph: Option<Graph>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Graph {
    #[prost(message, repeated, tag = "5")]
    pub(crate) initializer: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    pub(crate) input: Vec<Named>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Named {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
}

impl Tensor {
    /// The elements as a record holds them.
    pub(crate) fn cells(&self) -> Option<Vec<Value>> {
        match self.data_type {
            8 => {
                let texts = self
                    .string_data
                    .iter()
                    .map(|text| String::from_utf8(text.clone()).ok());
                texts.map(|text| text.map(Value::Text)).collect()
            }
            9 => Some(
                self.numbers()?
                    .into_iter()
                    .map(|x| Value::Bool(x != 0.0))
                    .collect(),
            ),
            _ => Some(self.numbers()?.into_iter().map(Value::Number).collect()),
        }
    }

    /// The elements, where they are numbers of a common type.
    pub(crate) fn numbers(&self) -> Option<Vec<f64>> {
        let raw = &self.raw_data;
        let of = |size: usize, read: fn(&[u8]) -> f64| raw.chunks(size).map(read).collect();
        Some(match (self.data_type, raw.is_empty()) {
            (1, true) => self.float_data.iter().map(|&x| f64::from(x)).collect(),
            (1, false) => of(4, |b| f64::from(f32::from_le_bytes(b.try_into().unwrap()))),
            (11, true) => self.double_data.clone(),
            (11, false) => of(8, |b| f64::from_le_bytes(b.try_into().unwrap())),
            (2 | 3 | 6 | 9, true) => self.int32_data.iter().map(|&x| f64::from(x)).collect(),
            (2 | 9, false) => of(1, |b| f64::from(b[0])),
            (3, false) => of(1, |b| f64::from(b[0] as i8)),
            (6, false) => of(4, |b| f64::from(i32::from_le_bytes(b.try_into().unwrap()))),
            (7, true) => self.int64_data.iter().map(|&x| x as f64).collect(),
            (7, false) => of(8, |b| i64::from_le_bytes(b.try_into().unwrap()) as f64),
            _ => return None,
        })
    }
}

/// The model's bytes with `constants` as its graph's initializers: messages that stand one after the other are one.
pub(crate) fn with_constants(model: &[u8], constants: Vec<Tensor>) -> Vec<u8> {
    let addition = Model {
        graph: Some(Graph {
            initializer: constants,
            input: vec![],
        }),
    };
    [model, &addition.encode_to_vec()].concat()
}
