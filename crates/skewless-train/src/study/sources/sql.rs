//! What a query names, and whether it gives the same answer at any time and place.

/// A piece of SQL; comments, numbers and blanks are left out.
#[derive(Debug, PartialEq)]
enum Token {
    /// A word outside quotes, in lower case.
    Word(String),
    /// What stands in quotes or brackets.
    Quoted(String),
    Sign(char),
}

/// Functions that read the clock when they are asked to.
const TIMES: [&str; 7] = [
    "date",
    "time",
    "datetime",
    "julianday",
    "unixepoch",
    "strftime",
    "timediff",
];

/// Words whose answer is another one each time.
const MOVING: [&str; 6] = [
    "random",
    "randomblob",
    "current_date",
    "current_time",
    "current_timestamp",
    "load_extension",
];

/// Those of `names` that the query mentions, in whatever place.
pub(super) fn mentioned<'a>(sql: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let tokens = tokens(sql);
    let is_there = |name: &&str| {
        tokens.iter().any(|token| match token {
            Token::Word(word) | Token::Quoted(word) => word.eq_ignore_ascii_case(name),
            Token::Sign(_) => false,
        })
    };
    names.filter(is_there).collect()
}

/// What in the query reads the clock, the time zone of the machine, or chance.
pub(super) fn moving(sql: &str) -> Option<String> {
    let tokens = tokens(sql);
    let has_times = tokens
        .iter()
        .any(|token| matches!(token, Token::Word(word) if TIMES.contains(&word.as_str())));
    let text = |at: usize| match tokens.get(at) {
        Some(Token::Quoted(text)) => Some(text.to_ascii_lowercase()),
        _ => None,
    };
    let sign =
        |at: usize, due: char| matches!(tokens.get(at), Some(Token::Sign(sign)) if *sign == due);
    tokens
        .iter()
        .enumerate()
        .find_map(|(at, token)| match token {
            Token::Word(word) if MOVING.contains(&word.as_str()) => Some(word.clone()),
            Token::Word(word) if TIMES.contains(&word.as_str()) && sign(at + 1, '(') => {
                let alone = sign(at + 2, ')');
                let format_alone = word == "strftime" && sign(at + 3, ')');
                let subsecond = text(at + 2).is_some_and(|text| text.starts_with("subsec"));
                (alone || format_alone || subsecond).then(|| format!("{word}() without a time"))
            }
            Token::Quoted(text) if has_times => {
                let text = text.trim().to_ascii_lowercase();
                ["now", "localtime", "utc"]
                    .contains(&text.as_str())
                    .then(|| format!("'{text}'"))
            }
            _ => None,
        })
}

/// The columns that `USING (…)` names, in lower case.
pub(super) fn used(sql: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut tokens = tokens(sql).into_iter();
    while let Some(token) = tokens.next() {
        if token != Token::Word("using".to_owned()) {
            continue;
        }
        let names = tokens
            .by_ref()
            .take_while(|token| *token != Token::Sign(')'));
        found.extend(names.filter_map(|token| match token {
            Token::Word(name) => Some(name),
            Token::Quoted(name) => Some(name.to_lowercase()),
            Token::Sign(_) => None,
        }));
    }
    found
}

/// Whether a join is by all columns that both sides happen to have.
pub(super) fn is_natural(sql: &str) -> bool {
    tokens(sql).contains(&Token::Word("natural".to_owned()))
}

fn tokens(sql: &str) -> Vec<Token> {
    let (mut tokens, mut rest) = (Vec::new(), sql);
    while let Some(first) = rest.chars().next() {
        let after = rest.get(first.len_utf8()..).unwrap_or_default();
        rest = match first {
            '\'' | '"' | '`' => quoted(&mut tokens, after, first),
            '[' => quoted(&mut tokens, after, ']'),
            '-' if after.starts_with('-') => after.split_once('\n').map_or("", |(_, rest)| rest),
            '/' if after.starts_with('*') => after.split_once("*/").map_or("", |(_, rest)| rest),
            _ if first.is_alphanumeric() || first == '_' => {
                let is_word = |sign: char| sign.is_alphanumeric() || sign == '_' || sign == '$';
                let end = rest.find(|sign| !is_word(sign)).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                tokens.push(Token::Word(word.to_lowercase()));
                after
            }
            _ => {
                if !first.is_whitespace() {
                    tokens.push(Token::Sign(first));
                }
                after
            }
        };
    }
    tokens
}

/// Takes what stands up to the closing quote, which is doubled inside.
fn quoted<'a>(tokens: &mut Vec<Token>, mut rest: &'a str, end: char) -> &'a str {
    let mut text = String::new();
    while let Some((before, after)) = rest.split_once(end) {
        text.push_str(before);
        rest = after;
        let Some(more) = rest.strip_prefix(end).filter(|_| end != ']') else {
            tokens.push(Token::Quoted(text));
            return rest;
        };
        text.push(end);
        rest = more;
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_found_outside_comments() {
        let sql = "SELECT a.* FROM Flights a JOIN \"weather\" -- planes\n /* airports */ WHERE x = 'it''s'";
        let names = ["flights", "weather", "planes", "airports", "a"];
        assert_eq!(
            mentioned(sql, names.into_iter()),
            ["flights", "weather", "a"]
        );
    }

    #[test]
    fn joins_by_name_are_found() {
        let sql = "SELECT * FROM a JOIN b USING (k, \"Y\") JOIN c USING(z) -- using (no)";
        assert_eq!(used(sql), ["k", "y", "z"]);
        assert!(is_natural("SELECT 1 FROM a Natural LEFT JOIN b"));
        assert!(!is_natural("SELECT 'natural' FROM a"));
    }

    #[test]
    fn clock_zone_and_chance_are_found() {
        for sql in [
            "SELECT random()",
            "SELECT Current_Timestamp",
            "SELECT date('now')",
            "SELECT datetime(t, \"LocalTime\") FROM s",
            "SELECT julianday ( )",
            "SELECT strftime('%Y')",
            "SELECT unixepoch('subsec')",
        ] {
            assert!(moving(sql).is_some(), "{sql}");
        }
        for sql in [
            "SELECT date(t, '+1 day'), strftime('%H', t) FROM s",
            "SELECT zone FROM s WHERE zone = 'utc'",
            "SELECT date FROM s -- now",
            "SELECT random_id FROM s",
        ] {
            assert_eq!(moving(sql), None, "{sql}");
        }
    }
}
