//! Arrow arrays as columns of the core: which types go where, and their units.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_schema::{DataType, TimeUnit};
use skewless_core::columns::MISSING_CODE;
use skewless_core::{Column, Error, Result};

use crate::typed::GrowingText;
use crate::{Cells, Wanted, failure};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Converts a column. Dates become days, timestamps seconds of wall-clock time in the input's zone; a missing value is
/// null (and NaN, for numbers).
///
/// # Errors
/// `input.wrong_type` when the input cannot take the column's type, `table.unsupported_type` for a type no input takes.
pub(crate) fn column(
    name: &str,
    field: &str,
    array: &ArrayRef,
    wanted: Option<&Wanted>,
) -> Result<Column> {
    let found = array.data_type();
    let cells = wanted.map(|wanted| wanted.cells);
    let wrong = |due: Cells| Err(failure::wrong_type(name, field, found, due.described()));
    if let Some(text) = text(array) {
        return Ok(Column::Text(text?));
    }
    if let Some(Cells::Tensor(width)) = cells {
        return match elements(array, width) {
            Some(values) => Ok(Column::Tensor { width, values }),
            None => wrong(Cells::Tensor(width)),
        };
    }
    if let Some(numbers) = numbers(array) {
        return match cells {
            Some(due @ (Cells::Timestamp | Cells::Date)) => wrong(due),
            _ => Ok(Column::Number(numbers)),
        };
    }
    let (values, is) = match found {
        DataType::Boolean => (booleans(array), Cells::Boolean),
        DataType::Date32 => (map::<Date32Type>(array, f64::from), Cells::Date),
        DataType::Timestamp(unit, zone) => {
            let offset = match zone {
                None => 0.0,
                Some(_) => offset(name, field, wanted)?,
            };
            (timestamps(array, *unit, offset), Cells::Timestamp)
        }
        _ => return Err(unsupported(name, field, found)),
    };
    match cells {
        Some(due) if due != is => wrong(due),
        _ => Ok(Column::Number(values)),
    }
}

/// The elements of lists of `width` numbers, list after list; a missing list gives NaN. `None` for other columns, and
/// where a list has another length.
fn elements(array: &ArrayRef, width: usize) -> Option<Vec<f64>> {
    let mut values = Vec::with_capacity(array.len() * width);
    for row in 0..array.len() {
        let list = match array.data_type() {
            DataType::List(_) => array.as_list::<i32>().value(row),
            DataType::LargeList(_) => array.as_list::<i64>().value(row),
            DataType::FixedSizeList(..) => array.as_fixed_size_list().value(row),
            _ => return None,
        };
        match numbers(&list) {
            _ if array.is_null(row) => values.resize(values.len() + width, f64::NAN),
            Some(elements) if elements.len() == width => values.extend(elements),
            _ => return None,
        }
    }
    Some(values)
}

fn unsupported(name: &str, field: &str, found: &DataType) -> Error {
    Error::input(
        "table.unsupported_type",
        format!(
            "{name}: column `{field}` is {found}; numbers, booleans, text, dates and timestamps can be read"
        ),
    )
    .with_field(field)
}

/// Seconds from UTC to the input's wall clock. A column with a zone holds instants.
fn offset(name: &str, field: &str, wanted: Option<&Wanted>) -> Result<f64> {
    let Some(wanted) = wanted else { return Ok(0.0) };
    wanted.utc_offset.ok_or_else(|| {
        failure::wrong_type(
            name,
            field,
            "a timestamp with a zone",
            "local time without a zone",
        )
    })
}

fn map<T: ArrowPrimitiveType>(array: &ArrayRef, value: impl Fn(T::Native) -> f64) -> Vec<f64> {
    let array: &PrimitiveArray<T> = array.as_primitive();
    if array.null_count() == 0 {
        return array.values().iter().map(|&cell| value(cell)).collect();
    }
    array
        .iter()
        .map(|cell| cell.map_or(f64::NAN, &value))
        .collect()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "numbers are f64; reading JSON rounds the same way"
)]
fn numbers(array: &ArrayRef) -> Option<Vec<f64>> {
    Some(match array.data_type() {
        DataType::Int8 => map::<Int8Type>(array, f64::from),
        DataType::Int16 => map::<Int16Type>(array, f64::from),
        DataType::Int32 => map::<Int32Type>(array, f64::from),
        DataType::Int64 => map::<Int64Type>(array, |value| value as f64),
        DataType::UInt8 => map::<UInt8Type>(array, f64::from),
        DataType::UInt16 => map::<UInt16Type>(array, f64::from),
        DataType::UInt32 => map::<UInt32Type>(array, f64::from),
        DataType::UInt64 => map::<UInt64Type>(array, |value| value as f64),
        DataType::Float16 => map::<Float16Type>(array, f64::from),
        DataType::Float32 => map::<Float32Type>(array, f64::from),
        DataType::Float64 => map::<Float64Type>(array, |value| value),
        // A column of nothing but nulls.
        DataType::Null => vec![f64::NAN; array.len()],
        _ => return None,
    })
}

