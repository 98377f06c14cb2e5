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
    html.open("div", &[("class", "scroll")]);
    html.open("table", &[]);
    html.leaf("caption", &[], caption);
    html.within("thead", &[], |html| {
        html.within("tr", &[], |html| {
            for (place, title) in head.iter().enumerate() {
                let mut cells = rows.iter().filter_map(|row| row.cells.get(place));
                let is_number = place > 0 && cells.any(|cell| is_number(cell));
                let class = if is_number { "n" } else { "" };
                html.leaf("th", &[("scope", "col"), ("class", class)], title);
            }
        });
    });
    html.within("tbody", &[], |html| {
        for row in rows {
            let class = if row.is_marked { "chosen" } else { "" };
            html.within("tr", &[("class", class)], |html| cells(html, row));
        }
    });
    html.close();
    html.close();
}

/// A row of a table.
pub(super) struct Row {
    pub(super) cells: Vec<String>,
    pub(super) is_marked: bool,
}

impl Row {
    pub(super) fn of(cells: Vec<String>) -> Self {
        Self {
            cells,
            is_marked: false,
        }
    }
}

fn cells(html: &mut Html, row: &Row) {
    for (place, cell) in row.cells.iter().enumerate() {
        match place {
            0 => html.leaf("th", &[("scope", "row")], cell),
            _ if is_number(cell) => html.leaf("td", &[("class", "n")], cell),
            _ => html.leaf("td", &[], cell),
        }
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
    fn what_was_opened_is_closed() {
        let mut html = Html::default();
        html.open("div", &[]);
        html.open("p", &[]);
        assert_eq!(html.finish(), "<div><p></p></div>\n");
    }
}
