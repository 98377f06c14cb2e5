//! Writes HTML so that no text of a report can become markup, and every element that was opened is closed.

/// A page under way. Names of elements and attributes are the program's own; everything else is escaped.
#[derive(Default)]
pub(super) struct Html {
    text: String,
    open: Vec<&'static str>,
}

/// Attributes with their values.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a str)];

impl Html {
    pub(super) fn new() -> Self {
        Self {
            text: "<!DOCTYPE html>\n".to_owned(),
            open: Vec::new(),
        }
    }

    pub(super) fn open(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.start(name, attributes);
        self.text.push('>');
        self.open.push(name);
    }

    pub(super) fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            self.end(name);
        }
    }

    /// An element with what `inside` writes.
    pub(super) fn within(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        inside: impl FnOnce(&mut Self),
    ) {
        self.open(name, attributes);
        inside(self);
        self.close();
    }

    /// An element with text alone.
    pub(super) fn leaf(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) {
        self.start(name, attributes);
        self.text.push('>');
        self.text(text);
        self.end(name);
    }

    /// An element without end: of HTML `meta`, of SVG any.
    pub(super) fn empty(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.start(name, attributes);
        self.text.push_str("/>");
    }

    /// An element with text whose parts between backticks are code.
    pub(super) fn prose(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) {
        self.within(name, attributes, |html| html.prose_text(text));
    }

    /// A backtick alone stays as it is.
    pub(super) fn prose_text(&mut self, text: &str) {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('`') {
            let Some((code, next)) = after.split_once('`') else {
                break;
            };
            self.text(before);
            self.leaf("code", &[], code);
            rest = next;
        }
        self.text(rest);
    }

    pub(super) fn text(&mut self, text: &str) {
        for sign in text.chars() {
            match sign {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                '\'' => self.text.push_str("&#39;"),
                sign if sign.is_control() && sign != '\n' => self.text.push('\u{fffd}'),
                sign => self.text.push(sign),
            }
        }
    }

    /// The style sheet, which is the program's own.
    pub(super) fn style(&mut self, sheet: &'static str) {
        self.text.push_str("<style>\n");
        self.text.push_str(sheet);
        self.text.push_str("</style>\n");
    }

    /// The whole page, with everything closed.
    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text.push('\n');
        self.text
    }

    fn start(&mut self, name: &str, attributes: Attributes<'_>) {
        if matches!(
            name,
            "section" | "h2" | "h3" | "tr" | "figure" | "table" | "svg"
        ) {
            self.text.push('\n');
        }
        self.text.push('<');
        self.text.push_str(name);
        for (key, value) in attributes {
            self.text.push(' ');
            self.text.push_str(key);
            self.text.push_str("=\"");
            self.text(value);
            self.text.push('"');
        }
    }

    fn end(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }
}

/// A table with its caption; the first column names the row, numbers stand to the right.
pub(super) fn table(html: &mut Html, caption: &str, head: &[&str], rows: &[Row]) {
    drawn(html, false, caption, head, rows);
}

/// A table whose rows become blocks on narrow pages, each cell with its column's name beside it.
pub(super) fn stacked(html: &mut Html, caption: &str, head: &[&str], rows: &[Row]) {
    drawn(html, true, caption, head, rows);
}

fn drawn(html: &mut Html, stacks: bool, caption: &str, head: &[&str], rows: &[Row]) {
    let class = if stacks { "scroll stack" } else { "scroll" };
    html.open("div", &[("class", class)]);
    html.open("table", &[]);
    html.prose("caption", &[], caption);
    html.within("thead", &[], |html| {
        html.within("tr", &[], |html| {
            for (place, title) in head.iter().enumerate() {
                let mut cells = rows.iter().filter_map(|row| row.cells.get(place));
                let is_number = place > 0 && cells.any(|cell| is_number(&cell.text));
                let class = if is_number { "n" } else { "" };
                html.leaf("th", &[("scope", "col"), ("class", class)], title);
            }
        });
    });
    html.within("tbody", &[], |html| {
        for row in rows {
            let heads = if stacks { head } else { &[] };
            html.within("tr", &[("class", row.class)], |html| {
                cells(html, row, heads)
            });
        }
    });
    html.close();
    html.close();
}

/// A row of a table.
pub(super) struct Row {
    cells: Vec<Cell>,
    class: &'static str,
}

impl Row {
    pub(super) fn of(cells: Vec<String>) -> Self {
        Self::with(cells.into_iter().map(Cell::of).collect())
    }

    pub(super) fn with(cells: Vec<Cell>) -> Self {
        Self { cells, class: "" }
    }

    /// With a class of the style sheet, where `holds`.
    pub(super) fn marked(self, class: &'static str, holds: bool) -> Self {
        Self {
            class: if holds { class } else { self.class },
            ..self
        }
    }
}

/// Text, and what stands below it in small letters.
pub(super) struct Cell {
    text: String,
    below: Option<String>,
}

impl Cell {
    pub(super) fn of(text: String) -> Self {
        Self { text, below: None }
    }

    pub(super) fn above(self, below: String) -> Self {
        Self {
            below: Some(below).filter(|below| !below.is_empty()),
            ..self
        }
    }
}

fn cells(html: &mut Html, row: &Row, heads: &[&str]) {
    for (place, cell) in row.cells.iter().enumerate() {
        let mut attributes = Vec::new();
        if is_number(&cell.text) && place > 0 {
            attributes.push(("class", "n"));
        }
        if place == 0 {
            attributes.push(("scope", "row"));
        } else if let Some(head) = heads.get(place) {
            attributes.push(("data-head", *head));
        }
        let name = if place == 0 { "th" } else { "td" };
        html.within(name, &attributes, |html| {
            html.prose_text(&cell.text);
            if let Some(below) = &cell.below {
                html.prose("span", &[("class", "below")], below);
            }
        });
    }
}

/// A number, with its unit or its interval; a name that begins with a digit is none.
fn is_number(cell: &str) -> bool {
    let figures = cell.replace(" to ", " ");
    let begins = |sign: char| sign.is_ascii_digit() || sign == '−';
    cell == "–" || figures.starts_with(begins) && !figures.contains(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attributes_cannot_become_markup() {
        let mut html = Html::default();
        html.leaf(
            "p",
            &[("title", "\"><script>")],
            "a & <script>alert('x')</script>\u{0}",
        );
        assert_eq!(
            html.finish(),
            "<p title=\"&quot;&gt;&lt;script&gt;\">a &amp; &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\u{fffd}</p>\n"
        );
    }

    #[test]
    fn what_stands_between_backticks_is_code() {
        let mut html = Html::default();
        html.prose("p", &[], "`<a>` and `b`, a ` alone");
        assert_eq!(
            html.finish(),
            "<p><code>&lt;a&gt;</code> and <code>b</code>, a ` alone</p>\n"
        );
    }

    #[test]
    fn what_was_opened_is_closed() {
        let mut html = Html::default();
        html.open("div", &[]);
        html.open("p", &[]);
        assert_eq!(html.finish(), "<div><p></p></div>\n");
    }
}
