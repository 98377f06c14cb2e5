//! Requests to an MLflow server: JSON in and out, files to its artefact proxy, with the credentials of MLflow's variables.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde_json::Value as Json;
use skewless_core::{Error, Result};

/// How long a server may take for its answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Waits before a server that is busy, or broken for the moment, is asked again.
const WAITS: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
];
/// The slowest upload that is waited for, in bytes per second.
const LEAST_SPEED: u64 = 100_000;
/// Longest message of the server that is told on, in characters.
const MESSAGE: usize = 300;

pub(super) struct Client {
    http: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    /// The server's, under which the API's paths stand.
    address: Url,
    credentials: Credentials,
}

enum Credentials {
    /// None but those that the address holds.
    None,
    Basic(String, String),
    Bearer(String),
}

impl Client {
    /// # Errors
    /// `config.invalid_value` for what is no address of a server.
    pub(super) fn new(address: &str) -> Result<Self> {
        let address = server(address)?;
        // An error says that the process has chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let unable = |cause: Box<dyn std::error::Error + Send + Sync>| {
            Error::misuse("config.invalid_value", "no client for the MLflow server")
                .with_source(cause)
        };
        let http = reqwest::Client::builder().connect_timeout(PATIENCE).build();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        Ok(Self {
            http: http.map_err(|error| unable(error.into()))?,
            runtime: runtime.map_err(|error| unable(error.into()))?,
            address,
            credentials: Credentials::of_environment(),
        })
    }

    /// The id of an experiment by its name; none where the server knows none.
    ///
    /// # Errors
    /// `records.mlflow`
    pub(super) fn experiment(&self, name: &str) -> Result<Option<String>> {
        let mut url = self.under("/api/2.0/mlflow/experiments/get-by-name");
        url.query_pairs_mut().append_pair("experiment_name", name);
        let (status, answer) = self.ask(self.request(Method::GET, url), PATIENCE)?;
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        taken(status, answer)
            .and_then(|answer| text(&answer, "/experiment/experiment_id"))
            .map(Some)
    }

    /// Posts to a path of the API, such as `runs/create`.
    ///
    /// # Errors
    /// `records.mlflow`
    pub(super) fn post(&self, path: &str, body: &Json) -> Result<Json> {
        let request = self
            .request(Method::POST, self.under(&format!("/api/2.0/mlflow/{path}")))
            .header("content-type", "application/json")
            .body(body.to_string());
        let (status, answer) = self.ask(request, PATIENCE)?;
        taken(status, answer)
    }

    /// Puts a file into a folder of a run's artefacts, whose place is as the server told it.
    ///
    /// # Errors
    /// `records.mlflow`, also where the server doesn't take artefacts itself.
    pub(super) fn upload(
        &self,
        artefacts: &str,
        folder: &[&str],
        name: &str,
        bytes: Vec<u8>,
    ) -> Result<()> {
        let mut url = self.proxied(artefacts)?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(folder).push(name);
        }
        let patience = PATIENCE + Duration::from_secs(bytes.len() as u64 / LEAST_SPEED);
        let request = self
            .request(Method::PUT, url)
            .header("content-type", "application/octet-stream")
            .body(bytes);
        let (status, answer) = self.ask(request, patience)?;
        taken(status, answer).map(drop)
    }

    /// The address of artefacts on the server that is their proxy: `mlflow-artifacts:/1/RUN/artifacts`, where need be with
    /// another host.
    fn proxied(&self, artefacts: &str) -> Result<Url> {
        let kept = Url::parse(artefacts).ok();
        let kept = kept.filter(|kept| kept.scheme() == "mlflow-artifacts");
        let kept = kept.ok_or_else(|| {
            failure(&format!(
                "its artefacts go to `{artefacts}` and not through it, as with `mlflow server --serve-artifacts`"
            ))
        })?;
        let mut url = self.under(&format!(
            "/api/2.0/mlflow-artifacts/artifacts/{}",
            kept.path().trim_matches('/')
        ));
        if let Some(host) = kept.host_str() {
            let moved = url.set_host(Some(host)).is_ok() && url.set_port(kept.port()).is_ok();
            if !moved {
                return Err(failure(&format!("`{host}` is no host for artefacts")));
            }
        }
        Ok(url)
    }

    /// The address of a path on the server.
    fn under(&self, path: &str) -> Url {
        let mut url = self.address.clone();
        let path = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url
    }

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.http.request(method, url);
        match &self.credentials {
            Credentials::None => request,
            Credentials::Basic(user, password) => request.basic_auth(user, Some(password)),
            Credentials::Bearer(token) => request.bearer_auth(token),
        }
    }

    fn ask(&self, request: RequestBuilder, patience: Duration) -> Result<(StatusCode, Json)> {
        let answered = self.runtime.block_on(answered(request.timeout(patience)));
        let (status, body) = answered.map_err(|error: reqwest::Error| {
            let error = error.without_url();
            let host = self.address.host_str().unwrap_or_default();
            let port = self.address.port_or_known_default().unwrap_or_default();
            let message = format!("no answer from `{host}:{port}`: {}", innermost(&error));
            failure(&message).with_source(error)
        })?;
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }
}

