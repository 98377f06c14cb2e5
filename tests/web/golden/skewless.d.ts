// What the package publishes, as its declarations say; `published.test.mjs` compares, and writes it with BLESS=1.

// skewless
export { SkewlessError };
export type { ErrorData, Kind };
export type { Explanation, FeatureContribution };
export type { FeatureInfo, FeatureParameter, GoldenRow, InputInfo, ModelInfo };
export type { Load };
export type { Model };
export type { LoadOptions, Progress };
export type { Conformal };
export type { BatchPrediction, BinaryPrediction, MulticlassPrediction, Prediction, RegressionPrediction, VectorPrediction, };
export type { Bins, Categories, InputProfile, Profile };
export type { Columns, DictionaryColumn, NumberArray, RawColumn, RawColumns, RawRecord, RawTensor, RawValue };
export type { Source };
/**
 * Opens a bundle.
 * @throws {SkewlessError} `input.unreachable`, `input.aborted`, `bundle.*`, `unsupported.*`, `misuse.*`.
 */
export declare const load: Load;

// skewless/serve
export { SkewlessError };
export type { Source };
export type { CreateHandler, CreateLazyHandler, Handler };
export type { BundleEntry, Entry, Log, RequestEntry };
export { type Cors, type Limits, type Options, optionsFrom };
export { type Bucket, type BundleSource, type Fetcher, fromAddress, fromKv, fromR2, type Namespace, type Tagged };
export type { Context };
/**
 * Opens a bundle and gives the function that answers requests with it.
 * @throws {SkewlessError} `input.unreachable`, `bundle.*`, `unsupported.*`, `config.*`.
 */
export declare const createHandler: CreateHandler;
/** Gives the function at once; the first request opens the bundle. */
export declare const createLazyHandler: CreateLazyHandler;
/**
 * The source that the variable `SKEWLESS_SOURCE` names: `r2:BINDING/KEY`, `kv:BINDING/KEY`, `assets:BINDING/PATH` or an
 * address; in Node, Deno and Bun a path too.
 */
export declare const sourceFrom: (variables: object) => BundleSource;

// skewless/serve/node
export { listen, type Address };
export { SkewlessError };
export type { Source };
export type { CreateHandler, CreateLazyHandler, Handler };
export type { BundleEntry, Entry, Log, RequestEntry };
export { type Cors, type Limits, type Options, optionsFrom };
export { type Bucket, type BundleSource, type Fetcher, fromAddress, fromKv, fromR2, type Namespace, type Tagged };
export type { Context };
/** Opens a bundle, by path or URL or from bytes, and gives the function that answers requests with it. */
export declare const createHandler: CreateHandler;
/** Gives the function at once; the first request opens the bundle. */
export declare const createLazyHandler: CreateLazyHandler;
/** The source that the variable `SKEWLESS_SOURCE` names: a path or an address. */
export declare const sourceFrom: (variables: object) => BundleSource;
/** A file, told apart by its place on the disk, its length and the time of its last change. */
export declare function fromFile(path: string): BundleSource;

// skewless/network
export { SkewlessError };
export type { ErrorData, Kind };
export type { Explanation, FeatureContribution };
export type { FeatureInfo, FeatureParameter, GoldenRow, InputInfo, ModelInfo };
export type { Load };
export type { Model };
export type { LoadOptions, Progress };
export type { Conformal };
export type { BatchPrediction, BinaryPrediction, MulticlassPrediction, Prediction, RegressionPrediction, VectorPrediction, };
export type { Bins, Categories, InputProfile, Profile };
export type { Columns, DictionaryColumn, NumberArray, RawColumn, RawColumns, RawRecord, RawTensor, RawValue };
export type { Source };
/**
 * Opens a bundle.
 * @throws {SkewlessError} `input.unreachable`, `bundle.*`, `unsupported.*`.
 */
export declare const load: Load;

