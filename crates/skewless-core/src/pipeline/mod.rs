//! The compiled pipeline: raw columns in, feature rows out. A record is a batch of one row, so that there is one code.

mod cells;
mod check;
mod compile;
mod feature_columns;
mod frame;
mod hash;
mod names;
mod records;
mod rules;
mod step;
pub(crate) mod time;

use std::ops::Range;

use crate::columns::Columns;
use crate::error::{Error, Result};
use crate::plan::{Group, Layout};
use crate::spec::{Input, UnknownFields, Zone};
pub(crate) use cells::RecordCells;
pub use cells::{Cell, Cells};
pub(crate) use compile::MAX_COLUMNS;
pub(crate) use compile::{Compiler, Kind, Source};
pub use feature_columns::FeatureColumns;
pub(crate) use frame::{Frame, TextSlot};
use names::ColumnNames;
pub(crate) use step::Index;
use step::{Branch, Step};
pub use time::utc_seconds;

/// A specification ready to run. Nothing in it can fail any more but the data.
pub struct Pipeline {
    /// The inputs that features are made from.
    inputs: Vec<InputSlot>,
    /// All inputs, as declared.
    declared: Vec<Input>,
    unknown_fields: UnknownFields,
    steps: Vec<Step>,
    number_slots: usize,
    /// The slots that make the feature row, one a group of the layout.
    emitted: Vec<Slot>,
    layout: Layout,
    names: Vec<ColumnNames>,
    made: Vec<Made>,
    may_be_missing: Option<String>,
}

/// A feature, for those who ask what became of the inputs.
pub(crate) struct Made {
    pub(crate) name: String,
    /// The inputs and earlier features that it is made from.
    pub(crate) from: Vec<String>,
    /// The model does not see it.
    pub(crate) hidden: bool,
    /// How many columns of the feature row are its.
    pub(crate) columns: usize,
}

pub(crate) struct InputSlot {
    pub(crate) input: Input,
    pub(crate) zone: Option<Zone>,
    pub(crate) slot: Slot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Number(usize),
    Text(usize),
    Tensor(usize),
}

/// Feature rows of a batch.
#[derive(Debug)]
pub struct FeatureRows {
    /// Columns of a row.
    pub width: usize,
    /// rows × width, row-major; NaN is missing. A row with an error holds values that mean nothing.
    pub values: Vec<f64>,
    /// All faults of all rows, each with its row, in the rows' order.
    pub errors: Vec<Error>,
}

impl Pipeline {
    /// Whether the specification refuses fields that no input names.
    pub fn refuses_unknown_fields(&self) -> bool {
        self.unknown_fields == UnknownFields::Reject
    }

    /// Numbers that one row needs while it is transformed and after.
    pub(crate) fn cells_per_row(&self) -> usize {
        let tensors = self.inputs.iter().map(|slot| slot.input.elements());
        self.number_slots + tensors.sum::<usize>() + self.width()
    }

    /// Columns of a feature row.
    pub fn width(&self) -> usize {
        self.layout.width()
    }

    /// The names of the feature row's columns; a tensor's are `NAME[0]`, `NAME[1]`, …
    pub fn column_names(&self) -> Vec<String> {
        self.names.iter().flat_map(ColumnNames::written).collect()
    }

    /// The names of the columns that are not a tensor's: those of [`Pipeline::without_tensors`].
    pub fn names_without_tensors(&self) -> Vec<String> {
        let names = self.names.iter();
        let kept = names.filter(|names| !matches!(names, ColumnNames::Elements(..)));
        kept.flat_map(ColumnNames::written).collect()
    }

    /// The features that the model sees, in the order of their columns.
    pub(crate) fn seen(&self) -> impl Iterator<Item = &Made> {
        self.made.iter().filter(|made| !made.hidden)
    }

    /// Names of the features that the model sees, each with how many columns of the feature row are its, in their order.
    pub fn features(&self) -> impl Iterator<Item = (&str, usize)> {
        self.seen().map(|made| (made.name.as_str(), made.columns))
    }

    /// The inputs behind a feature, in their order.
    pub fn inputs_behind(&self, feature: &str) -> Vec<String> {
        let mut needed = vec![feature];
        // Features stand after what they are made from, so that one walk backwards does.
        for made in self.made.iter().rev() {
            if needed.contains(&made.name.as_str()) {
                needed.extend(made.from.iter().map(String::as_str));
            }
        }
        let inputs = self.inputs().map(|input| &input.name);
        let behind = inputs.filter(|name| needed.contains(&name.as_str()));
        behind.cloned().collect()
    }

