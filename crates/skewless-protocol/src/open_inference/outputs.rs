//! Output tensors: a prediction's parts as columns, by task.

use serde::Serialize;
use skewless_core::{Error, Output, Prediction, Result, Task};

/// One output tensor of an answer.
#[derive(Serialize)]
pub(super) struct OutputTensor<'a> {
    name: &'static str,
    datatype: &'static str,
    shape: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<ColumnNames<'a>>,
    data: Data<'a>,
}

/// What the columns of an `[n,k]` tensor stand for.
#[derive(Serialize)]
struct ColumnNames<'a> {
    labels: &'a [String],
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Numbers(Vec<Option<f64>>),
    Labels(Vec<Option<&'a str>>),
    Truths(Vec<Option<bool>>),
}

/// An output tensor as metadata lists it.
#[derive(Clone, Copy)]
pub(super) struct OutputColumn<'a> {
    pub(super) name: &'static str,
    pub(super) datatype: &'static str,
    part: Part,
    /// Columns of the tensor where it has a second dimension.
    pub(super) width: Option<usize>,
    /// The labels that the elements, or the columns, stand for.
    pub(super) labels: Option<&'a [String]>,
}

#[derive(Clone, Copy)]
enum Part {
    Label,
    Values,
    Raw,
    Interval,
    Set,
}

/// The tensors that a task answers with, in their order; last what is promised, where the bundle has conformal quantiles: the
/// two ends of an interval, or which labels are in the set.
pub(super) fn columns(output: &Output) -> Vec<OutputColumn<'_>> {
    let wide = Some(output.labels.len());
    let numbers = |name, part, width| OutputColumn {
        name,
        datatype: "FP64",
        part,
        width,
        labels: width.map(|_| output.labels.as_slice()),
    };
    let labels = Some(output.labels.as_slice());
    let label = OutputColumn {
        name: "label",
        datatype: "BYTES",
        part: Part::Label,
        width: None,
        labels,
    };
    let mut columns = match output.task {
        Task::Vector => vec![numbers("values", Part::Values, output.length)],
        Task::Regression => vec![
            numbers("value", Part::Values, None),
            numbers("raw", Part::Raw, None),
        ],
        Task::Binary => vec![
            label,
            numbers("probability", Part::Values, None),
            numbers("raw", Part::Raw, None),
        ],
        Task::Multiclass => {
            vec![
                label,
                numbers("probabilities", Part::Values, wide),
                numbers("raw", Part::Raw, wide),
            ]
        }
    };
    if output.conformal.is_some() {
        columns.push(match output.task {
            Task::Regression | Task::Vector => OutputColumn {
                labels: None,
                ..numbers("interval", Part::Interval, Some(2))
            },
            Task::Binary | Task::Multiclass => OutputColumn {
                datatype: "BOOL",
                ..numbers("set", Part::Set, wide)
            },
        });
    }
    columns
}

/// Refuses a requested output that the task doesn't have.
///
/// # Errors
/// `request.unknown_output`.
pub(super) fn check_requested(output: &Output, requested: &[String]) -> Result<()> {
    let known = columns(output);
    match requested
        .iter()
        .find(|name| !known.iter().any(|column| column.name == name.as_str()))
    {
        Some(name) => {
            let names: Vec<&str> = known.iter().map(|column| column.name).collect();
            Err(Error::input(
                "request.unknown_output",
                format!("the outputs here are {}", names.join(", ")),
            )
            .with_field(name))
        }
        None => Ok(()),
    }
}

/// The requested tensors, or all where none is requested.
pub(super) fn tensors<'a>(
    output: &'a Output,
    rows: &'a [Result<Prediction>],
    requested: &[String],
) -> Vec<OutputTensor<'a>> {
    let wanted = |column: &OutputColumn<'_>| {
        requested.is_empty() || requested.iter().any(|name| name == column.name)
    };
    columns(output)
        .into_iter()
        .filter(wanted)
        .map(|column| column.fill(output, rows))
        .collect()
}

impl<'a> OutputColumn<'a> {
    fn fill(self, output: &'a Output, rows: &'a [Result<Prediction>]) -> OutputTensor<'a> {
        let data = match self.part {
            Part::Label => Data::Labels(rows.iter().map(|row| label(output, row)).collect()),
            Part::Values => self.numbers(rows, |prediction| &prediction.values),
            Part::Raw => self.numbers(rows, |prediction| &prediction.raw),
            Part::Interval => Data::Numbers(self.cells(rows, |row| {
                output
                    .interval(row)
                    .map_or_else(Vec::new, |ends| ends.to_vec())
            })),
            Part::Set => Data::Truths(self.cells(rows, |row| output.set(row).unwrap_or_default())),
        };
        let shape = std::iter::once(rows.len()).chain(self.width).collect();
        let parameters = self
            .labels
            .filter(|_| self.width.is_some())
            .map(|labels| ColumnNames { labels });
        OutputTensor {
            name: self.name,
            datatype: self.datatype,
            shape,
            parameters,
            data,
        }
    }

    fn numbers(
        self,
        rows: &'a [Result<Prediction>],
        part: impl Fn(&'a Prediction) -> &'a Vec<f64>,
    ) -> Data<'a> {
        Data::Numbers(self.cells(rows, |prediction| part(prediction).as_slice()))
    }

    /// As many elements a row as the tensor has columns; none where the row failed or has none.
    fn cells<T: Copy, Part: AsRef<[T]>>(
        self,
        rows: &'a [Result<Prediction>],
        part: impl Fn(&'a Prediction) -> Part,
    ) -> Vec<Option<T>> {
        let width = self.width.unwrap_or(1);
        let mut cells = Vec::with_capacity(rows.len() * width);
        for row in rows {
            let found = row.as_ref().ok().map(&part);
            let cell = |place| found.as_ref().and_then(|found| found.as_ref().get(place));
            cells.extend((0..width).map(|place| cell(place).copied()));
        }
        cells
    }
}

fn label<'a>(output: &'a Output, row: &Result<Prediction>) -> Option<&'a str> {
    let index = usize::try_from(row.as_ref().ok()?.label?).ok()?;
    output.labels.get(index).map(String::as_str)
}
