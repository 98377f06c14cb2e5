//! Reads an operator's attributes by name, refusing any the reader didn't ask for: it might change the meaning.

use skewless_core::error::{Error, Result};

use super::invalid;
use crate::MAX_OUTPUTS;

use super::constant::{Constant, Data};
use super::message::{AttributeProto, DOUBLE, FLOAT, INT32, INT64, NodeProto, TensorProto, UINT8};

/// The attributes of one node.
pub(crate) struct Attributes<'a> {
    pub(crate) node: &'a NodeProto,
}

impl<'a> Attributes<'a> {
    /// `known` are the attributes that the reader takes into account, or that mean nothing for the result.
    pub(crate) fn of(node: &'a NodeProto, known: &[&str]) -> Result<Self> {
        for attribute in &node.attribute {
            if !known.contains(&attribute.name.as_str()) {
                let message = format!("attribute `{}` of {}", attribute.name, describe(node));
                return Err(Error::unsupported("unsupported.onnx_attribute", message)
                    .with_value(&attribute.name));
            }
            if node
                .attribute
                .iter()
                .filter(|other| other.name == attribute.name)
                .count()
                > 1
            {
                return Err(invalid(format!(
                    "attribute `{}` of {} stands twice",
                    attribute.name,
                    describe(node)
                )));
            }
        }
        Ok(Self { node })
    }

