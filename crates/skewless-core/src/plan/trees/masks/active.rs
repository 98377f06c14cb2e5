//! The table rows that the rows of a tile ask for.

/// The table rows that the rows of a tile ask for: what closes some leaf, in no particular order.
#[derive(Clone, Debug, Default)]
pub(in crate::plan) struct Active {
    ids: Vec<u32>,
    counts: Vec<usize>,
    most: usize,
}

impl Active {
    /// Forgets all rows; each of those to come has at most `most` table rows.
    pub(super) fn start(&mut self, most: usize) {
        // One more, because a row is written before it is known to count.
        self.most = most + 1;
        self.counts.clear();
    }

    /// The table rows of one row of the tile.
    pub(super) fn row(&self, row: usize) -> &[u32] {
        let count = self.counts.get(row).copied().unwrap_or_default();
        let start = row * self.most;
        self.ids.get(start..start + count).unwrap_or_default()
    }

    /// Room for the next row's table rows; [`Active::count`] says how many it has.
    pub(super) fn next(&mut self) -> &mut [u32] {
        let start = self.counts.len() * self.most;
        let end = start + self.most;
        if self.ids.len() < end {
            self.ids.resize(end, 0);
        }
        self.ids.get_mut(start..end).unwrap_or_default()
    }

    /// The row for which room was made has this many table rows.
    pub(super) fn count(&mut self, rows: usize) {
        self.counts.push(rows);
    }
}
