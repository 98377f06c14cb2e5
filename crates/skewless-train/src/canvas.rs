//! The canvas: what a model is for, who is affected, and who looks after it, asked before anything is trained.
//!
//! After the machine learning canvas of Dorard (2015) and the questions of Mitchell et al. 2019. The answers stand in
//! `[canvas]`, go into the card and the report, and change nothing of what is learnt.

use serde::{Deserialize, Serialize};

use crate::card::{Card, one_line};

/// `[canvas]`: answers in plain words, each of them optional; [`crate::lint()`] lists what is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Canvas {
    /// Which decision the prediction serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// What is done on a prediction, by whom or by what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// What a right prediction is worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Who uses the predictions, and who is affected by them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<String>,
    /// The measure of success outside of the model, and from which value on it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<String>,
    /// How it is decided without a model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// What each kind of wrong prediction costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_cost: Option<String>,
    /// Which personal data is used, and on what ground.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy: Option<String>,
    /// Which groups could be treated worse, and how that is looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fairness: Option<String>,
    /// What is watched in use, how often, and from when on someone acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<String>,
    /// Who answers for the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When the model is trained anew or taken out of use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retire: Option<String>,
}

/// A question of the canvas with what was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The key in `[canvas]`.
    pub key: &'static str,
    /// The question.
    pub question: &'static str,
    /// The answer; a blank one is none.
    pub answer: Option<&'a str>,
}

impl Canvas {
    /// Every question in the card's order.
    pub fn answers(&self) -> impl Iterator<Item = Answer<'_>> {
        let asked = [
            ("decision", "Which decision does it serve?", &self.decision),
            ("action", "What is done on a prediction?", &self.action),
            ("value", "What is a right prediction worth?", &self.value),
            ("users", "Who uses it, and who is affected?", &self.users),
            (
                "success",
                "What is success, and how is it measured?",
                &self.success,
            ),
            (
                "baseline",
                "How is it decided without a model?",
                &self.baseline,
            ),
            (
                "failure_cost",
                "What does a wrong prediction cost?",
                &self.failure_cost,
            ),
            (
                "privacy",
                "Which personal data is used, and on what ground?",
                &self.privacy,
            ),
            (
                "fairness",
                "Which groups could be treated worse?",
                &self.fairness,
            ),
            ("monitoring", "What is watched in use?", &self.monitoring),
            ("owner", "Who answers for it?", &self.owner),
            (
                "retire",
                "When is it trained anew or taken out of use?",
                &self.retire,
            ),
        ];
        asked.into_iter().map(|(key, question, answer)| Answer {
            key,
            question,
            answer: answer.as_deref().filter(|text| !text.trim().is_empty()),
        })
    }
}

/// The card's section; none where nothing was answered, so that a card without a canvas stays as it was.
pub(crate) fn section(card: &mut Card, canvas: Option<&Canvas>) {
    let answered = |one: Answer<'_>| one.answer.map(|text| (one.question, one_line(text)));
    let rows: Vec<_> = canvas
        .into_iter()
        .flat_map(Canvas::answers)
        .filter_map(answered)
        .collect();
    if rows.is_empty() {
        return;
    }
    card.heading("Purpose");
    for (question, answer) in rows {
        card.line(&format!("- {question} {answer}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_asked_and_blank_is_no_answer() {
        let keys: Vec<&str> = Canvas::default().answers().map(|one| one.key).collect();
        let text: String = keys
            .iter()
            .map(|key| format!("{key} = \"{key}!\"\n"))
            .collect();
        let canvas: Canvas = toml::from_str(&text).unwrap();
        for one in canvas.answers() {
            assert_eq!(one.answer, Some(format!("{}!", one.key).as_str()));
        }
        let written = serde_json::to_value(&canvas).unwrap();
        assert_eq!(written.as_object().unwrap().len(), keys.len());
        let blank: Canvas = toml::from_str("owner = \" \"").unwrap();
        assert!(blank.answers().all(|one| one.answer.is_none()));
        assert!(toml::from_str::<Canvas>("ownr = \"x\"").is_err());
    }

    #[test]
    fn only_answers_make_a_section() {
        let mut card = Card::default();
        section(&mut card, None);
        section(&mut card, Some(&Canvas::default()));
        assert_eq!(card.text, "");
        let owner = Some("The  team.".to_owned());
        section(
            &mut card,
            Some(&Canvas {
                owner,
                ..Canvas::default()
            }),
        );
        assert_eq!(
            card.text,
            "\n## Purpose\n\n- Who answers for it? The team.\n"
        );
    }
}
