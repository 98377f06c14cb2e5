//! Reads JSON that is written in one way only: the expected characters, or nothing.

/// Text of which the expected beginning is taken off.
pub(super) struct Canonical<'a>(pub(super) &'a str);

impl<'a> Canonical<'a> {
    /// Takes exactly this.
    pub(super) fn literal(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// Takes a whole number without leading zeros.
    pub(super) fn whole(&mut self) -> Option<usize> {
        let end = self.0.bytes().position(|byte| !byte.is_ascii_digit());
        let (digits, rest) = self.0.split_at_checked(end.unwrap_or(self.0.len()))?;
        let canonical = digits == "0" || (!digits.is_empty() && !digits.starts_with('0'));
        self.0 = rest;
        let number = digits.bytes().try_fold(0_usize, |number, digit| {
            number
                .checked_mul(10)?
                .checked_add(usize::from(digit - b'0'))
        });
        number.filter(|_| canonical)
    }

    /// Takes a string in which nothing is escaped.
    pub(super) fn string(&mut self) -> Option<&'a str> {
        self.literal("\"")?;
        let (text, rest) = self.0.split_once('"')?;
        self.0 = rest;
        let plain = |byte: u8| byte >= 0x20 && byte != b'\\';
        text.bytes().all(plain).then_some(text)
    }
}
