//! Plain facts of a column that checks ask for.

use std::collections::BTreeSet;

use skewless_core::Column;

pub(super) fn is_missing(column: &Column, row: usize) -> bool {
    match column {
        Column::Number(values) => values.get(row).is_none_or(|value| value.is_nan()),
        Column::Text(text) => text.value(row).is_none(),
        Column::Tensor { .. } => false,
    }
}

/// Rows of `validate` whose text no row of `train` has; `None` for numbers.
pub(super) fn unseen(column: &Column, train: &[usize], validate: &[usize]) -> Option<usize> {
    let Column::Text(text) = column else {
        return None;
    };
    let known: BTreeSet<&str> = train.iter().filter_map(|&row| text.value(row)).collect();
    let is_unseen = |row: &&usize| {
        text.value(**row)
            .is_some_and(|value| !known.contains(value))
    };
    Some(validate.iter().filter(is_unseen).count())
}

pub(super) fn is_constant(column: &Column, rows: &[usize]) -> bool {
    match column {
        Column::Number(values) => {
            let bits: BTreeSet<_> = rows
                .iter()
                .filter_map(|&row| values.get(row))
                .map(|value| value.to_bits())
                .collect();
            bits.len() <= 1
        }
        Column::Text(text) => {
            let first = rows.first().and_then(|&row| text.value(row));
            rows.iter().all(|&row| text.value(row) == first)
        }
        Column::Tensor { .. } => false,
    }
}
