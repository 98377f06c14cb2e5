//! Header names and values: looked up without regard to case, as HTTP has it.

/// Response header: the bundle's name.
pub const MODEL: &str = "x-skewless-model";
/// Response header: the bundle's version.
pub const VERSION: &str = "x-skewless-version";
/// Response header: the bundle's digest, SHA-256 in hexadecimal.
pub const DIGEST: &str = "x-skewless-digest";
/// Response header of a refused request: the error's code.
pub const ERROR: &str = "x-skewless-error";
/// Response header: names of fields that no input has and that were left out, separated by `, `; at most
/// sixteen, each percent-encoded where it isn't plain ASCII.
pub const IGNORED_FIELDS: &str = "x-skewless-ignored-fields";

/// Header names with their values, in the order they were added; a name may stand more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a header.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// The first value under `name`, whatever its case.
    pub fn value(&self, name: &str) -> Option<&str> {
        let matching = self
            .0
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        matching.map(|(_, value)| value.as_str())
    }

    /// Names and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The media type of the body in lower case and without parameters, if `content-type` says one.
    pub fn media_type(&self) -> Option<String> {
        let value = self.value("content-type")?;
        let media_type = value.split(';').next().unwrap_or_default().trim();
        (!media_type.is_empty()).then(|| media_type.to_ascii_lowercase())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

/// `name` with everything but visible ASCII, `%` and `,` percent-encoded, so that it fits a header's list.
pub(crate) fn list_item(name: &str) -> String {
    let mut item = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' && byte != b',' {
            item.push(char::from(byte));
        } else {
            item.push('%');
            for digit in [byte >> 4, byte & 15] {
                item.extend(
                    char::from_digit(u32::from(digit), 16).map(|digit| digit.to_ascii_uppercase()),
                );
            }
        }
    }
    item
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ignore_case() {
        let headers: Headers = [("Content-TYPE", "Text/CSV; charset=utf-8")]
            .into_iter()
            .collect();
        assert_eq!(
            headers.value("content-type"),
            Some("Text/CSV; charset=utf-8")
        );
        assert_eq!(headers.media_type().as_deref(), Some("text/csv"));
        assert_eq!(headers.value("accept"), None);
    }

    #[test]
    fn a_field_name_cannot_break_a_header() {
        assert_eq!(
            list_item("tail number\r\nset-cookie: ä,%"),
            "tail%20number%0D%0Aset-cookie:%20%C3%A4%2C%25"
        );
    }
}
