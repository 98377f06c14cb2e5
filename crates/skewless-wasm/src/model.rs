//! The model as JavaScript holds it.

use js_sys::Array;
use skewless_core::bundle::Contents;
use skewless_core::explanation::Method;
use skewless_core::plan::EngineScratch;
#[cfg(not(any(feature = "network", feature = "full")))]
use skewless_core::plan::decode_tables;
use skewless_core::{
    BatchPrediction, Column, Columns, Counter, Error, Predictor, Result, Scratch, TextColumn,
};
use wasm_bindgen::prelude::*;

use crate::counts;
use crate::error::thrown;
use crate::rows::Rows;

/// Says that a batch failed as a whole.
const REFUSED: u32 = u32::MAX;

/// The parts that the host reads, in the order of [`Model::parts`].
const READ_BY_HOST: [&str; 6] = [
    "features.json",
    "output.json",
    "profile.json",
    "golden.jsonl",
    "card.md",
    "provenance.json",
];

/// A bundle ready to answer.
///
/// Raw rows are written into memory that [`Model::reserve`] gives; [`Model::predict`] answers into memory as well. What
/// is thrown, and what [`Model::error`] gives, is an array: kind, code, message, field, value, row.
#[wasm_bindgen]
pub struct Model {
    predictor: Predictor,
    digest: String,
    name: String,
    version: String,
    parts: Vec<u32>,
    rows: Rows,
    columns: Columns,
    scratch: Scratch,
    answers: BatchPrediction,
    /// Why a batch failed as a whole, or the faults of a record.
    failures: Vec<Error>,
    /// Addresses and sizes that JavaScript reads.
    table: Vec<u32>,
}

#[wasm_bindgen]
impl Model {
    /// Reads the bytes of a bundle, which must have the digest `expected` where one is given.
    ///
    /// # Errors
    /// `bundle.*` and `unsupported.*`.
    #[wasm_bindgen(constructor)]
    pub fn new(bundle: &[u8], expected: Option<String>) -> std::result::Result<Model, JsValue> {
        Self::open(bundle, expected).map_err(|error| thrown(&error))
    }

    /// The bundle's digest.
    pub fn digest(&self) -> String {
        self.digest.clone()
    }

    /// The model's name.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// The model's version.
    pub fn version(&self) -> String {
        self.version.clone()
    }

    /// Where the parts that the host reads begin and end in the bundle's bytes.
    pub fn parts(&self) -> Vec<u32> {
        self.parts.clone()
    }

    /// Name, type and number of elements of each input, in the order of a row's values.
    pub fn inputs(&self) -> Array {
        let pipeline = self.predictor.pipeline();
        let list = Array::new();
        for input in pipeline.inputs() {
            list.push(&JsValue::from_str(&input.name));
            list.push(&JsValue::from_str(input.kind.name()));
            list.push(&JsValue::from_f64(f64::from(size(input.elements()))));
        }
        list
    }

    /// The names of all fields that a record may have; nothing where it may have any.
    pub fn fields(&self) -> Option<Array> {
        let pipeline = self.predictor.pipeline();
        let names = pipeline.declared_inputs().iter();
        let list = Array::new();
        names.for_each(|input| {
            list.push(&JsValue::from_str(&input.name));
        });
        pipeline.refuses_unknown_fields().then_some(list)
    }

    /// Makes room for raw rows, and gives the address of the table: 32 bits each of the addresses of kinds, cells, text
    /// and elements, the bytes of text and the elements that there is room for, the addresses of raw scores, values and
    /// labels, how many scores and values a row has, and the address of conformal quantiles.
    pub fn reserve(&mut self, rows: usize, text: usize, elements: usize) -> usize {
        self.rows.reserve(rows, text, elements);
        self.tell()
    }

    /// Notes that a row's value is an array of arrays.
    pub fn nest(&mut self, place: usize, shape: &[u32]) {
        self.rows
            .nest(place, shape.iter().map(|&length| length as usize).collect());
    }

    /// Notes that a row is no record.
    pub fn refuse(&mut self, row: usize, found: &str) {
        let message = format!("a record must be an object, not {found}");
        let error = Error::input("input.not_an_object", message);
        self.rows.refuse(error.with_row(row));
    }

    /// Notes that a record has a field that no input names.
    pub fn unknown(&mut self, row: usize, name: &str) {
        let error = self.predictor.pipeline().unknown_field(name);
        self.rows.refuse(error.with_row(row));
    }

    /// Answers the first `rows` raw rows. Gives the number of failed rows, or 4294967295 when none could be answered:
    /// then [`Model::error`] 0 says why.
    pub fn predict(&mut self, rows: usize) -> u32 {
        let refused = self.rows.filled(rows);
        let result = match rows {
            0 => Err(Error::input("input.empty_batch", "the batch has no rows")),
            _ => self.predictor.predict_cells(
                &self.rows,
                refused,
                &mut self.scratch,
                &mut self.answers,
            ),
        };
        self.rows.clear();
        self.finished(result)
    }