fn booleans(array: &ArrayRef) -> Vec<f64> {
    array
        .as_boolean()
        .iter()
        .map(|cell| cell.map_or(f64::NAN, |value| f64::from(u8::from(value))))
        .collect()
}

fn timestamps(array: &ArrayRef, unit: TimeUnit, offset: f64) -> Vec<f64> {
    let seconds = |per_second: i64| move |value: i64| seconds(value, per_second, offset);
    match unit {
        TimeUnit::Second => map::<TimestampSecondType>(array, seconds(1)),
        TimeUnit::Millisecond => map::<TimestampMillisecondType>(array, seconds(1_000)),
        TimeUnit::Microsecond => map::<TimestampMicrosecondType>(array, seconds(1_000_000)),
        TimeUnit::Nanosecond => map::<TimestampNanosecondType>(array, seconds(1_000_000_000)),
    }
}

/// Day, clock and zone added as the core adds them for ISO 8601 text, so that both round alike.
#[expect(
    clippy::cast_precision_loss,
    reason = "days and seconds of any calendar date are exact in f64"
)]
fn seconds(value: i64, per_second: i64, offset: f64) -> f64 {
    let whole = value.div_euclid(per_second);
    let (day, clock) = (whole.div_euclid(DAY), whole.rem_euclid(DAY));
    let fraction = value.rem_euclid(per_second) as f64 / per_second as f64;
    (day * DAY) as f64 + (clock as f64 + fraction) + offset
}

fn text(array: &ArrayRef) -> Option<Result<skewless_core::TextColumn>> {
    let mut text = GrowingText::default();
    match array.data_type() {
        DataType::Utf8 => array
            .as_string::<i32>()
            .iter()
            .for_each(|cell| text.push(cell)),
        DataType::LargeUtf8 => array
            .as_string::<i64>()
            .iter()
            .for_each(|cell| text.push(cell)),
        DataType::Utf8View => array
            .as_string_view()
            .iter()
            .for_each(|cell| text.push(cell)),
        DataType::Dictionary(_, values) if is_text(values) => return Some(dictionary(array)),
        _ => return None,
    }
    Some(text.finish())
}

