// What every host's entry exports beside `load`.

export type { DictionaryColumn, NumberArray, RawColumn, RawColumns } from "./columns.js";
export { SkewlessError } from "./error.js";
export type { Load } from "./load.js";
export type { BatchPrediction, LoadOptions, Model } from "./model.js";
export type { Source } from "./source.js";
export type {
  BinaryPrediction,
  ErrorData,
  FeatureInfo,
  InputInfo,
  Kind,
  ModelInfo,
  MulticlassPrediction,
  Prediction,
  RawRecord,
  RawValue,
  RegressionPrediction,
} from "./wasm/skewless.js";
