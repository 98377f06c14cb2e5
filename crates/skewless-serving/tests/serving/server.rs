//! A web server that holds one object, with entity tags or without.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What the server holds.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) bytes: Vec<u8>,
    pub(crate) tag: Option<String>,
    /// What was asked for last.
    pub(crate) target: String,
    /// Answers in chunks of unknown length.
    pub(crate) chunked: bool,
    /// Answers nothing but this status where it is set.
    pub(crate) status: Option<u16>,
    /// Bodies that were sent whole.
    pub(crate) sent: usize,
}

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    held: Arc<Mutex<Held>>,
}

impl Server {
    pub(crate) fn start(bytes: Vec<u8>, tag: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let held = Arc::new(Mutex::new(Held {
            bytes,
            tag: tag.map(str::to_owned),
            ..Held::default()
        }));
        let shared = Arc::clone(&held);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || answer(stream, &shared));
            }
        });
        Self { address, held }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/models/delays.skw", self.address)
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Held)) {
        change(&mut self.held.lock().unwrap());
    }

    pub(crate) fn target(&self) -> String {
        self.held.lock().unwrap().target.clone()
    }

    pub(crate) fn sent(&self) -> usize {
        self.held.lock().unwrap().sent
    }
}

fn answer(mut stream: TcpStream, held: &Mutex<Held>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut known = None;
    let asked = lines.next().and_then(Result::ok).unwrap_or_default();
    while let Some(Ok(line)) = lines.next() {
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("if-none-match")
        {
            known = Some(value.to_owned());
        }
    }
    let mut held = held.lock().unwrap();
    held.target = asked.split(' ').nth(1).unwrap_or_default().to_owned();
    let chunked = held.chunked;
    let tag = held.tag.clone();
    let header = tag
        .as_ref()
        .map_or_else(String::new, |tag| format!("etag: {tag}\r\n"));
    let (status, body) = match held.status {
        Some(status) => (status, Vec::new()),
        None if tag.is_some() && tag == known => (304, Vec::new()),
        None => {
            held.sent += 1;
            (200, held.bytes.clone())
        }
    };
    drop(held);
    let (length, body) = match chunked {
        false => (format!("content-length: {}", body.len()), body),
        true => {
            let mut pieces = Vec::new();
            for piece in body.chunks(1_000) {
                pieces.extend(format!("{:x}\r\n", piece.len()).into_bytes());
                pieces.extend_from_slice(piece);
                pieces.extend_from_slice(b"\r\n");
            }
            pieces.extend_from_slice(b"0\r\n\r\n");
            ("transfer-encoding: chunked".to_owned(), pieces)
        }
    };
    let head = format!("HTTP/1.1 {status} X\r\n{header}{length}\r\nconnection: close\r\n\r\n");
    // A client that has gone needs no answer.
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(&body));
}
