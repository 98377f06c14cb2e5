//! Metrics as CloudWatch's embedded metric format: one JSON line an invocation, which the log service turns into
//! metrics.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::time::Duration;

use serde_json::{Value, json};
use skewless_protocol::ModelFacts;

use crate::function::Invocation;

/// What the runtime knows of an invocation and the function does not.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// The request id that Lambda gave the invocation.
    pub request_id: &'a str,
    /// Milliseconds since 1970-01-01T00:00Z.
    pub timestamp: u64,
    /// From the event's arrival to its answer.
    pub latency: Duration,
}

/// The line of one invocation. Dimensions are the bundle's name and version; digest and request id are searchable
/// properties, because a dimension's every value is a metric of its own.
pub fn metrics_line(
    namespace: &str,
    facts: &ModelFacts,
    invocation: &Invocation,
    measured: Measured<'_>,
) -> Value {
    json!({
        "_aws": {
            "Timestamp": measured.timestamp,
            "CloudWatchMetrics": [{
                "Namespace": namespace,
                "Dimensions": [["Model", "Version"]],
                "Metrics": [
                    {"Name": "Rows", "Unit": "Count"},
                    {"Name": "Failures", "Unit": "Count"},
                    {"Name": "Refused", "Unit": "Count"},
                    {"Name": "Latency", "Unit": "Milliseconds"},
                    {"Name": "ColdStart", "Unit": "Count"},
                ],
            }],
        },
        "Model": facts.name,
        "Version": facts.version,
        "Digest": facts.digest,
        "RequestId": measured.request_id,
        "Rows": invocation.tally.rows,
        "Failures": invocation.tally.failures,
        "Refused": u8::from(invocation.code.is_some()),
        "Latency": measured.latency.as_secs_f64() * 1e3,
        "ColdStart": u8::from(invocation.cold_start),
    })
}
