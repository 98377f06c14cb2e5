//! `skewless serve`: the HTTP protocols over one bundle, and the playground page beside them.
//!
//! Paths: those of `skewless-protocol`; `/bundle.skw`, and the same under the bundle's name (`/flights.skw`), with the
//! bundle's own bytes; and the files of the playground, where one is installed or named.
//!
//! `accept` takes connections, as many as may be, and ends them; `connection` holds each to its times; `routes` says who
//! answers a path; `respond` answers the protocols, large bodies beside the threads that read and write; `lines` answers
//! JSON lines while they arrive; `batch` scores together what arrives together; `exchange` is one request from its head to
//! the end of its answer, where it is counted and logged.

mod accept;
mod batch;
mod body;
mod connection;
mod door;
mod exchange;
mod keys;
mod lines;
mod link;
mod log;
mod refusal;
mod respond;
mod routes;
mod stop;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use skewless_core::Error;
use skewless_serving::config::{Arguments, Origin};
use skewless_serving::{Aside, Config, Source, Supply};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::args::ServeArgs;
use crate::bundle_file;
use crate::exit::InBundle;
use door::Door;
pub(crate) use keys::Keys;

/// Serves until the process is asked to stop; requests under way are answered first.
pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<()> {
    let config = configured(args)?;
    if args.print_config {
        write!(std::io::stdout(), "{config}")?;
        return Ok(());
    }
    if config.origin("bundle") == &Origin::Default {
        let error = Error::misuse("config.invalid_value", "name the bundle to serve");
        return Err(error.with_field("bundle").into());
    }
    let _written_at_the_end = log::to_standard_error(config.log);
    allow_open_files(config.max_connections);
    let runtime = runtime(config.threads)?;
    let served = runtime.block_on(serve(config));
    // What scores beside the connections has nobody left to answer.
    runtime.shutdown_background();
    served
}

/// What file, environment and flags say; the argument is the bundle's flag.
fn configured(args: &ServeArgs) -> skewless_core::Result<Config> {
    let bundle = args.bundle.iter().map(|bundle| ("bundle", bundle.clone()));
    let arguments = Arguments {
        file: args.config.clone(),
        print: args.print_config,
        set: bundle.chain(args.keys.0.iter().cloned()).collect(),
    };
    Config::resolve(skewless_serving::Door::Serve, std::env::vars(), &arguments)
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let supply = open(&config)
        .await
        .with_context(|| InBundle(config.bundle.to_string().into()))?;
    let playground = config.playground.clone().or_else(installed_playground);
    let door = Arc::new(Door::new(supply, config)?);
    let router = routes::router(&door, playground.as_deref());
    let listen = door.config().listen;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("listening on {listen}"))?;
    // Who reads the announcement may ask to stop at once.
    let asked_to_stop = stop::asked_to_stop()?;
    announce(&door, listener.local_addr()?, playground.is_some())?;
    door.begin_work();
    accept::serve(listener, router, Arc::clone(&door), asked_to_stop).await;
    if let Some(aside) = door.supply().aside() {
        aside.close().await;
    }
    Ok(())
}

async fn open(config: &Config) -> skewless_core::Result<Supply> {
    let engine = bundle_file::predictor_of;
    let aside = Aside::new(config, &[], engine)?;
    let source = Source::new(&config.bundle, &[])?;
    let fetched = source
        .read(None)
        .await?
        .ok_or_else(|| Error::bundle("bundle.unreadable", "the bundle's place holds none"))?;
    Supply::open(config, source, fetched, engine, aside)
}

/// One thread that does everything, or several that share connections; large bodies are scored beside them, by as many.
fn runtime(threads: usize) -> std::io::Result<Runtime> {
    let mut builder = if threads == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    builder
        .worker_threads(threads)
        // Files of the playground are read there too.
        .max_blocking_threads(threads + 1)
        .enable_all()
        .build()
}

/// A connection is an open file, of which a shell allows fewer than the system does.
fn allow_open_files(connections: usize) {
    #[cfg(unix)]
    {
        // Besides connections: the listener, the log, files of the playground.
        const OTHERS: u64 = 64;
        let wanted = connections as u64 + OTHERS;
        match rlimit::increase_nofile_limit(wanted) {
            Ok(allowed) if allowed >= wanted => {}
            outcome => tracing::warn!(
                code = "config.open_files",
                allowed = outcome.ok(),
                wanted,
                "the system allows fewer open files than there may be connections"
            ),
        }
    }
    #[cfg(not(unix))]
    let _ = connections;
}

/// The playground of an installation: in `playground` beside the program, or in `share/skewless/playground` beside the
/// program's folder.
fn installed_playground() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let folder = program.parent()?;
    let beside = ["playground", "../share/skewless/playground"];
    let mut folders = beside.into_iter().map(|path| folder.join(path));
    folders.find(|folder| folder.join("index.html").is_file())
}

fn announce(door: &Door, address: SocketAddr, has_playground: bool) -> std::io::Result<()> {
    let service = door.host().service();
    let facts = service.facts();
    let page = match has_playground {
        true => "the playground is there too",
        false => "without the playground, which --playground FOLDER names",
    };
    let text = format!(
        "{} {} ({}) at http://{address}/\n{page}\n",
        facts.name, facts.version, facts.digest
    );
    // In one piece: who reads the first line may close the pipe behind it.
    std::io::stdout().write_all(text.as_bytes())
}
