//! The general engine: any ONNX graph that tract runs, behind the core's engine trait.
