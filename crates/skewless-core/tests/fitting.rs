//! Fitting block after block: the same bits as over all rows at once, and as the statistics' definitions say, in memory that
//! does not grow with the rows.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::prelude::*;
use skewless_core::spec::{Blocks, FittedOp};
use skewless_core::{Column, Columns, FeatureSpec, FittedSpec, Result, TextColumn};

const SPEC: &str = "
[[input]]
name = 'x'
type = 'number'
nullable = true
[[input]]
name = 'c'
type = 'category'
nullable = true

[[feature]]
name = 'mean'
op = 'impute'
strategy = 'mean'
from = 'x'
hidden = true
[[feature]]
name = 'median'
op = 'impute'
strategy = 'median'
from = 'x'
[[feature]]
name = 'often'
op = 'impute'
strategy = 'most_frequent'
from = 'x'
[[feature]]
name = 'standard'
op = 'standardize'
from = 'mean'
[[feature]]
name = 'unit'
op = 'min_max'
from = 'x'
hidden = true
[[feature]]
name = 'unit_filled'
op = 'impute'
strategy = 'constant'
value = 0
from = 'unit'
[[feature]]
name = 'buckets'
op = 'bucketize'
quantiles = 7
from = 'standard'
[[feature]]
name = 'category'
op = 'one_hot'
min_count = 2
max_size = 3
from = 'c'
[[feature]]
name = 'filled'
op = 'impute'
strategy = 'most_frequent'
from = 'c'
hidden = true
[[feature]]
name = 'place'
op = 'ordinal'
from = 'filled'
";

/// Rows in blocks of a size, and how often they were gone through.
struct Cut<'a> {
    rows: &'a Columns,
    block: usize,
    passes: usize,
}

impl<'a> Cut<'a> {
    fn new(rows: &'a Columns, block: usize) -> Self {
        Self {
            rows,
            block,
            passes: 0,
        }
    }
}

impl Blocks for Cut<'_> {
    fn pass(&mut self, take: &mut dyn FnMut(&Columns) -> Result<()>) -> Result<()> {
        self.passes += 1;
        let starts = (0..self.rows.rows()).step_by(self.block);
        for start in starts {
            let end = self.rows.rows().min(start + self.block);
            take(&self.rows.slice(start..end))?;
        }
        Ok(())
    }
}

fn table(numbers: &[f64], categories: &[Option<&str>]) -> Columns {
    let mut columns = Columns::new(numbers.len());
    let text = TextColumn::from_values(categories.iter().copied());
    columns.push("x", Column::Number(numbers.to_vec())).unwrap();
    columns.push("c", Column::Text(text)).unwrap();
    columns
}

fn spec(text: &str) -> FeatureSpec {
    toml::from_str(text).unwrap()
}

fn json(fitted: &FittedSpec) -> String {
    serde_json::to_string(fitted).unwrap()
}

/// A number of every kind: few different ones, both zeros, neighbours, subnormal and large ones, missing.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-3_i8..4).prop_map(f64::from),
        2 => Just(0.0),
        2 => Just(-0.0),
        3 => Just(f64::NAN),
        3 => (0_u64..300).prop_map(|step| f64::from_bits(1.5_f64.to_bits() + step)),
        1 => Just(f64::from_bits(3)),
        3 => -1e9..1e9_f64,
        1 => -1e140..1e140_f64,
    ]
}

proptest! {
    #[test]
    fn blocks_and_memory_move_no_bit(
        rows in prop::collection::vec((number(), prop::option::of(0_usize..6)), 2..400),
        block in 1_usize..500,
        memory in prop_oneof![Just(0_usize), Just(5_000), Just(50_000), Just(2_000_000)],
    ) {
        const NAMES: [&str; 6] = ["", "a", "b", "ä", "z", "zz"];
        let numbers: Vec<f64> = rows.iter().map(|row| row.0).collect();
        let categories: Vec<_> = rows.iter().map(|row| row.1.map(|at| NAMES[at])).collect();
        let columns = table(&numbers, &categories);
        let whole = spec(SPEC).fit(&columns, Vec::new());
        let cut = spec(SPEC).fit_blocks(&mut Cut::new(&columns, block), Vec::new(), memory);
        match (whole, cut) {
            (Ok(whole), Ok(cut)) => prop_assert_eq!(json(&whole), json(&cut)),
            (Err(whole), Err(cut)) if memory > 1_000_000 => {
                prop_assert_eq!((whole.code(), whole.field()), (cut.code(), cut.field()));
            }
            (_, Err(error)) if memory < 1_000_000 => {
                prop_assert!(["spec.too_many_values", "spec.nothing_to_fit"].contains(&error.code()));
            }
            (whole, cut) => prop_assert!(false, "{:?} {:?}", whole.map(|_| ()), cut.map(|_| ())),
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_numbers(
        numbers in prop::collection::vec(number(), 1..600),
        buckets in 2_usize..40,
        block in 1_usize..700,
        memory in prop_oneof![Just(0_usize), Just(1_000), Just(20_000), Just(usize::MAX)],
    ) {
        let text = format!(
            "[[input]]\nname = 'x'\ntype = 'number'\nnullable = true\n\
             [[feature]]\nname = 'f'\nop = 'bucketize'\nquantiles = {buckets}\nfrom = 'x'"
        );
        let columns = table(&numbers, &vec![None; numbers.len()]);
        let fitted = spec(&text).fit_blocks(&mut Cut::new(&columns, block), Vec::new(), memory);
        let mut sorted: Vec<f64> = numbers.iter().copied().filter(|x| !x.is_nan()).collect();
        sorted.sort_by(f64::total_cmp);
        let mut due: Vec<f64> = (1..buckets).filter_map(|edge| {
            let rank = edge as f64 / buckets as f64 * (sorted.len().checked_sub(1)? as f64);
            let low = sorted[rank as usize];
            let high = sorted[(rank as usize + 1).min(sorted.len() - 1)];
            Some(low + (high - low) * rank.fract())
        }).collect();
        due.dedup();
        match fitted {
            Ok(fitted) => {
                let FittedOp::Bucketize { edges, .. } = &fitted.features[0].op else { panic!() };
                let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                prop_assert_eq!(bits(edges), bits(&due));
            }
            Err(error) => {
                prop_assert!(sorted.is_empty(), "{error}");
                prop_assert_eq!(error.code(), "spec.nothing_to_fit");
            }
        }
    }
}

/// The next number of a linear congruential generator, as a share of 1.
fn next(state: &mut u64) -> f64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 11) as f64 / (1_u64 << 53) as f64
}

