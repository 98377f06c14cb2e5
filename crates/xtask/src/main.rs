//! Everything a developer or CI does by hand, as verbs.
fn main() {}
