//! How much one request may ask for.

/// Bounds on one request; what is beyond them is refused with status 413.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest body in bytes.
    pub max_body: usize,
    /// Most rows in one request.
    pub max_rows: usize,
}

impl Default for Limits {
    /// 16 MiB and 100,000 rows: above what Lambda (6 MB) lets through, small enough for a worker's 128 MB.
    fn default() -> Self {
        Self {
            max_body: 16 << 20,
            max_rows: 100_000,
        }
    }
}
