//! What can be said against a written specification before any data is seen.

use super::feature::{FeatureAsWritten, FeatureSpec, OpName};
use super::input::{Input, InputType, Outside, Role, Token, Zone};
use crate::decimal::shown_number;
use crate::error::{Error, Result};
use crate::pipeline::MAX_COLUMNS;

impl FeatureSpec {
    /// Checks everything that needs no data: names, types' attributes, ops' parameters, and that nothing known only
    /// after the event feeds a feature.
    ///
    /// # Errors
    /// The first fault, as `spec.*` with the input's or feature's name; `spec.leak` where an input with
    /// `known_at_prediction = false` feeds a feature.
    pub fn check(&self) -> Result<()> {
        let mut names: Vec<&str> = Vec::new();
        for input in &self.input {
            unique(&mut names, &input.name)?;
            check_input(input)?;
        }
        for feature in &self.feature {
            check_parameters(feature)?;
            for from in feature.from.names() {
                self.check_source(feature, from, &names)?;
            }
            unique(&mut names, &feature.name)?;
        }
        if self.feature.iter().all(|feature| feature.hidden) {
            return Err(Error::spec(
                "spec.no_features",
                "the specification gives the model no feature",
            ));
        }
        Ok(())
    }

    fn check_source(&self, feature: &FeatureAsWritten, from: &str, known: &[&str]) -> Result<()> {
        if !known.contains(&from) {
            return Err(Error::spec(
                "spec.unknown_source",
                format!("feature `{}` is made from `{from}`, which is neither an input nor an earlier feature", feature.name),
            )
            .with_field(from));
        }
        let Some(input) = self.input.iter().find(|input| input.name == from) else {
            return Ok(());
        };
        if !input.known_at_prediction {
            return Err(Error::spec(
                "spec.leak",
                format!(
                    "feature `{}` is made from `{from}`, which is not known at the time of prediction (known_at_prediction = false)",
                    feature.name
                ),
            )
            .with_field(from));
        }
        if matches!(input.role, Role::Label | Role::Weight | Role::Id) {
            return Err(Error::spec(
                "spec.role",
                format!(
                    "feature `{}` is made from `{from}`, whose role is {:?}, not feature",
                    feature.name, input.role
                ),
            )
            .with_field(from));
        }
        Ok(())
    }
}

fn unique<'a>(names: &mut Vec<&'a str>, name: &'a str) -> Result<()> {
    if name.is_empty() || names.contains(&name) {
        let what = if name.is_empty() {
            "a name is empty".to_owned()
        } else {
            format!("the name `{name}` stands twice")
        };
        return Err(Error::spec("spec.duplicate_name", what).with_field(name));
    }
    names.push(name);
    Ok(())
}

/// Checks one input's attributes against its type.
pub(crate) fn check_input(input: &Input) -> Result<()> {
    let fault = |rule: String| {
        Err(Error::spec(
            "spec.invalid_input",
            format!("input `{}`: {rule}", input.name),
        )
        .with_field(&input.name))
    };
    if input
        .required
        .is_some_and(|required| required == input.nullable)
    {
        return fault("`required` and `nullable` contradict each other".to_owned());
    }
    let number = matches!(input.kind, InputType::Number | InputType::Integer);
    if let Some(range) = &input.range {
        if !number {
            return fault(format!("a {} has no `range`", input.kind.name()));
        }
        let (min, max) = (
            range.min.unwrap_or(f64::NEG_INFINITY),
            range.max.unwrap_or(f64::INFINITY),
        );
        if min.is_nan() || max.is_nan() || min > max {
            let (min, max) = (shown_number(min), shown_number(max));
            return fault(format!("the range from {min} to {max} is empty"));
        }
        if range.outside == Outside::Missing && !input.nullable {
            return fault("`outside = \"missing\"` needs `nullable = true`".to_owned());
        }
    }
    if !number
        && input
            .missing
            .iter()
            .any(|token| matches!(token, Token::Number(_)))
    {
        return fault(format!(
            "a number cannot be a `missing` token of a {}",
            input.kind.name()
        ));
    }
    if !input.missing.is_empty() && !input.nullable {
        return fault("`missing` tokens need `nullable = true`".to_owned());
    }
    match (&input.zone, input.kind) {
        (None, InputType::Timestamp) => {
            return fault("a timestamp must state its `zone`".to_owned());
        }
        (Some(_), kind) if kind != InputType::Timestamp => {
            return fault(format!("a {} has no `zone`", kind.name()));
        }
        (Some(zone), _) if Zone::parse(zone).is_none() => {
            return fault(format!(
                "`zone` is \"local\", \"utc\" or ±hh:mm, not \"{zone}\""
            ));
        }
        _ => {}
    }
    if let Some(rule) = shape_fault(input) {
        return fault(rule);
    }
    if input.max_length.is_some() && !input.kind.is_text() {
        return fault(format!("a {} has no `max_length`", input.kind.name()));
    }
    if input
        .max_age
        .as_deref()
        .is_some_and(|age| !is_duration(age))
    {
        return fault("`max_age` is a whole number followed by s, m, h or d".to_owned());
    }
    Ok(())
}

