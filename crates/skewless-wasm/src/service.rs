//! HTTP for hosts that speak it: a request's parts in, a response's parts out, through `skewless-protocol`.
//!
//! What needs time, streams or a log is the host's; everything else is decided here.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use js_sys::Uint8Array;
use serde::Serialize;
use skewless_core::bundle::Contents;
use skewless_protocol::{
    Admission, Headers, Host, Lines, Observation, RefusedBundle, Request, Response, Service,
    Settings,
};
use tsify::Tsify;
use wasm_bindgen::prelude::*;

use crate::error::thrown;
use crate::object;

/// A host with a verified bundle, which can be replaced.
#[wasm_bindgen]
pub struct Station {
    host: Rc<Host>,
    settings: Settings,
}

/// One request under way, answered by the bundle that was in use when it came.
#[wasm_bindgen]
pub struct Exchange {
    host: Rc<Host>,
    service: Arc<Service>,
    method: String,
    path: String,
    headers: Headers,
    admission: Admission,
    lines: Option<Lines>,
}

/// A bundle's name, version and digest.
#[derive(Serialize, Tsify)]
pub struct Facts {
    /// The bundle's name.
    pub name: String,
    /// The bundle's version.
    pub version: String,
    /// The bundle's digest, SHA-256 in hexadecimal.
    pub digest: String,
}

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
    /// The code of a refused request.
    pub code: Option<String>,
    /// Rows scored, and what became of them.
    pub tally: Counted,
}

/// Rows scored, and how many failed with each code.
#[derive(Serialize, Tsify)]
pub struct Counted {
    /// Rows scored.
    pub rows: usize,
    /// How many of them failed.
    pub failures: usize,
    /// How many failed with each code.
    #[tsify(type = "Record<string, number>")]
    pub codes: BTreeMap<&'static str, usize>,
}

/// How a request is to be answered.
#[derive(Serialize, Tsify)]
pub struct Admitted {
    /// The answer, where nothing of the body is needed; the beginning of it for lines.
    pub reply: Option<Reply>,
    /// True where the body is answered while it arrives.
    pub lines: bool,
    /// Most bytes of the body to read before the answer.
    pub most: usize,
}

#[wasm_bindgen]
impl Station {
    /// Reads the bytes of a bundle, which must answer its own golden rows to the bit; `settings` holds names and values
    /// in turn.
    ///
    /// # Errors
    /// `bundle.*`, `unsupported.*` and `config.*`, thrown as `ErrorData`.
    #[wasm_bindgen(constructor)]
    pub fn new(bundle: &[u8], settings: Vec<String>) -> Result<Station, JsValue> {
        let settings = read_settings(&settings).map_err(|error| thrown(&error))?;
        let host = Rc::new(Host::new(open(bundle, &settings)?));
        Ok(Self { host, settings })
    }

    /// Takes a new bundle for all requests from now on; one with the digest of that in use changes nothing but that
    /// nothing is refused any more.
    ///
    /// # Errors
    /// `bundle.*` and `unsupported.*`, thrown as `ErrorData`; the bundle in use stays.
    pub fn replace(&self, bundle: &[u8]) -> Result<bool, JsValue> {
        let service = open(bundle, &self.settings)?;
        let same = service.facts().digest == self.host.service().facts().digest;
        if same {
            self.host.forget_refused();
        } else {
            self.host.replace(service);
        }
        Ok(!same)
    }

    /// Notes why a new bundle was not taken.
    #[wasm_bindgen(js_name = refuseBundle)]
    pub fn refuse_bundle(&self, code: String, message: String, at: String) {
        self.host.refuse_bundle(RefusedBundle { code, message, at });
    }

    /// Forgets it, because the source holds the bundle in use again.
    #[wasm_bindgen(js_name = forgetRefused)]
    pub fn forget_refused(&self) {
        self.host.forget_refused();
    }

    /// The bundle in use.
    #[wasm_bindgen(unchecked_return_type = "Facts")]
    pub fn facts(&self) -> JsValue {
        facts(&self.host.service())
    }

    /// Begins a request by its head; `headers` holds names and values in turn.
    pub fn begin(&self, method: String, path: String, headers: Vec<String>) -> Exchange {
        let headers: Headers = pairs(&headers).collect();
        let service = self.host.service();
        let admission = service.admit(&Request {
            method: &method,
            path: &path,
            headers: headers.clone(),
            body: &[],
        });
        let lines = matches!(admission, Admission::Lines(_)).then(|| Lines::new(&service));
        Exchange {
            host: Rc::clone(&self.host),
            service,
            method,
            path,
            headers,
            admission,
            lines,
        }
    }

    /// Counts a request that was answered; `codes` and `counts` go together.
    #[expect(clippy::too_many_arguments, reason = "one crossing of the border")]
    pub fn observe(
        &self,
        path: &str,
        status: u16,
        code: Option<String>,
        rows: u32,
        codes: Vec<String>,
        counts: &[u32],
        seconds: f64,
    ) {
        let counts = counts.iter().map(|count| u64::from(*count));
        let failures: Vec<(&str, u64)> = codes.iter().map(String::as_str).zip(counts).collect();
        self.host.observe(&Observation {
            path,
            status,
            code: code.as_deref(),
            rows: u64::from(rows),
            failures: &failures,
            seconds,
        });
    }
}

