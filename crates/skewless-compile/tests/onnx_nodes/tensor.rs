//! The tensors of a case, and constants added to its graph.

use prost::Message;
use skewless_core::Value;

use crate::message::{
    BOOL, DOUBLE, FLOAT, GraphProto, INT8, INT32, INT64, ModelProto, STRING, TensorProto, UINT8,
};

impl TensorProto {
    /// The elements as a record holds them.
    pub(crate) fn cells(&self) -> Option<Vec<Value>> {
        match self.data_type {
            STRING => {
                let texts = self
                    .string_data
                    .iter()
                    .map(|text| String::from_utf8(text.clone()).ok());
                texts.map(|text| text.map(Value::Text)).collect()
            }
            BOOL => Some(
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
            (FLOAT, true) => self.float_data.iter().map(|&x| f64::from(x)).collect(),
            (FLOAT, false) => of(4, |b| f64::from(f32::from_le_bytes(b.try_into().unwrap()))),
            (DOUBLE, true) => self.double_data.clone(),
            (DOUBLE, false) => of(8, |b| f64::from_le_bytes(b.try_into().unwrap())),
            (UINT8 | INT8 | INT32 | BOOL, true) => {
                self.int32_data.iter().map(|&x| f64::from(x)).collect()
            }
            (UINT8 | BOOL, false) => of(1, |b| f64::from(b[0])),
            (INT8, false) => of(1, |b| f64::from(b[0] as i8)),
            (INT32, false) => of(4, |b| f64::from(i32::from_le_bytes(b.try_into().unwrap()))),
            (INT64, true) => self.int64_data.iter().map(|&x| x as f64).collect(),
            (INT64, false) => of(8, |b| i64::from_le_bytes(b.try_into().unwrap()) as f64),
            _ => return None,
        })
    }
}

/// The model's bytes with `constants` as its graph's initializers: messages that stand one after the other are one.
pub(crate) fn with_constants(model: &[u8], constants: Vec<TensorProto>) -> Vec<u8> {
    let addition = ModelProto {
        graph: Some(GraphProto {
            initializer: constants,
            ..GraphProto::default()
        }),
        ..ModelProto::default()
    };
    [model, &addition.encode_to_vec()].concat()
}
