//! Paths of the protocols, and which methods they take.

use skewless_core::{Error, Result};

/// What a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// Open Inference: the server runs.
    Live,
    /// Open Inference: the server can answer.
    Ready,
    /// Open Inference: server metadata.
    Server,
    /// Open Inference: model metadata.
    Model(ModelPath<'a>),
    /// Open Inference: the model can answer.
    ModelReady(ModelPath<'a>),
    /// Open Inference: inference.
    Infer(ModelPath<'a>),
    /// MLflow and SageMaker: inference.
    Invocations,
    /// MLflow and SageMaker: the server can answer.
    Ping,
    /// Prometheus: counters, where the host keeps state.
    Metrics,
    /// What all of this takes and answers, as an OpenAPI document.
    OpenApi,
}

/// The model that a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ModelPath<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: Option<&'a str>,
}

impl<'a> Route<'a> {
    /// Reads a path; a query string and one slash at the end don't count.
    ///
    /// # Errors
    /// `request.unknown_path`.
    pub(crate) fn parse(path: &'a str) -> Result<Self> {
        let bare = path.split('?').next().unwrap_or_default();
        let bare = bare.strip_suffix('/').unwrap_or(bare);
        let segments: Vec<&str> = bare.split('/').skip(1).collect();
        match segments.as_slice() {
            ["v2", "health", "live"] => Ok(Self::Live),
            ["v2", "health", "ready"] => Ok(Self::Ready),
            ["v2"] => Ok(Self::Server),
            ["v2", "models", name, rest @ ..] => {
                Self::of_model(name, rest).ok_or_else(|| unknown_path(bare))
            }
            ["invocations"] => Ok(Self::Invocations),
            ["ping"] => Ok(Self::Ping),
            ["metrics"] => Ok(Self::Metrics),
            ["openapi.json"] => Ok(Self::OpenApi),
            _ => Err(unknown_path(bare)),
        }
    }

    fn of_model(name: &'a str, rest: &[&'a str]) -> Option<Self> {
        let (version, verb) = match rest {
            ["versions", version, verb @ ..] => (Some(*version), verb),
            verb => (None, verb),
        };
        let model = ModelPath { name, version };
        match verb {
            [] => Some(Self::Model(model)),
            ["ready"] => Some(Self::ModelReady(model)),
            ["infer"] => Some(Self::Infer(model)),
            _ => None,
        }
    }

    /// The route's name in counters.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Ready => "ready",
            Self::Server => "server",
            Self::Model(_) => "model",
            Self::ModelReady(_) => "model_ready",
            Self::Infer(_) => "infer",
            Self::Invocations => "invocations",
            Self::Ping => "ping",
            Self::Metrics => "metrics",
            Self::OpenApi => "openapi",
        }
    }

    /// The methods that the path takes, as the `allow` header lists them.
    pub(crate) fn allow(self) -> &'static str {
        match self {
            Self::Infer(_) | Self::Invocations => "POST",
            _ => "GET, HEAD",
        }
    }

    /// True where the path takes the method.
    pub(crate) fn allows(self, method: &str) -> bool {
        self.allow().split(", ").any(|known| known == method)
    }

    /// True for the Open Inference Protocol, whose error bodies have a form of their own.
    pub(crate) fn is_open_inference(path: &str) -> bool {
        path.split(['?', '/']).nth(1) == Some("v2")
    }
}

fn unknown_path(path: &str) -> Error {
    Error::input("request.unknown_path", "nothing answers under this path").with_value(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_protocols() {
        let model = ModelPath {
            name: "m",
            version: None,
        };
        let versioned = ModelPath {
            name: "m",
            version: Some("1.0.0"),
        };
        for (path, route) in [
            ("/v2", Route::Server),
            ("/v2/", Route::Server),
            ("/v2/health/live", Route::Live),
            ("/v2/health/ready?verbose", Route::Ready),
            ("/v2/models/m", Route::Model(model)),
            ("/v2/models/m/ready", Route::ModelReady(model)),
            ("/v2/models/m/versions/1.0.0", Route::Model(versioned)),
            (
                "/v2/models/m/versions/1.0.0/ready",
                Route::ModelReady(versioned),
            ),
            ("/v2/models/m/versions/1.0.0/infer", Route::Infer(versioned)),
            ("/v2/models/m/infer", Route::Infer(model)),
            ("/invocations", Route::Invocations),
            ("/ping", Route::Ping),
            ("/metrics", Route::Metrics),
            ("/openapi.json", Route::OpenApi),
        ] {
            assert_eq!(Route::parse(path).ok(), Some(route), "{path}");
        }
    }

    #[test]
    fn other_paths_are_unknown() {
        for path in [
            "",
            "/",
            "v2",
            "/v3",
            "/v2/models",
            "/v2/models/m/versions",
            "/v2/models/m/train",
            "/ping/x",
            "//v2",
        ] {
            let code = Route::parse(path).err().map(|error| error.code());
            assert_eq!(code, Some("request.unknown_path"), "{path}");
        }
    }

    #[test]
    fn methods_are_exact() {
        let infer = Route::Infer(ModelPath {
            name: "m",
            version: None,
        });
        assert!(infer.allows("POST") && !infer.allows("GET") && !infer.allows("post"));
        assert!(
            Route::Ping.allows("GET") && Route::Ping.allows("HEAD") && !Route::Ping.allows("POST")
        );
    }
}
