//! Operators that turn categories into numbers.

use std::collections::BTreeSet;

use skewless_core::error::Result;
use skewless_core::spec::{Closed, Encode, FittedOp};

use super::super::attributes::Attributes;
use super::super::message::NodeProto;
use super::super::{invalid, unsupported_op};
use super::Walk;
use super::column::{Column, Kind, Matrix};

/// Whole numbers up to this size are exact in f32 and in f64.
const EXACT: i64 = 1 << 24;

impl<'a> Walk<'a> {
    /// A column a category. `zeros = 0` makes ONNX Runtime fail on a category that is not listed; here it gives zeros.
    pub(super) fn one_hot(&mut self, node: &'a NodeProto) -> Result<Matrix> {
        let attributes = Attributes::of(node, &["cats_strings", "cats_int64s", "zeros"])?;
        let matrix = self.only(node)?.clone();
        let texts: Vec<String> = attributes
            .texts("cats_strings")?
            .into_iter()
            .map(str::to_owned)
            .collect();
        let numbers = attributes.ints("cats_int64s");
        if attributes.int("zeros", 1) == 0 {
            self.note("An encoder refuses categories that it does not know; here they give zeros.");
        }
        let mut columns = Vec::new();
        for column in &matrix.columns {
            match (matrix.kind, texts.is_empty(), numbers.is_empty()) {
                (Kind::Text, false, true) => columns.extend(self.texts(column, &texts)?),
                (Kind::Text, ..) | (_, _, true) => {
                    return Err(unsupported_op(
                        node,
                        "categories of another type than its input's",
                    ));
                }
                _ => columns.extend(self.whole_numbers(node, column, numbers)?),
            }
        }
        Ok(Matrix::of(Kind::Single, columns))
    }

    fn texts(&mut self, column: &Column, vocabulary: &[String]) -> Result<Vec<Column>> {
        if vocabulary.iter().collect::<BTreeSet<_>>().len() != vocabulary.len() {
            return Err(invalid("a OneHotEncoder lists a category twice"));
        }
        let op = FittedOp::OneHot {
            vocabulary: vocabulary.to_vec(),
            unknown_column: false,
            missing_column: false,
        };
        let made = self.recipe.make(column, "one_hot", op);
        Ok((0..vocabulary.len())
            .map(|part| Column {
                part: Some(part),
                ..made.clone()
            })
            .collect())
    }

    /// Whole numbers are buckets: [c, c + 1) above 0, (c − 1, c] below, and both for 0, as a cast cuts towards 0.
    /// The buckets between and around them are columns that the model doesn't read.
    fn whole_numbers(
        &mut self,
        node: &NodeProto,
        column: &Column,
        categories: &[i64],
    ) -> Result<Vec<Column>> {
        if column.part.is_some() || categories.iter().any(|category| category.abs() >= EXACT) {
            return Err(unsupported_op(node, "of such whole numbers"));
        }
        let bounds = |category: i64| {
            let value = as_f64(category);
            let lower = if category > 0 {
                value
            } else {
                (value - 1.0).next_up()
            };
            let upper = if category < 0 {
                value.next_up()
            } else {
                value + 1.0
            };
            [lower, upper]
        };
        let mut edges: Vec<f64> = categories
            .iter()
            .flat_map(|&category| bounds(category))
            .collect();
        edges.sort_by(f64::total_cmp);
        edges.dedup();
        let places = categories.iter().map(|&category| {
            let [lower, _] = bounds(category);
            edges
                .iter()
                .position(|&edge| edge == lower)
                .map(|place| place + 1)
        });
        let places: Option<Vec<usize>> = places.collect();
        let places = places.ok_or_else(|| invalid("an edge is lost"))?;
        let op = FittedOp::Bucketize {
            edges,
            closed: Closed::Left,
            encode: Encode::OneHot,
        };
        let made = self.recipe.make(column, "one_hot", op);
        Ok(places
            .into_iter()
            .map(|part| Column {
                part: Some(part),
                ..made.clone()
            })
            .collect())
    }

    /// Texts to numbers, one default for all that are not listed.
    pub(super) fn look_up(&mut self, node: &'a NodeProto) -> Result<Matrix> {
        let known = [
            "cats_int64s",
            "cats_strings",
            "default_float",
            "default_int64",
            "default_string",
            "keys_strings",
            "values_floats",
            "values_int64s",
        ];
        let attributes = Attributes::of(node, &known)?;
        let matrix = self.only(node)?.clone();
        if matrix.kind != Kind::Text {
            return Err(unsupported_op(node, "of anything but texts to numbers"));
        }
        let keys = [
            attributes.texts("keys_strings")?,
            attributes.texts("cats_strings")?,
        ]
        .concat();
        let whole = [
            attributes.ints("values_int64s"),
            attributes.ints("cats_int64s"),
        ]
        .concat();
        let floats = attributes.numbers("values_floats", None)?;
        let default = match floats.is_empty() {
            true => as_f64(attributes.int("default_int64", -1)),
            false => attributes.float("default_float").unwrap_or(0.0),
        };
        let kind = if floats.is_empty() {
            Kind::Whole
        } else {
            Kind::Single
        };
        if whole.iter().any(|value| value.abs() >= EXACT) || !default.is_finite() {
            return Err(unsupported_op(node, "of such numbers"));
        }
        let values: Vec<f64> = whole.iter().copied().map(as_f64).chain(floats).collect();
        let distinct: BTreeSet<&&str> = keys.iter().collect();
        if values.len() != keys.len() || distinct.len() != keys.len() {
            return Err(invalid(
                "an encoder has not one value for each of different keys",
            ));
        }
        let entries: Vec<(String, f64)> = keys
            .iter()
            .map(|key| (*key).to_owned())
            .zip(values)
            .collect();
        let columns = matrix
            .columns
            .iter()
            .map(|column| self.recipe.look_up(column, entries.clone(), default));
        Ok(Matrix::of(kind, columns.collect()))
    }

    fn note(&mut self, note: &str) {
        if !self.notes.iter().any(|known| known == note) {
            self.notes.push(note.to_owned());
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number below 2^53")]
fn as_f64(number: i64) -> f64 {
    number as f64
}