// skewless/full
export { SkewlessError };
export type { ErrorData, Kind };
export type { Explanation, FeatureContribution };
export type { FeatureInfo, FeatureParameter, GoldenRow, InputInfo, ModelInfo };
export type { Load };
export type { Model };
export type { LoadOptions, Progress };
export type { Conformal };
export type { BatchPrediction, BinaryPrediction, MulticlassPrediction, Prediction, RegressionPrediction, VectorPrediction, };
export type { Bins, Categories, InputProfile, Profile };
export type { Columns, DictionaryColumn, NumberArray, RawColumn, RawColumns, RawRecord, RawTensor, RawValue };
export type { Source };
/**
 * Opens a bundle of any engine.
 * @throws {SkewlessError} `input.unreachable`, `bundle.*`, `unsupported.*`.
 */
export declare const load: Load;

// skewless/profile
export type { Bins, Categories, InputProfile, Profile };
/**
 * The counts of several profiles together.
 * @throws {SkewlessError} `misuse.profile` where they do not count the same inputs in the same bins.
 */
export declare function mergeProfiles(first: Profile, ...more: readonly Profile[]): Profile;

// skewless/worker-client
export { SkewlessError };
export type { ErrorData, Kind };
export type { Explanation, FeatureContribution };
export type { FeatureInfo, FeatureParameter, GoldenRow, InputInfo, ModelInfo };
export type { Load };
export type { Model };
export type { LoadOptions, Progress };
export type { Conformal };
export type { BatchPrediction, BinaryPrediction, MulticlassPrediction, Prediction, RegressionPrediction, VectorPrediction, };
export type { Bins, Categories, InputProfile, Profile };
export type { Columns, DictionaryColumn, NumberArray, RawColumn, RawColumns, RawRecord, RawTensor, RawValue };
export type { Source };
export type { WorkerLoad, WorkerLoadOptions, WorkerModel };
/** Opens a bundle in a worker. */
export declare const load: WorkerLoad;

// skewless/esbuild
/**
 * Puts the modules and the worker's script into the folder of esbuild's output, in which the scripts must lie that use the
 * package.
 */
export declare function skewless(): {
    name: string;
    setup(build: Build): void;
};
/** esbuild's build, as far as a plugin of it is used here. */
interface Build {
    readonly initialOptions: {
        outdir?: string;
        outfile?: string;
        minify?: boolean;
        target?: string | string[];
        absWorkingDir?: string;
    };
    readonly esbuild: {
        build(options: object): Promise<unknown>;
    };
    onEnd(finished: (result: {
        readonly errors: readonly unknown[];
    }) => Promise<void>): void;
}

// skewless/edge-light
export { SkewlessError };
export type { ErrorData, Kind };
export type { Explanation, FeatureContribution };
export type { FeatureInfo, FeatureParameter, GoldenRow, InputInfo, ModelInfo };
export type { Load };
export type { Model };
export type { LoadOptions, Progress };
export type { Conformal };
export type { BatchPrediction, BinaryPrediction, MulticlassPrediction, Prediction, RegressionPrediction, VectorPrediction, };
export type { Bins, Categories, InputProfile, Profile };
export type { Columns, DictionaryColumn, NumberArray, RawColumn, RawColumns, RawRecord, RawTensor, RawValue };
export type { Source };
/** Opens a bundle. */
export declare const load: Load;

/** Whose fault an error is. */
export type Kind = 
/** The caller's data: a record, a column. */
"invalid_input"
/** The author of a feature specification. */
 | "invalid_spec"
/** The bundle's bytes are damaged, incomplete or contradict themselves. */
 | "invalid_bundle"
/** Well-formed, but this build can't do it. */
 | "unsupported"
/** The calling program broke the rules of the interface. */
 | "misuse"
/** A fault of this library. */
 | "internal";
