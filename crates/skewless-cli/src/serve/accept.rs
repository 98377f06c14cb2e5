//! Takes connections, as many as may be open at a time, and ends them when the server is asked to stop.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{Instant, timeout_at};

use super::connection;
use super::door::{Door, overloaded};
use super::link::Work;
use super::refusal::{close_gently, on_the_wire};
use super::stop::Stage;

/// Connections whose refusal may wait to be read at a time; beyond them a connection that is too many is closed at once.
const REFUSED_AT_A_TIME: usize = 64;
/// How long no connection is taken after the system had no room for one.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until `asked_to_stop` ends and then until what is under way is answered, or its time is over.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    door: Arc<Door>,
    asked_to_stop: impl Future<Output = ()>,
) {
    let (stage, seen) = watch::channel(Stage::Serving);
    let crowd = Arc::new(Crowd::default());
    let work = Arc::new(Work::default());
    let refused = Arc::new(Semaphore::new(REFUSED_AT_A_TIME));
    let take = |stream: TcpStream| {
        // Small answers are not to wait for others.
        let _ = stream.set_nodelay(true);
        match crowd.enter(door.config().max_connections) {
            Some(member) => {
                let (router, door) = (router.clone(), Arc::clone(&door));
                let (seen, work) = (seen.clone(), Arc::clone(&work));
                tokio::spawn(async move {
                    connection::serve(stream, router, door, seen, work).await;
                    drop(member);
                });
            }
            None => refuse(stream, &door, &refused),
        }
    };
    let accepting = async {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => take(stream),
                // The client has gone before it was taken.
                Err(error) if is_of_the_connection(error.kind()) => {}
                Err(error) => {
                    tracing::error!(code = "internal.accept", "{error}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    };
    let draining = async {
        asked_to_stop.await;
        door.host().service().set_ready(false);
        let deadline = Instant::now() + door.config().shutdown_timeout;
        stage.send_replace(Stage::Draining);
        // Half of the time, so that what is taken last has the other half.
        let half = Instant::now() + door.config().shutdown_timeout / 2;
        let _ = timeout_at(half, work.done()).await;
        deadline
    };
    let deadline = tokio::select! {
        deadline = draining => deadline,
        () = accepting => return,
    };
    drop(listener);
    stage.send_replace(Stage::Closing);
    if timeout_at(deadline, crowd.is_gone()).await.is_err() {
        tracing::error!(
            code = "request.aborted",
            connections = crowd.count.load(Ordering::SeqCst),
            "requests were under way when the time to stop was over"
        );
    }
}

fn is_of_the_connection(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}

/// Answers a connection that is too many.
fn refuse(stream: TcpStream, door: &Door, refused: &Arc<Semaphore>) {
    let most = door.config().max_connections;
    tracing::warn!(code = "request.overloaded", "{most} connections are open");
    let Ok(place) = Arc::clone(refused).try_acquire_owned() else {
        return;
    };
    let error = overloaded(format!("{most} connections are open; try again later"));
    let bytes = on_the_wire(door, &error);
    tokio::spawn(async move {
        // A fresh socket has room for a kilobyte.
        if stream.writable().await.is_ok() && stream.try_write(&bytes).is_ok() {
            close_gently(stream).await;
        }
        drop(place);
    });
}

/// The open connections.
#[derive(Default)]
struct Crowd {
    count: AtomicUsize,
    left: Notify,
}

/// One of them.
struct Member(Arc<Crowd>);

impl Crowd {
    fn enter(self: &Arc<Self>, most: usize) -> Option<Member> {
        // One task alone takes connections.
        if self.count.load(Ordering::SeqCst) >= most {
            return None;
        }
        self.count.fetch_add(1, Ordering::SeqCst);
        Some(Member(Arc::clone(self)))
    }

    async fn is_gone(&self) {
        loop {
            let left = self.left.notified();
            if self.count.load(Ordering::SeqCst) == 0 {
                return;
            }
            left.await;
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.left.notify_waiters();
        }
    }
}
