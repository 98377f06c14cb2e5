//! Rows of a name, a mark on a common scale, and its number: intervals, and counts as bars.

use super::html::Html;
use super::plot::{LETTER, label_at, line, rectangle};
use skewless_train::bootstrap::Estimate;

/// Where name, mark and number stand.
struct Layout {
    class: &'static str,
    width: f64,
    row: f64,
    /// From where to where marks are drawn.
    marks: [f64; 2],
    /// How far below the text the mark is.
    below: f64,
    /// Half of the length, in a row, of the line where 0 is.
    zero: f64,
    /// Letters of a name that find room.
    letters: usize,
}

/// All three side by side.
const WIDE: Layout = Layout {
    class: "wide",
    width: 640.0,
    row: 24.0,
    marks: [198.0, 434.0],
    below: 0.0,
    zero: 12.0,
    letters: 29,
};

/// For a phone: the mark below name and number.
const NARROW: Layout = Layout {
    class: "narrow",
    width: 360.0,
    row: 44.0,
    marks: [6.0, 354.0],
    below: 18.0,
    zero: 8.0,
    letters: 24,
};

impl Layout {
    /// Where marks are drawn, so that the longest number has room beside them.
    #[expect(clippy::cast_precision_loss, reason = "a few letters")]
    fn marks_beside(&self, rows: &[Bar]) -> [f64; 2] {
        let [from, to] = self.marks;
        if self.below > 0.0 {
            return self.marks;
        }
        let letters = rows.iter().map(|row| row.said.chars().count()).max();
        let room = LETTER * letters.unwrap_or_default() as f64 + 12.0;
        [from, to.min(self.width - room).max(from)]
    }
}

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

/// Draws the rows, once for wide pages and once for narrow ones; `described` is for who does not see them.
pub(super) fn bars(html: &mut Html, mark: Mark, described: &str, caption: &str, rows: &[Bar]) {
    html.open("figure", &[]);
    for layout in [&WIDE, &NARROW] {
        picture(html, layout, mark, described, rows);
    }
    html.leaf("figcaption", &[], caption);
    html.close();
}

#[expect(clippy::cast_precision_loss, reason = "a few rows")]
fn picture(html: &mut Html, layout: &Layout, mark: Mark, described: &str, rows: &[Bar]) {
    let (width, height) = (layout.width, layout.row * rows.len() as f64 + 8.0);
    let size = format!("0 0 {width} {height}");
    html.open(
        "svg",
        &[
            ("class", layout.class),
            ("viewBox", &size),
            ("role", "img"),
            ("aria-label", described),
        ],
    );
    html.leaf("title", &[], described);
    let scale = Scale::of(mark, rows, layout.marks_beside(rows));
    let shows_zero = mark == Mark::Interval && scale.low < 0.0 && scale.high > 0.0;
    for (place, row) in rows.iter().enumerate() {
        let y = layout.row * place as f64 + 16.0;
        name(html, layout, &row.name, y + 4.0);
        label_at(html, "end", [width, y + 4.0], &row.said);
        if shows_zero {
            let (zero, y) = (scale.at(0.0), y + layout.below);
            line(
                html,
                "tick",
                [zero, y - layout.zero],
                [zero, y + layout.zero],
            );
        }
        draw(html, mark, &scale, row, y + layout.below);
    }
    html.close();
}

fn draw(html: &mut Html, mark: Mark, scale: &Scale, row: &Bar, y: f64) {
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
        let ends = [value.low, value.high].map(|end| [scale.at(end), y]);
        line(html, "whisker", ends[0], ends[1]);
    }
    let (x, y) = (format!("{:.1}", scale.at(value.value)), format!("{y:.1}"));
    let place = [("class", row.class), ("cx", &x), ("cy", &y), ("r", "4.5")];
    html.empty("circle", &place);
}

/// A long name loses its end, and is shown whole under the pointer.
fn name(html: &mut Html, layout: &Layout, name: &str, y: f64) {
    let is_long = name.chars().count() > layout.letters;
    if !is_long {
        return label_at(html, "start", [0.0, y], name);
    }
    let kept: String = name.chars().take(layout.letters - 1).collect();
    let y = format!("{y:.1}");
    html.within("text", &[("x", "0"), ("y", &y)], |html| {
        html.leaf("title", &[], name);
        html.text(&format!("{kept}…"));
    });
}

struct Scale {
    low: f64,
    high: f64,
    marks: [f64; 2],
}

impl Scale {
    fn of(mark: Mark, rows: &[Bar], marks: [f64; 2]) -> Self {
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
        let (low, high) = if high > low { (low, high) } else { (0.0, 1.0) };
        Self { low, high, marks }
    }

    fn at(&self, value: f64) -> f64 {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        let [from, to] = self.marks;
        from + share * (to - from)
    }
}
