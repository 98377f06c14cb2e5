//! What the checks found as the error that stops a run.

use skewless_core::{Error, Result};

use super::report::{Finding, Level};

/// The errors among the findings as one: the first's code and input, and how many more there are.
///
/// # Errors
/// The first finding of level error.
pub(crate) fn stop(findings: &[Finding]) -> Result<()> {
    let errors: Vec<&Finding> = findings
        .iter()
        .filter(|finding| finding.level == Level::Error)
        .collect();
    let Some(first) = errors.first() else {
        return Ok(());
    };
    let mut message = first.message.clone();
    for other in errors.iter().skip(1) {
        message.push_str(&format!("; {}: {}", other.check, other.message));
    }
    let error = Error::input(code(&first.check), message);
    Err(match &first.input {
        Some(input) => error.with_field(input),
        None => error,
    })
}

fn code(check: &str) -> &'static str {
    match check {
        "check.all_missing" => "check.all_missing",
        "check.target_leak" => "check.target_leak",
        "check.missing_with_label" => "check.missing_with_label",
        "check.fitted_on_all" => "check.fitted_on_all",
        "check.future_join" => "check.future_join",
        "check.stale_source" => "check.stale_source",
        "check.class_balance" => "check.class_balance",
        _ => "check.duplicates",
    }
}
