//! A response whose body is made while it is sent: JSON lines piece by piece, anything else as one piece.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use skewless_core::Result;
use skewless_protocol::{Headers, Lines, Response, Service, Tally};

/// Bytes of a body of JSON lines that are answered at a time.
const PIECE: usize = 1 << 16;

/// A response on its way out.
pub struct Streamed {
    status: u16,
    headers: Headers,
    /// What was made of the body before the response began.
    first: Option<Vec<u8>>,
    body: Body,
    ended: Ended,
}

/// What a response came to, once all of it is made.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// Rows so far, and how many failed.
    pub tally: Tally,
    /// How many rows failed with each code.
    pub failures: BTreeMap<&'static str, usize>,
    /// The code of a refused request, or of what ended the lines before their end.
    pub code: Option<&'static str>,
}

impl Ended {
    /// Of a response whose body is yet to be sent.
    pub(crate) fn of(response: &mut Response) -> Self {
        Self {
            tally: response.tally,
            failures: std::mem::take(&mut response.failures),
            code: response.code,
        }
    }

    /// Adds the rows of one answer of several.
    pub(crate) fn add(&mut self, tally: Tally, failures: BTreeMap<&'static str, usize>) {
        self.tally.rows += tally.rows;
        self.tally.failures += tally.failures;
        for (code, count) in failures {
            *self.failures.entry(code).or_default() += count;
        }
    }
}

enum Body {
    Whole(Vec<u8>),
    Lines {
        service: Arc<Service>,
        lines: Lines,
        asked: Vec<u8>,
        taken: usize,
    },
    Done,
}

impl Streamed {
    /// A response that is made already.
    pub(crate) fn whole(mut response: Response) -> Self {
        Self {
            status: response.status,
            ended: Ended::of(&mut response),
            headers: response.headers,
            first: None,
            body: Body::Whole(response.body),
        }
    }

    /// Lines to be answered; the first answers are made, so that what goes wrong before them is a refusal, which has a
    /// status.
    ///
    /// # Errors
    /// What ended the lines before any was answered.
    pub(crate) fn lines(begun: Response, service: &Arc<Service>, asked: Vec<u8>) -> Result<Self> {
        let mut streamed = Self {
            status: begun.status,
            headers: begun.headers,
            first: None,
            body: Body::Lines {
                lines: Lines::new(service),
                service: Arc::clone(service),
                asked,
                taken: 0,
            },
            ended: Ended::default(),
        };
        streamed.first = streamed.make_piece()?;
        Ok(streamed)
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    pub(crate) fn headers_mut(&mut self) -> &mut Headers {
        &mut self.headers
    }

    /// The code of a request that was refused before its answer began.
    pub fn code(&self) -> Option<&'static str> {
        self.ended.code
    }

    /// What the response has come to so far.
    pub fn ended(&self) -> &Ended {
        &self.ended
    }

    /// The next piece of the body; nothing once it is whole.
    pub fn next_piece(&mut self) -> Option<Vec<u8>> {
        // Once a row is answered, an error is a last line and none of the whole.
        self.first.take().or_else(|| self.make_piece().ok()?)
    }

    fn make_piece(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            match std::mem::replace(&mut self.body, Body::Done) {
                Body::Done => return Ok(None),
                Body::Whole(bytes) if bytes.is_empty() => return Ok(None),
                Body::Whole(bytes) => return Ok(Some(bytes)),
                Body::Lines {
                    service,
                    mut lines,
                    asked,
                    taken,
                } => {
                    let end = asked.len().min(taken + PIECE);
                    let piece = asked.get(taken..end).unwrap_or_default();
                    let is_last = end == asked.len() || lines.over().is_some();
                    let mut answers = lines.push(&service, piece);
                    if is_last {
                        answers.extend(lines.finish(&service));
                    }
                    self.ended = Ended {
                        tally: lines.tally(),
                        failures: lines.failures().clone(),
                        code: lines.over().map(|error| error.code()),
                    };
                    if self.ended.tally.rows == 0 && lines.over().is_some() {
                        return match lines.into_over() {
                            Some(error) => Err(error),
                            None => Ok(None),
                        };
                    }
                    if !is_last && self.ended.code.is_none() {
                        self.body = Body::Lines {
                            service,
                            lines,
                            asked,
                            taken: end,
                        };
                    }
                    if !answers.is_empty() {
                        return Ok(Some(answers));
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Streamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streamed")
            .field("status", &self.status)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
