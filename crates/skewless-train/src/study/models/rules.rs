//! Rules that a person wrote, as one tree: the first rule that holds decides.

use skewless_core::plan::{Missing, Model, Node, Test};
use skewless_core::{Error, Result};

use super::config::{Rule, RulesConfig};
use super::{Parameters, TrainingRows, constant};
use crate::recipe::fault;

/// A rule with two bounds doubles what follows it in the tree.
const MOST_RULES: usize = 10;

/// # Errors
/// `train.config` for no rule, a rule without a bound, or bounds that nothing lies between.
pub(super) fn checked(config: &RulesConfig) -> Result<Parameters> {
    let holds = |rule: &Rule| match (rule.from, rule.below) {
        (None, None) => false,
        (from, below) => {
            from.unwrap_or(f64::MIN) < below.unwrap_or(f64::MAX)
                && from.is_none_or(f64::is_finite)
                && below.is_none_or(f64::is_finite)
        }
    };
    if !(1..=MOST_RULES).contains(&config.rule.len()) || !config.rule.iter().all(holds) {
        return fault(
            "experiment.model.rule",
            "1 to 10 rules have a feature and `from`, `below` or both, finite and in that order",
        );
    }
    Ok(Parameters::Rules {
        rules: config.rule.clone(),
    })
}

/// Each rule predicts what the training rows that it decides show, and the last leaf what the others show.
///
/// # Errors
/// `train.rules` for a feature that the set does not have.
pub(super) fn fit(rows: &TrainingRows, rules: &[Rule]) -> Result<Model> {
    let columns = rules
        .iter()
        .map(|rule| column(rows, rule))
        .collect::<Result<Vec<_>>>()?;
    let levels: Vec<Vec<f64>> = (0..=rules.len())
        .map(|place| {
            rows.level(
                decided(rows, rules, &columns)
                    .filter(move |&(_, by)| by == place)
                    .map(|(row, _)| row),
            )
        })
        .collect();
    Ok(constant::trees(rows, vec![0.0; rows.outputs()], |output| {
        nodes(rules, &columns, &|place| {
            levels
                .get(place)
                .and_then(|level| level.get(output))
                .copied()
                .unwrap_or_default()
        })
    }))
}

fn column(rows: &TrainingRows, rule: &Rule) -> Result<usize> {
    let found = rows.columns.iter().position(|name| *name == rule.feature);
    found.ok_or_else(|| {
        let message = format!(
            "a rule asks for column `{}`, which its feature set does not have",
            rule.feature
        );
        Error::spec("train.rules", message).with_field(&rule.feature)
    })
}

/// Each row with the place of the rule that decides it.
fn decided<'a>(
    rows: &'a TrainingRows,
    rules: &'a [Rule],
    columns: &'a [usize],
) -> impl Iterator<Item = (usize, usize)> + Clone + 'a {
    let width = rows.features.width;
    (0..rows.truth.len()).map(move |row| {
        let value = |column: usize| {
            let found = rows.features.values.get(row * width + column);
            found.copied().unwrap_or(f64::NAN)
        };
        let first = rules.iter().zip(columns).position(|(rule, &column)| {
            let value = value(column);
            value >= rule.from.unwrap_or(f64::NEG_INFINITY)
                && value < rule.below.unwrap_or(f64::INFINITY)
        });
        (row, first.unwrap_or(rules.len()))
    })
}

/// The rules as a chain of splits. A rule with two bounds is two splits, both of which lead on where it does not hold.
fn nodes(rules: &[Rule], columns: &[usize], level: &dyn Fn(usize) -> f64) -> Vec<Node> {
    fn add(
        nodes: &mut Vec<Node>,
        place: usize,
        rules: &[Rule],
        columns: &[usize],
        level: &dyn Fn(usize) -> f64,
    ) -> usize {
        let (Some(rule), Some(&input)) = (rules.get(place), columns.get(place)) else {
            nodes.push(Node::Leaf {
                value: level(place),
            });
            return nodes.len() - 1;
        };
        let split = |nodes: &mut Vec<Node>, bound, missing, left, right| {
            nodes.push(Node::Split {
                input,
                test: Test::Below(bound),
                missing,
                left,
                right,
            });
            nodes.len() - 1
        };
        nodes.push(Node::Leaf {
            value: level(place),
        });
        let mut holds = nodes.len() - 1;
        if let Some(below) = rule.below {
            let on = add(nodes, place + 1, rules, columns, level);
            holds = split(nodes, below, Missing::Right, holds, on);
        }
        if let Some(from) = rule.from {
            let on = add(nodes, place + 1, rules, columns, level);
            holds = split(nodes, from, Missing::Left, on, holds);
        }
        holds
    }
    let mut built = Vec::new();
    let root = add(&mut built, 0, rules, columns, level);
    rooted(built, root)
}

/// The same tree with its root in front.
fn rooted(mut nodes: Vec<Node>, root: usize) -> Vec<Node> {
    nodes.swap(0, root);
    let moved = |place: usize| match place {
        0 => root,
        place if place == root => 0,
        place => place,
    };
    for node in &mut nodes {
        if let Node::Split { left, right, .. } = node {
            *left = moved(*left);
            *right = moved(*right);
        }
    }
    nodes
}

#[cfg(test)]
mod tests {
    use skewless_core::output::Task;
    use skewless_core::pipeline::FeatureRows;
    use skewless_core::plan::{EngineScratch, decode};

    use super::*;

    #[test]
    fn the_first_rule_that_holds_predicts_the_mean_of_its_rows() {
        let rows = TrainingRows {
            features: FeatureRows {
                width: 1,
                values: vec![1.0, 2.0, 5.0, 6.0, 9.0, f64::NAN],
                errors: Vec::new(),
            },
            columns: vec!["x".into()],
            truth: vec![1.0, 3.0, 10.0, 20.0, 100.0, 200.0],
            task: Task::Regression,
            classes: 0,
            levels: Vec::new(),
        };
        let rule = |from, below| Rule {
            feature: "x".into(),
            from,
            below,
        };
        let rules = [rule(Some(4.0), Some(7.0)), rule(None, Some(4.0))];
        let engine = decode(&fit(&rows, &rules).unwrap().encode().unwrap()).unwrap();
        let mut raw = vec![0.0; 6];
        engine
            .score(
                &rows.features.values,
                &mut EngineScratch::default(),
                &mut raw,
            )
            .unwrap();
        assert_eq!(raw, [2.0, 2.0, 15.0, 15.0, 150.0, 150.0]);
        let unknown = Rule {
            feature: "y".into(),
            from: None,
            below: Some(1.0),
        };
        assert_eq!(fit(&rows, &[unknown]).unwrap_err().code(), "train.rules");
    }
}