/** What a `SkewlessError` carries. */
export interface ErrorData {
    /** Whose fault it is. */
    readonly kind: Kind;
    /** The stable code, for example `input.missing_field`. */
    readonly code: string;
    /** A sentence for people. */
    readonly message: string;
    /** The input field, feature or bundle part. */
    readonly field?: string | undefined;
    /** The offending value as text, shortened. */
    readonly value?: string | undefined;
    /** The row of the batch, counted from 0. */
    readonly row?: number | undefined;
}

/** What went wrong. `code` is public API and the same on every door. */
export declare class SkewlessError extends Error {
    /** The stable code, for example `input.missing_field`. */
    readonly code: string;
    /** Whose fault it is. */
    readonly kind: Kind;
    /** The input field, feature or bundle part. */
    readonly field: string | undefined;
    /** The offending value as text, shortened. */
    readonly value: string | undefined;
    /** The row of the batch, counted from 0. */
    readonly row: number | undefined;
    constructor(data: ErrorData, options?: ErrorOptions);
    /** The package's modules are built apart, and each has this class: an error of one is an error of the others. */
    static [Symbol.hasInstance](value: unknown): boolean;
    /** The broken rule as a phrase that stands beside the field: `message` without the field's name. */
    get rule(): string;
    /** The error as plain data, for logs and for answers over HTTP. */
    toJSON(): ErrorData;
}

/** What each feature added to the raw scores. */
export interface Explanation {
    /** How contributions were computed. */
    readonly method: "linear" | "tree_shap";
    /** The raw scores, one an output, before the link. */
    readonly raw: readonly number[];
    /** What the model says where nothing is known: `raw` is `base` plus all contributions. */
    readonly base: readonly number[];
    /** The features that the model sees, in the specification's order. */
    readonly features: readonly FeatureContribution[];
}

/** What one feature added. */
export interface FeatureContribution {
    /** The feature's name. */
    readonly feature: string;
    /** The inputs that the feature is made from. */
    readonly inputs: readonly string[];
    /** One an output. */
    readonly contributions: readonly number[];
}

/** The instances of a global class, where the project's types have one of that name; otherwise what is needed of them. */
export type Known<Name extends string, Otherwise> = typeof globalThis extends {
    readonly [name in Name]: {
        readonly prototype: infer Instance;
    };
} ? Instance : Otherwise;

/** `AbortSignal`. */
export type HostAbortSignal = Known<"AbortSignal", {
    readonly aborted: boolean;
    addEventListener(type: "abort", listener: () => void): void;
}>;

/** `Blob`. */
export type HostBlob = Known<"Blob", {
    readonly size: number;
    arrayBuffer(): Promise<ArrayBuffer>;
}>;

/** `URL`. */
export type HostURL = Known<"URL", {
    readonly href: string;
}>;

/** What `Request` and `Response` have in common. */
export interface HostMessage {
    readonly headers: {
        get(name: string): string | null;
    };
    readonly body: unknown;
    arrayBuffer(): Promise<ArrayBuffer>;
    text(): Promise<string>;
}

/** `Request`. */
export type HostRequest = Known<"Request", HostMessage & {
    readonly method: string;
    readonly url: string;
}>;

/** `Response`. */
export type HostResponse = Known<"Response", HostMessage & {
    readonly ok: boolean;
    readonly status: number;
}>;

/** `Worker`, of the web or of Node's `worker_threads`. */
export interface HostWorker {
    postMessage(message: unknown, transfer: never): void;
    terminate(): unknown;
}

