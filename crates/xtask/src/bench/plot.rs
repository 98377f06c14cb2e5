//! The sweep as a picture: cost over count on logarithmic axes, where linear growth is a line with the slope of the guides.

use std::fmt::Write;

use super::sweep::{Series, Sweep};
use super::table::figure;

const PANEL: f64 = 300.0;
const MARGIN: f64 = 56.0;
const TOP: f64 = 64.0;
const HEIGHT: f64 = 260.0;
const INK: &str = "#24292f";
const FAINT: &str = "#d0d7de";
/// One colour a series.
const LINES: [&str; 2] = ["#0969da", "#cf222e"];

/// One panel a sweep, side by side.
pub(crate) fn svg(held: &str, sweeps: &[Sweep]) -> String {
    let width = MARGIN + sweeps.len() as f64 * (PANEL + MARGIN);
    let height = TOP + HEIGHT + 64.0;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"{INK}\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"{MARGIN}\" y=\"24\" font-size=\"15\">Cost of one call, µs, one native thread; both axes logarithmic</text>\n\
         <text x=\"{MARGIN}\" y=\"42\" fill=\"#57606a\">{held}; the dashed line grows with the count</text>\n"
    );
    let names = sweeps.first().map_or(&[][..], |sweep| &sweep.series);
    for (place, (series, colour)) in names.iter().zip(LINES).enumerate() {
        let left = MARGIN + (sweeps.len() as f64 - 1.0 + place as f64 * 0.62) * (PANEL + MARGIN)
            - PANEL * 0.4;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "<path d=\"M{left} 38h20\" stroke=\"{colour}\" stroke-width=\"2\"/><text x=\"{:.1}\" y=\"42\">{}</text>",
            left + 26.0,
            series.name
        );
    }
    for (place, sweep) in sweeps.iter().enumerate() {
        let left = MARGIN + place as f64 * (PANEL + MARGIN);
        panel(&mut text, sweep, left);
    }
    text.push_str("</svg>\n");
    text
}

/// The ends of an axis, as logarithms.
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| {
            (low.min(value.log10()), high.max(value.log10()))
        });
        let room = ((high - low) * 0.06).max(0.02);
        Self {
            low: low - room,
            high: high + room,
        }
    }

    /// Where a value stands, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        (value.log10() - self.low) / (self.high - self.low)
    }

    /// Values to mark: powers of ten, or of two where fewer than two of those are in sight.
    fn marks(&self) -> Vec<f64> {
        let within = |base: f64| {
            let (low, high) = (
                (self.low / base.log10()).ceil() as i32,
                (self.high / base.log10()).floor() as i32,
            );
            (low..=high)
                .map(|power| base.powi(power))
                .collect::<Vec<_>>()
        };
        match within(10.0) {
            tens if tens.len() >= 2 => tens,
            _ => within(2.0),
        }
    }
}

fn panel(text: &mut String, sweep: &Sweep, left: f64) {
    let points = || sweep.series.iter().flat_map(|series| &series.points);
    let across = Axis::over(points().map(|point| point.0));
    let up = Axis::over(points().map(|point| point.1));
    let x = |value: f64| left + across.place(value) * PANEL;
    let y = |value: f64| TOP + (1.0 - up.place(value)) * HEIGHT;
    let bottom = TOP + HEIGHT;
    for mark in across.marks() {
        let at = x(mark);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "<path d=\"M{at:.1} {TOP}V{bottom}\" stroke=\"{FAINT}\"/><text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 18.0,
            counted(mark)
        );
    }
    for mark in up.marks() {
        let at = y(mark);
        let _ = writeln!(
            text,
            "<path d=\"M{left} {at:.1}H{:.1}\" stroke=\"{FAINT}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left + PANEL,
            left - 6.0,
            at + 4.0,
            counted(mark)
        );
    }
    for (series, colour) in sweep.series.iter().zip(LINES) {
        guide(text, series, &across, &up, left);
        let points: Vec<String> = series
            .points
            .iter()
            .map(|point| format!("{:.1},{:.1}", x(point.0), y(point.1)))
            .collect();
        let _ = writeln!(
            text,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            points.join(" ")
        );
        for point in &series.points {
            let _ = writeln!(
                text,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"><title>{} {}: {} µs</title></circle>",
                x(point.0),
                y(point.1),
                point.0,
                sweep.along,
                figure(point.1)
            );
        }
    }
    let _ = writeln!(
        text,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"13\">{}</text>",
        left + PANEL / 2.0,
        bottom + 40.0,
        sweep.along
    );
}

/// A line through the last point along which cost grows as the count does.
fn guide(text: &mut String, series: &Series, across: &Axis, up: &Axis, left: f64) {
    let Some(&(count, cost)) = series.points.last() else {
        return;
    };
    // From where it enters the panel, on the left or from below.
    let start = across.low.max(count.log10() - (cost.log10() - up.low));
    let level = cost.log10() - (count.log10() - start);
    let x = |log: f64| left + (log - across.low) / (across.high - across.low) * PANEL;
    let y = |log: f64| TOP + (up.high - log) / (up.high - up.low) * HEIGHT;
    let _ = writeln!(
        text,
        "<path d=\"M{:.1} {:.1}L{:.1} {:.1}\" stroke=\"#57606a\" stroke-dasharray=\"4 4\" fill=\"none\"/>",
        x(start),
        y(level),
        x(count.log10()),
        y(cost.log10())
    );
}

/// A round number as people write it.
fn counted(number: f64) -> String {
    match number {
        n if n >= 1_000_000.0 => format!("{} million", n / 1_000_000.0),
        n if n >= 1_000.0 => format!("{},{:03}", n as u64 / 1_000, n as u64 % 1_000),
        n if n >= 1.0 => format!("{n:.0}"),
        n => format!("{n}"),
    }
}
