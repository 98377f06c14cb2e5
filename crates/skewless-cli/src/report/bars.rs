//! Rows of a name, a mark on a common scale, and its number: intervals, and counts as bars.

use super::html::Html;
use super::number::tick;
use super::plot::{Axis, LETTER, label_at, line, named, rectangle};
use skewless_train::bootstrap::Estimate;

/// Where name, mark and number stand.
struct Layout {
    class: &'static str,
    width: f64,
    row: f64,
    /// From where to where marks are drawn.
    marks: [f64; 2],
    /// Whether the mark stands below name and number.
    is_below: bool,
    /// Letters of a name, and of what stands below it, that find room.
    letters: [usize; 2],
}

/// All three side by side.
const WIDE: Layout = Layout {
    class: "wide",
    width: 640.0,
    row: 24.0,
    marks: [198.0, 434.0],
    is_below: false,
    letters: [29, 100],
};

/// For a phone: the mark below name and number.
const NARROW: Layout = Layout {
    class: "narrow",
    width: 360.0,
    row: 44.0,
    marks: [6.0, 354.0],
    is_below: true,
    letters: [24, 56],
};

/// Height of what stands below a name.
const DETAIL: f64 = 15.0;
/// Room for the scale.
const SCALE: f64 = 40.0;

impl Layout {
    /// Where marks are drawn, so that the longest number has room beside them.
    #[expect(clippy::cast_precision_loss, reason = "a few letters")]
    fn marks_beside(&self, rows: &[Bar]) -> [f64; 2] {
        let [from, to] = self.marks;
        if self.is_below {
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
    /// In small letters below the name; empty where there is nothing to say.
    pub(super) detail: String,
    pub(super) value: Estimate,
    pub(super) said: String,
    pub(super) class: &'static str,
}

/// How rows are marked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A bar from 0.
    Bar,
    /// A dot on its interval.
    Interval,
}

/// What stands around the rows.
pub(super) struct Words<'a> {
    /// Below the drawing.
    pub(super) caption: &'a str,
    /// For who does not see it.
    pub(super) described: &'a str,
    /// Of the scale.
    pub(super) axis: &'a str,
}

/// Draws the rows, once for wide pages and once for narrow ones.
pub(super) fn bars(html: &mut Html, mark: Mark, words: &Words<'_>, rows: &[Bar]) {
    html.open("figure", &[]);
    for layout in [&WIDE, &NARROW] {
        picture(html, layout, mark, words, rows);
    }
    html.leaf("figcaption", &[], words.caption);
    html.close();
}

#[expect(clippy::cast_precision_loss, reason = "a few rows")]
fn picture(html: &mut Html, layout: &Layout, mark: Mark, words: &Words<'_>, rows: &[Bar]) {
    let is_detailed = rows.iter().any(|row| !row.detail.is_empty());
    let detail = if is_detailed { DETAIL } else { 0.0 };
    let row_height = layout.row + detail;
    let (width, bottom) = (layout.width, row_height * rows.len() as f64 + 6.0);
    let size = format!("0 0 {width} {}", bottom + SCALE);
    html.open(
        "svg",
        &[
            ("class", layout.class),
            ("viewBox", &size),
            ("role", "img"),
            ("aria-label", words.described),
        ],
    );
    html.leaf("title", &[], words.described);
    let scale = Scale::of(mark, words.axis, rows, layout.marks_beside(rows));
    scale.draw(html, bottom);
    for (place, row) in rows.iter().enumerate() {
        let y = row_height * place as f64 + 16.0;
        text(html, "", layout.letters[0], &row.name, y + 4.0);
        label_at(html, "end", [width, y + 4.0], &row.said);
        if is_detailed {
            text(
                html,
                "detail",
                layout.letters[1],
                &row.detail,
                y + 4.0 + detail,
            );
        }
        let below = if layout.is_below { 18.0 + detail } else { 0.0 };
        draw(html, mark, &scale, row, y + below);
    }
    html.close();
}

fn draw(html: &mut Html, mark: Mark, scale: &Scale<'_>, row: &Bar, y: f64) {
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

/// A long text loses its end, and is shown whole under the pointer.
fn text(html: &mut Html, class: &str, letters: usize, text: &str, y: f64) {
    let is_long = text.chars().count() > letters;
    let y = format!("{y:.1}");
    let attributes = [("class", class), ("x", "0"), ("y", &y)];
    let attributes = if class.is_empty() {
        &attributes[1..]
    } else {
        &attributes
    };
    if !is_long {
        return html.leaf("text", attributes, text);
    }
    let kept: String = text.chars().take(letters - 1).collect();
    html.within("text", attributes, |html| {
        html.leaf("title", &[], text);
        html.text(&format!("{kept}…"));
    });
}

struct Scale<'a> {
    axis: Axis<'a>,
    marks: [f64; 2],
}

impl<'a> Scale<'a> {
    fn of(mark: Mark, title: &'a str, rows: &[Bar], marks: [f64; 2]) -> Self {
        let each = rows
            .iter()
            .flat_map(|row| [row.value.low, row.value.value, row.value.high]);
        let axis = match mark {
            Mark::Bar => Axis::count(title, each.fold(1.0, f64::max)),
            Mark::Interval => Axis::around(title, each),
        };
        Self { axis, marks }
    }

    fn at(&self, value: f64) -> f64 {
        let [from, to] = self.marks;
        from + self.axis.at(value) * (to - from)
    }

    /// Ticks with their numbers, as many as find room, and a line through all rows where a tick or 0 is.
    #[expect(clippy::cast_precision_loss, reason = "a few letters")]
    fn draw(&self, html: &mut Html, bottom: f64) {
        let ([from, to], step) = (self.marks, self.axis.step());
        let ticks = self.axis.ticks();
        let letters = ticks.iter().map(|&value| tick(value, step).chars().count());
        let room = LETTER * letters.max().unwrap_or_default() as f64 + 8.0;
        let apart = (self.at(self.axis.low + step) - from).max(1.0);
        let fit = (1..12).find(|&every| f64::from(every) * apart >= room);
        let every = usize::try_from(fit.unwrap_or(12)).unwrap_or(1);
        for &value in ticks.iter().step_by(every) {
            let x = self.at(value);
            line(html, "grid", [x, 2.0], [x, bottom]);
            label_at(html, "middle", [x, bottom + 16.0], &tick(value, step));
        }
        if self.axis.low < 0.0 && self.axis.high > 0.0 {
            let zero = self.at(0.0);
            line(html, "tick", [zero, 2.0], [zero, bottom]);
        }
        line(html, "axis", [from, bottom], [to, bottom]);
        let middle = f64::midpoint(from, to);
        named(html, [middle, bottom + 34.0], None, self.axis.title);
    }
}
