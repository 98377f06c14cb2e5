//! Plain JavaScript objects from Rust values.

use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;

/// The object a value serialises to: maps as plain objects, nothing as `null`.
///
/// The door's own types always serialise; were one not to, the failure's text stands in its place.
pub(crate) fn of(value: &impl Serialize) -> JsValue {
    let serializer = Serializer::new()
        .serialize_maps_as_objects(true)
        .serialize_missing_as_null(true);
    value.serialize(&serializer).unwrap_or_else(JsValue::from)
}
