//! Exact order statistics in bounded memory: what a sort of all numbers would have at some ranks.
//!
//! A number's *key* is an integer in the order of `f64::total_cmp`. The first pass keeps the keys while they fit, and counts
//! them by their first 16 bits. Where they did not fit, each wanted rank lies in one counted range of keys; further passes
//! keep the keys of a range whose keys fit, and count one whose keys do not by its next 16 bits. After at most four such
//! steps a range is one key. (Munro and Paterson, Selection and sorting with limited storage, 1980, have the idea of
//! narrowing the ranges pass by pass.)

use std::collections::BTreeMap;

/// Bits that a pass adds to a range's prefix.
const STEP: u32 = 16;
/// Ranges that a counted range falls into.
const BINS: usize = 1 << STEP;
/// Bytes of a key that is kept; a growing list takes up to twice its length, and thrice while it moves.
const KEY_BYTES: usize = 24;
/// Bytes of the counts of one range.
const COUNTS_BYTES: usize = BINS * 8;

/// A selection under way.
pub(super) struct Selection {
    /// Keys that may be kept at a time.
    most: usize,
    /// Bytes for keys and counts of a pass beyond the first.
    memory: usize,
    /// Numbers seen in the first pass.
    rows: u64,
    /// Ranges that this pass looks into, rising and apart.
    looked_into: Vec<Looked>,
    /// Ranges that wait for a later pass.
    waiting: Vec<Range>,
    /// Keys by rank, where they are known.
    found: BTreeMap<u64, u64>,
    first: bool,
}

/// All keys with one prefix.
#[derive(Clone, Debug, PartialEq)]
struct Range {
    /// The first key.
    from: u64,
    /// The last key.
    to: u64,
    /// Bits of the prefix.
    bits: u32,
    /// Numbers before it.
    before: u64,
    /// Numbers in it.
    count: u64,
    /// Wanted ranks in it, rising.
    ranks: Vec<u64>,
}

struct Looked {
    range: Range,
    taken: Taken,
}

enum Taken {
    /// All keys so far.
    Keys(Vec<u64>),
    /// How many keys each of the finer ranges has.
    Counts(Vec<u64>),
}

impl Selection {
    /// A selection that keeps about `memory` bytes beside the counts of one range.
    pub(super) fn new(memory: usize) -> Self {
        let all = Range {
            from: 0,
            to: u64::MAX,
            bits: 0,
            before: 0,
            count: 0,
            ranks: Vec::new(),
        };
        Self {
            most: memory / KEY_BYTES,
            memory,
            rows: 0,
            looked_into: vec![Looked {
                range: all,
                taken: Taken::Keys(Vec::new()),
            }],
            waiting: Vec::new(),
            found: BTreeMap::new(),
            first: true,
        }
    }

    /// Takes numbers of this pass, none of them NaN.
    pub(super) fn take(&mut self, values: impl Iterator<Item = f64>) {
        if let ([looked], true) = (&mut *self.looked_into, self.first) {
            for value in values {
                self.rows += 1;
                looked.take(key(value), self.most);
            }
            return;
        }
        for value in values {
            let key = key(value);
            let after = self
                .looked_into
                .partition_point(|one| one.range.from <= key);
            let looked = after
                .checked_sub(1)
                .and_then(|at| self.looked_into.get_mut(at));
            if let Some(looked) = looked.filter(|one| key <= one.range.to) {
                looked.take(key, usize::MAX);
            }
        }
    }

    /// Ends a pass: true once every one of the wanted ranks has its number. `ranks` gives them, rising, for the number of
    /// rows; it is asked after the first pass.
    pub(super) fn end_of_pass(&mut self, ranks: impl FnOnce(u64) -> Vec<u64>) -> bool {
        let mut looked_into = std::mem::take(&mut self.looked_into);
        if self.first {
            self.first = false;
            if let Some(all) = looked_into.first_mut() {
                all.range.count = self.rows;
                all.range.ranks = match self.rows {
                    0 => Vec::new(),
                    rows => ranks(rows),
                };
            }
        }
        for one in looked_into {
            match one.taken {
                Taken::Keys(keys) => self.keep(one.range, keys),
                Taken::Counts(counts) => self.narrow(&one.range, &counts),
            }
        }
        self.choose();
        self.looked_into.is_empty()
    }

