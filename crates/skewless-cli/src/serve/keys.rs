//! The configuration's keys as flags: each key once, in the words that the documents have.

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use skewless_serving::Door;
use skewless_serving::config::Key;

/// The key that is the command's argument, and no flag.
const ARGUMENT: &str = "bundle";

/// Keys that flags set, with their values as they were typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys(pub(crate) Vec<(&'static str, String)>);

fn keys() -> impl Iterator<Item = &'static Key> {
    Key::of(Door::Serve).filter(|key| key.name != ARGUMENT)
}

impl Args for Keys {
    fn augment_args(command: Command) -> Command {
        command.args(keys().map(|key| {
            let help = format!(
                "{} [default: {}]",
                sentence(key.doc),
                key.default.replace('`', "")
            );
            Arg::new(key.name)
                .long(key.flag())
                .value_name(key.form)
                .help(help)
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Keys {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let set = keys().filter_map(|key| {
            let value = matches.get_one::<String>(key.name)?;
            Some((key.name, value.clone()))
        });
        Ok(Self(set.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// A key's meaning as a sentence of a help text.
fn sentence(doc: &str) -> String {
    let plain = doc.replace('`', "");
    let mut letters = plain.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), letters.as_str())
}
