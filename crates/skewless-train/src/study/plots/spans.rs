//! First and last day of the parts of a split by time.

use jiff::{Span, civil};
use skewless_core::Result;

use crate::recipe::per_day;
use crate::study::config::SplitBy;
use crate::study::data::{Data, times};
use crate::study::folds::Folds;
use crate::study::recipe::Recipe;

/// The rule of the split as the configuration writes it.
pub(super) fn by(recipe: &Recipe) -> String {
    match recipe.config.split.by {
        SplitBy::Time => "time",
        SplitBy::Hash => "hash",
        SplitBy::Group => "group",
    }
    .to_owned()
}

/// One a part, in the report's order; empty where time does not split.
pub(super) fn spans(recipe: &Recipe, data: &Data, folds: &Folds) -> Result<Vec<[String; 2]>> {
    if recipe.config.split.by != SplitBy::Time {
        return Ok(Vec::new());
    }
    let input = recipe.split_input()?;
    let times = times(&data.columns, input)?;
    let per_day = per_day(input)?;
    let parts = folds
        .folds
        .iter()
        .flat_map(|fold| [&fold.train, &fold.validate]);
    let span = |rows: &Vec<usize>| {
        let days = rows.iter().filter_map(|&row| times.get(row));
        let days = days.map(|time| libm::floor(time / per_day));
        let ends = days.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), day| {
            (low.min(day), high.max(day))
        });
        [date(ends.0), date(ends.1)]
    };
    Ok(parts.chain([&folds.test]).map(span).collect())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "days of the calendar; others saturate and give none"
)]
fn date(day: f64) -> String {
    let span = Span::new().try_days(day as i64);
    let date = span.and_then(|span| civil::date(1970, 1, 1).checked_add(span));
    date.map_or_else(|_| "–".to_owned(), |date| date.to_string())
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(
            (date(0.0), date(15_706.0)),
            ("1970-01-01".to_owned(), "2013-01-01".to_owned())
        );
        assert_eq!(date(f64::INFINITY), "–");
    }
}