/** What the bundle says of itself. */
export interface ModelInfo {
    /** The model's name. */
    readonly name: string;
    /** The model's version (semver). */
    readonly version: string;
    /** SHA-256 of the manifest, which names the digest of every other part. */
    readonly digest: string;
    /** Size of the bundle in bytes. */
    readonly size: number;
    /** What is predicted. */
    readonly task: Task;
    /** What the prediction is called. */
    readonly target: string;
    /** Unit of a regression's value, or of a vector's. */
    readonly unit?: string;
    /** The labels; empty for regression and vectors. */
    readonly labels: readonly string[];
    /** Binary: the second label is given from this probability on. */
    readonly threshold?: number;
    /** The coverage that intervals or sets of labels promise, where the bundle promises one. */
    readonly conformal?: Conformal;
    /** The fields that a record needs, in the specification's order. */
    readonly inputs: readonly InputInfo[];
    /** How the inputs become what the model sees. */
    readonly features: readonly FeatureInfo[];
    /** The columns that the model sees. */
    readonly columns: readonly string[];
    /** A record that the model answers: one of the bundle's golden rows. */
    readonly example?: RawRecord;
    /** The golden rows: records with the numbers that every door must give, to the bit. */
    readonly golden: readonly GoldenRow[];
    /** How often each input took which values in the training data: the reference of `profile()`. */
    readonly profile: Profile;
    /** The model card, in Markdown. */
    readonly card: string;
    /** Where the model comes from: data, configuration, code, metrics. */
    readonly provenance: unknown;
}

/** A golden row. */
export interface GoldenRow {
    readonly record: RawRecord;
    /** The feature row that the model sees, `null` for missing. */
    readonly features: readonly (number | null)[];
    /** Scores, the numbers of the prediction, and the index of its label in `labels`. */
    readonly prediction: {
        readonly raw: readonly number[];
        readonly values: readonly number[];
        readonly label: number | null;
    };
}

/** One field of a record. */
export interface InputInfo {
    /** The field's name. */
    readonly name: string;
    /** The type of its values. */
    readonly type: "number" | "integer" | "boolean" | "category" | "text" | "timestamp" | "date" | "tensor";
    /** Unit, for people. */
    readonly unit?: string;
    /** What it means. */
    readonly doc?: string;
    /** May be missing: absent, `null` or `NaN`. */
    readonly nullable: boolean;
    /** Other values that stand for a missing one. */
    readonly missing?: readonly (string | number)[];
    /** Smallest value. */
    readonly min?: number;
    /** Greatest value. */
    readonly max?: number;
    /** The tenth and the ninetieth percentile of the training data, where they differ. */
    readonly usual?: readonly [number, number];
    /** The time zone of a timestamp: `local`, `utc` or `±hh:mm`. */
    readonly zone?: string;
    /** The lengths of a tensor's dimensions. */
    readonly shape?: readonly number[];
    /** The values that the model knows; it answers for others too, as out of vocabulary. */
    readonly vocabulary?: readonly string[];
}

/** One feature. */
export interface FeatureInfo {
    /** Its name. */
    readonly name: string;
    /** The inputs or earlier features it is made from. */
    readonly from: readonly string[];
    /** How it is made, for example `one_hot`. */
    readonly op: string;
    /** What fitting found for it, and what it was told: a vocabulary, edges, a mean. Empty where it needs nothing. */
    readonly parameters: {
        readonly [name: string]: FeatureParameter;
    };
    /** An intermediate that the model does not see. */
    readonly hidden: boolean;
    /** What it means. */
    readonly doc?: string;
}

/** A parameter of a feature, by its name in `features.json`. */
export type FeatureParameter = string | number | boolean | readonly (string | number)[];

/**
 * Opens a bundle from wherever it is. `load<Flights>(…)` gives the model the types that `npx skewless types` wrote.
 * @throws {SkewlessError} `input.unreachable`, `input.aborted`, `bundle.*`, `unsupported.*`, `misuse.source`,
 * `misuse.cache`, `misuse.options`.
 */
export type Load = <M extends Model = Model>(source: Source, options?: LoadOptions) => Promise<M>;

/**
 * A model that answers; `load` makes it. `npx skewless types` writes the types of a bundle's records and predictions;
 * without them, records may have any fields.
 */
