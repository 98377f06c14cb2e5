//! How the columns of a feature row come about, so that an engine can read a category once instead of its columns.

/// Consecutive columns of a feature row that have one origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// One column: the number itself, NaN where it is missing.
    Number,
    /// `width` columns: the elements of a tensor, row-major.
    Numbers {
        /// Number of columns.
        width: usize,
    },
    /// `width` columns of which the one named by the code is 1 and the others are 0; all are 0 where the code is NaN.
    OneHot {
        /// Number of columns.
        width: usize,
    },
}

impl Group {
    /// Columns of the feature row.
    pub fn width(self) -> usize {
        match self {
            Self::Number => 1,
            Self::Numbers { width } | Self::OneHot { width } => width,
        }
    }

    /// Numbers of the compact row.
    pub fn compact_width(self) -> usize {
        match self {
            Self::Number | Self::OneHot { .. } => 1,
            Self::Numbers { width } => width,
        }
    }
}

/// The groups of a feature row, in the order of their columns.
///
/// A *compact row* has one code in place of the columns of a [`Group::OneHot`]: an integer from 0 to `width` − 1, or
/// NaN for none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    groups: Vec<Group>,
    width: usize,
    compact_width: usize,
}

impl Layout {
    /// A layout of groups in the order of their columns.
    pub fn new(groups: Vec<Group>) -> Self {
        Self {
            width: groups.iter().map(|group| group.width()).sum(),
            compact_width: groups.iter().map(|group| group.compact_width()).sum(),
            groups,
        }
    }

    /// Numbers only: compact rows are the feature rows.
    pub fn dense(columns: usize) -> Self {
        Self::new(vec![Group::Number; columns])
    }

    /// The groups in the order of their columns.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Columns of a feature row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Numbers of a compact row.
    pub fn compact_width(&self) -> usize {
        self.compact_width
    }

    /// Whether compact rows are the feature rows. (A one-hot group of one column has a code in its place, too.)
    pub fn is_dense(&self) -> bool {
        !self
            .groups
            .iter()
            .any(|group| matches!(group, Group::OneHot { .. }))
    }

    /// Writes the feature rows of compact rows: `compact` is n × [`Layout::compact_width`] and `dense`
    /// n × [`Layout::width`], both row-major. What has no room is left out.
    pub fn expand(&self, compact: &[f64], dense: &mut [f64]) {
        let from = compact.chunks_exact(self.compact_width.max(1));
        for (mut from, mut to) in from.zip(dense.chunks_exact_mut(self.width.max(1))) {
            for group in &self.groups {
                let (Some((values, rest)), Some((cells, next))) = (
                    from.split_at_checked(group.compact_width()),
                    std::mem::take(&mut to).split_at_mut_checked(group.width()),
                ) else {
                    break;
                };
                (from, to) = (rest, next);
                match group {
                    Group::Number | Group::Numbers { .. } => cells.copy_from_slice(values),
                    Group::OneHot { .. } => {
                        cells.fill(0.0);
                        if let Some(cell) = one_hot_column(values).and_then(|at| cells.get_mut(at))
                        {
                            *cell = 1.0;
                        }
                    }
                }
            }
        }
    }
}

/// The column that a one-hot group's code names.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a code; NaN and negative numbers are excluded"
)]
pub(crate) fn one_hot_column(code: &[f64]) -> Option<usize> {
    match code {
        [code] if *code >= 0.0 => Some(*code as usize),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_rows_become_feature_rows() {
        let layout = Layout::new(vec![
            Group::OneHot { width: 3 },
            Group::Number,
            Group::Numbers { width: 2 },
        ]);
        assert_eq!((layout.width(), layout.compact_width()), (6, 4));
        let compact = [2.0, 7.5, 1.0, -1.0, f64::NAN, 0.25, 3.0, 4.0];
        let mut dense = [9.0; 12];
        layout.expand(&compact, &mut dense);
        assert_eq!(
            dense,
            [0.0, 0.0, 1.0, 7.5, 1.0, -1.0, 0.0, 0.0, 0.0, 0.25, 3.0, 4.0]
        );
    }

    #[test]
    fn a_code_beyond_the_group_is_none_of_its_columns() {
        let layout = Layout::new(vec![Group::OneHot { width: 2 }]);
        let mut dense = [9.0; 4];
        layout.expand(&[2.0, -1.0], &mut dense);
        assert_eq!(dense, [0.0; 4]);
    }

    #[test]
    fn a_one_hot_group_of_one_column_is_not_dense() {
        let layout = Layout::new(vec![Group::OneHot { width: 1 }]);
        assert_eq!((layout.width(), layout.compact_width()), (1, 1));
        assert!(!layout.is_dense());
        let mut dense = [9.0; 2];
        layout.expand(&[0.0, f64::NAN], &mut dense);
        assert_eq!(dense, [1.0, 0.0]);
    }
}
