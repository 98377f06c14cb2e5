//! The browser and edge-worker door: the core behind JavaScript bindings.
