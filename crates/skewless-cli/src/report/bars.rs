//! Rows of a name, a mark on a common scale, and its number: intervals, and counts as bars.

use super::html::Html;
use super::plot::{label_at, line, rectangle};
use skewless_train::bootstrap::Estimate;

const WIDTH: f64 = 640.0;
const ROW: f64 = 24.0;
const NAME: f64 = 190.0;
const NUMBER: f64 = 190.0;

/// A row.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) value: Estimate,
    pub(super) said: String,
    pub(super) class: &'static str,
}

/// How rows are marked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A bar from 0.
    Bar,
    /// A dot on its interval, and a thin line where 0 is, if it is in sight.
    Interval,
}

/// Draws the rows; `head` names them, `described` is for who does not see them.
pub(super) fn bars(html: &mut Html, mark: Mark, described: &str, caption: &str, rows: &[Bar]) {
    let height = ROW * rows.len() as f64 + 8.0;
    let size = format!("0 0 {WIDTH} {height}");
    html.open("figure", &[("class", "wide")]);
    html.open(
        "svg",
        &[
            ("viewBox", &size),
            ("role", "img"),
            ("aria-label", described),
        ],
    );
    html.leaf("title", &[], described);
    let scale = Scale::of(mark, rows);
    if mark == Mark::Interval && scale.low < 0.0 && scale.high > 0.0 {
        line(html, "tick", [scale.at(0.0), 0.0], [scale.at(0.0), height]);
    }
    for (place, row) in rows.iter().enumerate() {
        draw(html, mark, &scale, row, ROW * (place as f64 + 0.5) + 4.0);
    }
    html.close();
    html.leaf("figcaption", &[], caption);
    html.close();
}

fn draw(html: &mut Html, mark: Mark, scale: &Scale, row: &Bar, y: f64) {
    label_at(html, "start", [0.0, y + 4.0], &clipped(&row.name));
    label_at(html, "end", [WIDTH, y + 4.0], &row.said);
    let value = row.value;
    if !value.value.is_finite() {
        return;
    }
    if mark == Mark::Bar {
        let from = scale.at(0.0);
        let width = (scale.at(value.value) - from).max(1.0);
        rectangle(html, row.class, [from, y - 7.0], [width, 14.0]);
        return;
    }
    if value.low.is_finite() && value.high.is_finite() {
        line(
            html,
            "whisker",
            [scale.at(value.low), y],
            [scale.at(value.high), y],
        );
    }
    let (x, y) = (format!("{:.1}", scale.at(value.value)), format!("{y:.1}"));
    html.empty(
        "circle",
        &[("class", row.class), ("cx", &x), ("cy", &y), ("r", "4.5")],
    );
}

/// Long names lose their end; the tables have them whole.
fn clipped(name: &str) -> String {
    const MOST: usize = 27;
    if name.chars().count() <= MOST {
        return name.to_owned();
    }
    let kept: String = name.chars().take(MOST - 1).collect();
    format!("{kept}…")
}

struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn of(mark: Mark, rows: &[Bar]) -> Self {
        let each = rows
            .iter()
            .flat_map(|row| [row.value.low, row.value.value, row.value.high]);
        let zero = (mark == Mark::Bar).then_some(0.0);
        let (low, high) = each
            .chain(zero)
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        match high > low {
            true => Self { low, high },
            false => Self {
                low: 0.0,
                high: 1.0,
            },
        }
    }

    fn at(&self, value: f64) -> f64 {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        NAME + 8.0 + share * (WIDTH - NAME - NUMBER - 24.0)
    }
}
