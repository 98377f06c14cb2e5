//! A connection's socket, and what it is at: waiting, hearing a head, answering.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use skewless_serving::Config;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// What a connection is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing has come yet.
    Fresh,
    /// A request was answered; none has begun since.
    Idle,
    /// A head is arriving.
    Head,
    /// A request is under way.
    Busy,
}

/// Which time has run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// Between requests, or before the first.
    Idle,
    /// A head that does not end.
    Head,
    /// Nobody takes what is written.
    Write,
}

/// What the parts of a connection tell each other. Several threads may look, one at a time changes it.
pub(super) struct Link {
    began: Instant,
    /// The phase in the lower two bits, above them when it began, in milliseconds since `began`.
    phase: AtomicU64,
    /// When a write first found no room, in milliseconds since `began` and one; 0 while there is room.
    stalled: AtomicU64,
    /// True where bytes of a request were left unread, so that closing at once could take the answer back.
    unread: AtomicBool,
    work: Arc<Work>,
}

/// How many connections have a request under way.
#[derive(Default)]
pub(super) struct Work {
    count: AtomicU64,
    none: Notify,
}

impl Work {
    /// Ends when no request is under way.
    pub(super) async fn done(&self) {
        loop {
            let none = self.none.notified();
            if self.count.load(Ordering::SeqCst) == 0 {
                return;
            }
            none.await;
        }
    }

    fn change(&self, from: Phase, to: Phase) {
        let (before, after) = (from.is_at_work(), to.is_at_work());
        if after && !before {
            self.count.fetch_add(1, Ordering::SeqCst);
        }
        if before && !after && self.count.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.none.notify_waiters();
        }
    }
}

impl Phase {
    fn is_at_work(self) -> bool {
        matches!(self, Self::Head | Self::Busy)
    }

    fn of(bits: u64) -> Self {
        match bits & 3 {
            0 => Self::Fresh,
            1 => Self::Idle,
            2 => Self::Head,
            _ => Self::Busy,
        }
    }
}

impl Link {
    pub(super) fn new(work: Arc<Work>) -> Self {
        Self {
            began: Instant::now(),
            phase: AtomicU64::new(Phase::Fresh as u64),
            stalled: AtomicU64::new(0),
            unread: AtomicBool::new(false),
            work,
        }
    }

    pub(super) fn phase(&self) -> Phase {
        Phase::of(self.phase.load(Ordering::Acquire))
    }

    pub(super) fn enter(&self, phase: Phase) {
        let entry = (self.milliseconds() << 2) | phase as u64;
        let before = self.phase.swap(entry, Ordering::AcqRel);
        self.work.change(Phase::of(before), phase);
    }

    /// Notes that bytes of a request stay unread.
    pub(super) fn leave_unread(&self) {
        self.unread.store(true, Ordering::Release);
    }

    pub(super) fn has_unread(&self) -> bool {
        self.unread.load(Ordering::Acquire)
    }

    /// What has taken longer than it may.
    pub(super) fn overdue(&self, config: &Config) -> Option<Overdue> {
        let now = self.milliseconds();
        let past =
            |since: u64, most: Duration| u128::from(now.saturating_sub(since)) >= most.as_millis();
        let stalled = self.stalled.load(Ordering::Acquire);
        if stalled > 0 && past(stalled - 1, config.request_timeout) {
            return Some(Overdue::Write);
        }
        let entry = self.phase.load(Ordering::Acquire);
        let since = entry >> 2;
        match Phase::of(entry) {
            Phase::Fresh if past(since, config.header_timeout) => Some(Overdue::Idle),
            Phase::Idle if past(since, config.idle_timeout) => Some(Overdue::Idle),
            Phase::Head if past(since, config.header_timeout) => Some(Overdue::Head),
            // A body has its time where it is read.
            _ => None,
        }
    }

    fn heard(&self) {
        if matches!(self.phase(), Phase::Fresh | Phase::Idle) {
            self.enter(Phase::Head);
        }
    }

    fn wrote(&self, room: bool) {
        let stalled = self.stalled.load(Ordering::Acquire);
        if room && stalled > 0 {
            self.stalled.store(0, Ordering::Release);
        } else if !room && stalled == 0 {
            self.stalled
                .store(self.milliseconds() + 1, Ordering::Release);
        }
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX >> 2)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // A connection that breaks off in mid-request is at work no more.
        self.work.change(self.phase(), Phase::Idle);
    }
}

/// The socket as hyper reads and writes it. Whoever else holds the stream can still say a last word.
pub(super) struct Socket {
    pub(super) stream: Arc<TcpStream>,
    pub(super) link: Arc<Link>,
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            match self.stream.try_read_buf(buffer) {
                Ok(count) => {
                    if count > 0 {
                        self.link.heard();
                    }
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl Socket {
    fn poll_written(
        &self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.stream.poll_write_ready(cx) {
                Poll::Pending => {
                    self.link.wrote(false);
                    return Poll::Pending;
                }
                Poll::Ready(ready) => ready?,
            }
            match write(&self.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => {
                    self.link.wrote(true);
                    return Poll::Ready(outcome);
                }
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_written(cx, |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_written(cx, |stream| stream.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Whoever holds the stream last closes it.
        Poll::Ready(Ok(()))
    }
}
