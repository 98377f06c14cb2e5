//! The lines of a LightGBM text model, sorted into a header and trees.

use std::collections::BTreeMap;
use std::str::FromStr;

use skewless_core::error::Result;

use super::invalid;

/// A model file, split into blocks.
pub(crate) struct ModelText<'a> {
    pub(crate) header: Fields<'a>,
    pub(crate) trees: Vec<Fields<'a>>,
}

/// The `key=value` lines of one block; a line without `=` is a key with an empty value.
pub(crate) struct Fields<'a> {
    /// How errors call the block.
    block: String,
    values: BTreeMap<&'a str, &'a str>,
}

impl<'a> ModelText<'a> {
    /// Reads up to `end of trees`; what follows describes the training.
    pub(crate) fn read(text: &'a str) -> Result<Self> {
        let mut lines = text.lines();
        if lines.next() != Some("tree") {
            return Err(invalid("the first line is not `tree`"));
        }
        let mut blocks = vec![Fields::new("the header".to_owned())];
        for line in lines {
            if line == "end of trees" {
                let mut blocks = blocks.into_iter();
                let header = blocks.next().ok_or_else(|| invalid("there is no header"))?;
                return Self::checked(header, blocks.collect());
            }
            if let Some(number) = line.strip_prefix("Tree=") {
                if number.parse() != Ok(blocks.len() - 1) {
                    return Err(invalid(format!(
                        "tree {number} stands where {} is due",
                        blocks.len() - 1
                    )));
                }
                blocks.push(Fields::new(format!("tree {number}")));
            } else if let Some(block) = blocks.last_mut() {
                block.push(line)?;
            }
        }
        Err(invalid(
            "the line `end of trees` is missing: the file is cut off",
        ))
    }

    fn checked(header: Fields<'a>, trees: Vec<Fields<'a>>) -> Result<Self> {
        let stated = header.text("tree_sizes")?.split_ascii_whitespace().count();
        match stated == trees.len() {
            true => Ok(Self { header, trees }),
            false => Err(invalid(format!(
                "the header states {stated} trees, and there are {}",
                trees.len()
            ))),
        }
    }
}

impl<'a> Fields<'a> {
    fn new(block: String) -> Self {
        Self {
            block,
            values: BTreeMap::new(),
        }
    }

    fn push(&mut self, line: &'a str) -> Result<()> {
        if line.is_empty() {
            return Ok(());
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        match self.values.insert(key, value) {
            None => Ok(()),
            Some(_) => Err(self.invalid(&format!("`{key}` stands twice"))),
        }
    }

    /// Whether the key stands in the block, with or without a value.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    pub(crate) fn optional_text(&self, key: &str) -> Option<&'a str> {
        self.values.get(key).copied()
    }

    pub(crate) fn text(&self, key: &str) -> Result<&'a str> {
        self.optional_text(key)
            .ok_or_else(|| self.invalid(&format!("`{key}` is missing")))
    }

    pub(crate) fn number<T: FromStr>(&self, key: &str) -> Result<T> {
        let text = self.text(key)?;
        text.parse().map_err(|_| {
            self.invalid(&format!("`{key}` is not such a number"))
                .with_value(text)
        })
    }

    /// `count` numbers between spaces. Decimals become the nearest double, as LightGBM's own reader makes them.
    pub(crate) fn numbers<T: FromStr>(&self, key: &str, count: usize) -> Result<Vec<T>> {
        let text = self.text(key)?;
        let parsed: std::result::Result<Vec<T>, _> =
            text.split_ascii_whitespace().map(str::parse).collect();
        let numbers = parsed
            .map_err(|_| self.invalid(&format!("`{key}` holds something else than numbers")))?;
        match numbers.len() == count {
            true => Ok(numbers),
            false => Err(self.invalid(&format!(
                "`{key}` has {} numbers, {count} are due",
                numbers.len()
            ))),
        }
    }

    pub(crate) fn invalid(&self, what: &str) -> skewless_core::error::Error {
        invalid(format!("{}: {what}", self.block))
    }
}
