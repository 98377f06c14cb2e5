//! A request's body, read whole and no further than it may be long.

use axum::body::{Body, Bytes};
use bytes::BytesMut;
use http_body::Body as _;
use http_body_util::BodyExt;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    TooLarge,
    /// The connection ended, or what came is no body.
    BrokenOff,
}

/// Reads a body of at most `most` bytes; one that comes in a piece is not copied.
///
/// # Errors
/// What kept it from being read; a body that says its length is not waited for.
pub(super) async fn whole(mut body: Body, most: usize) -> Result<Bytes, Unread> {
    let too_large = |length: usize| length > most;
    if usize::try_from(body.size_hint().lower()).map_or(true, too_large) {
        return Err(Unread::TooLarge);
    }
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_| Unread::BrokenOff)?.into_data() else {
            continue;
        };
        if too_large(first.len().max(all.len()) + piece.len()) {
            return Err(Unread::TooLarge);
        }
        if first.is_empty() && all.is_empty() {
            first = piece;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&piece);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}