    /// The inputs that records need: those some feature is made from, in the specification's order.
    pub fn inputs(&self) -> impl Iterator<Item = &Input> {
        self.inputs.iter().map(|slot| &slot.input)
    }

    /// All inputs of the specification.
    pub fn declared_inputs(&self) -> &[Input] {
        &self.declared
    }

    /// A column that may be missing, if there is one; an engine that takes no missing values refuses it.
    pub fn may_be_missing(&self) -> Option<&str> {
        self.may_be_missing.as_deref()
    }

    /// Transforms the rows of `range`.
    ///
    /// # Errors
    /// `input.wrong_type` for a column whose type cannot be the input's, `input.unknown_field` where the specification
    /// refuses unknown fields. Faults of single rows stand in [`FeatureRows::errors`].
    pub fn transform(&self, columns: &Columns, range: Range<usize>) -> Result<FeatureRows> {
        Ok(self.feature_rows(self.run(columns, range)?))
    }

    /// How the feature row's columns come about.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Transforms the rows of `range` into compact rows of [`Pipeline::layout`].
    ///
    /// # Errors
    /// As [`Pipeline::transform`].
    pub fn compact_rows(&self, columns: &Columns, range: Range<usize>) -> Result<FeatureRows> {
        Ok(self.compact(self.run(columns, range)?))
    }

    /// The columns of a feature row that are not a tensor's.
    pub fn without_tensors(&self, row: &[f64]) -> Vec<f64> {
        let mut kept = Vec::new();
        let mut rest = row;
        for group in self.layout.groups() {
            let (cells, after) = rest.split_at(group.width().min(rest.len()));
            if !matches!(group, Group::Numbers { .. }) {
                kept.extend_from_slice(cells);
            }
            rest = after;
        }
        kept
    }

    /// The steps that look up the values of a text slot, alone, in a vocabulary or a table.
    pub(crate) fn vocabularies_of(&self, slot: usize) -> Vec<usize> {
        let steps = self.steps.iter().enumerate();
        let looking = steps.filter(|(_, step)| step.src == [slot] && step.index().is_some());
        looking.map(|(at, _)| at).collect()
    }

    /// Whether any of these steps finds a value.
    pub(crate) fn any_has(&self, steps: &[usize], value: &str) -> bool {
        let mut steps = steps.iter().filter_map(|&at| self.steps.get(at)?.index());
        steps.any(|index| index.holds(value))
    }

    pub(crate) fn input_slots(&self) -> &[InputSlot] {
        &self.inputs
    }

    /// The ways that each row of a frame took through inputs and steps, as (place, branch).
    pub(crate) fn branches(&self, frame: &Frame<'_>, row: usize) -> Vec<(usize, Branch)> {
        let inputs = self.inputs.iter().map(|target| target.branch(frame, row));
        let steps = self.steps.iter().map(|step| step.branch(frame, row));
        inputs.chain(steps).enumerate().collect()
    }

