//! Times of different columns on one scale: seconds, of UTC or of a wall clock.

use skewless_core::spec::{Input, InputType, Zone};
use skewless_core::{Column, Columns, Error, Result};

use crate::data::number;
use crate::recipe::fault;

pub(super) const DAY: f64 = 86_400.0;

/// A column of dates or timestamps.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// The column with its type, as an input would have it.
    pub(crate) input: Input,
}

impl Clock {
    /// The column `time` of a table: dates, or with a zone timestamps.
    ///
    /// # Errors
    /// `train.config` for a zone that is none.
    pub(crate) fn new(place: &str, time: &str, zone: Option<&str>) -> Result<Self> {
        if zone.is_some_and(|zone| Zone::parse(zone).is_none()) {
            return fault(
                &format!("{place}.zone"),
                "`local`, `utc` or an offset such as `+05:30` is due",
            );
        }
        let kind = match zone {
            Some(_) => InputType::Timestamp,
            None => InputType::Date,
        };
        Ok(Self {
            input: Input {
                name: time.to_owned(),
                kind,
                zone: zone.map(str::to_owned),
                ..Input::default()
            },
        })
    }

    /// An input's clock; none unless it holds dates or timestamps.
    pub(crate) fn of(input: &Input) -> Option<Self> {
        let is_time = matches!(input.kind, InputType::Date | InputType::Timestamp);
        is_time.then(|| Self {
            input: input.clone(),
        })
    }

    fn offset(&self) -> Option<f64> {
        match self.input.zone.as_deref().and_then(Zone::parse) {
            Some(Zone::Offset(seconds)) => Some(f64::from(seconds)),
            _ => None,
        }
    }

    /// Whether times of both can be told earlier and later: a wall clock and an instant cannot. A date begins with its
    /// midnight on the clock of the other.
    pub(crate) fn compares(&self, other: &Self) -> bool {
        let dates = |clock: &Self| clock.input.kind == InputType::Date;
        dates(self) || dates(other) || self.offset().is_some() == other.offset().is_some()
    }

    /// The column's times in seconds on the clock of `beside`, if there is one, else in UTC or on the wall clock; missing
    /// is NaN.
    ///
    /// # Errors
    /// `source.time` with the row of a text that is no time, and those of [`number`].
    pub(crate) fn seconds(&self, columns: &Columns, beside: Option<&Self>) -> Result<Vec<f64>> {
        let name = &self.input.name;
        let shift = match self.input.kind {
            InputType::Date => beside.and_then(Self::offset).unwrap_or(0.0),
            _ => self.offset().unwrap_or(0.0),
        };
        let per_unit = match self.input.kind {
            InputType::Date => DAY,
            _ => 1.0,
        };
        let values = match columns.column(name) {
            Some(Column::Text(text)) => {
                let parsed = (0..text.codes().len()).map(|row| match text.value(row) {
                    None => Ok(f64::NAN),
                    Some(written) => self
                        .input
                        .time(written)
                        .ok_or_else(|| self.no_time(row, written)),
                });
                parsed.collect::<Result<Vec<f64>>>()?
            }
            _ => number(columns, name)?.to_vec(),
        };
        Ok(values
            .into_iter()
            // + 0.0 makes of -0.0 the one zero.
            .map(|value| value * per_unit - shift + 0.0)
            .collect())
    }

    fn no_time(&self, row: usize, written: &str) -> Error {
        let (name, kind) = (&self.input.name, self.input.kind.name());
        let zone = match (self.input.kind, self.input.zone.as_deref()) {
            (InputType::Timestamp, Some("local")) => " without an offset",
            (InputType::Timestamp, _) => " with an offset",
            _ => "; for timestamps the source has a `zone`",
        };
        let message = format!("`{name}` is not a {kind} there{zone}");
        Error::input("source.time", message)
            .with_field(name)
            .with_value(written)
            .with_row(row)
    }

    /// Seconds of [`Clock::seconds`] as the column would have them in text.
    pub(crate) fn text(&self, seconds: f64) -> Option<String> {
        match self.input.kind {
            InputType::Date => self.input.time_text((seconds / DAY).floor()),
            _ => self.input.time_text(seconds + self.offset().unwrap_or(0.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skewless_core::TextColumn;

    fn seconds(time: &str, zone: Option<&str>, beside: Option<&Clock>) -> Result<f64> {
        let mut columns = Columns::new(1);
        columns.push("t", Column::Text(TextColumn::from_values([Some(time)])))?;
        let clock = Clock::new("source.s", "t", zone)?;
        Ok(clock.seconds(&columns, beside)?[0])
    }

    #[test]
    fn instants_of_all_zones_are_on_one_scale() {
        let noon = 43_200.0;
        for (text, zone) in [
            ("1970-01-01T12:00Z", "utc"),
            ("1970-01-01T12:00Z", "+05:30"),
            ("1970-01-01T17:30+05:30", "utc"),
            ("1970-01-01T12:00", "local"),
        ] {
            assert_eq!(
                seconds(text, Some(zone), None).unwrap(),
                noon,
                "{text} {zone}"
            );
        }
        assert_eq!(seconds("1970-01-02", None, None).unwrap(), 86_400.0);
        let beside = Clock::new("s", "t", Some("+01:00")).unwrap();
        assert_eq!(
            seconds("1970-01-02", None, Some(&beside)).unwrap(),
            82_800.0
        );
    }

    #[test]
    fn a_wall_clock_and_an_instant_do_not_compare() {
        let clock = |zone| Clock::new("s", "t", zone).unwrap();
        assert!(clock(Some("utc")).compares(&clock(Some("-04:00"))));
        assert!(clock(Some("local")).compares(&clock(None)));
        assert!(!clock(Some("local")).compares(&clock(Some("utc"))));
    }

    #[test]
    fn what_is_no_time_is_named() {
        for (text, zone) in [("1970-01-01T12:00", None), ("1970-01-01", Some("utc"))] {
            let error = seconds(text, zone, None).unwrap_err();
            assert_eq!(
                (error.code(), error.field(), error.row()),
                ("source.time", Some("t"), Some(0))
            );
        }
        assert_eq!(
            Clock::new("s", "t", Some("Paris")).err().unwrap().code(),
            "train.config"
        );
    }
}
