//! Conformance: one set of golden rows and one digest, the same on every target.