export declare class Model<Row extends RawRecord = RawRecord, Output extends Prediction = Prediction> {
    #private;
    /** What the bundle says of itself: name, version, digest, inputs, features, card, provenance. */
    get info(): ModelInfo;
    /**
     * The answer for one record.
     * @throws {SkewlessError} `input.*`, naming the field and the value.
     */
    predict(record: Row): Output;
    /**
     * The answers for many rows, given as columns of one length or as an array of records.
     * @throws {SkewlessError} when no row can be answered, for example `input.ragged_columns`.
     */
    predictBatch(batch: Columns<Row> | readonly Row[]): BatchPrediction;
    /**
     * What each feature added to the raw scores of one record: `raw` is `base` plus all contributions.
     * @throws {SkewlessError} `unsupported.explain` where the bundle cannot say it; `input.*`, as `predict` does.
     */
    explain(record: Row): Explanation;
    /** All that is wrong with a record, field by field; empty when it can be answered. */
    validate(record: RawRecord): SkewlessError[];
    /**
     * How often each input took which values in what was answered so far, in the form of the bundle's part `profile.json`:
     * `mergeProfiles` adds up several. Counting begins anew where a fault took the module away.
     * @throws {SkewlessError} `misuse.no_profile` where `load` was not told to count.
     */
    profile(): Profile;
    /**
     * The raw scores of feature rows that were made elsewhere: row after row, one for each output. No specification is
     * applied and no link; a row has the columns that `info.columns` names, `NaN` for missing.
     * @throws {SkewlessError} `misuse.shape` for numbers that are no rows of that width.
     */
    score(rows: Float64Array | Float32Array): Float64Array;
    /** Gives the model's memory back; every later call throws `misuse.closed`. */
    close(): void;
}

