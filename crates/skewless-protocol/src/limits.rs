//! How much one request may ask for.

/// Bounds on one request; what is beyond them is refused with status 413.
///
/// A body that is read whole is held to the first two. JSON lines that are answered while they arrive take no memory
/// beyond a line and a piece, and have bounds of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest body in bytes that is read whole.
    pub max_body: usize,
    /// Most rows of a body that is read whole.
    pub max_rows: usize,
    /// Longest line of JSON lines, in bytes; a longer one is a failed row.
    pub max_line: usize,
    /// Longest body in bytes of JSON lines that are answered while they arrive.
    pub max_stream_body: usize,
    /// Most rows of JSON lines that are answered while they arrive.
    pub max_stream_rows: usize,
}

impl Default for Limits {
    /// 16 MiB and 100,000 rows: above what Lambda (6 MB) lets through, small enough for a worker's 128 MB. 1 MiB a
    /// line. 1 GiB and 10,000,000 rows of a stream.
    fn default() -> Self {
        Self {
            max_body: 16 << 20,
            max_rows: 100_000,
            max_line: 1 << 20,
            max_stream_body: 1 << 30,
            max_stream_rows: 10_000_000,
        }
    }
}
