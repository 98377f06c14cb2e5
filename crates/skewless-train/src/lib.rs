//! Reads, splits, fits, selects, evaluates and reports; the result is a bundle.