/** How a bundle is opened. */
export interface LoadOptions {
    /** Predict the bundle's golden rows and refuse the bundle when one number differs. Default: true. */
    readonly verify?: boolean | undefined;
    /** Count what is answered, for `profile()`. Default: false. */
    readonly profile?: boolean | undefined;
    /**
     * The digest that the bundle must have (`info.digest`, `skewless inspect`): any other bundle is refused as
     * `bundle.unexpected_digest` before anything of it is used.
     */
    readonly expectDigest?: string | undefined;
    /**
     * Keep a bundle that was fetched in the host's `caches`, under its digest, and take it from there the next time: then
     * nothing is fetched. It needs `expectDigest`, without which only the network could tell the digest. Where the host has
     * no `caches`, the bundle is fetched. Default: false.
     */
    readonly cache?: boolean | undefined;
    /** Calls the loading off: it ends with `input.aborted`, whose `cause` is the signal's reason. */
    readonly signal?: HostAbortSignal | undefined;
    /** Is told of every piece of the bundle that has arrived. What it throws ends the loading, and is thrown on as it is. */
    readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** How much of a bundle has arrived. */
export interface Progress {
    /** Bytes so far. */
    readonly loaded: number;
    /** Bytes in all; `undefined` where nobody says so, as for a compressed answer. */
    readonly total: number | undefined;
}

/** What is predicted. */
export type Task = "binary" | "multiclass" | "regression" | "vector";

/** The promise of a coverage: how intervals or sets of labels are made around predictions. */
export interface Conformal {
    /**
     * `split`: an interval, value ± quantile; `cqr`: an interval from quantiles of the model's own, as wide as the record needs;
     * `lac`: the smallest sets on average; `aps`: sets that grow with doubt.
     */
    readonly method: "split" | "cqr" | "lac" | "aps";
    /** The share of truths that is promised to lie inside. */
    readonly confidence: number;
    /** `null` where too few rows promise nothing; by `cqr` possibly below 0. */
    readonly quantile: number | null;
    /** The input whose values have quantiles of their own. */
    readonly by?: string;
    /** Their quantiles; other values have the one for all. */
    readonly groups?: readonly {
        readonly value: string;
        readonly quantile: number | null;
    }[];
}

/** The answer of a model that chooses between two labels. */
export interface BinaryPrediction<Label extends string = string> {
    /** The label chosen by the model's threshold. */
    readonly label: Label;
    /** The probability of the second label, between 0 and 1. */
    readonly probability: number;
    /** The score before the link function. */
    readonly raw: number;
    /** The labels that hold the truth with the probability `info.conformal.confidence`, where the bundle promises one. */
    readonly set?: Label[];
}

/** The answer of a model that chooses among several labels. */
export interface MulticlassPrediction<Label extends string = string> {
    /** The most probable label. */
    readonly label: Label;
    /** The probability of each label. */
    readonly probabilities: Readonly<Record<Label, number>>;
    /** The scores before the link function, in the order of the labels. */
    readonly raw: number[];
    /** As for two labels. */
    readonly set?: Label[];
}

/** The answer of a model that estimates a number. */
export interface RegressionPrediction {
    /** The estimate, in the unit of the target. */
    readonly value: number;
    /** The score before the link function. */
    readonly raw: number;
    /**
     * Holds the truth with the probability `info.conformal.confidence`, where the bundle promises one; `null` where too few
     * rows were there to promise anything.
     */
    readonly interval?: readonly [low: number, high: number] | null;
}

/** The answer of a model that gives several numbers. */
export interface VectorPrediction {
    /** The numbers, in the unit of the target. */
    readonly values: number[];
}

/** The answer for one record; `info.task` says which. */
export type Prediction = BinaryPrediction | MulticlassPrediction | RegressionPrediction | VectorPrediction;

/** The answers for a batch. Rows that could not be answered hold `NaN` and stand in `errors`; the others are answered. */
export interface BatchPrediction {
    /** Number of rows. */
    readonly rows: number;
    /** Scores before the link function: row after row, one for each output; by `cqr` value, lower and upper quantile. */
    readonly raw: Float64Array;
    /** Row after row: the probability of the second label (binary), of each label (multiclass), or the numbers. */
    readonly values: Float64Array;
    /** The index of each row's label in `info.labels`; 4294967295 for none. */
    readonly labels: Uint32Array;
    /**
     * Where the bundle promises a coverage, each row's conformal quantile; `Infinity` where nothing is promised. A
     * regression's interval is its value ± the quantile; by `cqr` it goes from the lesser of the second and the third raw score
     * − the quantile to the greater + the quantile, or is the point between them where these ends would cross.
     */
    readonly quantiles?: Float64Array;
    /** The rows that failed, each with its `row`. */
    readonly errors: readonly SkewlessError[];
}

/** Counts of inputs and predictions, in the form of the bundle's part `profile.json`. */
export interface Profile {
    /** Rows counted, failed ones aside. */
    readonly rows: number;
    /** Rows that failed. */
    readonly failed: number;
    /** One entry an input that features are made from. */
    readonly inputs: readonly InputProfile[];
    /** The predictions' first value: the probability of the positive label, or the value. */
    readonly predictions: Bins;
}

/** One input's counts. */
export interface InputProfile {
    readonly name: string;
    /** Rows in which it was missing. */
    readonly missing: number;
    /** The other rows. */
    readonly counts: {
        readonly numbers: Bins;
    } | {
        readonly categories: Categories;
    } | {
        readonly tensors: number;
    };
}

/** A histogram: `counts[i]` values lie in [edges[i − 1], edges[i]); the first and last bins are open to their sides. */
export interface Bins {
    /** Rising; dates are days and timestamps are seconds since 1970. */
    readonly edges: readonly number[];
    /** One more than edges. */
    readonly counts: readonly number[];
}

/** Counts of categories. */
export interface Categories {
    /** The most frequent ones of the training data, in byte order. */
    readonly values: readonly string[];
    /** One count a listed category. */
    readonly counts: readonly number[];
    /** Known categories that are not listed. */
    readonly other: number;
    /** Categories that no feature knows. */
    readonly out_of_vocabulary: number;
}

/** A typed array of numbers. */
export type NumberArray = Float64Array | Float32Array | Int8Array | Uint8Array | Uint8ClampedArray | Int16Array | Uint16Array | Int32Array | Uint32Array;

/** Numbers of a tensor: all elements side by side, row-major, or arrays nested as the input's shape says. */
export type RawTensor = NumberArray | readonly number[] | readonly RawTensor[];

/** A raw value: `null`, `undefined` and `NaN` are missing. */
export type RawValue = number | string | boolean | null | undefined | RawTensor;

/** A raw record: what was known, under the names of the model's inputs. */
export type RawRecord = {
    readonly [input: string]: RawValue;
};

/** Strings by dictionary: a code a row; a negative code, or 4294967295, is missing. */
export interface DictionaryColumn {
    readonly dictionary: readonly string[];
    readonly codes: Int32Array | Uint32Array;
}

/**
 * One column: one value a row. `NaN`, `null` and `undefined` are missing. Of a tensor, a typed array holds the elements
 * of all rows.
 */
export type RawColumn = NumberArray | DictionaryColumn | readonly RawValue[];

/** Columns of one length under the names of the model's inputs. */
export type RawColumns = {
    readonly [input: string]: RawColumn;
};

/** Columns of records of this type, one for each of their fields. */
export type Columns<Row extends RawRecord> = {
    readonly [input in keyof Row]: NumberArray | DictionaryColumn | readonly Row[input][];
};

/**
 * Answers a request. A Worker's `fetch` has this form: what stands between request and context is not looked at, and the
 * context's `waitUntil` keeps what goes on after the answer.
 */
export type Handler = (request: HostRequest, environment?: unknown, context?: Context) => Promise<HostResponse>;

/**
 * Opens a bundle and gives the function that answers requests with it. Where the source can change, it is asked for
 * another bundle after an answer, at most every `checkSeconds`.
 */
export type CreateHandler = (bundle: Source | BundleSource, options?: Options) => Promise<Handler>;

/** The same for hosts that let nothing be read before the first request, which opens the bundle. */
export type CreateLazyHandler = (bundle: (environment: object) => Source | BundleSource, options?: Options | ((environment: object) => Options)) => Handler;

/** Takes an entry; what it throws is let go. */
export type Log = (entry: Entry) => void;

/** What a handler writes down. */
export type Entry = RequestEntry | BundleEntry;

/** A request that was answered. */
export interface RequestEntry extends Partial<Named> {
    readonly event: "request";
    readonly level: "info" | "error";
    readonly method: string;
    /** The path without its query, shortened. */
    readonly path: string;
    readonly status: number;
    /** The code of a request that was refused, or whose lines ended before their end. */
    readonly code?: string | undefined;
    readonly rows: number;
    readonly failures: number;
    /** How many rows failed with each code. */
    readonly codes?: Readonly<Record<string, number>> | undefined;
    /** From arrival to the end of the answer, as the host's clock has it; some stand still while code runs. */
    readonly ms: number;
    readonly request_id: string;
}

/** A bundle that was opened, taken in place of another, or refused. */
export interface BundleEntry extends Partial<Named> {
    readonly event: "bundle";
    readonly level: "info" | "error";
    readonly outcome: "opened" | "replaced" | "refused" | "unreachable";
    readonly code?: string | undefined;
    readonly message?: string | undefined;
    readonly ms: number;
}

/** Which bundle an entry is about. */
interface Named {
    readonly model: string;
    readonly version: string;
    readonly digest: string;
}

/** Where a server listens. */
export interface Address {
    /** 8080 without it; 0 for one that is free. */
    readonly port?: number | undefined;
    /** All interfaces without it. */
    readonly hostname?: string | undefined;
}

/** How a handler answers. */
export interface Options {
    /** How much one request may ask for; what is beyond is refused with status 413. */
    readonly limits?: Limits | undefined;
    /** Which pages of other sites may read the answers; none without it. */
    readonly cors?: Cors | undefined;
    /** At most how often the source is asked for a new bundle, in seconds; 60 without it, never for 0. */
    readonly checkSeconds?: number | undefined;
    /** Takes one entry a request, and one for each bundle; written as a JSON line to the console without it. */
    readonly log?: Log | false | undefined;
}

/** Bounds on one request. */
export interface Limits {
    /** Longest body that is read whole, in bytes; 16 MiB without it. */
    readonly maxBody?: number | undefined;
    /** Most rows of such a body; 100,000 without it. */
    readonly maxRows?: number | undefined;
    /** Longest line of JSON lines, in bytes; 1 MiB without it. */
    readonly maxLine?: number | undefined;
    /** Longest body of JSON lines, in bytes; 1 GiB without it. */
    readonly maxStreamBody?: number | undefined;
    /** Most rows of JSON lines; 10,000,000 without it. */
    readonly maxStreamRows?: number | undefined;
}

/** The origins that may read answers. */
export interface Cors {
    /** `*`, or origins such as `https://example.org`. */
    readonly origins: "*" | readonly string[];
    /** Seconds for which a browser may keep the answer to a preflight; a day without it. */
    readonly maxAge?: number | undefined;
}

/** A place that holds a bundle, and may hold another one later. */
export interface BundleSource {
    /**
     * The bundle with a tag that changes when the bundle does, or nothing where the tag is still `known`.
     * @throws {SkewlessError} `input.unreachable`, or whatever the place throws.
     */
    read(known: string | undefined): Promise<Tagged | undefined>;
}

/** A bundle's bytes, and what its place calls them. */
export interface Tagged {
    readonly bytes: Uint8Array;
    readonly tag: string;
}

/** Something that fetches: the global function, or a binding of a Worker. */
export interface Fetcher {
    fetch(address: string, init?: {
        readonly headers?: Record<string, string>;
        readonly signal?: HostAbortSignal;
    }): Promise<HostResponse>;
}

/** An R2 bucket, as far as it is used here. */
export interface Bucket {
    head(key: string): Promise<{
        readonly etag: string;
    } | null>;
    get(key: string): Promise<{
        readonly etag: string;
        arrayBuffer(): Promise<ArrayBuffer>;
    } | null>;
}

/** A KV namespace, as far as it is used here. */
export interface Namespace {
    getWithMetadata(key: string, options: {
        type: "arrayBuffer";
    }): Promise<{
        value: ArrayBuffer | null;
        metadata: unknown;
    }>;
}

/** What a host gives a request besides: a way to go on after the answer. */
export interface Context {
    waitUntil?(work: Promise<unknown>): void;
}

/** A bundle: its address, the answer of a request, a file or its bytes. */
export type Source = HostURL | string | HostResponse | HostBlob | ArrayBuffer | ArrayBufferView;

/** How a bundle is opened in a worker. */
export interface WorkerLoadOptions extends LoadOptions {
    /** A worker that has imported `skewless/worker`. Default: one that all such models share, started by the first. */
    readonly worker?: HostWorker | undefined;
    /**
     * Hand the typed arrays that methods are given over to the worker, in place of copying them: afterwards they are empty
     * here. Default: false.
     */
    readonly transfer?: boolean | undefined;
}

/** A model in a worker: the methods of `Model`, as promises. */
export type WorkerModel<M extends Model = Model> = {
    readonly [name in Method]: (...given: Parameters<M[name]>) => Promise<ReturnType<M[name]>>;
} & {
    /** What the bundle says of itself. */
    readonly info: ModelInfo;
    /** Gives the model's memory back; with its last model, a worker that this package started ends. */
    close(): Promise<void>;
};

/** Opens a bundle in a worker. Types and errors are those of `load`, with `internal.worker` for a worker that stops. */
export type WorkerLoad = <M extends Model = Model>(source: Source, options?: WorkerLoadOptions) => Promise<WorkerModel<M>>;

/** The name of a method that a worker answers: all of a model's but `close`, which is a message of its own. */
export type Method = Exclude<keyof Model, "info" | "close">;
