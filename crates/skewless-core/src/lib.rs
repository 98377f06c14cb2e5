//! Features, engine, output, profile and bundle: a raw record in, a prediction out, the same bits on every target.
