//! The wiring: how a feature row becomes the graph's inputs, and the graph's outputs a row of raw scores.

use serde::{Deserialize, Serialize};
use skewless_core::{Error, Result};

/// Most numbers that a row may hold on either side of the graph.
const MOST_NUMBERS: usize = 1 << 24;
/// Most inputs, outputs and axes.
const MOST_ENTRIES: usize = 256;

/// What travels with the graph, as JSON in the ONNX file's own metadata under the key `skewless.wiring`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wiring {
    /// The graph's inputs in its order.
    pub inputs: Vec<InputWire>,
    /// The outputs whose numbers are the raw scores, in this order.
    pub outputs: Vec<OutputWire>,
}

/// One input of the graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputWire {
    /// The graph's name for it.
    pub name: String,
    /// The type of its elements.
    #[serde(rename = "type")]
    pub kind: Element,
    /// Its shape for one row: the batch's axis is 1. The row's numbers fill it in row-major order.
    pub shape: Vec<usize>,
    /// Its numbers, where they are the same for every row; it then takes no columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<Vec<f64>>,
}

/// One output of the graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputWire {
    /// The graph's name for it.
    pub name: String,
    /// Its numbers for one row.
    pub width: usize,
}

/// Types of elements that numbers can be turned into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Element {
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Bool,
}

impl Element {
    /// Whether the type holds the number: floats every one, the others whole numbers in their range.
    pub fn holds(self, number: f64) -> bool {
        let whole = |low: f64, high: f64| (low..=high).contains(&number) && number.fract() == 0.0;
        // The largest doubles that 64-bit integers hold are below their ends.
        match self {
            Self::F32 | Self::F64 => true,
            Self::I8 => whole(-128.0, 127.0),
            Self::I16 => whole(-32_768.0, 32_767.0),
            Self::I32 => whole(f64::from(i32::MIN), f64::from(i32::MAX)),
            Self::I64 => whole(-9_223_372_036_854_775_808.0, 9_223_372_036_854_774_784.0),
            Self::U8 => whole(0.0, 255.0),
            Self::U16 => whole(0.0, 65_535.0),
            Self::U32 => whole(0.0, f64::from(u32::MAX)),
            Self::U64 => whole(0.0, 18_446_744_073_709_549_568.0),
            Self::Bool => whole(0.0, 1.0),
        }
    }

    /// The numbers that a generated row may hold without the graph being likely to refuse them: a bit or a byte where
    /// the type is no float.
    pub fn usual_range(self) -> (f64, f64) {
        match self {
            Self::F32 | Self::F64 => (-1.0, 1.0),
            Self::Bool => (0.0, 1.0),
            Self::I8 => (-128.0, 127.0),
            _ => (0.0, 127.0),
        }
    }

    /// Whether it is a floating-point type.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }
}

impl InputWire {
    /// Columns of the feature row that it takes.
    pub fn columns(&self) -> usize {
        match self.fixed {
            Some(_) => 0,
            None => self.shape.iter().product(),
        }
    }
}

impl Wiring {
    /// Reads and checks the JSON.
    ///
    /// # Errors
    /// `bundle.invalid_onnx` naming what does not hold.
    pub fn read(json: &str) -> Result<Self> {
        let wiring: Self = serde_json::from_str(json)
            .map_err(|error| invalid(format!("the wiring of model.onnx: {error}")))?;
        wiring.check()?;
        Ok(wiring)
    }

    /// The JSON.
    ///
    /// # Errors
    /// `bundle.invalid_onnx` where the wiring contradicts itself.
    pub fn write(&self) -> Result<String> {
        self.check()?;
        serde_json::to_string(self).map_err(|error| {
            Error::internal("internal.json", "the wiring cannot be written").with_source(error)
        })
    }

    /// Width of a feature row.
    pub fn columns(&self) -> usize {
        self.inputs.iter().map(InputWire::columns).sum()
    }

    /// Raw scores per row.
    pub fn scores(&self) -> usize {
        self.outputs.iter().map(|output| output.width).sum()
    }

