//! Which row of a source stands beside each row to learn from: by equal keys, or by equal keys and time.

use std::collections::HashMap;

use skewless_core::columns::MISSING_CODE;
use skewless_core::{Column, Result, TextColumn};

/// Bounds of an as-of join, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bounds {
    /// A row counts as known this long after its time.
    pub(crate) lateness: f64,
    /// A row that is older does not match.
    pub(crate) within: Option<f64>,
}

/// The groups of equal keys, by number.
pub(crate) struct Groups {
    /// Row by row of the right side; none where a key is missing.
    pub(crate) right: Vec<Option<u32>>,
    /// Row by row of the left side; none where a key is missing or the right side does not have it.
    pub(crate) left: Vec<Option<u32>>,
}

impl Groups {
    /// Numbers the keys of the right side and finds those of the left side. Key columns of different kinds share no value.
    pub(crate) fn new(left: &[&Column], right: &[&Column], rows: [usize; 2]) -> Self {
        let [left_rows, right_rows] = rows;
        let mut groups = Self {
            left: vec![Some(0); left_rows],
            right: vec![Some(0); right_rows],
        };
        for (left, right) in left.iter().zip(right) {
            let mut codes = Codes::default();
            let of_right = codes.of(right, true);
            let of_left = codes.of(left, false);
            let mut pairs: HashMap<(u32, u32), u32> = HashMap::new();
            for (group, code) in groups.right.iter_mut().zip(of_right) {
                *group = group.zip(code).map(|pair| {
                    let next = number(pairs.len());
                    *pairs.entry(pair).or_insert(next)
                });
            }
            for (group, code) in groups.left.iter_mut().zip(of_left) {
                *group = group.zip(code).and_then(|pair| pairs.get(&pair).copied());
            }
        }
        groups
    }

    /// The second row of a key that stands twice on the right side.
    pub(crate) fn twice(&self) -> Option<usize> {
        let mut seen = vec![false; self.right.len()];
        self.right.iter().position(|group| {
            let place = group.and_then(|group| seen.get_mut(group as usize));
            place.is_some_and(|place| std::mem::replace(place, true))
        })
    }

    /// Left row by left row the right row with its keys; the last of several.
    pub(crate) fn equal(&self) -> Vec<Option<usize>> {
        let mut row_of = vec![None; self.right.len()];
        for (row, group) in self.right.iter().enumerate() {
            if let Some(place) = group.and_then(|group| row_of.get_mut(group as usize)) {
                *place = Some(row);
            }
        }
        let found = |group: &Option<u32>| row_of.get((*group)? as usize).copied().flatten();
        self.left.iter().map(found).collect()
    }

    /// Left row by left row the newest right row with its keys that was known at its time: of equal times the last.
    pub(crate) fn as_of(&self, left: &[f64], right: &[f64], bounds: Bounds) -> Vec<Option<usize>> {
        let mut known: Vec<(u32, f64, usize)> = (self.right.iter().zip(right).enumerate())
            .filter(|(_, (_, time))| !time.is_nan())
            .filter_map(|(row, (group, &time))| Some(((*group)?, time, row)))
            .collect();
        known.sort_unstable_by(|a, b| {
            let by_time = a.1.total_cmp(&b.1);
            a.0.cmp(&b.0).then(by_time).then(a.2.cmp(&b.2))
        });
        let newest = |(group, &at): (&Option<u32>, &f64)| {
            let group = (*group)?;
            // Times are no -0.0, so that the order of `total_cmp` is that of `<`.
            let end = known.partition_point(|&(of, time, _)| {
                of < group || (of == group && time + bounds.lateness <= at)
            });
            let &(of, time, row) = known.get(end.checked_sub(1)?)?;
            let is_young = bounds.within.is_none_or(|within| at - time <= within);
            (of == group && !at.is_nan() && is_young).then_some(row)
        };
        self.left.iter().zip(left).map(newest).collect()
    }
}

