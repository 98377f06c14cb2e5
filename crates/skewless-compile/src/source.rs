//! The model formats that can be read, and how a file's content tells them apart.

use skewless_core::error::{Error, Result};

/// A format of model files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The text that LightGBM's `save_model` writes.
    LightGbm,
    /// The JSON that XGBoost's `save_model("….json")` writes.
    XgBoost,
    /// An ONNX file.
    Onnx,
}

impl Source {
    /// Tells the format from the content alone; names play no part.
    ///
    /// # Errors
    /// `unsupported.model_format` for a format that is recognised and not read (XGBoost's UBJSON, a pickle),
    /// `model.unknown_format` for anything else.
    pub fn detect(bytes: &[u8]) -> Result<Self> {
        if bytes.starts_with(b"tree\n") || bytes.starts_with(b"tree\r\n") {
            return Ok(Self::LightGbm);
        }
        if let Some(format) = known_but_not_read(bytes) {
            return Err(Error::unsupported(
                "unsupported.model_format",
                format!("the file is {format}"),
            ));
        }
        if bytes.trim_ascii_start().starts_with(b"{") {
            return Ok(Self::XgBoost);
        }
        // Field 1 of ONNX's ModelProto is the version, a small number, and every writer puts it first.
        if bytes.first() == Some(&0x08) {
            return Ok(Self::Onnx);
        }
        Err(Error::input(
            "model.unknown_format",
            "the file is neither a LightGBM text model nor an XGBoost JSON model nor an ONNX model",
        ))
    }

    /// The format's name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::LightGbm => "LightGBM",
            Self::XgBoost => "XGBoost",
            Self::Onnx => "ONNX",
        }
    }
}

fn known_but_not_read(bytes: &[u8]) -> Option<&'static str> {
    let starts: [(&[u8], &str); 5] = [
        (
            b"{L",
            "an XGBoost model in UBJSON; save it with a name that ends in .json",
        ),
        (
            b"binf",
            "an XGBoost model in the old binary format; load it in XGBoost and save it as JSON",
        ),
        (
            b"\x80",
            "a Python pickle; export the model as ONNX, LightGBM text or XGBoost JSON",
        ),
        (
            b"PK\x03\x04",
            "a ZIP archive; a bundle is made already, and a joblib or Keras archive must be exported",
        ),
        (b"\x89HDF", "an HDF5 file; export the model as ONNX"),
    ];
    starts
        .iter()
        .find(|(start, _)| bytes.starts_with(start))
        .map(|(_, format)| *format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_tells_the_format() {
        let cases: [(&[u8], std::result::Result<Source, &str>); 7] = [
            (b"tree\nversion=v4\n", Ok(Source::LightGbm)),
            (b" \n{\"learner\":{}}", Ok(Source::XgBoost)),
            (b"\x08\x08\x12\x08", Ok(Source::Onnx)),
            (b"{L\0\0", Err("unsupported.model_format")),
            (b"\x80\x04\x95", Err("unsupported.model_format")),
            (b"", Err("model.unknown_format")),
            (b"a,b,c\n", Err("model.unknown_format")),
        ];
        for (bytes, expected) in cases {
            let found = Source::detect(bytes).map_err(|error| error.code());
            assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
