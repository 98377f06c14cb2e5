//! Which columns to read, and what their cells are.

use skewless_core::spec::{Input, InputType, Token, Zone};

/// What the cells of a column are. CSV cells are text and become this; Parquet columns are checked against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cells {
    /// A decimal number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Text as it stands.
    Text,
    /// Date and time, in text by ISO 8601.
    Timestamp,
    /// A date, in text by ISO 8601.
    Date,
    /// A list of as many numbers. CSV cannot hold it.
    Tensor(usize),
}

impl Cells {
    /// The kind in words, with its article.
    pub(crate) fn described(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Boolean => "`true` or `false`",
            Self::Text => "text",
            Self::Timestamp => "a timestamp",
            Self::Date => "a date",
            Self::Tensor(_) => "a list of numbers",
        }
    }
}

/// A column to read.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The column's name in the table.
    pub name: String,
    /// What its cells are.
    pub cells: Cells,
    /// Texts that stand for a missing value, besides the empty cell; they matter where a number is due.
    pub missing: Vec<String>,
    /// Seconds from UTC to the wall clock of a timestamp's zone; none for local time, which takes no instants.
    pub utc_offset: Option<f64>,
}

impl Wanted {
    /// A column without special texts for missing values; a timestamp is local time.
    pub fn new(name: &str, cells: Cells) -> Self {
        Self {
            name: name.to_owned(),
            cells,
            missing: Vec::new(),
            utc_offset: None,
        }
    }
}

impl From<&Input> for Wanted {
    fn from(input: &Input) -> Self {
        let cells = match input.kind {
            InputType::Number | InputType::Integer => Cells::Number,
            InputType::Boolean => Cells::Boolean,
            InputType::Category | InputType::Text => Cells::Text,
            InputType::Timestamp => Cells::Timestamp,
            InputType::Date => Cells::Date,
            InputType::Tensor => Cells::Tensor(input.elements()),
        };
        let missing = input.missing.iter().filter_map(|token| match token {
            Token::Text(text) => Some(text.clone()),
            Token::Number(_) => None,
        });
        let utc_offset = match input.zone.as_deref().and_then(Zone::parse) {
            Some(Zone::Offset(seconds)) => Some(f64::from(seconds)),
            Some(Zone::Local) | None => None,
        };
        Self {
            name: input.name.clone(),
            cells,
            missing: missing.collect(),
            utc_offset,
        }
    }
}