/// Numbers of a key column's values.
#[derive(Default)]
struct Codes {
    texts: HashMap<String, u32>,
    numbers: HashMap<u64, u32>,
}

impl Codes {
    /// Row by row; none where the value is missing, or not known and not to be added.
    fn of(&mut self, column: &Column, add: bool) -> Vec<Option<u32>> {
        match column {
            Column::Text(text) => {
                let each = text.dictionary().iter();
                let codes: Vec<Option<u32>> = each.map(|value| self.text(value, add)).collect();
                let code = |&code: &u32| codes.get(code as usize).copied().flatten();
                text.codes().iter().map(code).collect()
            }
            Column::Number(values) => values
                .iter()
                .map(|&value| self.number(value, add))
                .collect(),
            Column::Tensor { .. } => vec![None; column.len()],
        }
    }

    fn text(&mut self, value: &str, add: bool) -> Option<u32> {
        let next = number(self.texts.len());
        match add {
            true => Some(*self.texts.entry(value.to_owned()).or_insert(next)),
            false => self.texts.get(value).copied(),
        }
    }

    fn number(&mut self, value: f64, add: bool) -> Option<u32> {
        if value.is_nan() {
            return None;
        }
        // 0.0 and -0.0 are one key.
        let bits = (value + 0.0).to_bits();
        let next = number(self.numbers.len());
        match add {
            true => Some(*self.numbers.entry(bits).or_insert(next)),
            false => self.numbers.get(&bits).copied(),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "2^32 rows of keys do not fit in memory"
)]
fn number(count: usize) -> u32 {
    count as u32
}

/// The given rows of a column; none is missing.
///
/// # Errors
/// None that can be: codes stay inside their dictionary.
pub(crate) fn gather(column: &Column, rows: &[Option<usize>]) -> Result<Column> {
    Ok(match column {
        Column::Number(values) => {
            let value = |row: &Option<usize>| row.and_then(|row| values.get(row).copied());
            Column::Number(
                rows.iter()
                    .map(|row| value(row).unwrap_or(f64::NAN))
                    .collect(),
            )
        }
        Column::Text(text) => {
            let code = |row: &Option<usize>| row.and_then(|row| text.codes().get(row).copied());
            let codes = rows.iter().map(|row| code(row).unwrap_or(MISSING_CODE));
            Column::Text(TextColumn::from_dictionary(
                text.dictionary().to_vec(),
                codes.collect(),
            )?)
        }
        Column::Tensor { width, values } => {
            let mut gathered = Vec::with_capacity(rows.len() * width);
            for row in rows {
                let there = row.and_then(|row| values.get(row * width..(row + 1) * width));
                match there {
                    Some(elements) => gathered.extend_from_slice(elements),
                    None => gathered.resize(gathered.len() + width, f64::NAN),
                }
            }
            Column::Tensor {
                width: *width,
                values: gathered,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(values: &[&str]) -> Column {
        let given = values
            .iter()
            .map(|&value| (!value.is_empty()).then_some(value));
        Column::Text(TextColumn::from_values(given))
    }

    fn as_of(
        left: (&[&str], &[f64]),
        right: (&[&str], &[f64]),
        bounds: Bounds,
    ) -> Vec<Option<usize>> {
        let (left_key, right_key) = (text(left.0), text(right.0));
        let rows = [left.0.len(), right.0.len()];
        Groups::new(&[&left_key], &[&right_key], rows).as_of(left.1, right.1, bounds)
    }

    #[test]
    fn the_newest_row_that_was_known_matches() {
        let (keys, times) = (
            ["a", "a", "b", "a", "", "a"],
            [10.0, 30.0, 15.0, 20.0, 12.0, 30.0],
        );
        let left = (
            &["a", "a", "a", "a", "b", "c", "", "a"][..],
            &[9.0, 10.0, 25.0, 30.0, 40.0, 40.0, 40.0, f64::NAN][..],
        );
        let plain = as_of(left, (&keys, &times), Bounds::default());
        // At 30 two rows have the time: the last in the file's order.
        assert_eq!(
            plain,
            [None, Some(0), Some(3), Some(5), Some(2), None, None, None]
        );
        let late = Bounds {
            lateness: 5.0,
            within: Some(15.0),
        };
        // b's row at 15 is 25 old at 40.
        assert_eq!(
            as_of(left, (&keys, &times), late),
            [None, None, Some(3), Some(3), None, None, None, None]
        );
    }

    #[test]
    fn keys_of_several_columns_are_equal_in_all() {
        let (a, b) = (
            text(&["x", "x", "y"]),
            Column::Number(vec![0.0, 1.0, f64::NAN]),
        );
        let (c, d) = (text(&["y", "x", "x"]), Column::Number(vec![1.0, 1.0, -0.0]));
        let groups = Groups::new(&[&c, &d], &[&a, &b], [3, 3]);
        assert_eq!(groups.equal(), [None, Some(1), Some(0)]);
        assert_eq!(groups.twice(), None);
        let twice = Groups::new(&[&c], &[&a], [3, 3]);
        assert_eq!(twice.twice(), Some(1));
        // A number is not the text that looks like it.
        let one = Column::Number(vec![1.0]);
        assert_eq!(
            Groups::new(&[&one], &[&text(&["1"])], [1, 1]).equal(),
            [None]
        );
    }

    #[test]
    fn what_does_not_match_is_missing() {
        let rows = [Some(1), None];
        let Column::Text(found) = gather(&text(&["a", "b"]), &rows).unwrap() else {
            unreachable!()
        };
        assert_eq!((found.value(0), found.value(1)), (Some("b"), None));
        let Column::Number(found) = gather(&Column::Number(vec![1.0, 2.0]), &rows).unwrap() else {
            unreachable!()
        };
        assert!(found[0] == 2.0 && found[1].is_nan());
    }

    /// As the rule says it, row by row.
    fn naive(
        left: &[(u8, i32)],
        right: &[(u8, i32)],
        lateness: i32,
        within: Option<i32>,
    ) -> Vec<Option<usize>> {
        let matching = |&(key, at): &(u8, i32)| {
            let mut best: Option<(i32, usize)> = None;
            for (row, &(of, time)) in right.iter().enumerate() {
                if of == key && time + lateness <= at && best.is_none_or(|(best, _)| time >= best) {
                    best = Some((time, row));
                }
            }
            best.filter(|(time, _)| within.is_none_or(|within| at - time <= within))
                .map(|(_, row)| row)
        };
        left.iter().map(matching).collect()
    }

    proptest! {
        #[test]
        fn every_pair_compared_gives_the_same(
            left in prop::collection::vec((0_u8..4, 0_i32..40), 0..30),
            right in prop::collection::vec((0_u8..4, 0_i32..40), 0..30),
            lateness in 0_i32..10,
            within in prop::option::of(0_i32..20),
        ) {
            let key = |rows: &[(u8, i32)]| {
                Column::Number(rows.iter().map(|row| f64::from(row.0)).collect())
            };
            let times = |rows: &[(u8, i32)]| -> Vec<f64> {
                rows.iter().map(|row| f64::from(row.1)).collect()
            };
            let bounds = Bounds { lateness: f64::from(lateness), within: within.map(f64::from) };
            let (left_key, right_key) = (key(&left), key(&right));
            let groups = Groups::new(&[&left_key], &[&right_key], [left.len(), right.len()]);
            let found = groups.as_of(&times(&left), &times(&right), bounds);
            prop_assert_eq!(&found, &naive(&left, &right, lateness, within));
            for (row, of) in found.iter().enumerate() {
                if let Some(of) = *of {
                    prop_assert!(right[of].1 + lateness <= left[row].1);
                }
            }
        }
    }
}
