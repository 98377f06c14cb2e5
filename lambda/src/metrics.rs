//! Metrics as CloudWatch's embedded metric format: one JSON line an invocation, which the log service turns into
//! metrics.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};
use skewless_protocol::{ModelFacts, ValueCounts};
use skewless_serving::AsideCounts;

use crate::function::{Function, Invocation};
use crate::streamed::Ended;

/// What the runtime knows of an invocation and the function does not.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// The request id that Lambda gave the invocation.
    pub request_id: &'a str,
    /// Seconds since 1970-01-01T00:00Z.
    pub time: f64,
    /// From the event's arrival to its answer.
    pub latency: Duration,
    /// What the answer came to, once it is made.
    pub ended: &'a Ended,
}

/// Writes metrics lines: what grows over the function's life is told by what it has grown since the line before.
#[derive(Debug)]
pub struct Metrics {
    namespace: String,
    told: Mutex<Told>,
}

/// What the lines before have told.
#[derive(Debug, Default)]
struct Told {
    digest: String,
    values: ValueCounts,
    aside: AsideCounts,
}

impl Metrics {
    /// Metrics of a CloudWatch namespace.
    pub fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            told: Mutex::default(),
        }
    }

    /// The line of one invocation. Dimensions are the bundle's name and version; digest and request id are searchable
    /// properties, because a dimension's every value is a metric of its own.
    pub fn line(
        &self,
        function: &Function,
        invocation: &Invocation,
        measured: &Measured<'_>,
    ) -> Value {
        let facts = &invocation.facts;
        let mut figures = Figures::default();
        figures.count("Rows", measured.ended.tally.rows as f64);
        figures.count("Failures", measured.ended.tally.failures as f64);
        figures.count(
            "Refused",
            f64::from(u8::from(measured.ended.code.is_some())),
        );
        figures.count("ColdStart", f64::from(u8::from(invocation.cold_start)));
        figures.add(
            "Latency",
            "Milliseconds",
            measured.latency.as_secs_f64() * 1e3,
        );
        if let Some(made) = facts.made {
            figures.add("BundleAge", "Seconds", (measured.time - made).max(0.0));
        }
        self.grown(function, facts, &mut figures);
        self.written(invocation, measured, figures, &["Model", "Version"])
    }

    /// A line for each code that rows failed with or the request was refused with: the metrics `Failures` and `Refused` once
    /// more, by the dimension `Code`.
    pub fn by_code(&self, invocation: &Invocation, measured: &Measured<'_>) -> Vec<Value> {
        let failed = measured.ended.failures.iter();
        let failed = failed.map(|(code, count)| ("Failures", *code, *count as f64));
        let refused = measured.ended.code.map(|code| ("Refused", code, 1.0));
        let line = |(name, code, count): (&str, &str, f64)| {
            let mut figures = Figures::default();
            figures.count(name, count);
            figures.values.insert("Code".to_owned(), json!(code));
            self.written(invocation, measured, figures, &["Model", "Version", "Code"])
        };
        failed.chain(refused).map(line).collect()
    }

    fn written(
        &self,
        invocation: &Invocation,
        measured: &Measured<'_>,
        figures: Figures,
        dimensions: &[&str],
    ) -> Value {
        let facts = &invocation.facts;
        let mut line = figures.values;
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": milliseconds(measured.time),
                "CloudWatchMetrics": [{
                    "Namespace": self.namespace,
                    "Dimensions": [dimensions],
                    "Metrics": figures.definitions,
                }],
            }),
        );
        for (name, value) in [
            ("Model", &facts.name),
            ("Version", &facts.version),
            ("Digest", &facts.digest),
        ] {
            line.insert(name.to_owned(), json!(value));
        }
        line.insert("RequestId".to_owned(), json!(measured.request_id));
        Value::Object(line)
    }

    /// Missing and unseen values and what the shadow found, since the line before.
    fn grown(&self, function: &Function, facts: &ModelFacts, figures: &mut Figures) {
        let (values, aside) = (
            function.value_counts(),
            function
                .aside()
                .map(|aside| aside.counts())
                .unwrap_or_default(),
        );
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.digest != facts.digest {
            // Another bundle counts from nothing.
            told.digest.clone_from(&facts.digest);
            told.values = ValueCounts::default();
        }
        let since = |now: u64, before: u64| now.saturating_sub(before) as f64;
        figures.count("Missing", since(values.missing(), told.values.missing()));
        figures.count("Unseen", since(values.unseen(), told.values.unseen()));
        if let Some(shadow) = aside.shadow {
            let before = told.aside.shadow.unwrap_or_default();
            figures.count("ShadowRows", since(shadow.rows, before.rows));
            figures.count(
                "ShadowDifferences",
                since(shadow.differences, before.differences),
            );
            let labels = since(shadow.label_differences, before.label_differences);
            figures.count("ShadowLabelDifferences", labels);
            figures.count("ShadowFailures", since(shadow.failures, before.failures));
            figures.count("ShadowDropped", since(shadow.dropped, before.dropped));
        }
        (told.values, told.aside) = (values, aside);
    }
}

/// Metrics with their units.
#[derive(Default)]
struct Figures {
    definitions: Vec<Value>,
    values: Map<String, Value>,
}

impl Figures {
    fn count(&mut self, name: &str, value: f64) {
        self.add(name, "Count", value);
    }

    fn add(&mut self, name: &str, unit: &str, value: f64) {
        self.definitions.push(json!({"Name": name, "Unit": unit}));
        self.values.insert(name.to_owned(), json!(value));
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a saturating cast of a clock"
)]
fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1e3) as u64
}