fn is_text(values: &DataType) -> bool {
    matches!(
        values,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

fn dictionary(array: &ArrayRef) -> Result<skewless_core::TextColumn> {
    let values = array.as_any_dictionary().values();
    match values.data_type() {
        DataType::Utf8 => by_key(array, |key| values.as_string::<i32>().value(key)),
        DataType::LargeUtf8 => by_key(array, |key| values.as_string::<i64>().value(key)),
        _ => by_key(array, |key| values.as_string_view().value(key)),
    }
}

/// Takes each entry that occurs once, as often as the dictionary holds it: of one that is longer than the batch, few.
fn by_key<'a>(
    array: &'a ArrayRef,
    entry: impl Fn(usize) -> &'a str,
) -> Result<skewless_core::TextColumn> {
    let array = array.as_any_dictionary();
    let (keys, values) = (array.keys(), array.values());
    let (all_keys, all_values) = (keys.null_count() == 0, values.null_count() == 0);
    let mut known: Vec<u32> = vec![MISSING_CODE; values.len()];
    let mut dictionary = Vec::new();
    let code = |(row, key): (usize, usize)| match known.get_mut(key) {
        Some(code) if (all_keys || keys.is_valid(row)) && (all_values || values.is_valid(key)) => {
            if *code == MISSING_CODE {
                *code = u32::try_from(dictionary.len()).unwrap_or(MISSING_CODE);
                dictionary.push(entry(key).to_owned());
            }
            *code
        }
        _ => MISSING_CODE,
    };
    let codes = array.normalized_keys().into_iter().enumerate().map(code);
    let codes = codes.collect();
    skewless_core::TextColumn::from_dictionary(dictionary, codes)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{
        BinaryArray, BooleanArray, Date32Array, DictionaryArray, Int64Array, LargeStringArray,
        ListArray, StringArray, TimestampMillisecondArray, TimestampSecondArray,
    };

    use super::*;

    fn numbers_of(array: ArrayRef, wanted: &Wanted) -> Vec<f64> {
        match column("`t`", "x", &array, Some(wanted)).unwrap() {
            Column::Number(values) => values,
            _ => unreachable!(),
        }
    }

    fn code_of(array: ArrayRef, cells: Cells) -> &'static str {
        column("`t`", "x", &array, Some(&Wanted::new("x", cells)))
            .unwrap_err()
            .code()
    }

    #[test]
    fn dates_and_times_have_the_units_of_the_core() {
        let date = numbers_of(
            Arc::new(Date32Array::from(vec![-1, 15_706])),
            &Wanted::new("x", Cells::Date),
        );
        assert_eq!(date, [-1.0, 15_706.0]);
        let wall = numbers_of(
            Arc::new(TimestampMillisecondArray::from(vec![1500, -250])),
            &Wanted::new("x", Cells::Timestamp),
        );
        assert_eq!(wall, [1.5, -0.25]);
    }

    #[test]
    fn instants_move_to_the_zone_of_the_input() {
        let instants =
            || Arc::new(TimestampSecondArray::from(vec![0]).with_timezone("UTC")) as ArrayRef;
        let mut wanted = Wanted::new("x", Cells::Timestamp);
        wanted.utc_offset = Some(19_800.0);
        assert_eq!(numbers_of(instants(), &wanted), [19_800.0]);
        wanted.utc_offset = None;
        let error = column("`t`", "x", &instants(), Some(&wanted)).unwrap_err();
        assert_eq!(
            (error.code(), error.field()),
            ("input.wrong_type", Some("x"))
        );
    }

    #[test]
    fn lists_of_one_length_are_tensors() {
        let lists = |rows: Vec<Option<Vec<Option<f64>>>>| -> ArrayRef {
            Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(rows))
        };
        let wanted = Wanted::new("x", Cells::Tensor(2));
        let good = lists(vec![Some(vec![Some(1.0), Some(2.0)]), None]);
        let Ok(Column::Tensor { width, values }) = column("`t`", "x", &good, Some(&wanted)) else {
            unreachable!()
        };
        assert_eq!((width, &values[..2]), (2, &[1.0, 2.0][..]));
        assert!(values[2].is_nan() && values[3].is_nan());
        let short = lists(vec![Some(vec![Some(1.0)])]);
        assert_eq!(code_of(short, Cells::Tensor(2)), "input.wrong_type");
        let numbers = Arc::new(Int64Array::from(vec![1])) as ArrayRef;
        assert_eq!(code_of(numbers, Cells::Tensor(1)), "input.wrong_type");
    }

    #[test]
    fn types_that_do_not_fit_are_refused() {
        let whole = || Arc::new(Int64Array::from(vec![1])) as ArrayRef;
        let truth = || Arc::new(BooleanArray::from(vec![true])) as ArrayRef;
        let date = || Arc::new(Date32Array::from(vec![1])) as ArrayRef;
        assert_eq!(code_of(whole(), Cells::Timestamp), "input.wrong_type");
        assert_eq!(code_of(whole(), Cells::Date), "input.wrong_type");
        assert_eq!(code_of(truth(), Cells::Number), "input.wrong_type");
        assert_eq!(code_of(date(), Cells::Timestamp), "input.wrong_type");
        let bytes = Arc::new(BinaryArray::from(vec![&b"x"[..]])) as ArrayRef;
        assert_eq!(code_of(bytes, Cells::Text), "table.unsupported_type");
    }

    #[test]
    fn text_comes_plain_large_and_by_dictionary() {
        let plain = Arc::new(StringArray::from(vec![Some("a"), None, Some("b")])) as ArrayRef;
        let large = Arc::new(LargeStringArray::from(vec![Some("a"), None, Some("b")])) as ArrayRef;
        let by_dictionary: DictionaryArray<Int32Type> =
            vec![Some("a"), None, Some("b")].into_iter().collect();
        for array in [plain, large, Arc::new(by_dictionary) as ArrayRef] {
            let Ok(Column::Text(text)) =
                column("`t`", "x", &array, Some(&Wanted::new("x", Cells::Text)))
            else {
                unreachable!()
            };
            assert_eq!(
                (text.value(0), text.value(1), text.value(2)),
                (Some("a"), None, Some("b"))
            );
        }
    }
}