    pub(crate) fn run<'a>(&self, columns: &'a Columns, range: Range<usize>) -> Result<Frame<'a>> {
        self.check_names(columns)?;
        let mut frame = checked_frame(&self.inputs, self.number_slots, columns, range)?;
        self.steps.iter().for_each(|step| step.run(&mut frame));
        Ok(frame)
    }

    /// As [`Pipeline::run`], in memory that was used before.
    fn run_reusing<'a>(
        &self,
        columns: &'a Columns,
        range: Range<usize>,
        numbers: Vec<f64>,
    ) -> Result<Frame<'a>> {
        self.check_names(columns)?;
        let range = within(range, columns);
        let mut frame = Frame::reusing(range.len(), self.number_slots, numbers);
        fill(&mut frame, &self.inputs, columns, &range)?;
        self.steps.iter().for_each(|step| step.run(&mut frame));
        Ok(frame)
    }

    // Inlined here and below: one caller of two is in the browser's module, where a call takes more bytes than the body.
    #[inline(always)]
    fn check_names(&self, columns: &Columns) -> Result<()> {
        if self.unknown_fields == UnknownFields::Reject
            && let Some(name) = columns
                .names()
                .iter()
                .find(|name| self.place_near(0, name).is_none())
        {
            return Err(cells::unknown_field(name));
        }
        Ok(())
    }

    pub(crate) fn feature_rows(&self, frame: Frame<'_>) -> FeatureRows {
        let compact = self.compact(frame);
        let width = self.width();
        if self.layout.is_dense() {
            return compact;
        }
        let rows = compact.values.len() / compact.width.max(1);
        let mut values = vec![0.0; rows * width];
        self.layout.expand(&compact.values, &mut values);
        FeatureRows {
            width,
            values,
            errors: compact.errors,
        }
    }

    fn compact(&self, mut frame: Frame<'_>) -> FeatureRows {
        let mut values = Vec::new();
        self.write_compact(&frame, &mut values);
        frame.problems.sort_by_key(Error::row);
        FeatureRows {
            width: self.layout.compact_width(),
            values,
            errors: frame.problems,
        }
    }

    /// Writes a frame's compact rows in place of what `values` holds.
    pub(crate) fn write_compact(&self, frame: &Frame<'_>, values: &mut Vec<f64>) {
        let width = self.layout.compact_width();
        values.clear();
        values.resize(frame.rows * width, 0.0);
        let mut first = 0;
        for (&slot, group) in self.emitted.iter().zip(self.layout.groups()) {
            match slot {
                Slot::Number(slot) => {
                    let column = values.iter_mut().skip(first).step_by(width.max(1));
                    for (cell, &value) in column.zip(frame.number(slot)) {
                        *cell = value;
                    }
                }
                Slot::Tensor(slot) => {
                    for (row, cells) in values.chunks_exact_mut(width.max(1)).enumerate() {
                        let elements = frame.tensors.get(slot).map(|tensor| tensor.row(row));
                        let cells = cells.get_mut(first..).unwrap_or_default();
                        for (cell, &element) in cells.iter_mut().zip(elements.unwrap_or_default()) {
                            *cell = element;
                        }
                    }
                }
                Slot::Text(_) => {}
            }
            first += group.compact_width();
        }
    }

    /// The fault of a field that no input names.
    pub fn unknown_field(&self, name: &str) -> Error {
        cells::unknown_field(name)
    }

    /// Which declared input has a name, looked for at a place first.
    fn place_near(&self, place: usize, name: &str) -> Option<usize> {
        let is_here = |input: &Input| input.name == name;
        if self.declared.get(place).is_some_and(is_here) {
            return Some(place);
        }
        self.declared.iter().position(is_here)
    }
}

/// The inputs' slots filled with checked values.
#[inline(always)]
fn checked_frame<'a>(
    inputs: &[InputSlot],
    number_slots: usize,
    columns: &'a Columns,
    range: Range<usize>,
) -> Result<Frame<'a>> {
    let range = within(range, columns);
    let mut frame = Frame::new(range.len(), number_slots);
    fill(&mut frame, inputs, columns, &range)?;
    Ok(frame)
}

/// The rows of a range that exist.
fn within(range: Range<usize>, columns: &Columns) -> Range<usize> {
    let end = range.end.min(columns.rows());
    range.start.min(end)..end
}

fn fill<'a>(
    frame: &mut Frame<'a>,
    inputs: &[InputSlot],
    columns: &'a Columns,
    range: &Range<usize>,
) -> Result<()> {
    for target in inputs {
        match columns.column(&target.input.name) {
            Some(column) => check::check_column(frame, target, column, range.clone())?,
            None => check::absent(frame, target),
        }
    }
    Ok(())
}

impl InputSlot {
    /// Missing, at or beyond the lower bound, at or beyond the upper bound, or inside.
    fn branch(&self, frame: &Frame<'_>, row: usize) -> Branch {
        let slot = match self.slot {
            Slot::Text(slot) => {
                let text = frame.texts.get(slot).and_then(|text| text.value(row));
                return u32::from(text.is_none());
            }
            Slot::Tensor(_) => return 0,
            Slot::Number(slot) => slot,
        };
        let value = frame.number(slot).get(row).copied().unwrap_or(f64::NAN);
        let range = self.input.range.as_ref();
        let at = |bound: Option<f64>, beyond: fn(&f64, &f64) -> bool| {
            bound.is_some_and(|bound| beyond(&value, &bound))
        };
        u32::from(value.is_nan())
            + 2 * u32::from(at(range.and_then(|range| range.min), f64::le))
            + 4 * u32::from(at(range.and_then(|range| range.max), f64::ge))
    }
}