    fn check(&self) -> Result<()> {
        let counts = [self.inputs.len(), self.outputs.len()];
        if counts.iter().any(|&count| count > MOST_ENTRIES) {
            return Err(invalid(format!(
                "more than {MOST_ENTRIES} inputs or outputs"
            )));
        }
        let (mut columns, mut scores) = (0_usize, 0_usize);
        for (at, input) in self.inputs.iter().enumerate() {
            let earlier = self.inputs.iter().take(at);
            check_name("input", &input.name, earlier.map(|input| &input.name))?;
            let numbers = input.checked_numbers()?;
            if input.fixed.is_none() {
                columns = columns.saturating_add(numbers);
            }
        }
        for (at, output) in self.outputs.iter().enumerate() {
            let earlier = self.outputs.iter().take(at);
            check_name("output", &output.name, earlier.map(|output| &output.name))?;
            scores = scores.saturating_add(output.width);
        }
        for (what, numbers) in [("inputs", columns), ("outputs", scores)] {
            if !(1..=MOST_NUMBERS).contains(&numbers) {
                return Err(invalid(format!(
                    "a row's {what} hold {numbers} numbers; 1 to {MOST_NUMBERS} are possible"
                )));
            }
        }
        Ok(())
    }
}

impl InputWire {
    /// The numbers of the shape, which the fixed ones must fill exactly.
    fn checked_numbers(&self) -> Result<usize> {
        let name = &self.name;
        if self.shape.len() > MOST_ENTRIES {
            return Err(invalid(format!(
                "input `{name}` has more than {MOST_ENTRIES} axes"
            )));
        }
        let numbers = self
            .shape
            .iter()
            .try_fold(1_usize, |product, &size| product.checked_mul(size))
            .filter(|&numbers| (1..=MOST_NUMBERS).contains(&numbers))
            .ok_or_else(|| {
                invalid(format!(
                    "input `{name}` has the shape {:?}; 1 to {MOST_NUMBERS} numbers are possible",
                    self.shape
                ))
            })?;
        let Some(fixed) = &self.fixed else {
            return Ok(numbers);
        };
        if fixed.len() != numbers {
            return Err(invalid(format!(
                "input `{name}` is fixed to {} numbers, and its shape holds {numbers}",
                fixed.len()
            )));
        }
        match fixed.iter().find(|&&number| !self.kind.holds(number)) {
            None => Ok(numbers),
            Some(number) => Err(invalid(format!(
                "input `{name}` is fixed to {number}, which its type {:?} does not hold",
                self.kind
            ))),
        }
    }
}

fn check_name<'a>(
    what: &str,
    name: &String,
    mut earlier: impl Iterator<Item = &'a String>,
) -> Result<()> {
    if earlier.any(|earlier| earlier == name) {
        return Err(invalid(format!("{what} `{name}` is wired twice")));
    }
    Ok(())
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::bundle("bundle.invalid_onnx", message).with_field("model.onnx")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"inputs":[{"name":"x","type":"f32","shape":[1,3]},{"name":"sr","type":"i64","shape":[],"fixed":[16000]}],"outputs":[{"name":"y","width":2}]}"#;

    #[test]
    fn a_wiring_reads_back() {
        let wiring = Wiring::read(GOOD).unwrap();
        assert_eq!((wiring.columns(), wiring.scores()), (3, 2));
        assert_eq!(Wiring::read(&wiring.write().unwrap()).unwrap(), wiring);
    }

    #[test]
    fn what_does_not_hold_is_refused() {
        for (from, to) in [
            (r#""name":"sr""#, r#""name":"x""#),
            ("[1,3]", "[1,0]"),
            ("[1,3]", "[4294967296,4294967296]"),
            ("[1,3]", "[16777217]"),
            ("[16000]", "[16000,1]"),
            ("[16000]", "[0.5]"),
            ("[16000]", "[1e300]"),
            (r#""width":2"#, r#""width":0"#),
            (r#""width":2"#, r#""width":2,"more":1"#),
            (r#""i64""#, r#""string""#),
            (r#"{"name":"y","width":2}"#, ""),
        ] {
            let text = GOOD.replace(from, to);
            assert_ne!(text, GOOD);
            let error = Wiring::read(&text).expect_err(&text);
            assert_eq!(error.code(), "bundle.invalid_onnx", "{text}");
        }
    }

    #[test]
    fn integers_hold_what_they_can() {
        for (kind, held, not_held) in [
            (Element::I8, [-128.0, 127.0], [128.0, 0.5]),
            (Element::U8, [0.0, 255.0], [-1.0, 256.0]),
            (
                Element::I64,
                [-9.223_372_036_854_776e18, 0.0],
                [9.223_372_036_854_776e18, f64::NAN],
            ),
            (Element::Bool, [0.0, 1.0], [2.0, f64::INFINITY]),
            (
                Element::U32,
                [0.0, 4_294_967_295.0],
                [4_294_967_296.0, -0.5],
            ),
        ] {
            assert!(held.iter().all(|&number| kind.holds(number)), "{kind:?}");
            assert!(
                !not_held.iter().any(|&number| kind.holds(number)),
                "{kind:?}"
            );
        }
    }
}
