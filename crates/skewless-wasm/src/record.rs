//! Reads JavaScript objects as records, as JSON would be read: no coercion, and own enumerable properties only.

use js_sys::{Array, Object, Reflect};
use skewless_core::{Error, Record, Result, Value};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = "
/** A raw value: `null`, `undefined` and `NaN` are missing. */
export type RawValue = number | string | boolean | null | undefined;
/** A raw record: what was known, under the names of the model's inputs. */
export type RawRecord = { readonly [input: string]: RawValue };
";

/// The record a JavaScript object holds.
///
/// # Errors
/// `input.not_an_object` for anything that is not an object, and for arrays.
pub(crate) fn from_js(value: &JsValue) -> Result<Record> {
    if !value.is_object() || Array::is_array(value) {
        let found = from_value(value);
        let found = found.type_name();
        return Err(Error::input(
            "input.not_an_object",
            format!("a record must be an object, not {found}"),
        ));
    }
    let object: &Object = value.unchecked_ref();
    let fields = Object::keys(object).into_iter().map(|key| {
        let name = key.as_string().unwrap_or_default();
        let value = Reflect::get(value, &key)
            .map_or(Value::Other("unreadable"), |value| from_value(&value));
        (name, value)
    });
    Ok(fields.collect())
}

/// One value, typed as JSON types it.
pub(crate) fn from_value(value: &JsValue) -> Value {
    if let Some(number) = value.as_f64() {
        return Value::Number(number);
    }
    if let Some(text) = value.as_string() {
        return Value::Text(text);
    }
    if value.is_null() || value.is_undefined() {
        return Value::Missing;
    }
    if let Some(truth) = value.as_bool() {
        return Value::Bool(truth);
    }
    Value::Other(if Array::is_array(value) {
        "array"
    } else if value.is_bigint() {
        "bigint"
    } else if value.is_function() {
        "function"
    } else if value.is_symbol() {
        "symbol"
    } else {
        "object"
    })
}