    /// What each feature of the first raw row added to its raw scores: how it was computed (0 linear, 1 TreeSHAP), the raw
    /// scores, what stands for nothing known, and the contributions, feature after feature.
    ///
    /// # Errors
    /// `unsupported.explain`, and the row's first fault.
    pub fn explain(&mut self) -> std::result::Result<Vec<f64>, JsValue> {
        let refused = self.rows.filled(1);
        let (scratch, answers) = (&mut self.scratch, &mut self.answers);
        let found = (self.predictor).explain_cells(&self.rows, refused, scratch, answers);
        self.rows.clear();
        let (method, found) = found.map_err(|error| thrown(&error))?;
        let mut numbers = vec![f64::from(u8::from(method == Method::TreeShap))];
        for list in [&self.answers.raw, &found.base, &found.added] {
            numbers.extend_from_slice(list);
        }
        Ok(numbers)
    }

    /// Counts the faults of the first raw row; [`Model::error`] gives them.
    pub fn validate(&mut self) -> usize {
        let refused = self.rows.filled(1);
        self.failures = self.predictor.faults_of_cells(&self.rows, refused);
        self.rows.clear();
        self.failures.len()
    }

    /// The features of the first raw row, as golden rows have them; nothing where it has a fault.
    pub fn features(&mut self) -> Vec<f64> {
        self.rows.filled(1);
        let features = self.predictor.golden_features(&self.rows);
        features.unwrap_or_default()
    }

    /// Begins a batch of columns.
    pub fn columns(&mut self, rows: usize) {
        self.columns = Columns::new(rows);
    }

    /// Adds a column of numbers; `NaN` is missing. With `width`, it holds a tensor of so many elements a row.
    ///
    /// # Errors
    /// `input.ragged_columns`, `input.duplicate_field`.
    pub fn numbers(
        &mut self,
        name: &str,
        values: Vec<f64>,
        width: usize,
    ) -> std::result::Result<(), JsValue> {
        let column = match width {
            0 => Column::Number(values),
            width => Column::Tensor { width, values },
        };
        self.push(name, Ok(column))
    }

    /// Adds a column of strings by dictionary: its entries side by side, the length of each in UTF-16 units, and a code
    /// a row; the code 4294967295 is missing.
    ///
    /// # Errors
    /// `input.ragged_columns`, `input.duplicate_field`, `misuse.dictionary_code`.
    pub fn text(
        &mut self,
        name: &str,
        entries: &str,
        lengths: &[u32],
        codes: Vec<u32>,
    ) -> std::result::Result<(), JsValue> {
        let column = TextColumn::from_dictionary(cut(entries, lengths), codes);
        self.push(name, column.map(Column::Text))
    }

    /// Answers the columns, as [`Model::predict`] does rows.
    #[wasm_bindgen(js_name = predictColumns)]
    pub fn predict_columns(&mut self) -> u32 {
        let columns = std::mem::take(&mut self.columns);
        let result = self
            .predictor
            .predict_columns_with(&columns, &mut self.scratch)
            .map(|answers| self.answers = answers);
        self.finished(result)
    }

    /// An error of the last answer: a failed row's, the batch's, or a record's fault.
    pub fn error(&self, at: usize) -> JsValue {
        let failures = self.failures.iter().chain(&self.answers.errors);
        failures.skip(at).map(thrown).next().unwrap_or_default()
    }

    /// Counts from now on what is answered, in the bins of `profile.json`: kind (0 numbers, 1 categories, 2 tensors) and
    /// number of edges or values of each input, then of the predictions; all edges; all values as in [`Model::text`].
    ///
    /// # Errors
    /// `misuse.profile` where the inputs are others.
    pub fn watch(
        &mut self,
        shape: &[u32],
        edges: &[f64],
        entries: &str,
        lengths: &[u32],
    ) -> std::result::Result<(), JsValue> {
        let pipeline = self.predictor.pipeline();
        let profile = counts::empty(pipeline, shape, edges, cut(entries, lengths));
        let counter = Counter::new(pipeline, &profile);
        self.scratch.counter = Some(counter.map_err(|error| thrown(&error))?);
        Ok(())
    }

    /// What was counted, side by side in the order of [`Model::watch`], after the rows and the failed rows.
    pub fn counts(&self) -> Vec<f64> {
        let counter = self.scratch.counter.as_ref();
        counter.map_or_else(Vec::new, |counter| counts::numbers(counter.profile()))
    }

    /// Raw scores of feature rows, row after row.
    ///
    /// # Errors
    /// `misuse.shape` for numbers that are no rows of the model's width.
    pub fn score(&mut self, rows: &[f64]) -> std::result::Result<Vec<f64>, JsValue> {
        let engine = self.predictor.engine();
        let count = rows.len() / engine.inputs().max(1);
        let mut raw = vec![0.0; count * engine.outputs()];
        let scored = engine.score(rows, &mut EngineScratch::default(), &mut raw);
        scored.map(|()| raw).map_err(|error| thrown(&error))
    }
}

