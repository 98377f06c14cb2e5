//! The OpenAPI document: what it says is what the protocols do.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use skewless_core::Error;
use skewless_protocol::{Service, Settings, status};

use crate::bundles::{binary, multiclass, regression};
use crate::send;

fn document(service: &Service) -> Value {
    let (response, document) = send(service, "GET", "/openapi.json", "");
    assert_eq!(response.status, 200);
    document
}

#[test]
fn every_path_is_one_and_takes_its_method_alone() {
    for service in [binary(), multiclass(), regression()] {
        let document = document(&service);
        let mut ids = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in ["get", "post"] {
                let (response, _) = send(&service, &method.to_uppercase(), path, "{}");
                let told = item.get(method).is_some();
                assert_eq!(
                    response.code != Some("request.method_not_allowed"),
                    told,
                    "{method} {path}"
                );
                if let Some(operation) = item.get(method) {
                    assert!(ids.insert(operation["operationId"].to_string()), "{path}");
                    let responses = operation["responses"].as_object().unwrap();
                    assert!(
                        responses.contains_key(&response.status.to_string()),
                        "{path} {}",
                        response.status
                    );
                }
            }
        }
        assert_eq!(ids.len(), 13);
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, all: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        Value::String(to) if name == "$ref" => all.push(to.clone()),
                        _ => references(member, all),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, all)),
            _ => {}
        }
    }
    let document = document(&binary());
    let mut all = Vec::new();
    references(&document, &mut all);
    assert!(all.len() > 20);
    for reference in all {
        let target = document.pointer(reference.trim_start_matches('#'));
        assert!(target.is_some_and(Value::is_object), "{reference}");
    }
}

#[test]
fn the_record_is_the_specifications() {
    let record = document(&binary())["components"]["schemas"]["Record"].clone();
    assert_eq!(record["required"], json!(["carrier", "departure"]));
    assert_eq!(record["additionalProperties"], true);
    let fields = &record["properties"];
    assert_eq!(
        fields["wind"],
        json!({"type": ["number", "null"], "minimum": 0.0, "maximum": f64::MAX})
    );
    assert_eq!(
        fields["carrier"],
        json!({"type": "string", "maxLength": 256})
    );
    assert_eq!(fields["holiday"], json!({"type": ["boolean", "null"]}));
    assert_eq!(fields["stops"]["maximum"], 9_007_199_254_740_992_i64);
    assert!(
        fields["departure"]["pattern"]
            .as_str()
            .unwrap()
            .ends_with("?$")
    );
    assert!(fields.get("delay").is_none(), "no feature uses the label");
}

#[test]
fn the_limits_are_the_configured_ones() {
    let mut settings = Settings::default();
    settings.set("max_rows", "7").unwrap();
    let document = document(&binary().with_settings(settings));
    assert_eq!(document["x-limits"]["max_rows"], 7);
    assert_eq!(document["components"]["schemas"]["Records"]["maxItems"], 7);
}

/// Codes of the two kinds that a client's request can have, as they stand in the sources, doors' own among them.
#[test]
fn every_code_of_the_sources_is_listed_under_its_status() {
    let document = document(&binary());
    let listed = document["components"]["schemas"]["Error"]["x-codes"]
        .as_object()
        .unwrap();
    let mut known = BTreeSet::new();
    for (given, codes) in listed {
        for code in codes.as_array().unwrap() {
            let code = code.as_str().unwrap().to_owned();
            if code != "input.line_too_long" {
                let code: &'static str = code.clone().leak();
                assert_eq!(
                    status(&Error::input(code, "")).to_string(),
                    *given,
                    "{code}"
                );
            }
            known.insert(code);
        }
    }
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = BTreeSet::new();
    for folder in [
        "skewless-core/src/pipeline",
        "skewless-core/src/record.rs",
        "skewless-core/src/record",
        "skewless-protocol/src",
    ] {
        collect(&crates.join(folder), &mut found);
    }
    found.remove("input.");
    found.remove("request.");
    assert!(found.len() > 20, "{found:?}");
    let missing: Vec<_> = found.difference(&known).collect();
    assert!(missing.is_empty(), "not in the document: {missing:?}");
}

fn collect(path: &Path, found: &mut BTreeSet<String>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), found);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        let text = std::fs::read_to_string(path).unwrap();
        for part in text.split('"') {
            let name = part
                .strip_prefix("input.")
                .or_else(|| part.strip_prefix("request."));
            if name.is_some_and(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')) {
                found.insert(part.to_owned());
            }
        }
    }
}