#[wasm_bindgen]
impl Exchange {
    /// How the request is to be answered.
    #[wasm_bindgen(unchecked_return_type = "Admitted")]
    pub fn admitted(&self) -> JsValue {
        let (reply, lines, most) = match &self.admission {
            Admission::Whole(most) => (None, false, *most),
            Admission::Lines(begun) => (Some(reply(begun.clone())), true, 0),
            Admission::Answered(answer) => (Some(reply(answer.clone())), false, 0),
        };
        object::of(&Admitted { reply, lines, most })
    }

    /// The bundle that answers.
    #[wasm_bindgen(unchecked_return_type = "Facts")]
    pub fn facts(&self) -> JsValue {
        facts(&self.service)
    }

    /// Answers the request, whose body was read whole. Refusals are answers too.
    #[wasm_bindgen(unchecked_return_type = "Reply")]
    pub fn respond(&self, body: &[u8]) -> JsValue {
        let response = self.host.respond(&self.service, &self.request(body));
        object::of(&reply(response))
    }

    /// The answer to a body that is longer than it may be.
    #[wasm_bindgen(js_name = tooLarge, unchecked_return_type = "Reply")]
    pub fn too_large(&self) -> JsValue {
        object::of(&reply(self.service.refuse_too_large(&self.request(&[]))))
    }

    /// The answer where the host refuses the request for a reason of its own: that the instance stopped on it, or that
    /// its body broke off.
    #[wasm_bindgen(unchecked_return_type = "Reply")]
    pub fn refuse(&self, status: u16, code: &str, message: &str) -> JsValue {
        let request = self.request(&[]);
        let refused = self.service.refuse_told(&request, status, code, message);
        object::of(&reply(refused))
    }

    /// Answers the lines that end in the next piece of the body.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let lines = self.lines.as_mut();
        lines.map_or_else(Vec::new, |lines| lines.push(&self.service, piece))
    }

    /// Answers the last line.
    pub fn finish(&mut self) -> Vec<u8> {
        let lines = self.lines.as_mut();
        lines.map_or_else(Vec::new, |lines| lines.finish(&self.service))
    }

    /// The code that ended the lines before their end; nothing more need be read.
    pub fn over(&self) -> Option<String> {
        let over = self.lines.as_ref()?.over()?;
        Some(over.code().to_owned())
    }

    /// The refusal in place of lines of which none was answered.
    #[wasm_bindgen(unchecked_return_type = "Reply | undefined")]
    pub fn refusal(&self) -> JsValue {
        let lines = self.lines.as_ref().filter(|lines| lines.tally().rows == 0);
        let refused = lines
            .and_then(Lines::over)
            .map(|error| object::of(&reply(self.service.refuse(&self.request(&[]), error))));
        refused.unwrap_or(JsValue::UNDEFINED)
    }

    /// Lines answered so far.
    #[wasm_bindgen(unchecked_return_type = "Counted")]
    pub fn tally(&self) -> JsValue {
        let counted = self.lines.as_ref().map(|lines| Counted {
            rows: lines.tally().rows,
            failures: lines.tally().failures,
            codes: lines.failures().clone(),
        });
        object::of(&counted)
    }
}

impl Exchange {
    fn request<'a>(&'a self, body: &'a [u8]) -> Request<'a> {
        Request {
            method: &self.method,
            path: &self.path,
            headers: self.headers.clone(),
            body,
        }
    }
}

/// The answer of a host that has no bundle yet. Settings that can't be read allow no origin.
#[wasm_bindgen(unchecked_return_type = "Reply")]
pub fn unavailable(
    settings: Vec<String>,
    method: &str,
    path: &str,
    headers: Vec<String>,
    code: &str,
    message: &str,
) -> JsValue {
    let settings = read_settings(&settings).unwrap_or_default();
    let request = Request {
        method,
        path,
        headers: pairs(&headers).collect(),
        body: &[],
    };
    let response = skewless_protocol::unavailable(&settings, &request, code, message);
    object::of(&reply(response))
}

/// Holds settings to what they may be, before there is a bundle.
///
/// # Errors
/// `config.*`, thrown as `ErrorData`.
#[wasm_bindgen(js_name = checkSettings)]
pub fn check_settings(settings: Vec<String>) -> Result<(), JsValue> {
    let read = read_settings(&settings);
    read.map(drop).map_err(|error| thrown(&error))
}

fn open(bundle: &[u8], settings: &Settings) -> Result<Service, JsValue> {
    let service = Contents::read(bundle).and_then(|contents| Service::of_contents(&contents));
    let service = service.map_err(|error| thrown(&error))?;
    Ok(service.with_settings(settings.clone()))
}

fn read_settings(given: &[String]) -> skewless_core::Result<Settings> {
    let mut settings = Settings::default();
    for (name, value) in pairs(given) {
        settings.set(name, value)?;
    }
    Ok(settings)
}

fn pairs(flat: &[String]) -> impl Iterator<Item = (&str, &str)> {
    flat.chunks_exact(2).filter_map(|pair| match pair {
        [name, value] => Some((name.as_str(), value.as_str())),
        _ => None,
    })
}

fn facts(service: &Service) -> JsValue {
    let facts = service.facts().clone();
    object::of(&Facts {
        name: facts.name,
        version: facts.version,
        digest: facts.digest,
    })
}

fn reply(response: Response) -> Reply {
    let headers = response.headers.iter();
    Reply {
        status: response.status,
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: Uint8Array::from(response.body.as_slice()),
        code: response.code.map(str::to_owned),
        tally: Counted {
            rows: response.tally.rows,
            failures: response.tally.failures,
            codes: response.failures,
        },
    }
}
