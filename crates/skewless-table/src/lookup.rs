//! Lookup tables from files: what a written specification names, as the fitted one holds it.

use skewless_core::spec::{LookupColumn, LookupSource, LookupTable};
use skewless_core::{Column, Columns, Error, Result};

use crate::{Cells, TableFile, Wanted, read_files};

/// Reads a lookup table out of a file. Keys come out in byte order.
///
/// # Errors
/// Those of [`read_files`]; `table.lookup_key` for a key that is missing or stands twice, `input.wrong_type` for a
/// key that is not text or a value that is not a number.
pub fn read_lookup(file: &TableFile, lookup: &LookupSource) -> Result<LookupTable> {
    let mut wanted = vec![Wanted::new(&lookup.key, Cells::Text)];
    wanted.extend(
        lookup
            .columns
            .iter()
            .map(|column| Wanted::new(column, Cells::Number)),
    );
    let (columns, _) = read_files(std::slice::from_ref(file), &wanted)?;
    let order = rising(lookup, &columns)?;
    let values = lookup
        .columns
        .iter()
        .map(|name| values(lookup, &columns, name, &order));
    Ok(LookupTable {
        name: lookup.name.clone(),
        columns: values.collect::<Result<_>>()?,
        keys: order.into_iter().map(|(key, _)| key.to_owned()).collect(),
    })
}

/// The keys in byte order, each with its row.
fn rising<'a>(lookup: &LookupSource, columns: &'a Columns) -> Result<Vec<(&'a str, usize)>> {
    let Some(Column::Text(keys)) = columns.column(&lookup.key) else {
        return Err(wrong_type(lookup, &lookup.key, "text"));
    };
    let fault = |row: usize, what: &str| {
        let (table, key) = (&lookup.name, &lookup.key);
        Error::input(
            "table.lookup_key",
            format!("lookup table `{table}`: the key `{key}` of row {row} {what}"),
        )
        .with_field(key)
        .with_row(row)
    };
    let mut order = Vec::with_capacity(columns.rows());
    for row in 0..columns.rows() {
        order.push((
            keys.value(row).ok_or_else(|| fault(row, "is missing"))?,
            row,
        ));
    }
    order.sort_unstable();
    let twice = order
        .iter()
        .zip(order.iter().skip(1))
        .find(|((key, _), (next, _))| key == next);
    match twice {
        Some((_, (key, row))) => Err(fault(*row, "stands twice").with_value(key)),
        None => Ok(order),
    }
}

fn values(
    lookup: &LookupSource,
    columns: &Columns,
    name: &str,
    order: &[(&str, usize)],
) -> Result<LookupColumn> {
    let Some(Column::Number(numbers)) = columns.column(name) else {
        return Err(wrong_type(lookup, name, "numbers"));
    };
    let value = |row: usize| numbers.get(row).copied().filter(|value| !value.is_nan());
    let values = order.iter().map(|&(_, row)| value(row)).collect();
    Ok(LookupColumn {
        name: name.to_owned(),
        values,
    })
}

fn wrong_type(lookup: &LookupSource, column: &str, due: &str) -> Error {
    Error::input(
        "input.wrong_type",
        format!(
            "lookup table `{}`: column `{column}` must hold {due}",
            lookup.name
        ),
    )
    .with_field(column)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<LookupTable> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("planes.csv");
        std::fs::write(&path, text).unwrap();
        let lookup = LookupSource {
            name: "planes".to_owned(),
            source: "planes.csv".to_owned(),
            key: "tailnum".to_owned(),
            columns: vec!["seats".to_owned()],
            doc: None,
            owner: None,
        };
        read_lookup(&TableFile::new(path), &lookup)
    }

    #[test]
    fn keys_rise_and_take_their_values_along() {
        let table = read("seats,tailnum\n55,N2\n,N10\n149,N1\n").unwrap();
        assert_eq!(table.keys, ["N1", "N10", "N2"]);
        assert_eq!(table.columns[0].values, [Some(149.0), None, Some(55.0)]);
    }

    #[test]
    fn a_key_stands_once_and_is_there() {
        for text in ["seats,tailnum\n55,N2\n60,N2\n", "seats,tailnum\n55,\n"] {
            let error = read(text).unwrap_err();
            assert_eq!(
                (error.code(), error.field()),
                ("table.lookup_key", Some("tailnum")),
                "{text}"
            );
        }
    }
}
