//! HTTP for hosts that speak it: a request's parts in, a response's parts out, through `skewless-protocol`.

use js_sys::Uint8Array;
use serde::Serialize;
use skewless_core::Bundle;
use skewless_protocol::{Headers, Request, Service as Protocol};
use tsify::Tsify;
use wasm_bindgen::prelude::*;

use crate::error::thrown;
use crate::object;

/// A verified bundle that answers requests.
#[wasm_bindgen]
pub struct Service(Protocol);

/// The answer to a request.
#[derive(Serialize, Tsify)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    #[serde(with = "serde_wasm_bindgen::preserve")]
    #[tsify(type = "Uint8Array<ArrayBuffer>")]
    pub body: Uint8Array,
}

#[wasm_bindgen]
impl Service {
    /// Reads the bytes of a bundle, which must answer its own golden rows to the bit.
    ///
    /// # Errors
    /// `bundle.*` and `unsupported.*`, thrown as `ErrorData`.
    #[wasm_bindgen(constructor)]
    pub fn new(bundle: &[u8]) -> Result<Service, JsValue> {
        let service = Bundle::from_bytes(bundle).and_then(|bundle| Protocol::new(&bundle));
        service.map(Self).map_err(|error| thrown(&error))
    }

    /// Answers a request; `headers` holds names and values in turn. Refusals are answers too.
    #[wasm_bindgen(unchecked_return_type = "Reply")]
    pub fn respond(&self, method: &str, path: &str, headers: Vec<String>, body: &[u8]) -> JsValue {
        let pairs = headers.chunks_exact(2).filter_map(|pair| match pair {
            [name, value] => Some((name.as_str(), value.as_str())),
            _ => None,
        });
        let headers: Headers = pairs.collect();
        let response = self.0.respond(&Request {
            method,
            path,
            headers,
            body,
        });
        object::of(&Reply {
            status: response.status,
            headers: response
                .headers
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: Uint8Array::from(response.body.as_slice()),
        })
    }
}
