//! Numbers in a shape: the value of a tensor input, as a record holds it.

use serde::de::{Deserialize, Error as _, SeqAccess};
use serde::ser::{Serialize, SerializeSeq, Serializer};

use crate::record::Value;

/// Numbers, row-major, in the shape in which they were given. An array of n numbers has the shape `[n]`; an array of m
/// such arrays has the shape `[m, n]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Tensor {
    /// Numbers side by side.
    pub fn flat(values: Vec<f64>) -> Self {
        Self {
            shape: vec![values.len()],
            values,
        }
    }

    /// Numbers, row-major, in a shape; `None` where the shape has another number of elements.
    pub fn new(shape: Vec<usize>, values: Vec<f64>) -> Option<Self> {
        (shape.iter().product::<usize>() == values.len()).then_some(Self { shape, values })
    }

    /// The lengths of the arrays from the outermost to the innermost.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements, row-major.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Whether the elements are those of a tensor of `shape`: in that shape, or flat.
    pub fn fits(&self, shape: &[usize]) -> bool {
        fits(&self.shape, shape)
    }
}

/// Whether what was given in one shape is a tensor of another: in that shape, or flat.
pub(crate) fn fits(given: &[usize], due: &[usize]) -> bool {
    given == due || matches!(given, [count] if *count == due.iter().product::<usize>())
}

/// A shape as messages show it: `96×96×3`.
pub(crate) fn shown_shape(shape: &[usize]) -> String {
    let lengths: Vec<String> = shape.iter().map(usize::to_string).collect();
    lengths.join("×")
}

/// An array under construction: all its elements are numbers, or all are arrays of one shape.
#[derive(Default)]
struct Growing {
    /// The shape of each element; empty for numbers.
    inner: Vec<usize>,
    count: usize,
    values: Vec<f64>,
}

impl Growing {
    /// Takes an element; false where it does not go with those before it.
    fn push(&mut self, element: Value) -> bool {
        let (shape, mut values) = match element {
            Value::Number(number) => (Vec::new(), vec![number]),
            Value::Tensor(tensor) => (tensor.shape, tensor.values),
            _ => return false,
        };
        if self.count > 0 && shape != self.inner {
            return false;
        }
        self.inner = shape;
        self.count += 1;
        self.values.append(&mut values);
        true
    }
}

/// The value of a JSON array: a tensor, or something that no input takes.
pub(crate) fn of_sequence<'de, A: SeqAccess<'de>>(mut sequence: A) -> Result<Value, A::Error> {
    let mut growing = Growing::default();
    let mut fits = true;
    while let Some(element) = sequence.next_element::<Value>()? {
        fits = fits && growing.push(element);
    }
    if !fits {
        return Ok(Value::Other("array"));
    }
    let shape = [vec![growing.count], growing.inner].concat();
    Tensor::new(shape, growing.values)
        .map(Value::Tensor)
        .ok_or_else(|| A::Error::custom("an array of arrays has no shape"))
}

impl Serialize for Tensor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Part {
            shape: &self.shape,
            values: &self.values,
        }
        .serialize(serializer)
    }
}

/// One of a tensor's arrays.
struct Part<'a> {
    shape: &'a [usize],
    values: &'a [f64],
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some((&count, inner)) = self.shape.split_first() else {
            let number = self.values.first().copied().unwrap_or(f64::NAN);
            return Value::Number(number).serialize(serializer);
        };
        let width: usize = inner.iter().product();
        let mut sequence = serializer.serialize_seq(Some(count))?;
        for at in 0..count {
            let values = self
                .values
                .get(at * width..(at + 1) * width)
                .unwrap_or_default();
            sequence.serialize_element(&Part {
                shape: inner,
                values,
            })?;
        }
        sequence.end()
    }
}

impl<'de> Deserialize<'de> for Tensor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Tensor(tensor) => Ok(tensor),
            _ => Err(D::Error::custom("an array of numbers in a shape")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_keep_their_shape() {
        for (text, shape) in [
            ("[]", vec![0]),
            ("[1,2.5]", vec![2]),
            ("[[1,2,3],[4,5,6]]", vec![2, 3]),
            ("[[[1],[2]]]", vec![1, 2, 1]),
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            let Value::Tensor(tensor) = &value else {
                panic!("{text}")
            };
            assert_eq!(tensor.shape(), shape, "{text}");
            assert_eq!(serde_json::to_string(&value).unwrap(), text);
        }
    }

    #[test]
    fn what_is_ragged_or_no_number_is_no_tensor() {
        for text in [
            "[1,null]",
            "[1,\"x\"]",
            "[1,[2]]",
            "[[1,2],[3]]",
            "[[1],[]]",
            "[{}]",
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(value, Value::Other("array"), "{text}");
        }
    }

    #[test]
    fn a_flat_array_fits_every_shape_of_its_length() {
        let flat = Tensor::flat(vec![0.0; 6]);
        assert!(flat.fits(&[2, 3]) && flat.fits(&[6]) && !flat.fits(&[7]));
        let nested = Tensor::new(vec![2, 3], vec![0.0; 6]).unwrap();
        assert!(nested.fits(&[2, 3]) && !nested.fits(&[3, 2]) && !nested.fits(&[6]));
    }
}