/// A tensor states a shape of a bearable size; other inputs have none.
fn shape_fault(input: &Input) -> Option<String> {
    let kind = input.kind.name();
    let shape = match (&input.shape, input.kind) {
        (None, InputType::Tensor) => return Some("a tensor must state its `shape`".to_owned()),
        (Some(_), kind) if kind != InputType::Tensor => {
            return Some(format!("a {} has no `shape`", kind.name()));
        }
        (None, _) => return None,
        (Some(shape), _) => shape,
    };
    if input.nullable {
        return Some(format!("a {kind} cannot be `nullable`"));
    }
    let elements = shape
        .iter()
        .try_fold(1, |product: usize, length| product.checked_mul(*length));
    let bearable = !shape.is_empty() && elements.is_some_and(|n| (1..=MAX_COLUMNS).contains(&n));
    (!bearable).then(|| format!("a `shape` has between 1 and {MAX_COLUMNS} elements"))
}

fn is_duration(text: &str) -> bool {
    let digits = text.trim_end_matches(['s', 'm', 'h', 'd']);
    digits.len() + 1 == text.len()
        && !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn check_parameters(feature: &FeatureAsWritten) -> Result<()> {
    let allowed = parameters_of(feature.op);
    let given = given_parameters(feature);
    if let Some(stray) = given.iter().find(|name| !allowed.contains(name)) {
        let list = if allowed.is_empty() {
            "no parameters".to_owned()
        } else {
            allowed.join(", ")
        };
        return Err(Error::spec(
            "spec.stray_parameter",
            format!(
                "feature `{}`: op {:?} takes {list}, not `{stray}`",
                feature.name, feature.op
            ),
        )
        .with_field(&feature.name));
    }
    let sources = feature.from.names().len();
    let wanted = match feature.op {
        OpName::Difference | OpName::Ratio => 2..=2,
        OpName::Product | OpName::Cross | OpName::Normalize => 2..=usize::MAX,
        _ => 1..=1,
    };
    if !wanted.contains(&sources) {
        return Err(Error::spec(
            "spec.sources",
            format!(
                "feature `{}`: op {:?} cannot be made from {sources} sources",
                feature.name, feature.op
            ),
        )
        .with_field(&feature.name));
    }
    Ok(())
}

fn parameters_of(op: OpName) -> &'static [&'static str] {
    match op {
        OpName::Number
        | OpName::PassthroughMissing
        | OpName::Log1p
        | OpName::Difference
        | OpName::Ratio
        | OpName::Product => &[],
        OpName::Impute => &["strategy", "value", "indicator"],
        OpName::Clip | OpName::MinMax => &["min", "max"],
        OpName::Standardize => &["mean", "std"],
        OpName::Bucketize => &["edges", "quantiles", "closed", "encode"],
        OpName::OneHot => &[
            "vocabulary",
            "min_count",
            "max_size",
            "unknown_column",
            "missing_column",
        ],
        OpName::Ordinal => &["vocabulary", "min_count", "max_size"],
        OpName::Hash | OpName::Cross => &["buckets", "seed", "encode"],
        OpName::Normalize => &["norm"],
        OpName::DatePart => &["part"],
        OpName::Cyclic => &["period"],
        OpName::Lookup => &["table", "column", "default"],
    }
}

fn given_parameters(feature: &FeatureAsWritten) -> Vec<&'static str> {
    let all = [
        ("strategy", feature.strategy.is_some()),
        ("value", feature.value.is_some()),
        ("indicator", feature.indicator.is_some()),
        ("min", feature.min.is_some()),
        ("max", feature.max.is_some()),
        ("mean", feature.mean.is_some()),
        ("std", feature.std.is_some()),
        ("edges", feature.edges.is_some()),
        ("quantiles", feature.quantiles.is_some()),
        ("closed", feature.closed.is_some()),
        ("encode", feature.encode.is_some()),
        ("vocabulary", feature.vocabulary.is_some()),
        ("min_count", feature.min_count.is_some()),
        ("max_size", feature.max_size.is_some()),
        ("unknown_column", feature.unknown_column.is_some()),
        ("missing_column", feature.missing_column.is_some()),
        ("buckets", feature.buckets.is_some()),
        ("seed", feature.seed.is_some()),
        ("norm", feature.norm.is_some()),
        ("part", feature.part.is_some()),
        ("period", feature.period.is_some()),
        ("table", feature.table.is_some()),
        ("column", feature.column.is_some()),
        ("default", feature.default.is_some()),
    ];
    all.into_iter()
        .filter(|(_, given)| *given)
        .map(|(name, _)| name)
        .collect()
}
