//! The checked sources, views and joins of a configuration.

use std::collections::BTreeMap;

use skewless_core::Result;
use skewless_core::spec::{Input, InputType};

use super::address::Address;
use super::clock::Clock;
use super::config::{JoinConfig, SourceConfig, ViewConfig};
use super::matching::Bounds;
use crate::recipe::fault;
use crate::study::config::{Config, SplitBy};
use crate::study::recipe::seconds_of;

/// A source or a view.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) doc: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) origin: Origin,
    /// When its rows were known.
    pub(crate) clock: Option<Clock>,
    /// Its rows never change.
    pub(crate) fixed: bool,
    pub(crate) types: BTreeMap<String, InputType>,
}

/// Where a table's rows come from.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    Files {
        patterns: Vec<String>,
        /// In seconds.
        fresh_within: Option<f64>,
    },
    View {
        sql: String,
    },
}

/// A checked join.
#[derive(Clone, Debug)]
pub(crate) struct Join {
    /// Place of its source among the tables.
    pub(crate) table: usize,
    /// Left and right name of each key.
    pub(crate) on: Vec<(String, String)>,
    pub(crate) as_of: Option<Clock>,
    pub(crate) bounds: Bounds,
    pub(crate) columns: Vec<String>,
    pub(crate) prefix: String,
}

impl Join {
    /// What a column is called beside the rows to learn from.
    pub(crate) fn joined(&self, column: &str) -> String {
        format!("{}{column}", self.prefix)
    }
}

/// All of a configuration.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    pub(crate) named: Vec<Named>,
    pub(crate) joins: Vec<Join>,
    /// What tells the time of the event that a row is about.
    pub(crate) event: Option<Clock>,
}

impl Tables {
    /// Checks names, times, spans and what joins ask for.
    ///
    /// # Errors
    /// `train.config`.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        check_addresses(config)?;
        let sources = config.source.iter().map(source);
        let views = config.view.iter().map(view);
        let named = sources.chain(views).collect::<Result<Vec<Named>>>()?;
        for (place, one) in named.iter().enumerate() {
            let same = |other: &Named| other.name.eq_ignore_ascii_case(&one.name);
            if named.iter().take(place).any(same) {
                return fault("source.name", &format!("`{}` stands twice", one.name));
            }
        }
        let joins = config
            .join
            .iter()
            .map(|written| join(config, &named, written));
        let joins = joins.collect::<Result<Vec<Join>>>()?;
        check_joined(&joins)?;
        check_taken(config, &joins)?;
        check_types(config, &named)?;
        Ok(Self {
            joins,
            event: event(config),
            named,
        })
    }

    /// Place of a table.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.named.iter().position(|one| one.name == name)
    }
}

/// An address that nothing reads is refused before anything is read.
fn check_addresses(config: &Config) -> Result<()> {
    let paths = config.source.iter().flat_map(|source| source.path.all());
    let lookups = config.lookup.iter().map(|lookup| &lookup.source);
    let mut all = paths.chain(lookups).chain([&config.data.source]);
    all.try_for_each(|path| Address::parse(path).map(drop))
}

fn event(config: &Config) -> Option<Clock> {
    let by_time = config.split.by == SplitBy::Time;
    let is_event = |input: &&Input| match by_time {
        true => input.name == config.split.input,
        false => input.role == skewless_core::spec::Role::Time,
    };
    config.input.iter().find(is_event).and_then(Clock::of)
}

fn source(written: &SourceConfig) -> Result<Named> {
    let place = format!("source.{}", written.name);
    let clock = known(
        &place,
        &written.name,
        written.time.as_deref(),
        written.zone.as_deref(),
        written.fixed,
    )?;
    let fresh_within = span(
        &format!("{place}.fresh_within"),
        written.fresh_within.as_deref(),
    )?;
    if fresh_within.is_some() && clock.is_none() {
        return fault(
            &format!("{place}.fresh_within"),
            "how fresh rows are is told by `time`",
        );
    }
    if written.path.all().is_empty() {
        return fault(&format!("{place}.path"), "at least one file is due");
    }
    Ok(Named {
        name: written.name.clone(),
        doc: written.doc.clone(),
        owner: written.owner.clone(),
        origin: Origin::Files {
            patterns: written.path.all().to_vec(),
            fresh_within,
        },
        clock,
        fixed: written.fixed,
        types: written.types.clone(),
    })
}

fn view(written: &ViewConfig) -> Result<Named> {
    let place = format!("view.{}", written.name);
    let clock = known(
        &place,
        &written.name,
        written.time.as_deref(),
        written.zone.as_deref(),
        written.fixed,
    )?;
    Ok(Named {
        name: written.name.clone(),
        doc: written.doc.clone(),
        owner: written.owner.clone(),
        origin: Origin::View {
            sql: written.sql.clone(),
        },
        clock,
        fixed: written.fixed,
        types: written.types.clone(),
    })
}

fn known(
    place: &str,
    name: &str,
    time: Option<&str>,
    zone: Option<&str>,
    fixed: bool,
) -> Result<Option<Clock>> {
    let mut letters = name.chars();
    let begins = letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    if !(begins && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')) {
        return fault(
            &format!("{place}.name"),
            "letters, digits and `_` are due, no digit first",
        );
    }
    match (time, zone) {
        (None, Some(_)) => fault(&format!("{place}.zone"), "a zone is that of `time`"),
        (Some(_), _) if fixed => fault(
            &format!("{place}.static"),
            "rows that have a `time` are not the same at all times",
        ),
        (Some(time), zone) => Clock::new(place, time, zone).map(Some),
        (None, None) => Ok(None),
    }
}

