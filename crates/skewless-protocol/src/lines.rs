//! JSON lines, answered while they arrive: a line a record in, a line a prediction or an error out, in the same order.
//!
//! Blank lines don't count, as in a file. What is kept from one piece to the next is the beginning of a line, at most as
//! long as a line may be: a longer one is a failed row, whose bytes are let go as they come.

use std::collections::BTreeMap;

use serde::Serialize;
use skewless_core::{Error, Record, Result};

use crate::direct::RowAnswer;
use crate::failure::ErrorBody;
use crate::limits::Limits;
use crate::message::Response;
use crate::rows::{Rows, Tally};
use crate::service::Service;

/// The media type of the answer.
pub(crate) const MEDIA_TYPE: &str = "application/x-ndjson";

/// The media types that say so of a request.
const MEDIA_TYPES: [&str; 5] = [
    MEDIA_TYPE,
    "application/ndjson",
    "application/jsonl",
    "application/jsonlines",
    "application/x-jsonlines",
];

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Bytes of a whole body that are answered at once.
const PIECE: usize = 1 << 16;

/// True for a media type of JSON lines.
pub(crate) fn is_lines(media_type: Option<&str>) -> bool {
    media_type.is_some_and(|given| MEDIA_TYPES.contains(&given))
}

/// A stream of lines under way.
#[derive(Debug)]
pub struct Lines {
    limits: Limits,
    /// The beginning of a line whose end has not come.
    rest: Vec<u8>,
    /// True where that line is too long already.
    too_long: bool,
    bytes: usize,
    tally: Tally,
    failures: BTreeMap<&'static str, usize>,
    /// What ended the stream before its end.
    over: Option<Error>,
}

impl Lines {
    /// A stream that is held to the service's limits of streams.
    pub fn new(service: &Service) -> Self {
        Self::held_to(service.limits())
    }

    fn held_to(limits: Limits) -> Self {
        Self {
            limits,
            rest: Vec::new(),
            too_long: false,
            bytes: 0,
            tally: Tally::default(),
            failures: BTreeMap::new(),
            over: None,
        }
    }

    /// Answers the lines that end in the next piece of the body.
    pub fn push(&mut self, service: &Service, piece: &[u8]) -> Vec<u8> {
        if self.over.is_some() {
            return Vec::new();
        }
        let room = self.limits.max_stream_body - self.bytes;
        self.bytes += piece.len().min(room);
        let taken = piece.get(..room).unwrap_or(piece);
        let rows = self.rows(taken);
        let mut answers = self.answer(service, rows);
        if taken.len() < piece.len() {
            let most = self.limits.max_stream_body;
            let message = format!("a stream of lines has at most {most} bytes");
            self.end(Error::input("request.too_large", message), &mut answers);
        }
        answers
    }

    /// Answers the last line, where no line end stands behind it.
    pub fn finish(&mut self, service: &Service) -> Vec<u8> {
        if self.over.is_some() {
            return Vec::new();
        }
        let mut rows = Vec::new();
        self.line_end(&mut rows);
        let mut answers = self.answer(service, rows);
        if self.tally.rows == 0 {
            let error = Error::input("input.empty_batch", "the request has no rows");
            self.end(error, &mut answers);
        }
        answers
    }

