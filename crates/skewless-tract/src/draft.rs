//! What an ONNX file says of an input, before its open sizes are settled.

use skewless_core::{Error, Result};
use tract_onnx::pb::ValueInfoProto;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Size;
use tract_onnx::pb::type_proto::Value as Kind;

use crate::wiring::{Element, InputWire, invalid};

/// An input as the file describes it.
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) kind: Element,
    pub(crate) shape: Vec<Open>,
}

/// One axis.
pub(crate) enum Open {
    Known(usize),
    /// The graph's name for its size, or `INPUT.AXIS`.
    Named(String),
}

impl Draft {
    /// # Errors
    /// `unsupported.onnx_input` for what is no tensor of numbers with a stated number of axes.
    pub(crate) fn of(input: &ValueInfoProto) -> Result<Self> {
        let name = &input.name;
        let unsupported = |what: &str| {
            Error::unsupported("unsupported.onnx_input", format!("input `{name}` {what}"))
                .with_value(name)
        };
        let Some(Kind::TensorType(tensor)) =
            input.r#type.as_ref().and_then(|kind| kind.value.as_ref())
        else {
            return Err(unsupported("is not a tensor"));
        };
        let kind = Element::of_onnx(tensor.elem_type)
            .ok_or_else(|| unsupported("holds no 32 or 64 bit floats, integers or booleans"))?;
        let shape = tensor
            .shape
            .as_ref()
            .ok_or_else(|| unsupported("has no shape"))?;
        let shape = shape
            .dim
            .iter()
            .enumerate()
            .map(|(axis, size)| match &size.value {
                Some(Size::DimValue(size)) if *size > 0 => {
                    Open::Known(usize::try_from(*size).unwrap_or_default())
                }
                Some(Size::DimParam(size)) if !size.is_empty() && size != "?" => {
                    Open::Named(size.clone())
                }
                _ => Open::Named(format!("{name}.{axis}")),
            });
        Ok(Self {
            name: name.clone(),
            kind,
            shape: shape.collect(),
        })
    }

    /// Whether a wiring is one of this input: its type, its axes, and the sizes that the file states.
    ///
    /// # Errors
    /// `bundle.invalid_onnx`.
    pub(crate) fn check(&self, wired: &InputWire) -> Result<()> {
        let mut axes = self.shape.iter().zip(&wired.shape);
        let fits = axes.all(|(open, size)| match open {
            Open::Known(known) => known == size,
            Open::Named(_) => true,
        });
        if fits && self.shape.len() == wired.shape.len() && self.kind == wired.kind {
            return Ok(());
        }
        Err(invalid(format!(
            "input `{}` is wired as {:?} {:?}, which the graph's is not",
            self.name, wired.kind, wired.shape
        )))
    }
}
