//! How a feature is made, in words and formulas, back to the inputs and with its fitted parameters.

use skewless_core::spec::{Closed, DatePart, Encode, FittedFeature, FittedOp, FittedSpec, Norm};

/// Most members of a list that are spelled out.
const LISTED: usize = 4;

/// Levels of features made from features that are written out; deeper ones stand by their names. A chain of products of
/// products would otherwise double with every level.
const LEVELS: usize = 4;

/// The making of a feature. Features it is made from are written out in brackets.
pub(super) fn made(spec: &FittedSpec, feature: &FittedFeature) -> String {
    made_at(spec, feature, 0)
}

fn made_at(spec: &FittedSpec, feature: &FittedFeature, level: usize) -> String {
    let from: Vec<String> = feature
        .from
        .iter()
        .map(|name| source(spec, feature, name, level))
        .collect();
    let x = from.first().map(String::as_str).unwrap_or_default();
    match &feature.op {
        FittedOp::Number => x.to_owned(),
        FittedOp::PassthroughMissing => format!("{x}, missing or not"),
        FittedOp::Impute { value, indicator } => {
            let also = if *indicator {
                ", with an indicator column"
            } else {
                ""
            };
            format!("{x}, or {} where missing{also}", number(*value))
        }
        FittedOp::ImputeCategory { value } => format!("{x}, or \"{value}\" where missing"),
        FittedOp::Clip { min, max } => clip(x, *min, *max),
        FittedOp::Standardize { mean, std } => {
            format!("({x} − {}) / {}", number(*mean), number(*std))
        }
        FittedOp::MinMax { min, max } => {
            format!(
                "({x} − {}) / ({} − {})",
                number(*min),
                number(*max),
                number(*min)
            )
        }
        FittedOp::Log1p => format!("ln(1 + {x})"),
        FittedOp::Bucketize {
            edges,
            closed,
            encode,
        } => {
            let edges = listed(edges.iter().map(|&edge| number(edge)));
            let side = match closed {
                Closed::Left => "[a, b)",
                Closed::Right => "(a, b]",
            };
            format!("bucket {side} of {x} by edges {edges}{}", columns(*encode))
        }
        FittedOp::OneHot {
            vocabulary,
            unknown_column,
            missing_column,
        } => {
            let mut text = format!("one column each for {x} = {}", categories(vocabulary));
            text.push_str(if *unknown_column {
                ", one for unknown"
            } else {
                ""
            });
            text.push_str(if *missing_column {
                ", one for missing"
            } else {
                ""
            });
            text
        }
        FittedOp::Ordinal { vocabulary } => {
            format!("position of {x} in {}", categories(vocabulary))
        }
        FittedOp::Hash {
            buckets,
            seed,
            encode,
        } => {
            format!(
                "hash of {x} into {buckets} buckets, seed {seed}{}",
                columns(*encode)
            )
        }
        FittedOp::Cross {
            buckets,
            seed,
            encode,
        } => {
            format!(
                "hash of {} into {buckets} buckets, seed {seed}{}",
                from.join(" × "),
                columns(*encode)
            )
        }
        FittedOp::Difference => from.join(" − "),
        FittedOp::Ratio => from.join(" / "),
        FittedOp::Product => from.join(" · "),
        FittedOp::Normalize { norm } => {
            let norm = match norm {
                Norm::L1 => "sum of absolute values",
                Norm::L2 => "root of the sum of squares",
                Norm::Max => "greatest",
            };
            let others = from.get(1..).unwrap_or_default().join(", ");
            format!("{x} / {norm} of ({others})")
        }
        FittedOp::DatePart { part } => format!("{} of {x}", part_name(*part)),
        FittedOp::Cyclic { period } => {
            let period = number(*period);
            format!("sin and cos of 2π · {x} / {period}")
        }
        FittedOp::Lookup {
            table,
            column,
            default,
        } => {
            let default = default.map(|value| format!(", or {} where unknown", number(value)));
            format!("{table}.{column} at {x}{}", default.unwrap_or_default())
        }
    }
}

