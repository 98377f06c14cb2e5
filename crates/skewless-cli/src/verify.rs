//! `skewless verify`: says of a bundle what was checked and that it holds.

use serde_json::json;
use skewless_core::Bundle;

use crate::args::VerifyArgs;
use crate::destination::print;
use crate::exit::{InBundle, Outcome};
use crate::{bundle_file, inspect};

pub(crate) fn run(args: &VerifyArgs) -> anyhow::Result<Outcome> {
    let (bundle, predictor) = bundle_file::open_predictor(&args.bundle)?;
    let rows = golden_rows(&bundle, &predictor)
        .map_err(|error| anyhow::Error::from(error).context(InBundle(args.bundle.clone())))?;
    let text = if args.json {
        json_report(&bundle, rows)?
    } else {
        text_report(&bundle, rows, predictor.engine().tolerance())
    };
    print(&text)?;
    Ok(Outcome::Done)
}

/// Reads what is read on demand only, and answers the golden rows anew; gives their number.
fn golden_rows(
    bundle: &Bundle,
    predictor: &skewless_core::Predictor,
) -> skewless_core::Result<usize> {
    bundle.profile()?;
    let golden = bundle.golden()?;
    predictor.check_golden(&golden)?;
    Ok(golden.len())
}

fn text_report(bundle: &Bundle, golden: usize, tolerance: f64) -> String {
    let exactness = if tolerance == 0.0 {
        "predictions to the last bit".to_owned()
    } else {
        format!("predictions to {tolerance:e} of the greater of 1 and the score")
    };
    let manifest = bundle.manifest();
    let parts = manifest.parts.len();
    let size = inspect::grouped(bundle.size());
    format!(
        "{name} {version}  sha256 {digest}\n\
         ok  archive      {size} bytes, {parts} parts, nothing before, between or after them\n\
         ok  digests      the manifest's size and SHA-256 of each of the {parts} parts\n\
         ok  contents     features, model, output and profile read in full and fit each other\n\
         ok  golden rows  {golden} records give their feature rows and {exactness}\n",
        name = manifest.name,
        version = manifest.version,
        digest = bundle.digest(),
    )
}

fn json_report(bundle: &Bundle, golden: usize) -> anyhow::Result<String> {
    let manifest = bundle.manifest();
    let report = json!({
        "name": manifest.name,
        "version": manifest.version,
        "sha256": bundle.digest(),
        "size": bundle.size(),
        "checked": {
            "parts": manifest.parts.len(),
            "golden_rows": golden,
        },
    });
    Ok(format!("{report:#}\n"))
}
