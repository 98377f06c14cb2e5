//! Counts with the word for what is counted, which has an s or not.

use crate::card::grouped;

/// `1 row`, `2 rows`; for words whose plural ends in s.
pub fn counted(count: usize, word: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {word}{s}", grouped(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        let said = [0, 1, 2, 1_000].map(|count| counted(count, "row"));
        assert_eq!(said, ["0 rows", "1 row", "2 rows", "1,000 rows"]);
    }
}