    /// Rows answered so far, and how many of them failed.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// How many rows failed with each code.
    pub fn failures(&self) -> &BTreeMap<&'static str, usize> {
        &self.failures
    }

    /// What ended the stream before its end: nothing more need be read. Its error stands in the last line, without a
    /// row.
    pub fn over(&self) -> Option<&Error> {
        self.over.as_ref()
    }

    /// The same, taken out.
    pub fn into_over(self) -> Option<Error> {
        self.over
    }

    /// The records of the lines that end in `piece`; the rest is kept.
    fn rows(&mut self, piece: &[u8]) -> Vec<Result<Record>> {
        let mut rows = Vec::new();
        let mut segments = piece.split(|&byte| byte == b'\n');
        // What stands behind the last line end is the beginning of a line.
        let last = segments.next_back();
        for segment in segments {
            self.keep(segment);
            self.line_end(&mut rows);
        }
        self.keep(last.unwrap_or_default());
        rows
    }

    fn keep(&mut self, part: &[u8]) {
        // A carriage return belongs to the line's end.
        if self.rest.len() + part.len() > self.limits.max_line.saturating_add(1) {
            self.too_long = true;
            self.rest = Vec::new();
        }
        if !self.too_long {
            self.rest.extend_from_slice(part);
        }
    }

    fn line_end(&mut self, rows: &mut Vec<Result<Record>>) {
        let first = self.tally.rows + rows.len() == 0;
        let mut line = self.rest.as_slice();
        if first {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        let length = line.strip_suffix(b"\r").unwrap_or(line).len();
        if self.too_long || length > self.limits.max_line {
            let most = self.limits.max_line;
            rows.push(Err(Error::input(
                "input.line_too_long",
                format!("a line has at most {most} bytes"),
            )));
        } else if !line.trim_ascii().is_empty() {
            rows.push(record(line));
        }
        self.too_long = false;
        self.rest.clear();
    }

    fn answer(&mut self, service: &Service, mut rows: Vec<Result<Record>>) -> Vec<u8> {
        let room = self.limits.max_stream_rows - self.tally.rows;
        let too_many = rows.len() > room;
        rows.truncate(room);
        let mut answers = Vec::new();
        if !rows.is_empty() {
            match Rows::unchecked(rows).score(service) {
                Ok(scored) => self.write(service, scored.rows, &mut answers),
                Err(error) => self.end(error, &mut answers),
            }
        }
        if too_many && self.over.is_none() {
            let most = self.limits.max_stream_rows;
            let message = format!("a stream of lines has at most {most} rows");
            self.end(Error::input("input.too_many_rows", message), &mut answers);
        }
        answers
    }

    fn write(
        &mut self,
        service: &Service,
        rows: Vec<Result<skewless_core::Prediction>>,
        answers: &mut Vec<u8>,
    ) {
        for row in rows {
            let row = row.map_err(|error| error.with_row(self.tally.rows));
            self.tally.rows += 1;
            if let Err(error) = &row {
                self.tally.failures += 1;
                *self.failures.entry(error.code()).or_default() += 1;
            }
            write_line(&RowAnswer(service.output(), &row), answers);
        }
    }

    fn end(&mut self, error: Error, answers: &mut Vec<u8>) {
        write_line(&ErrorBody::new(&error), answers);
        self.over = Some(error);
        self.rest = Vec::new();
    }
}

/// Answers a body of JSON lines that was read whole.
///
/// # Errors
/// `input.empty_batch` for no rows, `input.too_many_rows` for more than a request may have.
pub(crate) fn respond(service: &Service, body: &[u8]) -> Result<Response> {
    let limits = service.limits();
    let mut lines = Lines::held_to(Limits {
        max_stream_body: limits.max_body,
        max_stream_rows: limits.max_rows,
        ..limits
    });
    let mut response = Response::empty(200);
    for piece in body.chunks(PIECE) {
        response.body.extend(lines.push(service, piece));
    }
    response.body.extend(lines.finish(service));
    if let Some(error) = lines.over {
        return Err(error);
    }
    response.headers.push("content-type", MEDIA_TYPE);
    (response.tally, response.failures) = (lines.tally, lines.failures);
    Ok(response)
}

fn record(line: &[u8]) -> Result<Record> {
    let text = std::str::from_utf8(line).map_err(|error| {
        Error::input(
            "input.invalid_json",
            "not valid JSON: the line is not UTF-8",
        )
        .with_source(error)
    })?;
    Record::from_json(text)
}

fn write_line(json: &impl Serialize, answers: &mut Vec<u8>) {
    // Writing to memory cannot fail.
    let _ = serde_json::to_writer(&mut *answers, json);
    answers.push(b'\n');
}
