//! Operators that compute with numbers, a column at a time.

use skewless_core::error::Result;
use skewless_core::spec::{Closed, Encode, FittedOp, Norm};

use super::super::attributes::{Attributes, tensor_numbers};
use super::super::message::{NodeProto, TensorProto};
use super::super::{invalid, unsupported_op};
use super::Walk;
use super::column::{Column, Kind, Matrix};

/// Most columns that are normalised: each of the features reads all of them.
const MOST_NORMALIZED: usize = 256;

/// (x − offset) / divisor
#[derive(Clone, Copy)]
struct Affine {
    offset: f64,
    divisor: f64,
}

impl<'a> Walk<'a> {
    /// `(x − offset) · scale`, one of each a column or one for all.
    pub(super) fn scale(&mut self, node: &'a NodeProto) -> Result<Matrix> {
        let attributes = Attributes::of(node, &["offset", "scale"])?;
        let matrix = self.numbers(node, 0)?;
        let count = matrix.columns.len();
        let offsets = spread(attributes.numbers("offset", None)?, 0.0, count);
        let scales = spread(attributes.numbers("scale", None)?, 1.0, count);
        let (Some(offsets), Some(scales)) = (offsets, scales) else {
            return Err(invalid("a Scaler has not one offset and scale a column"));
        };
        let formulas = offsets
            .into_iter()
            .zip(scales)
            .map(|(offset, scale)| Affine {
                offset,
                divisor: 1.0 / scale,
            });
        let formulas: Vec<Affine> = formulas.collect();
        let scaled = self.affine(node, &matrix, &formulas)?;
        // Whatever goes in, floats come out.
        Ok(Matrix {
            kind: Kind::Single,
            narrow: true,
            ..scaled
        })
    }

    /// A constant added, subtracted, multiplied with or divided by.
    pub(super) fn with_constant(&mut self, node: &'a NodeProto) -> Result<Matrix> {
        Attributes::of(node, &[])?;
        let [first, second] = &node.input[..] else {
            return Err(invalid(format!("{} has not two inputs", node.op_type)));
        };
        let commutes = matches!(node.op_type.as_str(), "Add" | "Mul");
        let (at, constant) = match (self.constant(first), self.constant(second)) {
            (None, Some(constant)) => (0, constant),
            (Some(constant), None) if commutes => (1, constant),
            _ => {
                return Err(unsupported_op(
                    node,
                    "before the model, and not by a constant on its right",
                ));
            }
        };
        let matrix = self.numbers(node, at)?;
        let numbers =
            numbers_of(constant).and_then(|numbers| spread(numbers, 0.0, matrix.columns.len()));
        let numbers = numbers
            .ok_or_else(|| unsupported_op(node, "its constant is not one number a column"))?;
        let formulas = numbers.into_iter().map(|c| match node.op_type.as_str() {
            "Add" => Affine {
                offset: -c,
                divisor: 1.0,
            },
            "Sub" => Affine {
                offset: c,
                divisor: 1.0,
            },
            "Mul" => Affine {
                offset: 0.0,
                divisor: 1.0 / c,
            },
            _ => Affine {
                offset: 0.0,
                divisor: c,
            },
        });
        let formulas: Vec<Affine> = formulas.collect();
        self.affine(node, &matrix, &formulas)
    }

    pub(super) fn clip(&mut self, node: &'a NodeProto) -> Result<Matrix> {
        let attributes = Attributes::of(node, &["min", "max"])?;
        let matrix = self.numbers(node, 0)?;
        let bound = |place: usize, name: &str| -> Result<Option<f64>> {
            match node.input.get(place).filter(|input| !input.is_empty()) {
                None => Ok(attributes.float(name)),
                Some(input) => match self.constant(input).and_then(tensor_numbers).as_deref() {
                    Some(&[bound]) if !bound.is_nan() => {
                        Ok(Some(bound).filter(|bound| bound.is_finite()))
                    }
                    _ => Err(unsupported_op(node, "a bound that is no constant number")),
                },
            }
        };
        let (min, max) = (bound(1, "min")?, bound(2, "max")?);
        if min.zip(max).is_some_and(|(min, max)| min > max) {
            return Err(unsupported_op(node, "a lower bound above the upper"));
        }
        if min.is_none() && max.is_none() {
            return Ok(matrix);
        }
        self.each(node, matrix, |walk, column| {
            walk.recipe
                .make(column, "clip", FittedOp::Clip { min, max })
        })
    }

