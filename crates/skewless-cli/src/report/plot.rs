//! Plots as inline SVG: a frame with axes, and marks in it. Colours are the style sheet's, by class.

use super::html::Html;
use super::number::tick;

/// Width of a plot in its own units.
const WIDTH: f64 = 420.0;
/// Height of a plot.
const HEIGHT: f64 = 300.0;
/// Width of a letter at most, of those that numbers are made of.
pub(super) const LETTER: f64 = 7.2;
/// Room for the vertical axis' title and ticks, the top, the right and the horizontal axis.
const LEFT: f64 = 28.0;
const TOP: f64 = 14.0;
const RIGHT: f64 = 14.0;
const BOTTOM: f64 = 46.0;

/// What a plot shows, in words and in numbers.
pub(super) struct Plot<'a> {
    /// Under the plot.
    pub(super) caption: &'a str,
    /// For who does not see it.
    pub(super) described: &'a str,
    pub(super) x: Axis<'a>,
    pub(super) y: Axis<'a>,
}

/// An axis.
pub(super) struct Axis<'a> {
    pub(super) title: &'a str,
    pub(super) low: f64,
    pub(super) high: f64,
    /// Whether it counts, so that its ticks are whole numbers.
    counts: bool,
}

impl<'a> Axis<'a> {
    pub(super) fn new(title: &'a str, low: f64, high: f64) -> Self {
        Self {
            title,
            low,
            high,
            counts: false,
        }
    }

    /// From 0 to 1.
    pub(super) fn share(title: &'a str) -> Self {
        Self::new(title, 0.0, 1.0)
    }

    /// Counts from 0 on.
    pub(super) fn count(title: &'a str, high: f64) -> Self {
        Self {
            counts: true,
            ..Self::new(title, 0.0, high)
        }
    }

    /// Around all values, with a little room; 0 to 1 without any.
    pub(super) fn around(title: &'a str, values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        if low > high {
            return Self::share(title);
        }
        let room = if high > low { 0.05 * (high - low) } else { 0.5 };
        Self::new(title, low - room, high + room)
    }

    /// Where a value is, from 0 to 1.
    pub(super) fn at(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// Distance of the ticks: 1, 2, 2.5 or 5 times a power of ten, so that there are about five.
    pub(super) fn step(&self) -> f64 {
        let rough = (self.high - self.low) / 5.0;
        let power = 10_f64.powf(rough.log10().floor());
        let nice = [1.0, 2.0, if self.counts { 5.0 } else { 2.5 }, 5.0, 10.0];
        let least = nice.into_iter().find(|nice| nice * power >= rough * 0.999);
        let step = least.unwrap_or(10.0) * power;
        if self.counts { step.max(1.0) } else { step }
    }

    pub(super) fn ticks(&self) -> Vec<f64> {
        let step = self.step();
        let first = (self.low / step - 1e-9).ceil() * step;
        let each = (0..12).map(|place| first + f64::from(place) * step);
        each.take_while(|value| *value <= self.high + 1e-9 * step)
            .collect()
    }
}

