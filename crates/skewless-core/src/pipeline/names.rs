//! The names of the feature row's columns, written out only where somebody asks for them.

use crate::spec::{FittedFeature, FittedOp};

/// The names of one feature's columns.
pub(super) enum ColumnNames {
    /// As they stand.
    Listed(Vec<String>),
    /// `NAME=0`, `NAME=1`, …
    Buckets(String, usize),
    /// `NAME[0]`, `NAME[1]`, …
    Elements(String, usize),
}

impl ColumnNames {
    /// A one-hot feature's: a category's or a bucket's, then those of what is unknown and what is missing.
    pub(super) fn of_one_hot(feature: &FittedFeature, width: usize) -> Self {
        let name = &feature.name;
        let FittedOp::OneHot {
            vocabulary,
            unknown_column,
            missing_column,
        } = &feature.op
        else {
            return Self::Buckets(name.clone(), width);
        };
        let mut names: Vec<String> = vocabulary
            .iter()
            .map(|category| format!("{name}={category}"))
            .collect();
        names.extend(unknown_column.then(|| format!("{name}=?unknown")));
        names.extend(missing_column.then(|| format!("{name}=?missing")));
        Self::Listed(names)
    }

    /// The names one by one.
    pub(super) fn written(&self) -> Vec<String> {
        match self {
            Self::Listed(names) => names.clone(),
            Self::Buckets(name, width) => (0..*width).map(|at| format!("{name}={at}")).collect(),
            Self::Elements(name, width) => (0..*width).map(|at| format!("{name}[{at}]")).collect(),
        }
    }
}