/// An input by its name, an earlier feature by its making.
fn source(spec: &FittedSpec, feature: &FittedFeature, name: &str, level: usize) -> String {
    let mut earlier = spec
        .features
        .iter()
        .take_while(|known| known.name != feature.name);
    match earlier.find(|known| known.name == name) {
        Some(known) if level < LEVELS => format!("({})", made_at(spec, known, level + 1)),
        _ => name.to_owned(),
    }
}

fn clip(x: &str, min: Option<f64>, max: Option<f64>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("{x} within {} … {}", number(min), number(max)),
        (Some(min), None) => format!("{x}, at least {}", number(min)),
        (None, Some(max)) => format!("{x}, at most {}", number(max)),
        (None, None) => x.to_owned(),
    }
}

fn columns(encode: Encode) -> &'static str {
    match encode {
        Encode::Index => "",
        Encode::OneHot => ", one column a bucket",
    }
}

fn categories(vocabulary: &[String]) -> String {
    listed(vocabulary.iter().cloned())
}

fn listed(members: impl ExactSizeIterator<Item = String>) -> String {
    let more = members.len().saturating_sub(LISTED);
    let mut listed: Vec<String> = members.take(LISTED).collect();
    if more > 0 {
        listed.push(format!("… {more} more"));
    }
    listed.join(", ")
}

fn part_name(part: DatePart) -> &'static str {
    match part {
        DatePart::Year => "year",
        DatePart::Month => "month",
        DatePart::Day => "day of the month",
        DatePart::DayOfWeek => "day of the week",
        DatePart::DayOfYear => "day of the year",
        DatePart::Hour => "hour",
        DatePart::Minute => "minute",
        DatePart::MinuteOfDay => "minute of the day",
    }
}

/// At most six significant digits: enough to recognise a parameter, short enough to read.
pub(super) fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return format!("{value:.0}");
    }
    let text = format!("{value:.5e}");
    text.parse::<f64>()
        .map_or(text, |rounded| rounded.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(name: &str, from: &[&str], op: FittedOp) -> FittedFeature {
        let from = from.iter().map(|&name| name.to_owned()).collect();
        FittedFeature {
            name: name.to_owned(),
            from,
            op,
            hidden: false,
            doc: None,
            owner: None,
        }
    }

    #[test]
    fn features_are_told_back_to_the_inputs() {
        let vocabulary = ["AA", "B6", "DL", "EV", "UA", "US"]
            .map(str::to_owned)
            .to_vec();
        let features = vec![
            feature(
                "hour",
                &["departure"],
                FittedOp::DatePart {
                    part: DatePart::Hour,
                },
            ),
            feature("hour_of_day", &["hour"], FittedOp::Cyclic { period: 24.0 }),
            feature(
                "x",
                &["distance"],
                FittedOp::Standardize {
                    mean: 1_048.371_314,
                    std: 735.0,
                },
            ),
            feature(
                "carrier_code",
                &["carrier"],
                FittedOp::Ordinal { vocabulary },
            ),
            feature("load", &["x", "seats"], FittedOp::Ratio),
        ];
        let spec = FittedSpec {
            unknown_fields: skewless_core::spec::UnknownFields::Ignore,
            inputs: Vec::new(),
            lookups: Vec::new(),
            features,
        };
        let told: Vec<String> = spec
            .features
            .iter()
            .map(|feature| made(&spec, feature))
            .collect();
        assert_eq!(
            told,
            [
                "hour of departure",
                "sin and cos of 2π · (hour of departure) / 24",
                "(distance − 1048.37) / 735",
                "position of carrier in AA, B6, DL, EV, … 2 more",
                "((distance − 1048.37) / 735) / seats",
            ]
        );
    }

    #[test]
    fn numbers_are_short_and_recognisable() {
        for (value, text) in [
            (24.0, "24"),
            (0.1, "0.1"),
            (1.0 / 3.0, "0.333333"),
            (-1e-9, "-0.000000001"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