fn span(field: &str, text: Option<&str>) -> Result<Option<f64>> {
    match text.map(seconds_of) {
        None => Ok(None),
        Some(Some(seconds)) => Ok(Some(seconds)),
        Some(None) => fault(
            field,
            "a whole number with `d`, `h` or `m` is due, as in `36h`",
        ),
    }
}

fn join(config: &Config, named: &[Named], written: &JoinConfig) -> Result<Join> {
    let place = format!("join.{}", written.source);
    let at = |field: &str| format!("{place}.{field}");
    let Some(table) = named.iter().position(|one| one.name == written.source) else {
        let rule = format!("there is no source or view `{}`", written.source);
        return fault("join.source", &rule);
    };
    if written.on.is_empty() || written.columns.is_empty() {
        return fault(&place, "at least one key and one column are due");
    }
    let bounds = Bounds {
        lateness: span(&at("lateness"), written.lateness.as_deref())?.unwrap_or(0.0),
        within: span(&at("within"), written.within.as_deref())?,
    };
    let is_timed = written.lateness.is_some() || written.within.is_some();
    if is_timed && written.as_of.is_none() {
        return fault(&place, "`lateness` and `within` belong to `as_of`");
    }
    if bounds.within.is_some_and(|within| within < bounds.lateness) {
        return fault(
            &at("within"),
            "no row is both known already and young enough",
        );
    }
    let as_of = match &written.as_of {
        None => None,
        Some(name) => {
            let input = config.input.iter().find(|input| input.name == *name);
            let left = input.and_then(Clock::of);
            let right = named.get(table).and_then(|one| one.clock.as_ref());
            match (left, right) {
                (None, _) => {
                    let rule = format!("there is no date or timestamp input `{name}`");
                    return fault(&at("as_of"), &rule);
                }
                (_, None) => {
                    let rule = format!("`{}` has no `time`", written.source);
                    return fault(&at("as_of"), &rule);
                }
                (Some(left), Some(right)) if !left.compares(right) => {
                    return fault(
                        &at("as_of"),
                        "local time and instants cannot be compared: give both a zone, or neither",
                    );
                }
                (left, _) => left,
            }
        }
    };
    let names = |key: &super::config::Key| {
        let (left, right) = key.names();
        (left.to_owned(), right.to_owned())
    };
    Ok(Join {
        table,
        on: written.on.iter().map(names).collect(),
        as_of,
        bounds,
        columns: written.columns.clone(),
        prefix: written.prefix.clone(),
    })
}

/// What is joined is an input, or the key of a later join; else nothing would come of it.
fn check_taken(config: &Config, joins: &[Join]) -> Result<()> {
    for (place, join) in joins.iter().enumerate() {
        for column in &join.columns {
            let name = join.joined(column);
            let is_input = config.input.iter().any(|input| input.name == name);
            let mut later = joins.iter().skip(place + 1).flat_map(|join| &join.on);
            if !is_input && !later.any(|(left, _)| *left == name) {
                let rule =
                    format!("there is no input `{name}`, and no later join has it as its key");
                return fault("join.columns", &rule);
            }
        }
    }
    Ok(())
}

/// A time is typed by `zone`, and the rows to learn from by their inputs.
fn check_types(config: &Config, named: &[Named]) -> Result<()> {
    let sources = config.source.iter().map(|_| "source");
    let sections = sources.chain(std::iter::repeat("view"));
    for (one, section) in named.iter().zip(sections) {
        let is_other = |input: &&Input| {
            let typed = one.types.get(&input.name);
            typed.is_some_and(|&typed| typed != input.kind)
        };
        if one.name == config.data.source
            && let Some(input) = config.input.iter().find(is_other)
        {
            let field = format!("{section}.{}.types", one.name);
            let rule = format!("the input `{}` is a {}", input.name, input.kind.name());
            return fault(&field, &rule);
        }
        let Some(clock) = &one.clock else { continue };
        let typed = one.types.get(&clock.input.name);
        if typed.is_some_and(|&kind| kind != clock.input.kind) {
            let field = format!("{section}.{}.types", one.name);
            let time = &clock.input.name;
            let due = clock.input.kind.name();
            return fault(
                &field,
                &format!("`{time}` is the `time`, a {due}; `zone` says which"),
            );
        }
    }
    Ok(())
}

/// A joined name stands once, and is no key or time of the join that gives it or of an earlier one.
fn check_joined(joins: &[Join]) -> Result<()> {
    let mut taken: Vec<String> = Vec::new();
    for join in joins {
        let left = join.on.iter().map(|(left, _)| left);
        let as_of = join.as_of.iter().map(|clock| &clock.input.name);
        let needed: Vec<&String> = left.chain(as_of).collect();
        for column in &join.columns {
            let name = join.joined(column);
            if taken.contains(&name) {
                return fault(
                    "join.columns",
                    &format!("`{name}` is joined twice; set it apart by `prefix`"),
                );
            }
            if needed.contains(&&name) {
                return fault(
                    "join.columns",
                    &format!(
                        "`{name}` is a key or the time of the same join; set it apart by `prefix`"
                    ),
                );
            }
            taken.push(name);
        }
    }
    Ok(())
}
