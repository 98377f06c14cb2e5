//! Where an engine puts what the columns of one feature row added to its raw scores.

/// What the features of one row added to each raw score.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contributions {
    /// What the model says where nothing is known, one value an output.
    pub base: Vec<f64>,
    /// features × outputs, row-major: what each feature added.
    pub added: Vec<f64>,
    /// The feature that each column belongs to.
    features: Vec<usize>,
}

impl Contributions {
    /// Zeros, for features of so many columns each. What is added to further outputs than these is let go.
    pub fn new(outputs: usize, columns: impl Iterator<Item = usize>) -> Self {
        let (mut features, mut count) = (Vec::new(), 0);
        for width in columns {
            features.resize(features.len() + width, count);
            count += 1;
        }
        Self {
            base: vec![0.0; outputs],
            added: vec![0.0; count * outputs],
            features,
        }
    }

    /// Adds to what stands for nothing known.
    pub(super) fn add_base(&mut self, output: usize, value: f64) {
        if let Some(base) = self.base.get_mut(output) {
            *base += value;
        }
    }

    /// Adds to what a column's feature added.
    pub(super) fn add(&mut self, column: usize, output: usize, value: f64) {
        let feature = self.features.get(column).copied().unwrap_or_default();
        let mut of_feature = self.added.chunks_exact_mut(self.base.len().max(1));
        if let Some(added) = of_feature
            .nth(feature)
            .and_then(|added| added.get_mut(output))
        {
            *added += value;
        }
    }

    /// Divides all that was added to each output.
    pub(super) fn divide(&mut self, divisors: &[f64]) {
        let rows = self.added.chunks_exact_mut(self.base.len().max(1));
        for row in rows.chain([self.base.as_mut_slice()]) {
            for (value, divisor) in row.iter_mut().zip(divisors) {
                *value /= divisor;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_without_columns_keeps_its_place() {
        let mut found = Contributions::new(2, [1, 0, 2, 0].into_iter());
        found.add(0, 1, 3.0);
        found.add(1, 0, 4.0);
        found.add(2, 0, 6.0);
        found.add_base(1, 1.0);
        found.divide(&[2.0, 4.0]);
        assert_eq!(found.added, [0.0, 0.75, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0]);
        assert_eq!(found.base, [0.0, 0.25]);
    }

    #[test]
    fn further_outputs_are_let_go() {
        let mut found = Contributions::new(1, [1, 1].into_iter());
        for output in [0, 1] {
            found.add_base(output, 2.0);
            found.add(0, output, 4.0);
        }
        found.divide(&[2.0, 8.0]);
        assert_eq!((found.base, found.added), (vec![1.0], vec![2.0, 0.0]));
    }
}