    /// NaN becomes one value a column, or one for all.
    pub(super) fn impute(&mut self, node: &'a NodeProto) -> Result<Matrix> {
        let attributes = Attributes::of(node, &["imputed_value_floats", "replaced_value_float"])?;
        let matrix = self.numbers(node, 0)?;
        if !attributes
            .float("replaced_value_float")
            .is_some_and(f64::is_nan)
        {
            return Err(unsupported_op(node, "another value than NaN is replaced"));
        }
        let values = spread(
            attributes.numbers("imputed_value_floats", None)?,
            f64::NAN,
            matrix.columns.len(),
        );
        let Some(values) = values.filter(|values| values.iter().all(|value| value.is_finite()))
        else {
            return Err(invalid("an Imputer has not one value a column"));
        };
        let mut values = values.into_iter();
        self.each(node, matrix, |walk, column| {
            walk.recipe.allow_missing(&column.source);
            let op = FittedOp::Impute {
                value: values.next().unwrap_or_default(),
                indicator: false,
            };
            walk.recipe.make(column, "imputed", op)
        })
    }

    /// 1 where x > threshold, else 0.
    pub(super) fn binarize(&mut self, node: &'a NodeProto) -> Result<Matrix> {
        let threshold = Attributes::of(node, &["threshold"])?
            .float("threshold")
            .unwrap_or(0.0);
        if !threshold.is_finite() {
            return Err(invalid(
                "the threshold of a Binarizer is not a finite number",
            ));
        }
        let matrix = self.numbers(node, 0)?;
        let op = FittedOp::Bucketize {
            edges: vec![threshold],
            closed: Closed::Right,
            encode: Encode::Index,
        };
        self.each(node, matrix, |walk, column| {
            walk.recipe.make(column, "above", op.clone())
        })
    }

    /// Every column divided by the norm of all.
    pub(super) fn normalize(&mut self, node: &'a NodeProto) -> Result<Matrix> {
        let norm = match Attributes::of(node, &["norm"])?.text("norm", "MAX")? {
            "MAX" => Norm::Max,
            "L1" => Norm::L1,
            "L2" => Norm::L2,
            other => return Err(invalid(format!("`{other}` is no norm"))),
        };
        let matrix = self.numbers(node, 0)?;
        let numbers = self.each(node, matrix, |_, column| column.clone())?;
        if numbers.columns.len() > MOST_NORMALIZED {
            return Err(unsupported_op(node, "of very many columns"));
        }
        let all: Vec<String> = numbers
            .columns
            .iter()
            .map(|column| column.source.clone())
            .collect();
        let columns = all.iter().map(|source| {
            let from = [std::slice::from_ref(source), &all].concat();
            let op = FittedOp::Normalize { norm };
            self.recipe.make_from(from, source, "normalized", op)
        });
        Ok(Matrix {
            columns: columns.collect(),
            kind: Kind::Single,
            narrow: true,
            ..numbers
        })
    }

    /// The numbers that a node's input `place` holds.
    fn numbers(&self, node: &NodeProto, place: usize) -> Result<Matrix> {
        let name = node
            .input
            .get(place)
            .map(String::as_str)
            .unwrap_or_default();
        let matrix = self.matrix(name)?;
        match matrix.is_number() {
            true => Ok(matrix.clone()),
            false => Err(unsupported_op(
                node,
                "of texts, or of numbers that were cut to whole ones",
            )),
        }
    }

    fn affine(&mut self, node: &NodeProto, matrix: &Matrix, formulas: &[Affine]) -> Result<Matrix> {
        let possible = |formula: &Affine| formula.divisor != 0.0 && formula.divisor.is_finite();
        if !formulas.iter().all(possible) {
            return Err(unsupported_op(node, "a scale of 0"));
        }
        let mut formulas = formulas.iter().copied();
        self.each(node, matrix.clone(), |walk, column| match formulas.next() {
            None
            | Some(Affine {
                offset: 0.0,
                divisor: 1.0,
            }) => column.clone(),
            Some(Affine { offset, divisor }) => {
                let op = FittedOp::Standardize {
                    mean: offset,
                    std: divisor,
                };
                walk.recipe.make(column, "scaled", op)
            }
        })
    }

    /// Every column through `step`.
    fn each(
        &mut self,
        node: &NodeProto,
        matrix: Matrix,
        mut step: impl FnMut(&mut Self, &Column) -> Column,
    ) -> Result<Matrix> {
        let mut columns = Vec::with_capacity(matrix.columns.len());
        for column in &matrix.columns {
            let number = self.recipe.as_number(column);
            let number = number
                .ok_or_else(|| unsupported_op(node, "of the columns of encoded whole numbers"))?;
            columns.push(step(self, &number));
        }
        Ok(Matrix { columns, ..matrix })
    }
}

/// The finite numbers of a constant.
fn numbers_of(constant: &TensorProto) -> Option<Vec<f64>> {
    tensor_numbers(constant).filter(|numbers| numbers.iter().all(|number| number.is_finite()))
}

/// One number a column: as given, the only one for all, or `default` where there is none.
fn spread(given: Vec<f64>, default: f64, count: usize) -> Option<Vec<f64>> {
    match given[..] {
        [] => Some(vec![default; count]),
        [one] => Some(vec![one; count]),
        _ => Some(given).filter(|given| given.len() == count),
    }
}
