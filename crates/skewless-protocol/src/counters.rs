//! Counts over the life of a host, as Prometheus reads them.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>
//!
//! Labels take few values: a route and not a path, a status, a code.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::route::Route;
use crate::service::ModelFacts;
use crate::values::ValueCounts;
use crate::witness::WitnessCount;

/// The media type of the counters' text.
pub(crate) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of the latency histogram's buckets, in seconds.
const BOUNDS: [f64; 13] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// What became of one request.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// The path that was asked.
    pub path: &'a str,
    /// The answer's status.
    pub status: u16,
    /// The code of a refused request.
    pub code: Option<&'a str>,
    /// Rows that were scored.
    pub rows: u64,
    /// How many of them failed, by code.
    pub failures: &'a [(&'a str, u64)],
    /// From the request's arrival to the end of its answer, as the door's clock has it.
    pub seconds: f64,
}

/// Requests, rows, failures and latencies since the host began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    requests: BTreeMap<(&'static str, u16), u64>,
    refusals: BTreeMap<String, u64>,
    rows: u64,
    failures: BTreeMap<String, u64>,
    /// How many latencies were in each bucket alone; the last has no bound.
    buckets: [u64; BOUNDS.len() + 1],
    seconds: f64,
    pub(crate) replaced: u64,
    pub(crate) refused: u64,
    /// Missing and unseen values that bundles before the one in use have counted, by input.
    former_values: BTreeMap<String, (u64, u64)>,
    /// When the host began, in seconds since 1970-01-01T00:00Z.
    pub(crate) began: Option<f64>,
}

/// What stands at `/metrics` beside the counters.
pub(crate) struct Beside<'a> {
    pub(crate) facts: &'a ModelFacts,
    pub(crate) values: &'a ValueCounts,
    pub(crate) witness: &'a [WitnessCount],
    /// Seconds since 1970-01-01T00:00Z.
    pub(crate) now: Option<f64>,
}

impl Counters {
    pub(crate) fn observe(&mut self, seen: &Observation<'_>) {
        let route = Route::parse(seen.path).map_or("unknown", Route::name);
        *self.requests.entry((route, seen.status)).or_default() += 1;
        if let Some(code) = seen.code {
            add(&mut self.refusals, code, 1);
        }
        self.rows += seen.rows;
        for (code, count) in seen.failures {
            add(&mut self.failures, code, *count);
        }
        let bucket = BOUNDS.iter().position(|bound| seen.seconds <= *bound);
        if let Some(count) = self.buckets.get_mut(bucket.unwrap_or(BOUNDS.len())) {
            *count += 1;
        }
        self.seconds += seen.seconds.max(0.0);
    }

    /// Keeps what a bundle has counted of its inputs' values, because another one takes its place.
    pub(crate) fn keep_values(&mut self, values: &ValueCounts) {
        for input in &values.inputs {
            let (missing, unseen) = self.former_values.entry(input.name.clone()).or_default();
            *missing += input.missing;
            *unseen += input.unseen;
        }
    }

    /// The text at `/metrics`.
    pub(crate) fn text(&self, beside: &Beside<'_>) -> String {
        let facts = beside.facts;
        let mut text = Text::default();
        text.family("skewless_bundle_info", "gauge", "The bundle that answers.");
        text.sample(
            "skewless_bundle_info",
            &[
                ("name", &facts.name),
                ("version", &facts.version),
                ("digest", &facts.digest),
            ],
            1,
        );
        self.ages(beside, &mut text);
        let name = "skewless_bundle_changes_total";
        text.family(name, "counter", "New bundles taken or refused.");
        text.sample(name, &[("outcome", "replaced")], self.replaced);
        text.sample(name, &[("outcome", "refused")], self.refused);
        let name = "skewless_requests_total";
        text.family(name, "counter", "Requests by route and status.");
        for ((route, status), count) in &self.requests {
            let status = status.to_string();
            text.sample(name, &[("route", route), ("status", &status)], *count);
        }
        let name = "skewless_refusals_total";
        text.family(name, "counter", "Requests refused as a whole, by code.");
        text.by_code(name, &self.refusals);
        text.family("skewless_rows_total", "counter", "Rows scored.");
        text.sample("skewless_rows_total", &[], self.rows);
        let name = "skewless_row_failures_total";
        text.family(name, "counter", "Rows answered with an error, by code.");
        text.by_code(name, &self.failures);
        self.values(beside.values, &mut text);
        for WitnessCount { name, help, value } in beside.witness {
            text.family(name, "counter", help);
            text.sample(name, &[], value);
        }
        self.latencies(&mut text);
        text.0
    }

