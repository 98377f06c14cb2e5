//! What a configuration leaves unsaid: the canvas's open questions, and data that nobody describes or answers for.

use std::path::Path;

use serde::Serialize;
use skewless_core::spec::{Input, LookupSource};
use skewless_core::{Error, Result};

use crate::canvas::Canvas;
use crate::config::DataConfig;
use crate::recipe::unreadable;
use crate::{config, study};

/// Something that is left unsaid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unsaid {
    /// `lint.canvas`, `lint.owner` or `lint.doc`.
    pub code: &'static str,
    /// Where it belongs: `canvas.owner`, `input.distance`, `lookup.airports`, `source.weather`, `feature_set.all`, `data`.
    pub place: String,
    /// What is missing, in a sentence.
    pub message: String,
}

/// What the configuration at `path` leaves unsaid, in the order of the file's sections; it reads no data.
///
/// # Errors
/// `train.unreadable` and `train.config`.
pub fn lint(path: &Path) -> Result<Vec<Unsaid>> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        Error::spec("train.config", "the configuration is not UTF-8").with_source(error)
    })?;
    if study::is_study(&text) {
        let config = study::config::Config::from_toml(&text)?;
        let mut found = common(
            config.canvas.as_ref(),
            &config.data,
            &config.input,
            &config.lookup,
        );
        let sources = config
            .source
            .iter()
            .map(|one| ("source", &one.name, &one.doc, &one.owner));
        let views = config
            .view
            .iter()
            .map(|one| ("view", &one.name, &one.doc, &one.owner));
        for (kind, name, doc, owner) in sources.chain(views) {
            let place = format!("{kind}.{name}");
            found.extend(undescribed(&place, doc.as_deref()));
            found.extend(unowned(&place, owner.as_deref()));
        }
        let sets = config.feature_set.iter().map(|set| (&set.name, &set.doc));
        found.extend(
            sets.filter_map(|(name, doc)| {
                undescribed(&format!("feature_set.{name}"), doc.as_deref())
            }),
        );
        return Ok(found);
    }
    let config = config::Config::from_toml(&text)?;
    Ok(common(
        config.canvas.as_ref(),
        &config.data,
        &config.input,
        &config.lookup,
    ))
}

fn common(
    canvas: Option<&Canvas>,
    data: &DataConfig,
    inputs: &[Input],
    lookups: &[LookupSource],
) -> Vec<Unsaid> {
    let mut found = open_questions(canvas);
    found.extend(undescribed("data", data.doc.as_deref()));
    for input in inputs {
        let place = format!("input.{}", input.name);
        found.extend(undescribed(&place, input.doc.as_deref()));
        found.extend(unowned(&place, input.owner.as_deref()));
    }
    for lookup in lookups {
        let place = format!("lookup.{}", lookup.name);
        found.extend(undescribed(&place, lookup.doc.as_deref()));
        found.extend(unowned(&place, lookup.owner.as_deref()));
    }
    found
}

fn open_questions(canvas: Option<&Canvas>) -> Vec<Unsaid> {
    let none = Canvas::default();
    let answers = canvas.unwrap_or(&none).answers();
    let open = answers.filter(|one| one.answer.is_none());
    open.map(|one| Unsaid {
        code: "lint.canvas",
        place: format!("canvas.{}", one.key),
        message: format!("no answer: {}", one.question),
    })
    .collect()
}

fn undescribed(place: &str, doc: Option<&str>) -> Option<Unsaid> {
    unsaid("lint.doc", place, doc, "nothing says what it is: `doc`")
}

fn unowned(place: &str, owner: Option<&str>) -> Option<Unsaid> {
    unsaid("lint.owner", place, owner, "nobody answers for it: `owner`")
}

fn unsaid(code: &'static str, place: &str, said: Option<&str>, message: &str) -> Option<Unsaid> {
    let blank = said.is_none_or(|text| text.trim().is_empty());
    blank.then(|| Unsaid {
        code,
        place: place.to_owned(),
        message: message.to_owned(),
    })
}
