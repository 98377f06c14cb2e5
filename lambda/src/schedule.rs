//! A schedule's event: is the function well, and how old is its bundle?

use serde_json::{Value, json};
use skewless_protocol::Host;
use skewless_serving::seconds_since_epoch;

use crate::function::{Answer, Outcome};
use crate::streamed::Ended;

/// `{"ready","name","version","digest","age_seconds"}`, and `refused_bundle` where a new bundle was not taken. The bundle's
/// place has been asked before, where that was due.
pub(crate) fn answer(host: &Host) -> Outcome {
    let service = host.service();
    let facts = service.facts();
    let age = facts
        .made
        .map(|made| (seconds_since_epoch() - made).max(0.0));
    let refused = host.refused_bundle();
    let mut answer = json!({
        "ready": service.is_ready(),
        "name": facts.name,
        "version": facts.version,
        "digest": facts.digest,
        "age_seconds": age,
    });
    if let (Value::Object(members), Some(refused)) = (&mut answer, &refused) {
        members.insert("refused_bundle".to_owned(), json!(refused));
    }
    tracing::info!(
        event = "health",
        model = facts.name,
        version = facts.version,
        digest = facts.digest,
        age_seconds = age,
        refused_bundle = refused.as_ref().map(|refused| refused.code.as_str()),
        "checked"
    );
    Outcome {
        answer: Answer::Whole(answer),
        ended: Ended::default(),
    }
}