    fn ages(&self, beside: &Beside<'_>, text: &mut Text) {
        if let Some(began) = self.began {
            let name = "process_start_time_seconds";
            text.family(name, "gauge", "When the process began, since 1970.");
            text.sample(name, &[], began);
        }
        if let (Some(made), Some(now)) = (beside.facts.made, beside.now) {
            let name = "skewless_bundle_age_seconds";
            text.family(
                name,
                "gauge",
                "Since the bundle was made, as its provenance says.",
            );
            text.sample(name, &[], (now - made).max(0.0));
        }
    }

    fn values(&self, values: &ValueCounts, text: &mut Text) {
        let mut all = self.former_values.clone();
        for input in &values.inputs {
            let (missing, unseen) = all.entry(input.name.clone()).or_default();
            *missing += input.missing;
            *unseen += input.unseen;
        }
        if all.is_empty() {
            return;
        }
        let name = "skewless_input_missing_total";
        text.family(
            name,
            "counter",
            "Answered rows in which the input was missing.",
        );
        for (input, (missing, _)) in &all {
            text.sample(name, &[("input", input)], missing);
        }
        let name = "skewless_input_unseen_total";
        text.family(
            name,
            "counter",
            "Answered rows in which the input was out of vocabulary.",
        );
        for (input, (_, unseen)) in &all {
            text.sample(name, &[("input", input)], unseen);
        }
    }

    fn latencies(&self, text: &mut Text) {
        let name = "skewless_request_seconds";
        text.family(name, "histogram", "From arrival to the end of the answer.");
        let bucket = "skewless_request_seconds_bucket";
        let mut sum = 0;
        for (bound, count) in BOUNDS.iter().zip(&self.buckets) {
            sum += count;
            text.sample(bucket, &[("le", &bound.to_string())], sum);
        }
        let all: u64 = self.buckets.iter().sum();
        text.sample(bucket, &[("le", "+Inf")], all);
        text.sample("skewless_request_seconds_sum", &[], self.seconds);
        text.sample("skewless_request_seconds_count", &[], all);
    }
}

fn add(counts: &mut BTreeMap<String, u64>, code: &str, count: u64) {
    match counts.get_mut(code) {
        Some(known) => *known += count,
        None => {
            counts.insert(code.to_owned(), count);
        }
    }
}

/// Text in Prometheus' format. Writing to a string cannot fail.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn by_code(&mut self, name: &str, counts: &BTreeMap<String, u64>) {
        for (code, count) in counts {
            self.sample(name, &[("code", code)], *count);
        }
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.0.push_str(name);
        for (place, (label, text)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            let text = text.replace('\\', "\\\\");
            let text = text.replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{before}{label}=\"{text}\"");
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::InputCounts;

    #[test]
    fn the_text_counts_what_was_seen() {
        let mut counters = Counters::default();
        let seen = Observation {
            path: "/v2/models/m/infer?x",
            status: 200,
            code: None,
            rows: 10,
            failures: &[("input.wrong_type", 2)],
            seconds: 0.001,
        };
        counters.observe(&seen);
        counters.observe(&seen);
        counters.observe(&Observation {
            path: "/nowhere",
            status: 404,
            code: Some("request.unknown_path"),
            rows: 0,
            failures: &[],
            seconds: 60.0,
        });
        let facts = ModelFacts {
            name: "a\"b".to_owned(),
            version: "1.0.0".to_owned(),
            digest: "d".to_owned(),
            made: Some(1000.0),
        };
        let counted = |missing, unseen| ValueCounts {
            rows: 9,
            inputs: vec![InputCounts {
                name: "carrier".to_owned(),
                missing,
                unseen,
            }],
        };
        counters.keep_values(&counted(1, 2));
        counters.began = Some(1500.5);
        let text = counters.text(&Beside {
            facts: &facts,
            values: &counted(3, 5),
            witness: &[WitnessCount {
                name: "skewless_shadow_rows_total",
                help: "x",
                value: 8.0,
            }],
            now: Some(4600.0),
        });
        for line in [
            "skewless_bundle_age_seconds 3600",
            "process_start_time_seconds 1500.5",
            "skewless_input_missing_total{input=\"carrier\"} 4",
            "skewless_input_unseen_total{input=\"carrier\"} 7",
            "skewless_shadow_rows_total 8",
            "skewless_bundle_info{name=\"a\\\"b\",version=\"1.0.0\",digest=\"d\"} 1",
            "skewless_requests_total{route=\"infer\",status=\"200\"} 2",
            "skewless_requests_total{route=\"unknown\",status=\"404\"} 1",
            "skewless_refusals_total{code=\"request.unknown_path\"} 1",
            "skewless_rows_total 20",
            "skewless_row_failures_total{code=\"input.wrong_type\"} 4",
            "skewless_request_seconds_bucket{le=\"0.0005\"} 0",
            "skewless_request_seconds_bucket{le=\"0.001\"} 2",
            "skewless_request_seconds_bucket{le=\"10\"} 2",
            "skewless_request_seconds_bucket{le=\"+Inf\"} 3",
            "skewless_request_seconds_sum 60.002",
            "skewless_request_seconds_count 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
