//! The published JSON Schema of the specification is the one that the code gives.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;

use skewless_core::FeatureSpec;

/// Run with `BLESS=1` to write the file again, and review the difference.
#[test]
fn the_schema_in_docs_is_the_codes() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/skewless.schema.json");
    let mut schema = serde_json::to_value(schemars::schema_for!(FeatureSpec)).unwrap();
    schema["title"] = "The feature tables of skewless.toml".into();
    // The configuration holds more tables, which have schemas of their own.
    schema
        .as_object_mut()
        .unwrap()
        .remove("additionalProperties");
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        text,
        "run with BLESS=1 and review the difference"
    );
}
