// What every host's entry exports beside `load`.

export { SkewlessError } from "./error.js";
export type { ErrorData, Kind } from "./error.js";
export type { Explanation, FeatureContribution } from "./explanation.js";
export type { FeatureInfo, FeatureParameter, GoldenRow, InputInfo, ModelInfo } from "./info.js";
export type { Load } from "./load.js";
export type { Model } from "./model.js";
export type { LoadOptions, Progress } from "./options.js";
export type { Conformal } from "./parts.js";
export type {
  BatchPrediction,
  BinaryPrediction,
  MulticlassPrediction,
  Prediction,
  RegressionPrediction,
  VectorPrediction,
} from "./prediction.js";
export type { Bins, Categories, InputProfile, Profile } from "./profile.js";
export type { Columns, DictionaryColumn, NumberArray, RawColumn, RawColumns, RawRecord, RawTensor, RawValue } from "./raw.js";
export type { Source } from "./source.js";