    fn find(&self, name: &str) -> Option<&'a AttributeProto> {
        self.node
            .attribute
            .iter()
            .find(|attribute| attribute.name == name)
    }

    pub(crate) fn int(&self, name: &str, default: i64) -> i64 {
        self.find(name).map_or(default, |attribute| attribute.i)
    }

    /// A number, where it is given.
    pub(crate) fn float(&self, name: &str) -> Option<f64> {
        self.find(name).map(|attribute| f64::from(attribute.f))
    }

    pub(crate) fn float_or(&self, name: &str, default: f32) -> f32 {
        self.find(name).map_or(default, |attribute| attribute.f)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The value of a `Constant` node.
    pub(crate) fn constant(&self) -> Result<Option<Constant>> {
        let Some(attribute) = self.node.attribute.first() else {
            return Ok(None);
        };
        let whole = |shape, values| Constant {
            shape,
            data: Data::Whole(values, INT64),
        };
        Ok(match (attribute.name.as_str(), &attribute.t) {
            ("value", Some(tensor)) => Some(Constant::read(tensor)?),
            ("value_float", _) => Some(Constant::reals(vec![], vec![attribute.f])),
            ("value_floats", _) => Some(Constant::reals(
                vec![attribute.floats.len()],
                attribute.floats.clone(),
            )),
            ("value_int", _) => Some(whole(vec![], vec![attribute.i])),
            ("value_ints", _) => Some(whole(vec![attribute.ints.len()], attribute.ints.clone())),
            _ => None,
        })
    }

    pub(crate) fn text(&self, name: &str, default: &'static str) -> Result<&'a str> {
        match self.find(name) {
            None => Ok(default),
            Some(attribute) => self.utf8(&attribute.s, name),
        }
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Vec<&'a str>> {
        let strings = self
            .find(name)
            .map_or(&[][..], |attribute| &attribute.strings);
        strings
            .iter()
            .map(|string| self.utf8(string, name))
            .collect()
    }

    fn utf8(&self, bytes: &'a [u8], name: &str) -> Result<&'a str> {
        std::str::from_utf8(bytes).map_err(|_| self.invalid(&format!("`{name}` is not UTF-8 text")))
    }

    /// An absent list is empty.
    pub(crate) fn ints(&self, name: &str) -> &'a [i64] {
        self.find(name).map_or(&[], |attribute| &attribute.ints)
    }

    /// A list of indices, `count` of them where that is known.
    pub(crate) fn indices(&self, name: &str, count: Option<usize>) -> Result<Vec<usize>> {
        let indices: Option<Vec<usize>> = self
            .ints(name)
            .iter()
            .map(|&index| usize::try_from(index).ok())
            .collect();
        let indices =
            indices.ok_or_else(|| self.invalid(&format!("`{name}` holds a negative number")))?;
        self.counted(name, indices, count)
    }

    /// The number of a regression's targets.
    pub(crate) fn targets(&self, name: &str) -> Result<usize> {
        let targets = usize::try_from(self.int(name, 1)).ok();
        targets
            .filter(|targets| (1..=MAX_OUTPUTS).contains(targets))
            .ok_or_else(|| self.invalid(&format!("`{name}` is not a possible number of targets")))
    }

    /// A list of finite numbers, given as floats or as `NAME_as_tensor` of floats or doubles.
    pub(crate) fn numbers(&self, name: &str, count: Option<usize>) -> Result<Vec<f64>> {
        let numbers = self.any_numbers(name)?;
        if numbers.iter().any(|number| !number.is_finite()) {
            return Err(self.invalid(&format!(
                "`{name}` holds a value that is not a finite number"
            )));
        }
        self.counted(name, numbers, count)
    }

    /// As [`Self::numbers`], whatever the numbers are: x ≤ ∞ asks whether x is there, and a set's threshold is unused.
    pub(crate) fn thresholds(&self, name: &str, count: usize) -> Result<Vec<f64>> {
        let numbers = self.any_numbers(name)?;
        self.counted(name, numbers, Some(count))
    }

    /// The numbers of a tensor, whatever they are; none where it is absent.
    pub(crate) fn tensor(&self, name: &str) -> Result<Vec<f64>> {
        let tensor = self.find(name).and_then(|attribute| attribute.t.as_ref());
        let numbers = tensor.map_or(Some(vec![]), tensor_numbers);
        numbers.ok_or_else(|| self.invalid(&format!("`{name}` is no such tensor")))
    }

    fn any_numbers(&self, name: &str) -> Result<Vec<f64>> {
        let tensor = self
            .find(&format!("{name}_as_tensor"))
            .or_else(|| self.find(name));
        match tensor.and_then(|attribute| attribute.t.as_ref()) {
            Some(tensor) => tensor_numbers(tensor)
                .ok_or_else(|| self.invalid(&format!("`{name}` is no such tensor"))),
            None => {
                let floats = self.find(name).map_or(&[][..], |found| &found.floats);
                Ok(floats.iter().copied().map(f64::from).collect())
            }
        }
    }

    /// A tensor of small codes.
    pub(crate) fn codes(&self, name: &str, count: usize) -> Result<Vec<i32>> {
        let tensor = self.find(name).and_then(|attribute| attribute.t.as_ref());
        let codes = match tensor {
            Some(tensor) if tensor.data_type == UINT8 && tensor.raw_data.is_empty() => {
                tensor.int32_data.clone()
            }
            Some(tensor) if tensor.data_type == UINT8 => {
                tensor.raw_data.iter().copied().map(i32::from).collect()
            }
            _ => return Err(self.invalid(&format!("`{name}` is no tensor of bytes"))),
        };
        self.counted(name, codes, Some(count))
    }

    fn counted<T>(&self, name: &str, values: Vec<T>, count: Option<usize>) -> Result<Vec<T>> {
        match count {
            Some(count) if count != values.len() => Err(self.invalid(&format!(
                "`{name}` has {} values, {count} are due",
                values.len()
            ))),
            _ => Ok(values),
        }
    }

    pub(crate) fn invalid(&self, what: &str) -> Error {
        invalid(format!("{}: {what}", describe(self.node)))
    }
}

/// An operator by its type and, where it has one, its name.
pub(crate) fn describe(node: &NodeProto) -> String {
    match node.name.as_str() {
        "" => node.op_type.clone(),
        name => format!("{} `{name}`", node.op_type),
    }
}

/// The elements of a tensor of floats, doubles or whole numbers, row-major.
pub(crate) fn tensor_numbers(tensor: &TensorProto) -> Option<Vec<f64>> {
    let raw = &tensor.raw_data;
    match tensor.data_type {
        INT32 if raw.is_empty() => Some(tensor.int32_data.iter().copied().map(f64::from).collect()),
        INT64 if raw.is_empty() => tensor.int64_data.iter().copied().map(exact).collect(),
        INT32 => little_endian(raw).map(|all| {
            all.into_iter()
                .map(|bytes| f64::from(i32::from_le_bytes(bytes)))
                .collect()
        }),
        INT64 => little_endian(raw)?
            .into_iter()
            .map(|bytes| exact(i64::from_le_bytes(bytes)))
            .collect(),
        FLOAT if raw.is_empty() => Some(tensor.float_data.iter().copied().map(f64::from).collect()),
        DOUBLE if raw.is_empty() => Some(tensor.double_data.clone()),
        FLOAT => little_endian(raw).map(|all| {
            all.into_iter()
                .map(|bytes| f64::from(f32::from_le_bytes(bytes)))
                .collect()
        }),
        DOUBLE => little_endian(raw).map(|all| all.into_iter().map(f64::from_le_bytes).collect()),
        _ => None,
    }
}

/// A whole number that f64 holds.
#[expect(clippy::cast_precision_loss, reason = "the size is checked")]
fn exact(number: i64) -> Option<f64> {
    (number.unsigned_abs() <= 1 << 53).then_some(number as f64)
}

fn little_endian<const N: usize>(raw: &[u8]) -> Option<Vec<[u8; N]>> {
    let (numbers, rest) = raw.as_chunks::<N>();
    rest.is_empty().then(|| numbers.to_vec())
}
