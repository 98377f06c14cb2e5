//! The AWS Lambda door.
fn main() {}