impl Credentials {
    fn of_environment() -> Self {
        let of = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let user = of("MLFLOW_TRACKING_USERNAME");
        match (
            user.zip(of("MLFLOW_TRACKING_PASSWORD")),
            of("MLFLOW_TRACKING_TOKEN"),
        ) {
            (Some((user, password)), _) => Self::Basic(user, password),
            (None, Some(token)) => Self::Bearer(token),
            (None, None) => Self::None,
        }
    }
}

/// A text of an answer, by its JSON pointer.
///
/// # Errors
/// `records.mlflow` where it isn't there.
pub(super) fn text(answer: &Json, pointer: &str) -> Result<String> {
    let found = answer.pointer(pointer).and_then(Json::as_str);
    found.map(str::to_owned).ok_or_else(|| {
        failure(&format!(
            "the server's answer has no `{pointer}`: is it MLflow?"
        ))
    })
}

/// The error of everything that the server is or isn't told.
pub(super) fn failure(why: &str) -> Error {
    let message = format!("the run is not, or not wholly, on the MLflow server: {why}");
    Error::input("records.mlflow", message)
}

fn server(address: &str) -> Result<Url> {
    let url = Url::parse(address).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| {
        let message = "--mlflow takes the address of a tracking server, http://… or https://…";
        // An address may hold a password: it is not told on.
        Error::misuse("config.invalid_value", message)
    })
}

/// The answer to a request, asked again a few times where the server says that it is for the moment, as by MLflow's own client.
async fn answered(request: RequestBuilder) -> reqwest::Result<(StatusCode, Vec<u8>)> {
    for wait in WAITS {
        // Bodies lie in memory, so that every request can be sent again.
        let Some(asked) = request.try_clone() else {
            break;
        };
        let (status, body) = sent(asked).await?;
        if !(status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS) {
            return Ok((status, body));
        }
        tokio::time::sleep(wait).await;
    }
    sent(request).await
}

async fn sent(request: RequestBuilder) -> reqwest::Result<(StatusCode, Vec<u8>)> {
    let answer = request.send().await?;
    Ok((answer.status(), answer.bytes().await?.to_vec()))
}

/// The answer of a request that was taken.
fn taken(status: StatusCode, answer: Json) -> Result<Json> {
    if status.is_success() {
        return Ok(answer);
    }
    let told = |member: &str| {
        answer
            .get(member)
            .and_then(Json::as_str)
            .unwrap_or_default()
    };
    let message: String = told("message").chars().take(MESSAGE).collect();
    let why = format!("it answers {status}: {} {message}", told("error_code"));
    Err(failure(why.trim_end_matches([':', ' '])))
}

/// The cause behind the causes.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn artefacts_go_to_the_proxy_under_the_servers_address() {
        for (address, artefacts, expected) in [
            (
                "http://127.0.0.1:5000",
                "mlflow-artifacts:/1/ab/artifacts",
                "http://127.0.0.1:5000/api/2.0/mlflow-artifacts/artifacts/1/ab/artifacts",
            ),
            (
                "https://example.org/mlflow/",
                "mlflow-artifacts://files.example.org:8080/1/ab/artifacts",
                "https://files.example.org:8080/mlflow/api/2.0/mlflow-artifacts/artifacts/1/ab/artifacts",
            ),
        ] {
            let client = Client::new(address).unwrap();
            assert_eq!(client.proxied(artefacts).unwrap().as_str(), expected);
        }
        let client = Client::new("http://127.0.0.1:5000").unwrap();
        let refused = client.proxied("s3://bucket/1/ab").unwrap_err();
        assert_eq!(refused.code(), "records.mlflow");
        assert!(
            refused.message().contains("`s3://bucket/1/ab`"),
            "{refused}"
        );
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for address in ["", "runs", "sqlite:///mlflow.db", "file:///tmp/mlruns"] {
            let refused = Client::new(address).err().unwrap();
            assert_eq!(refused.code(), "config.invalid_value", "{address}");
        }
    }
}
