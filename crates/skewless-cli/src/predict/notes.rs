//! Notes on fields that the specification does not know, one a name and not one a row.

use std::collections::BTreeSet;
use std::io::Write;

use skewless_core::Bundle;
use skewless_core::spec::UnknownFields;

/// True when a record with an unknown field is refused; there is nothing to note then.
pub(super) fn refuses_unknown_fields(bundle: &Bundle) -> bool {
    bundle.features().unknown_fields == UnknownFields::Reject
}

/// The names noted so far.
pub(crate) struct Notes<'a> {
    bundle: &'a Bundle,
    noted: BTreeSet<String>,
}

impl<'a> Notes<'a> {
    pub(crate) fn new(bundle: &'a Bundle) -> Self {
        Self {
            bundle,
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
        if refuses_unknown_fields(self.bundle) {
            return;
        }
        for name in unknown {
            if self.noted.insert(name.clone()) {
                let manifest = self.bundle.manifest();
                // A note that cannot be printed is not worth failing for.
                let _ = writeln!(
                    std::io::stderr(),
                    "note: field `{name}` is no input of {} {} and is ignored",
                    manifest.name,
                    manifest.version
                );
            }
        }
    }

    fn is_input(&self, name: &str) -> bool {
        self.bundle
            .features()
            .inputs
            .iter()
            .any(|input| input.name == name)
    }
}
