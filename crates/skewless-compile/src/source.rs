//! The model formats that can be read, and how a file's content tells them apart.

use skewless_core::error::{Error, Result};

/// A format of model files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The text that LightGBM's `save_model` writes.
    LightGbm,
    /// The JSON or UBJSON that XGBoost's `save_model` writes.
    XgBoost,
    /// An ONNX file.
    Onnx,
    /// A TensorFlow Lite file.
    TfLite,
}

impl Source {
    /// Tells the format from the content alone; names play no part.
    ///
    /// # Errors
    /// `unsupported.model_format` for a format that is recognised and not read (XGBoost's old binary one, a pickle),
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
        // A FlatBuffers file names its schema behind the root's place.
        if bytes.get(4..8) == Some(b"TFL3") {
            return Ok(Self::TfLite);
        }
        // Field 1 of ONNX's ModelProto is the version, a small number, and every writer puts it first.
        if bytes.first() == Some(&0x08) {
            return Ok(Self::Onnx);
        }
        Err(Error::input(
            "model.unknown_format",
            "the file is neither a LightGBM text model nor an XGBoost model in JSON or UBJSON nor an ONNX model nor a TensorFlow Lite file",
        ))
    }

    /// The format's name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::LightGbm => "LightGBM",
            Self::XgBoost => "XGBoost",
            Self::Onnx => "ONNX",
            Self::TfLite => "TensorFlow Lite",
        }
    }
}

fn known_but_not_read(bytes: &[u8]) -> Option<&'static str> {
    const OLD_XGBOOST: &str = "an XGBoost model in the old binary format; load it in XGBoost before 3.1 and save it as JSON or UBJSON";
    let starts: [(&[u8], &str); 4] = [
        (b"binf", OLD_XGBOOST),
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
    let known = starts.iter().find(|(start, _)| bytes.starts_with(start));
    match known {
        Some((_, format)) => Some(format),
        None => is_old_xgboost(bytes).then_some(OLD_XGBOOST),
    }
}

/// XGBoost's old binary format begins with its parameters' bytes, and has the objective's name at a fixed place.
fn is_old_xgboost(bytes: &[u8]) -> bool {
    let name = bytes.get(OLD_XGBOOST_PARAMETERS..).unwrap_or_default();
    let Some((length, name)) = name.split_first_chunk() else {
        return false;
    };
    let name = usize::try_from(u64::from_le_bytes(*length))
        .ok()
        .and_then(|length| name.get(..length));
    let families: [&[u8]; 6] = [
        b"binary:",
        b"reg:",
        b"multi:",
        b"rank:",
        b"count:",
        b"survival:",
    ];
    name.is_some_and(|name| families.iter().any(|family| name.starts_with(family)))
}

/// Bytes of `LearnerModelParamLegacy`.
const OLD_XGBOOST_PARAMETERS: usize = 136;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_tells_the_format() {
        let mut old = vec![0; 136];
        old.extend_from_slice(b"\x0f\0\0\0\0\0\0\0binary:logistic");
        let cases: [(&[u8], std::result::Result<Source, &str>); 9] = [
            (b"tree\nversion=v4\n", Ok(Source::LightGbm)),
            (b" \n{\"learner\":{}}", Ok(Source::XgBoost)),
            (b"\x08\x08\x12\x08", Ok(Source::Onnx)),
            (b"{L\0\0", Ok(Source::XgBoost)),
            (b"binf\0\0", Err("unsupported.model_format")),
            (&old, Err("unsupported.model_format")),
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