#[cfg(feature = "full")]
#[wasm_bindgen]
impl Model {
    /// Answers the golden rows of the bundle that this model was made of, which must lie within the engine's tolerance.
    ///
    /// # Errors
    /// `bundle.golden_mismatch`, `bundle.invalid_golden`.
    pub fn verify(&self, bundle: &[u8]) -> std::result::Result<(), JsValue> {
        skewless_core::Bundle::from_bytes(bundle)
            .and_then(|bundle| self.predictor.check_golden(&bundle.golden()?))
            .map_err(|error| thrown(&error))
    }
}

impl Model {
    fn open(bytes: &[u8], expected: Option<String>) -> Result<Self> {
        let contents = Contents::read(bytes)?;
        let digest = contents.digest();
        if let Some(expected) = expected.filter(|expected| expected != digest) {
            let message = format!("the bundle has the digest {digest}, and {expected} is expected");
            return Err(Error::bundle("bundle.unexpected_digest", message));
        }
        let predictor = predictor(&contents)?;
        let parts = READ_BY_HOST.map(|name| contents.range(name));
        Ok(Self {
            digest: contents.digest().to_owned(),
            name: contents.manifest().name.clone(),
            version: contents.manifest().version.clone(),
            parts: parts
                .into_iter()
                .flat_map(|range| [size(range.start), size(range.end)])
                .collect(),
            rows: Rows::new(predictor.pipeline().inputs().count()),
            columns: Columns::default(),
            scratch: Scratch::default(),
            answers: BatchPrediction::default(),
            failures: Vec::new(),
            table: vec![0; 12],
            predictor,
        })
    }

    fn push(&mut self, name: &str, column: Result<Column>) -> std::result::Result<(), JsValue> {
        column
            .and_then(|column| self.columns.push(name, column))
            .map_err(|error| thrown(&error))
    }

    fn finished(&mut self, result: Result<()>) -> u32 {
        self.failures.clear();
        let failed = match result {
            Ok(()) => size(self.answers.errors.len()),
            Err(error) => {
                self.failures.push(error);
                REFUSED
            }
        };
        self.tell();
        failed
    }

    /// Writes the table, and gives its address.
    fn tell(&mut self) -> usize {
        let (rows, answers) = (&self.rows, &self.answers);
        let told = [
            rows.kinds.as_ptr() as usize,
            rows.cells.as_ptr() as usize,
            rows.text.as_ptr() as usize,
            rows.elements.as_ptr() as usize,
            rows.text.len(),
            rows.elements.len(),
            answers.raw.as_ptr() as usize,
            answers.values.as_ptr() as usize,
            answers.labels.as_ptr() as usize,
            answers.outputs(),
            answers.values_per_row(),
            answers.quantiles.as_ptr() as usize,
        ];
        let slots = self.table.iter_mut().zip(told);
        slots.for_each(|(slot, value)| *slot = size(value));
        self.table.as_ptr() as usize
    }
}

/// A size or an address, which has 32 bits in WebAssembly.
fn size(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Cuts text into pieces of so many UTF-16 units. Where all of it is ASCII, units are bytes.
fn cut(text: &str, lengths: &[u32]) -> Vec<String> {
    let mut rest = text;
    let ascii = lengths.iter().map(|&length| length as usize).sum::<usize>() == text.len();
    let pieces = lengths.iter().map(|&length| {
        let end = match ascii {
            true => length as usize,
            false => bytes_of(rest, length as usize),
        };
        let (piece, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        rest = after;
        piece.to_owned()
    });
    pieces.collect()
}

/// The bytes of the first so many UTF-16 units.
fn bytes_of(text: &str, units: usize) -> usize {
    let mut left = units;
    let taken = text.chars().take_while(|character| {
        let fits = left >= character.len_utf16();
        left = left.saturating_sub(character.len_utf16());
        fits
    });
    taken.map(char::len_utf8).sum()
}

/// The predictor of every engine that this build has.
fn predictor(contents: &Contents<'_>) -> Result<Predictor> {
    #[cfg(feature = "full")]
    return skewless_tract::predictor_of(contents);
    #[cfg(all(feature = "network", not(feature = "full")))]
    return Predictor::of_contents(contents);
    #[cfg(not(any(feature = "network", feature = "full")))]
    {
        contents.manifest().check_plan()?;
        Predictor::of_contents_with_engine(contents, decode_tables(contents.model())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_cut_by_utf_16_units() {
        let entries = ["", "ab", "ß", "日本", "🛫x", ""];
        let lengths = |entries: &[&str]| -> Vec<u32> {
            let units = entries.iter().map(|entry| entry.encode_utf16().count());
            units.map(size).collect()
        };
        assert_eq!(cut(&entries.concat(), &lengths(&entries)), entries);
        assert_eq!(cut("abc", &lengths(&entries[..2])), ["", "ab"]);
        assert_eq!(cut("abc", &[1, 2]), ["a", "bc"]);
        assert_eq!(cut("ab", &[5, 1]), ["ab", ""]);
    }
}
