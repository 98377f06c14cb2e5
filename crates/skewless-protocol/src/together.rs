//! Several requests scored as one batch, each answered as if it had come alone.

use skewless_core::Result;

use crate::message::{Request, Response};
use crate::open_inference::Asked;
use crate::route::Route;
use crate::rows::{Rows, Scored};
use crate::service::Service;
use crate::{invocations, open_inference};

/// A request whose rows were read.
struct Begun {
    /// Where its answer stands among the others.
    place: usize,
    /// What it asks besides, where it is an Open Inference request.
    asked: Option<Asked>,
    rows: Rows,
}

impl Service {
    /// Answers each request with the same bytes as [`Service::respond`], and scores the rows of several together: at most
    /// `most_rows` at a time, unless one request alone has more.
    pub fn respond_all(&self, requests: &[Request<'_>], most_rows: usize) -> Vec<Response> {
        let mut responses: Vec<Option<Response>> = vec![None; requests.len()];
        let (mut batch, mut rows) = (Vec::new(), 0_usize);
        for (place, request) in requests.iter().enumerate() {
            // What has no rows to score together is answered below, alone.
            let Some((asked, read)) = self.rows_of(request) else {
                continue;
            };
            if rows > 0 && rows.saturating_add(read.len()) > most_rows {
                self.respond_to(std::mem::take(&mut batch), requests, &mut responses);
                rows = 0;
            }
            rows += read.len();
            batch.push(Begun {
                place,
                asked,
                rows: read,
            });
        }
        self.respond_to(batch, requests, &mut responses);
        let all = responses.into_iter().zip(requests);
        all.map(|(response, request)| response.unwrap_or_else(|| self.respond(request)))
            .collect()
    }

    /// The rows of an inference request; nothing for any other, and for one that is refused.
    fn rows_of(&self, request: &Request<'_>) -> Option<(Option<Asked>, Rows)> {
        match self.checked(request).ok()?? {
            Route::Infer(_) => {
                let (asked, rows) = open_inference::read(self, request).ok()?;
                Some((Some(asked), rows))
            }
            Route::Invocations => Some((None, invocations::read(self, request).ok()??)),
            _ => None,
        }
    }

    /// Scores a batch and puts each answer in its place; a batch that fails as a whole leaves its places empty.
    fn respond_to(
        &self,
        batch: Vec<Begun>,
        requests: &[Request<'_>],
        responses: &mut [Option<Response>],
    ) {
        let (rows, begun): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|begun| (begun.rows, (begun.place, begun.asked)))
            .unzip();
        let Ok(scored) = Rows::score_all(rows, self) else {
            return;
        };
        for ((place, asked), scored) in begun.into_iter().zip(scored) {
            if let (Some(response), Some(request)) = (responses.get_mut(place), requests.get(place))
            {
                let written = self.written(request, asked.as_ref(), &scored).ok();
                *response = written.map(|written| self.signed(request, written));
            }
        }
    }

    fn written(
        &self,
        request: &Request<'_>,
        asked: Option<&Asked>,
        scored: &Scored,
    ) -> Result<Response> {
        match asked {
            Some(asked) => open_inference::written(self, request, asked, scored),
            None => invocations::written(self, request, scored),
        }
    }
}
