//! Records as columns, for whoever counts or transforms them together.

use super::cells::RecordCells;
use super::{Frame, InputSlot, Pipeline, Slot};
use crate::columns::{Column, Columns, TextColumn};
use crate::error::{Error, Result};
use crate::record::Record;

impl Pipeline {
    /// Lays records out as columns of checked values, with the faults of single rows beside them. A faulty value counts
    /// as missing in the columns; its error stands in the list.
    ///
    /// # Errors
    /// None that depends on the records' values.
    pub fn columns_of(&self, records: &[Record]) -> Result<(Columns, Vec<Error>)> {
        let mut problems = self.unknown_fields(records);
        let cells = RecordCells::new(records, self);
        let mut frame = self.run_cells(&cells, Vec::new());
        problems.append(&mut frame.problems);
        let mut columns = Columns::new(records.len());
        for target in &self.inputs {
            columns.push(&target.input.name, column(target, &frame))?;
        }
        Ok((columns, problems))
    }
}

fn column(target: &InputSlot, frame: &Frame<'_>) -> Column {
    match target.slot {
        Slot::Number(slot) => Column::Number(frame.number(slot).to_vec()),
        Slot::Text(slot) => {
            let text = frame.texts.get(slot);
            let values = (0..frame.rows).map(|row| text.and_then(|text| text.value(row)));
            Column::Text(TextColumn::from_values(values))
        }
        Slot::Tensor(slot) => Column::Tensor {
            width: target.input.elements(),
            values: match frame.tensors.get(slot) {
                Some(tensor) => tensor.values.to_vec(),
                None => Vec::new(),
            },
        },
    }
}