impl Plot<'_> {
    /// Draws the frame and lets `marks` draw inside.
    pub(super) fn draw(&self, html: &mut Html, marks: impl FnOnce(&Self, &mut Html)) {
        html.open("figure", &[]);
        let size = format!("0 0 {WIDTH} {HEIGHT}");
        html.open(
            "svg",
            &[
                ("viewBox", &size),
                ("role", "img"),
                ("aria-label", self.described),
            ],
        );
        html.leaf("title", &[], self.described);
        self.axes(html);
        marks(self, html);
        html.close();
        html.leaf("figcaption", &[], self.caption);
        html.close();
    }

    fn axes(&self, html: &mut Html) {
        let (bottom, left, right) = (HEIGHT - BOTTOM, self.left(), WIDTH - RIGHT);
        for value in self.y.ticks() {
            let y = self.y(value);
            line(html, "grid", [left, y], [right, y]);
            let label = tick(value, self.y.step());
            label_at(html, "end", [left - 8.0, y + 4.0], &label);
        }
        for value in self.x.ticks() {
            let x = self.x(value);
            line(html, "tick", [x, bottom], [x, bottom + 4.0]);
            label_at(
                html,
                "middle",
                [x, bottom + 18.0],
                &tick(value, self.x.step()),
            );
        }
        line(html, "axis", [left, bottom], [right, bottom]);
        let middle = left + (right - left) / 2.0;
        named(html, [middle, HEIGHT - 8.0], None, self.x.title);
        let middle = TOP + (bottom - TOP) / 2.0;
        let turn = format!("rotate(-90 13 {middle:.1})");
        named(html, [13.0, middle], Some(&turn), self.y.title);
    }

    /// Where the horizontal axis begins: beside the longest tick of the vertical one.
    #[expect(clippy::cast_precision_loss, reason = "a few letters")]
    fn left(&self) -> f64 {
        let step = self.y.step();
        let ticks = self.y.ticks();
        let letters = ticks.iter().map(|&value| tick(value, step).chars().count());
        LEFT + LETTER * letters.max().unwrap_or_default() as f64
    }

    fn x(&self, value: f64) -> f64 {
        let left = self.left();
        left + self.x.at(value) * (WIDTH - left - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.at(value) * (HEIGHT - TOP - BOTTOM)
    }

    /// A line through points of the plot's scales.
    pub(super) fn path(&self, html: &mut Html, class: &str, points: &[[f64; 2]]) {
        let points = self.points(points);
        html.empty("polyline", &[("class", class), ("points", &points)]);
    }

    /// As [`Self::path`], with what shows under the pointer.
    pub(super) fn told(&self, html: &mut Html, class: &str, points: &[[f64; 2]], said: &str) {
        let points = self.points(points);
        html.within(
            "polyline",
            &[("class", class), ("points", &points)],
            |html| {
                html.leaf("title", &[], said);
            },
        );
    }

    fn points(&self, points: &[[f64; 2]]) -> String {
        let each: Vec<String> = points
            .iter()
            .filter(|[x, y]| x.is_finite() && y.is_finite())
            .map(|&[x, y]| format!("{:.1},{:.1}", self.x(x), self.y(y)))
            .collect();
        each.join(" ")
    }

    /// A dot; what is said about it shows under the pointer.
    pub(super) fn dot(&self, html: &mut Html, class: &str, at: [f64; 2], radius: f64, said: &str) {
        let [x, y] = [self.x(at[0]), self.y(at[1])].map(|place| format!("{place:.1}"));
        let radius = format!("{radius:.1}");
        html.within(
            "circle",
            &[("class", class), ("cx", &x), ("cy", &y), ("r", &radius)],
            |html| html.leaf("title", &[], said),
        );
    }

    /// A column from the horizontal axis up to `top`, or from `from` on.
    pub(super) fn column(&self, html: &mut Html, class: &str, x: [f64; 2], y: [f64; 2]) {
        let (left, right) = (self.x(x[0]) + 0.5, self.x(x[1]) - 0.5);
        rectangle(
            html,
            class,
            [left, self.y(y[1])],
            [right - left, self.y(y[0]) - self.y(y[1])],
        );
    }
}

/// A straight line in the drawing's own units.
pub(super) fn line(html: &mut Html, class: &str, from: [f64; 2], to: [f64; 2]) {
    let ends = [from[0], from[1], to[0], to[1]].map(|place| format!("{place:.1}"));
    let [x1, y1, x2, y2] = &ends;
    html.empty(
        "line",
        &[
            ("class", class),
            ("x1", x1),
            ("y1", y1),
            ("x2", x2),
            ("y2", y2),
        ],
    );
}

/// A rectangle in the drawing's own units.
pub(super) fn rectangle(html: &mut Html, class: &str, corner: [f64; 2], size: [f64; 2]) {
    let places = [corner[0], corner[1], size[0].max(0.0), size[1].max(0.0)];
    let [x, y, width, height] = &places.map(|place| format!("{place:.1}"));
    html.empty(
        "rect",
        &[
            ("class", class),
            ("x", x),
            ("y", y),
            ("width", width),
            ("height", height),
        ],
    );
}

/// Text in the drawing's own units; `anchor` is `start`, `middle` or `end`.
pub(super) fn label_at(html: &mut Html, anchor: &str, at: [f64; 2], text: &str) {
    let [x, y] = &at.map(|place| format!("{place:.1}"));
    html.leaf("text", &[("text-anchor", anchor), ("x", x), ("y", y)], text);
}

pub(super) fn named(html: &mut Html, at: [f64; 2], turn: Option<&str>, text: &str) {
    let [x, y] = &at.map(|place| format!("{place:.1}"));
    let mut attributes = vec![
        ("class", "name"),
        ("text-anchor", "middle"),
        ("x", x),
        ("y", y),
    ];
    attributes.extend(turn.map(|turn| ("transform", turn)));
    html.leaf("text", &attributes, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers_inside_the_axis() {
        assert_eq!(Axis::share("").ticks().len(), 6);
        assert_eq!(Axis::new("", -3.0, 17.0).ticks(), [0.0, 5.0, 10.0, 15.0]);
        assert_eq!(Axis::count("", 12.0).ticks(), [0.0, 5.0, 10.0]);
        assert_eq!(Axis::count("", 2.0).ticks(), [0.0, 1.0, 2.0]);
    }

    #[test]
    fn an_axis_without_values_or_with_one_is_not_empty() {
        let axis = Axis::around("", std::iter::empty());
        assert_eq!((axis.low, axis.high), (0.0, 1.0));
        let axis = Axis::around("", [4.0].into_iter());
        assert_eq!((axis.low, axis.high), (3.5, 4.5));
    }
}
