//! Last words on a connection that hyper does not speak on: one that is too many, and one whose head does not end.

use std::fmt::Write;
use std::time::Duration;

use skewless_core::Error;
use skewless_protocol::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::door::Door;

/// How long a closed connection is listened to, so that a client that still writes gets to read the answer.
const LINGER: Duration = Duration::from_secs(1);
/// Bytes that are read meanwhile.
const LINGER_BYTES: usize = 1 << 20;

/// A refusal as bytes on the wire, after which the connection ends.
pub(super) fn on_the_wire(door: &Door, error: &Error) -> Vec<u8> {
    let asked = Request {
        method: "GET",
        path: "/",
        headers: skewless_protocol::Headers::new(),
        body: b"",
    };
    let service = door.host().service();
    written(&service.refuse(&asked, error))
}

fn written(response: &Response) -> Vec<u8> {
    let reason = axum::http::StatusCode::from_u16(response.status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default();
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", response.status);
    // Writing to a string cannot fail.
    for (name, value) in response.headers.iter() {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let length = response.body.len();
    let _ = write!(
        head,
        "content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    [head.as_bytes(), &response.body].concat()
}

/// Says that nothing more will be written and reads what the client still sends, for a while: where unread bytes lie
/// in a socket that is closed, the system takes back what was written last.
pub(super) async fn close_gently(mut stream: TcpStream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut read = 0;
    let mut buffer = [0; 4096];
    let _ = timeout(LINGER, async {
        while read < LINGER_BYTES {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => read += count,
            }
        }
    })
    .await;
}
