//! The serving protocols as pure functions: method, path, headers and body in; status, headers and body out.
