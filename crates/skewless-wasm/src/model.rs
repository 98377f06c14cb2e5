//! The model as JavaScript holds it.

use js_sys::Array;
use skewless_core::{Bundle, Predictor, Result};
use wasm_bindgen::prelude::*;

use crate::batch::{self, Batch};
use crate::error::{ErrorData, thrown};
use crate::info::ModelInfo;
use crate::{object, prediction, record};

/// A bundle ready to answer. Every error is thrown as `ErrorData`.
#[wasm_bindgen]
pub struct Model {
    bundle: Bundle,
    predictor: Predictor,
}

#[wasm_bindgen]
impl Model {
    /// Reads the bytes of a bundle; with `verify`, it must answer its own golden rows to the bit.
    ///
    /// # Errors
    /// `bundle.*` and `unsupported.*`.
    #[wasm_bindgen(constructor)]
    pub fn new(bundle: &[u8], verify: bool) -> std::result::Result<Model, JsValue> {
        Self::open(bundle, verify).map_err(|error| thrown(&error))
    }

    /// What the bundle says of itself.
    ///
    /// # Errors
    /// `bundle.invalid_golden` and `bundle.invalid_profile` when the parts that the form draws on can't be read.
    #[wasm_bindgen(unchecked_return_type = "ModelInfo")]
    pub fn info(&self) -> std::result::Result<JsValue, JsValue> {
        let read = || Ok((self.bundle.golden()?, self.bundle.profile()?));
        let (golden, profile) = read().map_err(|error| thrown(&error))?;
        let info = ModelInfo::new(&self.bundle, &self.predictor, &golden, &profile);
        Ok(object::of(&info))
    }

    /// The answer for one record.
    ///
    /// # Errors
    /// `input.*`.
    #[wasm_bindgen(unchecked_return_type = "Prediction")]
    pub fn predict(
        &self,
        #[wasm_bindgen(unchecked_param_type = "RawRecord")] record: &JsValue,
    ) -> std::result::Result<JsValue, JsValue> {
        let answer = record::from_js(record).and_then(|record| self.predictor.predict(&record));
        let answer = answer.map_err(|error| thrown(&error))?;
        Ok(prediction::single(self.predictor.output(), &answer))
    }

    /// The answers for an array of records.
    ///
    /// # Errors
    /// What fails the batch as a whole, such as `input.empty_batch`.
    #[wasm_bindgen(js_name = predictRecords, unchecked_return_type = "BatchPrediction")]
    pub fn predict_records(
        &self,
        #[wasm_bindgen(unchecked_param_type = "RawRecord[]")] records: &Array,
    ) -> std::result::Result<JsValue, JsValue> {
        let answers =
            batch::score_records(records, &self.predictor).map_err(|error| thrown(&error))?;
        Ok(prediction::batch(&answers))
    }

    /// The answers for columns, which are used up.
    ///
    /// # Errors
    /// What fails the batch as a whole, such as `input.ragged_columns`.
    #[wasm_bindgen(js_name = predictBatch, unchecked_return_type = "BatchPrediction")]
    pub fn predict_batch(&self, batch: Batch) -> std::result::Result<JsValue, JsValue> {
        let answers = batch
            .score(&self.predictor)
            .map_err(|error| thrown(&error))?;
        Ok(prediction::batch(&answers))
    }

    /// All that is wrong with a record; empty when it can be answered.
    #[wasm_bindgen(unchecked_return_type = "ErrorData[]")]
    pub fn validate(
        &self,
        #[wasm_bindgen(unchecked_param_type = "RawRecord")] record: &JsValue,
    ) -> JsValue {
        let errors = match record::from_js(record) {
            Ok(record) => self.predictor.validate(&record),
            Err(error) => vec![error],
        };
        let errors: Vec<ErrorData<'_>> = errors.iter().map(ErrorData::from).collect();
        object::of(&errors)
    }

    fn open(bytes: &[u8], verify: bool) -> Result<Self> {
        let bundle = Bundle::from_bytes(bytes)?;
        let predictor = Predictor::new(&bundle)?;
        if verify {
            predictor.check_golden(&bundle.golden()?)?;
        }
        Ok(Self { bundle, predictor })
    }
}
