//! `skewless report`: a study's report.json as one page that needs nothing else: no network, no script, no clock.

mod bars;
mod confidence;
mod head;
mod html;
mod lineage;
mod model;
mod number;
mod plot;
mod slices;
mod sources;
mod split;
mod tested;

use std::path::Path;

use skewless_core::Error;
use skewless_core::digest::sha256_hex;
use skewless_train::study::StudyReport;

use self::html::Html;
use crate::args::ReportArgs;
use crate::destination::print;
use crate::exit::{Outcome, unreadable};
use crate::train::put;

const STYLE: &str = include_str!("page.css");

pub(crate) fn run(args: &ReportArgs) -> anyhow::Result<Outcome> {
    let bytes = std::fs::read(&args.report).map_err(|error| unreadable(&args.report, error))?;
    let text = page(&read(&bytes, &args.report)?, &sha256_hex(&bytes));
    let beside = args.report.with_extension("html");
    let output = args.output.as_deref().unwrap_or(&beside);
    if output.as_os_str() == "-" {
        print(&text)?;
        return Ok(Outcome::Done);
    }
    put(output, text.as_bytes())?;
    print(&format!("{}\n", output.display()))?;
    Ok(Outcome::Done)
}

fn read(bytes: &[u8], path: &Path) -> skewless_core::Result<StudyReport> {
    serde_json::from_slice(bytes).map_err(|error| {
        let message = format!("`{}` is not the report.json of a study", path.display());
        Error::input("input.not_a_report", message).with_source(error)
    })
}

/// The page, a pure function of the report and the digest of its bytes: what came out first, then what went in.
fn page(report: &StudyReport, digest: &str) -> String {
    let mut html = Html::new();
    html.open("html", &[("lang", "en")]);
    html.within("head", &[], |html| {
        html.empty("meta", &[("charset", "utf-8")]);
        let wide = "width=device-width, initial-scale=1";
        html.empty("meta", &[("name", "viewport"), ("content", wide)]);
        html.empty(
            "meta",
            &[("name", "color-scheme"), ("content", "light dark")],
        );
        html.leaf("title", &[], &format!("{} {}", report.name, report.version));
        html.style(STYLE);
    });
    html.open("body", &[]);
    html.open("main", &[]);
    head::header(&mut html, report);
    head::canvas(&mut html, report);
    model::leaderboard(&mut html, report);
    tested::tested(&mut html, report);
    confidence::confidence(&mut html, report);
    slices::slices(&mut html, report);
    model::gates(&mut html, report);
    model::importance(&mut html, report);
    model::learning(&mut html, report);
    head::checks(&mut html, report);
    sources::sources(&mut html, report);
    split::split(&mut html, report);
    lineage::lineage(&mut html, report, digest);
    html.finish()
}

/// A section with its heading and, where there is something to say, a sentence.
fn section(html: &mut Html, id: &str, title: &str, said: &str, inside: impl FnOnce(&mut Html)) {
    html.within("section", &[("id", id)], |html| {
        html.leaf("h2", &[], title);
        if !said.is_empty() {
            html.prose("p", &[], said);
        }
        inside(html);
    });
}
