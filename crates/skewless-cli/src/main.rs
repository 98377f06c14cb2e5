//! The skewless program.
fn main() {}
