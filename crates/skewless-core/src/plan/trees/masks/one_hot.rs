//! The codes of a one-hot group as table rows: one in place of a row for each column.

use super::rows::{NOTHING, row_id};
use super::table::{Line, Table};

/// A column of a one-hot group that some feature reads: the table rows for 0 and for 1.
pub(super) struct UsedColumn {
    pub(super) offset: usize,
    pub(super) zero: Vec<u32>,
    pub(super) one: Vec<u32>,
}

/// A table row for each code of a one-hot group, and for none. What no single row of the table says is added to
/// `folded`, whose rows come behind the table's.
pub(super) fn one_hot_rows(
    width: usize,
    used: &[UsedColumn],
    table: &Table,
    folded: &mut Vec<Vec<Line>>,
) -> Vec<u32> {
    let mut add = |mask: Vec<Line>| {
        folded.push(mask);
        row_id(table.rows() + folded.len() - 1)
    };
    if used.iter().all(|column| column.zero.is_empty()) {
        let mut rows = vec![NOTHING; width + 1];
        for column in used {
            let row = match column.one.as_slice() {
                [] => NOTHING,
                [row] => *row,
                several => add(table.fold(several)),
            };
            if let Some(slot) = rows.get_mut(column.offset) {
                *slot = row;
            }
        }
        return rows;
    }
    // The fold of the zeros of all columns but one is that of those before it and of those behind it.
    let mut behind = vec![table.fold(&[])];
    for column in used.iter().rev() {
        let mut mask = table.fold(&column.zero);
        behind
            .last()
            .into_iter()
            .for_each(|rest| and(&mut mask, rest));
        behind.push(mask);
    }
    let none = behind.pop().map_or(NOTHING, &mut add);
    let mut rows = vec![none; width + 1];
    let mut before = table.fold(&[]);
    for column in used {
        let mut mask = table.fold(&column.one);
        and(&mut mask, &before);
        behind
            .pop()
            .into_iter()
            .for_each(|rest| and(&mut mask, &rest));
        if let Some(slot) = rows.get_mut(column.offset) {
            *slot = add(mask);
        }
        and(&mut before, &table.fold(&column.zero));
    }
    rows
}

fn and(mask: &mut [Line], other: &[Line]) {
    let pairs = mask.iter_mut().zip(other);
    pairs.for_each(|(mask, other)| mask.close(other));
}