    /// The number at a wanted rank.
    pub(super) fn value(&self, rank: u64) -> f64 {
        self.found.get(&rank).map_or(f64::NAN, |&key| of_key(key))
    }

    /// How many numbers there are.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// All keys of a range are there.
    fn keep(&mut self, range: Range, mut keys: Vec<u64>) {
        keys.sort_unstable();
        for rank in range.ranks {
            let at = usize::try_from(rank - range.before).unwrap_or(usize::MAX);
            if let Some(&key) = keys.get(at) {
                self.found.insert(rank, key);
            }
        }
    }

    /// The finer ranges of a range in which ranks lie.
    fn narrow(&mut self, range: &Range, counts: &[u64]) {
        let bits = range.bits + STEP;
        let mut before = range.before;
        let mut ranks = range.ranks.iter().copied().peekable();
        for (bin, &count) in (0_u64..).zip(counts) {
            let mut inside = Vec::new();
            while let Some(rank) = ranks.next_if(|&rank| rank < before + count) {
                inside.push(rank);
            }
            if !inside.is_empty() {
                let from = range.from | bin << (u64::BITS - bits);
                let finer = Range {
                    from,
                    to: from | u64::MAX.checked_shr(bits).unwrap_or(0),
                    bits,
                    before,
                    count,
                    ranks: inside,
                };
                match finer.from == finer.to {
                    true => self
                        .found
                        .extend(finer.ranks.iter().map(|&rank| (rank, from))),
                    false => self.waiting.push(finer),
                }
            }
            before += count;
        }
    }

    /// Takes as many of the waiting ranges into the next pass as fit, one at least.
    fn choose(&mut self) {
        let mut left = self.memory;
        for range in std::mem::take(&mut self.waiting) {
            let keys = usize::try_from(range.count).unwrap_or(usize::MAX);
            let keeps = keys <= self.most && keys <= COUNTS_BYTES.max(left) / KEY_BYTES;
            let bytes = match keeps {
                true => keys * KEY_BYTES,
                false => COUNTS_BYTES,
            };
            match left.checked_sub(bytes) {
                None if !self.looked_into.is_empty() => self.waiting.push(range),
                rest => {
                    left = rest.unwrap_or(0);
                    let taken = match keeps {
                        true => Taken::Keys(Vec::with_capacity(keys)),
                        false => Taken::Counts(vec![0; BINS]),
                    };
                    self.looked_into.push(Looked { range, taken });
                }
            }
        }
        self.looked_into.sort_by_key(|one| one.range.from);
    }
}

impl Looked {
    /// Takes a key; once there are more than `most`, all are counted.
    fn take(&mut self, key: u64, most: usize) {
        match &mut self.taken {
            Taken::Keys(keys) if keys.len() < most => keys.push(key),
            Taken::Keys(keys) => {
                let keys = std::mem::take(keys);
                self.taken = Taken::Counts(vec![0; BINS]);
                keys.into_iter()
                    .chain([key])
                    .for_each(|key| self.count(key));
            }
            Taken::Counts(_) => self.count(key),
        }
    }

    fn count(&mut self, key: u64) {
        let bin = usize::try_from(key << self.range.bits >> (u64::BITS - STEP));
        if let (Taken::Counts(counts), Ok(bin)) = (&mut self.taken, bin)
            && let Some(count) = counts.get_mut(bin)
        {
            *count += 1;
        }
    }
}

/// An integer in the order of `f64::total_cmp`.
pub(super) fn key(value: f64) -> u64 {
    let bits = value.to_bits();
    match bits >> 63 {
        0 => bits | 1 << 63,
        _ => !bits,
    }
}

/// The number of a key.
pub(super) fn of_key(key: u64) -> f64 {
    f64::from_bits(match key >> 63 {
        0 => !key,
        _ => key & !(1 << 63),
    })
}
