//! Notes on fields that the specification does not know, one a name and not one a row.

use std::collections::BTreeSet;
use std::io::Write;

use skewless_core::spec::UnknownFields;
use skewless_core::{Bundle, FittedSpec};

/// The names noted so far.
pub(crate) struct Notes<'a> {
    features: &'a FittedSpec,
    /// What the features are of.
    of: String,
    noted: BTreeSet<String>,
}

impl<'a> Notes<'a> {
    pub(crate) fn new(bundle: &'a Bundle) -> Self {
        let manifest = bundle.manifest();
        let of = format!("{} {}", manifest.name, manifest.version);
        Self::of(bundle.features(), of)
    }

    /// Notes about features of something else than a bundle.
    pub(crate) fn of(features: &'a FittedSpec, of: String) -> Self {
        Self {
            features,
            of,
            noted: BTreeSet::new(),
        }
    }

    /// Notes the columns of a table that no input takes.
    pub(crate) fn columns(&mut self, names: Option<&[String]>) {
        let unknown = names
            .unwrap_or_default()
            .iter()
            .filter(|name| !self.is_input(name));
        let unknown: BTreeSet<String> = unknown.cloned().collect();
        self.fields(&unknown);
    }

    /// Notes fields known to be no inputs.
    pub(crate) fn fields(&mut self, unknown: &BTreeSet<String>) {
        // A record with an unknown field is refused then.
        if self.features.unknown_fields == UnknownFields::Reject {
            return;
        }
        for name in unknown {
            if self.noted.insert(name.clone()) {
                // A note that cannot be printed is not worth failing for.
                let _ = writeln!(
                    std::io::stderr(),
                    "note: field `{name}` is no input of {} and is ignored",
                    self.of
                );
            }
        }
    }

    fn is_input(&self, name: &str) -> bool {
        self.features.inputs.iter().any(|input| input.name == name)
    }
}
