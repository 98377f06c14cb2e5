//! Turns LightGBM, XGBoost and ONNX models into plans, and checks them against their source.