#[test]
fn numbers_that_differ_in_their_last_bits_are_told_apart_in_few_passes() {
    let mut state = 7;
    let numbers: Vec<f64> = (0..300_000)
        .map(|_| 1000.0 + next(&mut state) * 1e-9)
        .collect();
    let columns = table(&numbers, &vec![None; numbers.len()]);
    let text = "[[input]]\nname = 'x'\ntype = 'number'\n\
                [[feature]]\nname = 'f'\nop = 'bucketize'\nquantiles = 5\nfrom = 'x'";
    let whole = spec(text).fit(&columns, Vec::new()).unwrap();
    let mut cut = Cut::new(&columns, 4096);
    // A hundred thousand bytes hold an eightieth of the numbers.
    let little = spec(text)
        .fit_blocks(&mut cut, Vec::new(), 100_000)
        .unwrap();
    assert_eq!(json(&whole), json(&little));
    assert!((3..=16).contains(&cut.passes), "{} passes", cut.passes);
}

#[test]
fn mean_and_deviation_are_those_of_one_run_over_the_rows() {
    let mut state = 3;
    let numbers: Vec<f64> = (0..5_000).map(|_| next(&mut state) * 1e6 - 3e5).collect();
    let columns = table(&numbers, &vec![Some("a"); numbers.len()]);
    let text = "[[input]]\nname = 'x'\ntype = 'number'\n\
                [[feature]]\nname = 'f'\nop = 'standardize'\nfrom = 'x'";
    let mut cut = Cut::new(&columns, 77);
    let fitted = spec(text).fit_blocks(&mut cut, Vec::new(), 0).unwrap();
    let due_mean = numbers.iter().sum::<f64>() / 5_000.0;
    let squares = numbers
        .iter()
        .map(|x| (x - due_mean) * (x - due_mean))
        .sum::<f64>();
    assert_eq!(
        fitted.features[0].op,
        FittedOp::Standardize {
            mean: due_mean,
            std: (squares / 5_000.0).sqrt()
        }
    );
    // Two passes, and one in which the feature itself is computed for every row.
    assert_eq!(cut.passes, 3);
}

#[test]
fn a_bad_row_is_counted_over_all_blocks() {
    let mut numbers = vec![0.5; 100];
    numbers[83] = -2.0;
    let columns = table(&numbers, &[None; 100]);
    let text = "[[input]]\nname = 'x'\ntype = 'number'\n\
                [[feature]]\nname = 'log'\nop = 'log1p'\nfrom = 'x'";
    let error = spec(text)
        .fit_blocks(&mut Cut::new(&columns, 10), Vec::new(), 0)
        .unwrap_err();
    assert_eq!(
        (error.code(), error.row()),
        ("input.out_of_domain", Some(83))
    );
}

#[test]
fn values_that_must_be_counted_and_do_not_fit_are_refused() {
    let numbers: Vec<f64> = (0..10_000).map(f64::from).collect();
    let names: Vec<String> = (0..10_000).map(|place| format!("id {place}")).collect();
    let names: Vec<_> = names.iter().map(|name| Some(name.as_str())).collect();
    let columns = table(&numbers, &names);
    let with = |kind: &str, feature: &str| {
        let text = format!("[[input]]\n{kind}\n[[feature]]\nname = 'f'\n{feature}");
        let mut cut = Cut::new(&columns, 1000);
        spec(&text)
            .fit_blocks(&mut cut, Vec::new(), 100_000)
            .unwrap_err()
    };
    let refused = [
        with(
            "name = 'x'\ntype = 'number'",
            "op = 'impute'\nstrategy = 'most_frequent'\nfrom = 'x'",
        ),
        with(
            "name = 'c'\ntype = 'category'",
            "op = 'ordinal'\nmin_count = 2\nfrom = 'c'",
        ),
    ];
    for error in refused {
        assert_eq!(
            (error.code(), error.field()),
            ("spec.too_many_values", Some("f"))
        );
    }
}
