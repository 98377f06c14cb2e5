"""Trains small models with LightGBM, XGBoost and scikit-learn and records what each library answers.

    python -m venv .venv && .venv/bin/pip install -r requirements.txt && .venv/bin/python make.py

For each case it writes the model file as the library writes it, and NAME.rows.jsonl, one line per row:
`row` (the inputs, null for NaN), `raw` (the library's raw scores) and `values` (its predictions after the link).
Numbers are exact: the shortest decimal of the double, or of the single widened to double.
Every seed is fixed and every library runs on one thread.
"""

import json
import pathlib
import re

import lightgbm as lgb
import numpy as np
import onnx
import onnxruntime as ort
import pandas as pd
import xgboost as xgb
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier

HERE = pathlib.Path(__file__).parent
TRAIN_ROWS = 1500
CATEGORY_COLUMN = 2  # the column that the categorical cases declare
INPUTS = 6


def training_rows(seed, missing=False):
    """Two wide numbers, a category 0..40, a sparse count, a small number and a flag."""
    rng = np.random.default_rng(seed)
    n = TRAIN_ROWS
    x = np.column_stack([
        rng.normal(0, 1, n).round(3),
        rng.gamma(2, 100, n).round(1),
        rng.integers(0, 41, n),
        np.where(rng.random(n) < 0.6, 0, rng.poisson(3, n)),
        rng.uniform(-1e-3, 1e-3, n).round(6),
        rng.integers(0, 2, n),
    ]).astype(float)
    if missing:
        for column in (0, 1, 2, 3):
            x[rng.random(n) < 0.15, column] = np.nan
    return x


def signal(x, seed):
    """A noisy score that every column takes part in, missing values too."""
    rng = np.random.default_rng(seed + 1)
    filled = np.nan_to_num(x, nan=-0.7)
    return (
        np.sin(filled[:, 0] * 2)
        + filled[:, 1] / 250
        + np.isin(filled[:, 2], (1, 3, 7, 20, 33, 36)) * 1.5
        - 0.4 * filled[:, 3]
        + filled[:, 4] * 900 * (filled[:, 5] - 0.5)
        + rng.normal(0, 0.7, len(x))
    )


def binary(score):
    return (score > np.median(score)).astype(int)


def three_classes(score):
    return np.digitize(score, np.quantile(score, (0.4, 0.75)))


def counts(score):
    return np.floor(np.exp(np.clip(score, -2, 2))).astype(int)


def asked_rows(x, thresholds, narrow, categorical=False, missing=True):
    """Rows to ask: some of training, every hard value in every column, and thresholds with their neighbours.

    `thresholds` are (column, value); `narrow` says that the library reads rows as single precision.
    """
    rng = np.random.default_rng(7)
    rows = [r.copy() for r in x[:20]]
    base = np.nan_to_num(x[60:], nan=1.0)
    hard = [0.0, -0.0, 1e-35, 1.0000000180025095e-35, 1e-36, -1e-36, 2e-35, -2e-35, 3e38, -3e38, 0.5, -0.5]
    if not narrow:
        hard += [1.7e308, -1.7e308, 5e-324]
    if missing:
        hard += [np.nan]
    for column in range(INPUTS):
        values = list(rng.choice(hard, 8, replace=False))
        if categorical and column == CATEGORY_COLUMN:
            values = [np.nan, -1.0, -7.0, 41.0, 63.0, 64.0, 1000.0, 16777215.0] + [float(c) for c in range(41)]
            if not narrow:
                values += [-0.5, 3.7, 1e10, -1e300]
        for value in values:
            row = base[rng.integers(len(base))].copy()
            row[column] = value
            rows.append(row)
    if missing:
        rows.append(np.full(INPUTS, np.nan))
    rows.append(np.zeros(INPUTS))
    real = np.float32 if narrow else np.float64
    picked = [thresholds[i] for i in rng.permutation(len(thresholds))[:12]]
    for column, value in picked:
        value = real(value)
        for neighbour in (value, np.nextafter(value, real(np.inf)), np.nextafter(value, real(-np.inf))):
            row = base[rng.integers(len(base))].copy()
            row[column] = float(neighbour)
            rows.append(row)
    # A split between missing and present has the largest double as its threshold; nothing finite is above it.
    rows = np.array([row for row in rows if not np.isinf(row).any()])
    return rows.astype(np.float32).astype(float) if narrow else rows


def number(value):
    value = float(value)
    if np.isnan(value):
        return None
    return int(value) if value == int(value) and abs(value) < 1e15 and str(value) != "-0.0" else value


def write_rows(name, rows, raw, values):
    raw, values = np.asarray(raw), np.asarray(values)
    with open(HERE / f"{name}.rows.jsonl", "w") as out:
        for row, r, v in zip(rows, raw.reshape(len(rows), -1), values.reshape(len(rows), -1), strict=True):
            assert np.isfinite(r).all(), (name, row, r)
            line = {
                "row": [number(cell) for cell in row],
                "raw": [float(cell) for cell in r],
                "values": [float(cell) for cell in v],
            }
            out.write(json.dumps(line, separators=(",", ":")) + "\n")


# LightGBM ------------------------------------------------------------------------------------------------------


def lightgbm_thresholds(text):
    found = []
    for columns, thresholds, kinds in re.findall(
        r"split_feature=(.*)\nsplit_gain=.*\nthreshold=(.*)\ndecision_type=(.*)\n", text
    ):
        for column, threshold, kind in zip(columns.split(), thresholds.split(), kinds.split()):
            if int(kind) % 2 == 0:
                found.append((int(column), float(threshold)))
    return found


def lightgbm(name, label, seed=1, rounds=8, missing=False, categorical=False, names=None, group=None, brief=False,
             **parameters):
    x = training_rows(seed, missing)
    parameters = {
        "num_leaves": 12,
        "learning_rate": 0.2,
        "min_data_in_leaf": 10,
        "num_threads": 1,
        "deterministic": True,
        "seed": 5,
        "verbose": -1,
        **parameters,
    }
    columns = [CATEGORY_COLUMN] if categorical else []
    data = lgb.Dataset(x, label(signal(x, seed)), group=group, categorical_feature=columns, feature_name=names or "auto")
    text = lgb.train(parameters, data, rounds).model_to_string()
    (HERE / f"{name}.txt").write_text(text)
    model = lgb.Booster(model_str=text)
    rows = asked_rows(x, lightgbm_thresholds(text), narrow=False, categorical=categorical)[:: 2 if brief else 1]
    write_rows(name, rows, model.predict(rows, raw_score=True), model.predict(rows))


def all_lightgbm():
    names = ["temperature", "distance", "carrier", "delays", "slope", "night"]
    lightgbm("lightgbm_binary", binary, objective="binary", names=names)
    lightgbm("lightgbm_binary_sigmoid", binary, seed=2, objective="binary", sigmoid=0.7, is_unbalance=True)
    lightgbm("lightgbm_multiclass", three_classes, seed=3, rounds=6, objective="multiclass", num_class=3)
    lightgbm("lightgbm_one_vs_rest", three_classes, seed=4, rounds=6, objective="multiclassova", num_class=3)
    lightgbm("lightgbm_regression", lambda s: s * 10 + 3, seed=5, objective="regression")
    lightgbm("lightgbm_regression_sqrt", lambda s: s * 10 + 3, seed=5, objective="regression", reg_sqrt=True)
    lightgbm("lightgbm_categorical", binary, seed=6, categorical=True, missing=True, objective="binary",
             min_data_per_group=5, cat_smooth=1, cat_l2=1, max_cat_to_onehot=1)
    lightgbm("lightgbm_categorical_one_hot", lambda s: s, seed=7, categorical=True, objective="regression_l1",
             max_cat_to_onehot=64, num_leaves=20)
    lightgbm("lightgbm_missing_nan", binary, seed=8, missing=True, objective="binary")
    lightgbm("lightgbm_missing_zero", binary, seed=9, missing=True, objective="binary", zero_as_missing=True)
    lightgbm("lightgbm_missing_none", binary, seed=10, missing=True, objective="binary", use_missing=False)
    lightgbm("lightgbm_poisson", counts, seed=11, objective="poisson")
    lightgbm("lightgbm_tweedie", counts, seed=12, objective="tweedie")
    lightgbm("lightgbm_gamma", lambda s: counts(s) + 1, seed=13, objective="gamma")
    lightgbm("lightgbm_cross_entropy", lambda s: 1 / (1 + np.exp(-s)), seed=14, objective="cross_entropy")
    lightgbm("lightgbm_random_forest", binary, seed=15, objective="binary", boosting="rf", bagging_freq=1,
             bagging_fraction=0.6, rounds=9)
    lightgbm("lightgbm_random_forest_regression", lambda s: s, seed=16, objective="regression", boosting="rf",
             bagging_freq=1, bagging_fraction=0.6, rounds=9)
    lightgbm("lightgbm_dart", lambda s: s, seed=17, objective="huber", boosting="dart")
    brief = {"rounds": 3, "num_leaves": 6, "brief": True}
    positive = lambda s: np.exp(np.clip(s, -2, 2))
    for objective, label in (
        ("regression_l1", positive), ("huber", positive), ("fair", positive), ("quantile", positive), ("mape", positive),
        ("cross_entropy_lambda", lambda s: 1 / (1 + np.exp(-s))),
    ):
        lightgbm(f"lightgbm_{objective}", label, seed=19, objective=objective, **brief)
    for objective in ("regression_l1", "fair", "quantile", "mape"):
        lightgbm(f"lightgbm_{objective}_sqrt", positive, seed=19, objective=objective, reg_sqrt=True, **brief)
    for objective in ("lambdarank", "rank_xendcg"):
        lightgbm(f"lightgbm_{objective}", three_classes, seed=20, objective=objective, group=[30] * (TRAIN_ROWS // 30),
                 **brief)
    lightgbm("lightgbm_random_forest_multiclass", three_classes, seed=21, objective="multiclass", num_class=3,
             boosting="rf", bagging_freq=1, bagging_fraction=0.6, **brief)
    lightgbm("lightgbm_custom", lambda s: s, seed=22, objective=lambda preds, data: (preds - data.label, np.ones(len(preds))),
             **brief)
    # One label only: every tree is a single leaf.
    lightgbm("lightgbm_stump", lambda s: np.full(len(s), 2.5), seed=18, rounds=2, objective="regression")


# XGBoost -------------------------------------------------------------------------------------------------------


def xgboost_thresholds(model):
    found = []
    if model["learner"]["gradient_booster"]["name"] == "gblinear":
        return found
    for tree in model["learner"]["gradient_booster"].get("gbtree", model["learner"]["gradient_booster"])["model"]["trees"]:
        for i, left in enumerate(tree["left_children"]):
            if left >= 0 and tree["split_type"][i] == 0:
                found.append((tree["split_indices"][i], tree["split_conditions"][i]))
    return found


def xgboost(name, label, seed=1, rounds=8, missing=False, categorical=False, names=None, group=None, formats=("json",),
            brief=False, **parameters):
    x = training_rows(seed, missing)
    parameters = {"max_depth": 4, "eta": 0.3, "nthread": 1, "seed": 5, **parameters}
    parameters = {key: value for key, value in parameters.items() if value is not None}
    types = ["q"] * INPUTS
    if categorical:
        types[CATEGORY_COLUMN] = "c"

    def matrix(rows, labels=None):
        return xgb.DMatrix(rows, labels, feature_types=types, feature_names=names, enable_categorical=categorical)

    data = matrix(x, label(signal(x, seed)))
    if group is not None:
        data.set_group(group)
    if parameters.get("objective") == "survival:aft":
        data.set_float_info("label_lower_bound", data.get_label())
        data.set_float_info("label_upper_bound", data.get_label() * np.where(x[:, 5] > 0, np.inf, 1))
    trained = xgb.train(parameters, data, rounds)
    text = trained.save_raw("json").decode()
    for format in formats:
        (HERE / f"{name}.{format}").write_bytes(trained.save_raw(format))
    model = xgb.Booster({"nthread": 1})
    model.load_model(trained.save_raw(formats[0]))
    if parameters.get("booster") == "gblinear":
        rows = asked_rows(x, [], narrow=True, missing=False)
        rows = rows[np.abs(rows).max(axis=1) < 1e30]
    else:
        rows = asked_rows(x, xgboost_thresholds(json.loads(text)), narrow=True, categorical=categorical)
    rows = rows[:: 2 if brief else 1]
    asked = matrix(rows)
    raw, values = model.predict(asked, output_margin=True), model.predict(asked)
    assert raw.dtype == np.float32
    write_rows(name, rows, raw, values)


def all_xgboost():
    names = ["temperature", "distance", "carrier", "delays", "slope", "night"]
    xgboost("xgboost_binary", binary, seed=21, objective="binary:logistic", names=names)
    xgboost("xgboost_binary_base", binary, seed=22, objective="binary:logistic", base_score=0.137)
    xgboost("xgboost_binary_raw", binary, seed=23, objective="binary:logitraw")
    xgboost("xgboost_multiclass", three_classes, seed=24, rounds=5, objective="multi:softprob", num_class=3)
    xgboost("xgboost_multiclass_label", three_classes, seed=24, rounds=3, formats=("json", "ubj"), objective="multi:softmax", num_class=3)
    xgboost("xgboost_regression", lambda s: s * 10 + 3, seed=25, objective="reg:squarederror")
    xgboost("xgboost_regression_absolute", lambda s: s * 10 + 3, seed=25, objective="reg:absoluteerror")
    xgboost("xgboost_regression_logistic", lambda s: 1 / (1 + np.exp(-s)), seed=26, objective="reg:logistic")
    xgboost("xgboost_categorical", binary, seed=27, formats=("json", "ubj"), categorical=True, missing=True, objective="binary:logistic",
            max_cat_to_onehot=1)
    xgboost("xgboost_categorical_one_hot", lambda s: s, seed=28, categorical=True, objective="reg:squarederror",
            max_cat_to_onehot=64, max_depth=6, rounds=6)
    xgboost("xgboost_missing", binary, seed=29, missing=True, objective="binary:logistic")
    xgboost("xgboost_poisson", counts, seed=30, objective="count:poisson")
    xgboost("xgboost_gamma", lambda s: counts(s) + 1, seed=31, objective="reg:gamma")
    xgboost("xgboost_tweedie", counts, seed=32, objective="reg:tweedie")
    xgboost("xgboost_dart", binary, seed=33, formats=("json", "ubj"), missing=True, objective="binary:logistic", booster="dart", rate_drop=0.3)
    xgboost("xgboost_random_forest", lambda s: s, seed=34, rounds=2, objective="reg:squarederror",
            num_parallel_tree=5, subsample=0.6, colsample_bynode=0.6, max_depth=4)
    brief = {"rounds": 3, "max_depth": 3, "brief": True, "formats": ("ubj",)}
    positive = lambda s: np.exp(np.clip(s, -2, 2))
    for objective, label, more in (
        ("reg:squaredlogerror", positive, {}),
        ("reg:pseudohubererror", positive, {}),
        ("reg:quantileerror", positive, {"quantile_alpha": 0.7}),
        ("binary:hinge", binary, {}),
        ("survival:aft", positive, {"aft_loss_distribution": "normal"}),
        ("survival:cox", lambda s: np.exp(np.clip(s, -2, 2)) * np.where(np.arange(len(s)) % 3, 1, -1), {}),
        ("rank:pairwise", three_classes, {"group": [30] * (TRAIN_ROWS // 30)}),
        ("rank:ndcg", three_classes, {"group": [30] * (TRAIN_ROWS // 30)}),
        ("rank:map", binary, {"group": [30] * (TRAIN_ROWS // 30)}),
    ):
        xgboost("xgboost_" + objective.replace(":", "_"), label, seed=35, objective=objective, **brief, **more)
    two = lambda s: np.column_stack([s, np.sin(s)])
    xgboost("xgboost_two_targets", two, seed=36, objective="reg:squarederror", base_score=[0.25, -1.5], **brief)
    xgboost("xgboost_dart_multiclass", three_classes, seed=37, objective="multi:softprob", num_class=3, booster="dart",
            rate_drop=0.5, **brief)
    xgboost("xgboost_random_forest_multiclass", three_classes, seed=38, objective="multi:softprob", num_class=3,
            num_parallel_tree=3, subsample=0.6, **brief)
    xgboost("xgboost_linear", binary, seed=39, objective="binary:logistic", booster="gblinear", updater="coord_descent",
            **{**brief, "max_depth": None})
    xgboost("xgboost_linear_multiclass", three_classes, seed=40, objective="multi:softprob", num_class=3,
            booster="gblinear", updater="coord_descent", **{**brief, "max_depth": None})


# scikit-learn through ONNX, answered by ONNX Runtime --------------------------------------------------------------


def run(model, rows):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    real = np.float64 if session.get_inputs()[0].type == "tensor(double)" else np.float32
    return session.run(None, {session.get_inputs()[0].name: rows.astype(real)})


def probabilities(model, rows):
    """The last output as an array, whether or not the graph ends in a ZipMap."""
    answer = run(model, rows)[-1]
    return np.array([list(row.values()) for row in answer]) if isinstance(answer, list) else answer


def raw_scores(model, rows, positive=True):
    """What the model operator gives before its link: the same graph with `post_transform` NONE, cut after it."""
    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    node = next(n for n in cut.graph.node if n.op_type.startswith(("TreeEnsemble", "Linear")))
    for attribute in node.attribute:
        if attribute.name == "post_transform":
            attribute.CopyFrom(helper.make_attribute("post_transform", "NONE"))
    del cut.graph.node[:]
    cut.graph.node.append(node)
    del cut.graph.output[:]
    cut.graph.output.append(helper.make_tensor_value_info(node.output[-1], TensorProto.FLOAT, [None, None]))
    scores = run(cut, rows)[-1]
    return scores[:, 1:] if positive and node.op_type.endswith("Classifier") and scores.shape[1] == 2 else scores


def onnx_thresholds(model):
    found = []
    for node in model.graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if "nodes_modes" in attributes:
            values = attributes.get("nodes_values")
            if values is None:
                values = onnx.numpy_helper.to_array(attributes["nodes_values_as_tensor"])
            for column, value, mode in zip(attributes["nodes_featureids"], values, attributes["nodes_modes"]):
                if mode != b"LEAF":
                    found.append((column, float(value)))
    return found


def write_onnx(name, model, x, missing=True):
    double = model.graph.input[0].type.tensor_type.elem_type == TensorProto.DOUBLE
    if double:
        # The operator's output is single precision whatever its input is; skl2onnx declares a double.
        model.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT
    # skl2onnx lists the operator sets in the order of a hash map.
    operator_sets = sorted(model.opset_import, key=lambda entry: entry.domain)
    del model.opset_import[:]
    model.opset_import.extend(operator_sets)
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    rows = asked_rows(x, onnx_thresholds(model), narrow=not double, missing=missing)
    if not missing:
        rows = rows[np.abs(rows).max(axis=1) < 1e30]
    values = probabilities(model, rows)
    classes = any(node.op_type.endswith("Classifier") for node in model.graph.node)
    write_rows(name, rows, raw_scores(model, rows), values[:, 1:] if classes and values.shape[1:] == (2,) else values)


def sklearn(name, estimator, label, seed, missing=False, double=False, linear=False, zipmap=True):
    x = training_rows(seed, missing)
    if linear:
        x[:, 1] /= 100
    score = signal(x, seed)
    if missing == "telling":
        x[score > 1, 0] = np.nan
        x[:, 1] = np.where(score > 0.5, np.nan, 3.0)
    estimator.fit(x, label(score))
    real = np.float64 if double else np.float32
    options = {} if zipmap else {id(estimator): {"zipmap": False}}
    write_onnx(name, to_onnx(estimator, x[:1].astype(real), options=options), x, not linear)


def words(score):
    return np.array(["early", "on time", "late"])[three_classes(score)]


def all_sklearn():
    small = {"n_estimators": 12, "max_depth": 4, "random_state": 5}
    sklearn("sklearn_forest_binary", RandomForestClassifier(**small), binary, 41)
    sklearn("sklearn_forest_multiclass", RandomForestClassifier(**small), words, 42, zipmap=False)
    sklearn("sklearn_forest_regression", RandomForestRegressor(**small), lambda s: s, 43)
    sklearn("sklearn_forest_double", RandomForestRegressor(**small), lambda s: s, 43, double=True)
    sklearn("sklearn_boosting_binary", GradientBoostingClassifier(**small), binary, 44)
    sklearn("sklearn_boosting_multiclass", GradientBoostingClassifier(**{**small, "n_estimators": 6}), words, 45)
    sklearn("sklearn_boosting_regression", GradientBoostingRegressor(**small), lambda s: s, 46)
    hist = {"max_iter": 12, "max_leaf_nodes": 12, "random_state": 5, "early_stopping": False}
    sklearn("sklearn_hist_binary", HistGradientBoostingClassifier(**hist), binary, 47, missing=True)
    sklearn("sklearn_hist_regression", HistGradientBoostingRegressor(**hist), lambda s: s, 48, missing=True)
    few = {"n_estimators": 4, "max_depth": 3, "random_state": 5}
    sklearn("sklearn_extra_trees_binary", ExtraTreesClassifier(**few), binary, 52)
    sklearn("sklearn_extra_trees_regression", ExtraTreesRegressor(**few), lambda s: s, 53)
    sklearn("sklearn_extra_trees_missing", ExtraTreesRegressor(**few), lambda s: s, 53, missing=True)
    sklearn("sklearn_forest_two_targets", RandomForestRegressor(**few), lambda s: np.column_stack([s, np.cos(s)]), 54)
    sklearn("sklearn_tree", DecisionTreeClassifier(max_depth=3, random_state=5), words, 55)
    # A column that is missing for some labels alone: splits between missing and present, at an infinite threshold.
    few = {"max_iter": 4, "max_leaf_nodes": 6, "random_state": 5, "early_stopping": False}
    sklearn("sklearn_hist_multiclass", HistGradientBoostingClassifier(**few), words, 56, missing=True)
    sklearn("sklearn_hist_only_missing", HistGradientBoostingRegressor(**few), lambda s: s, 57, missing="telling")
    sklearn("sklearn_logistic", LogisticRegression(max_iter=1000), binary, 49, linear=True)
    sklearn("sklearn_logistic_multiclass", LogisticRegression(max_iter=1000), words, 50, linear=True)
    sklearn("sklearn_linear", LinearRegression(), lambda s: s * 10 + 3, 51, linear=True)


def branch_modes(name, double):
    """Every ordered comparison, with the missing value on either side, as no converter writes it.

    With `double`, thresholds and weights are the double tensors of ai.onnx.ml 3, and they are no singles.
    """
    rng = np.random.default_rng(60)
    real = np.float64 if double else np.float32
    modes = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT"]
    columns = {k: [] for k in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids",
                               "missing_value_tracks_true")}
    leaves = []
    for tree in range(16):
        for node in range(7):
            branch = node < 3
            columns["treeids"].append(tree)
            columns["nodeids"].append(node)
            columns["featureids"].append(int(rng.integers(INPUTS)) if branch else 0)
            columns["values"].append(float(real(rng.choice([0, 0.1, -0.7, 3, 100, 1e-4]))) if branch else 0.0)
            columns["modes"].append(modes[(tree + node) % 4] if branch else "LEAF")
            columns["truenodeids"].append(2 * node + 1 if branch else 0)
            columns["falsenodeids"].append(2 * node + 2 if branch else 0)
            columns["missing_value_tracks_true"].append((tree // 4) % 2 if branch else 0)
            if not branch:
                leaves.append((tree, node, float(real(rng.normal()))))
    numbers = {
        "nodes_values": columns.pop("values"),
        "target_weights": [weight for _, _, weight in leaves],
        "base_values": [0.2],
    }
    if double:
        numbers = {
            f"{key}_as_tensor": helper.make_tensor(key, TensorProto.DOUBLE, [len(values)], values)
            for key, values in numbers.items()
        }
    node = helper.make_node(
        "TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1,
        target_treeids=[t for t, _, _ in leaves], target_nodeids=[n for _, n, _ in leaves],
        target_ids=[0] * len(leaves), post_transform="NONE", **numbers,
        **{f"nodes_{k}": v for k, v in columns.items()},
    )
    kind = TensorProto.DOUBLE if double else TensorProto.FLOAT
    graph = helper.make_graph(
        [node], "branches",
        [helper.make_tensor_value_info("x", kind, [None, INPUTS])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    write_onnx(name, model, training_rows(60))


def answered_at(model, operator, rows):
    """What the last node of this type gives."""
    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    node = [n for n in cut.graph.node if n.op_type == operator][-1]
    cut.graph.output.append(helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, [None, None]))
    return run(cut, rows)[-1]


def formula(name, estimator, label, seed, operator, probability=False, linear=True):
    """A model of several operators, whose raw score is what `operator` gives."""
    x = training_rows(seed)
    if linear:
        x[:, 1] /= 100
    estimator.fit(x, label(signal(x, seed)))
    options = {id(estimator): {"zipmap": False}} if probability else None
    model = to_onnx(estimator, x[:1].astype(np.float32), options=options, target_opset={"": 17, "ai.onnx.ml": 3})
    operator_sets = sorted(model.opset_import, key=lambda entry: entry.domain)
    del model.opset_import[:]
    model.opset_import.extend(operator_sets)
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    rows = asked_rows(x, onnx_thresholds(model), narrow=True, missing=False)
    rows = rows[np.abs(rows).max(axis=1) < 1e30][::2]
    values = run(model, rows)[-1]
    write_rows(name, rows, answered_at(model, operator, rows), values[:, 1:] if probability else values)


def dense(name, outputs, activation):
    """A linear layer as neural network exporters write it."""
    rng = np.random.default_rng(64)
    weights = rng.normal(size=(outputs, INPUTS)).astype(np.float32)
    bias = rng.normal(size=outputs).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w", "b"], ["s"], transB=1), helper.make_node(activation, ["s"], ["y"])], "dense",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, INPUTS])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, outputs])],
        [onnx.numpy_helper.from_array(weights, "w"), onnx.numpy_helper.from_array(bias, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    rows = training_rows(64)[:40]
    rows[:, 1] /= 100
    rows = rows.astype(np.float32).astype(float)
    write_rows(name, rows, answered_at(model, "Gemm", rows), run(model, rows)[-1])


def all_formulas():
    forest = IsolationForest(n_estimators=10, max_samples=40, random_state=5)
    formula("sklearn_isolation_forest", forest, lambda s: s, 65, "Sum", linear=False)
    forest = IsolationForest(n_estimators=6, max_samples=20, contamination=0.1, random_state=5)
    formula("sklearn_isolation_forest_contamination", forest, lambda s: s, 66, "Sum", linear=False)
    formula("sklearn_poisson", PoissonRegressor(max_iter=1000), lambda s: np.exp(np.clip(s, -2, 2)), 67, "Add")
    formula("sklearn_sgd", SGDClassifier(loss="log_loss", random_state=5), binary, 68, "Add", probability=True)
    dense("onnx_gemm_softmax", 3, "Softmax")
    dense("onnx_gemm_sigmoid", 1, "Sigmoid")


def ensemble_v3(name, *, targets, modes, transform="NONE", aggregate="SUM", base=None, positive=False, classes=False):
    """An operator of ai.onnx.ml 3 as no converter writes it; `modes` are taken in turn."""
    rng = np.random.default_rng(62)
    nodes = {key: [] for key in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids",
                                 "missing_value_tracks_true")}
    leaves = []
    for tree in range(6 * targets):
        for node in range(7):
            branch = node < 3
            column = (CATEGORY_COLUMN, 3, 5, 0)[(tree + node) % 4]
            nodes["treeids"].append(tree)
            nodes["nodeids"].append(node)
            nodes["featureids"].append(column if branch else 0)
            nodes["values"].append(float(rng.integers(0, 4)) if branch else 0.0)
            nodes["modes"].append("BRANCH_" + modes[(tree + node) % len(modes)] if branch else "LEAF")
            nodes["truenodeids"].append(2 * node + 1 if branch else 0)
            nodes["falsenodeids"].append(2 * node + 2 if branch else 0)
            nodes["missing_value_tracks_true"].append((tree // 4) % 2 if branch else 0)
            if not branch:
                weight = np.float32(rng.uniform(0.01, 0.1) if positive else rng.normal())
                leaves.append((tree, node, tree % targets, float(weight)))
    prefix = "class" if classes else "target"
    entries = {f"{prefix}_{key}": list(values)
               for key, values in zip(("treeids", "nodeids", "ids", "weights"), zip(*leaves))}
    more = {"classlabels_int64s": list(range(targets))} if classes else {"n_targets": targets, "aggregate_function": aggregate}
    if base:
        more["base_values"] = base
    node = helper.make_node(
        "TreeEnsembleClassifier" if classes else "TreeEnsembleRegressor", ["x"], ["l", "y"] if classes else ["y"],
        domain="ai.onnx.ml", post_transform=transform, **entries, **more, **{f"nodes_{k}": v for k, v in nodes.items()},
    )
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, targets])]
    if classes:
        outputs.insert(0, helper.make_tensor_value_info("l", TensorProto.INT64, [None]))
    graph = helper.make_graph([node], "v3", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, INPUTS])], outputs)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    rows = asked_rows(training_rows(62), list(zip(nodes["featureids"], nodes["values"])), narrow=True)[::2]
    write_rows(name, rows, raw_scores(model, rows, False), probabilities(model, rows))


def all_ensembles():
    ordered = ["LEQ", "LT", "GTE", "GT"]
    ensemble_v3("onnx_equality", targets=1, modes=["EQ", "LEQ", "NEQ"], base=[0.5])
    ensemble_v3("onnx_two_targets_average", targets=2, modes=ordered, aggregate="AVERAGE")
    ensemble_v3("onnx_min", targets=1, modes=ordered, aggregate="MIN", base=[0.3])
    ensemble_v3("onnx_two_targets_max", targets=2, modes=ordered, aggregate="MAX", transform="LOGISTIC", base=[0.1, -0.7])
    ensemble_v3("onnx_probit", targets=1, modes=ordered, transform="PROBIT", positive=True, base=[0.1])
    ensemble_v3("onnx_probit_two_targets", targets=2, modes=ordered, transform="PROBIT", positive=True)
    ensemble_v3("onnx_logistic_alone", targets=1, modes=ordered, transform="LOGISTIC")
    ensemble_v3("onnx_logistic_two_targets", targets=2, modes=ordered, transform="LOGISTIC")
    ensemble_v3("onnx_softmax_zero", targets=3, modes=ordered, transform="SOFTMAX_ZERO", classes=True, base=[0.1, 0.2, -0.4])
    ensemble_v3("onnx_softmax_two_classes", targets=2, modes=ordered, transform="SOFTMAX", classes=True)


def ensemble_v5_members():
    """Sets of members, of whole numbers as ONNX Runtime asks, and comparisons by equality."""
    rng = np.random.default_rng(63)
    trees, sets = 6, []
    features, splits, modes, true_ids, true_leaf, false_ids, false_leaf, tracks = ([] for _ in range(8))
    for tree in range(trees):
        first, leaf = 3 * tree, 4 * tree
        for node in range(3):
            features.append((CATEGORY_COLUMN, 3, 5)[(tree + node) % 3])
            modes.append((6, 4, 5, 6)[(tree + node) % 4])
            splits.append(0.0 if modes[-1] == 6 else float(rng.integers(0, 3)))
            tracks.append(0)
            if modes[-1] == 6:
                sets += [float(member) for member in sorted(rng.choice(30, 5, replace=False))] + [float("nan")]
        true_ids += [first + 1, leaf, leaf + 2]
        false_ids += [first + 2, leaf + 1, leaf + 3]
        true_leaf += [0, 1, 1]
        false_leaf += [0, 1, 1]
    node = helper.make_node(
        "TreeEnsemble", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1, aggregate_function=0, post_transform=0,
        tree_roots=[3 * tree for tree in range(trees)], nodes_featureids=features,
        nodes_splits=helper.make_tensor("splits", TensorProto.FLOAT, [len(splits)], np.float32(splits)),
        nodes_modes=helper.make_tensor("modes", TensorProto.UINT8, [len(modes)], modes),
        nodes_truenodeids=true_ids, nodes_trueleafs=true_leaf, nodes_falsenodeids=false_ids,
        nodes_falseleafs=false_leaf, leaf_targetids=[0] * (4 * trees),
        leaf_weights=helper.make_tensor("weights", TensorProto.FLOAT, [4 * trees], np.float32(rng.normal(size=4 * trees))),
        membership_values=helper.make_tensor("members", TensorProto.FLOAT, [len(sets)], sets),
    )
    graph = helper.make_graph(
        [node], "members", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, INPUTS])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
    )
    opsets = [helper.make_opsetid("", 22), helper.make_opsetid("ai.onnx.ml", 5)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    (HERE / "onnx_members.onnx").write_bytes(model.SerializeToString(deterministic=True))
    rows = asked_rows(training_rows(63), list(zip(features, splits)), narrow=True, missing=False)
    rows[:, 2] = np.abs(np.round(np.clip(rows[:, 2], -50, 50)))
    rows[:, 3] = np.abs(np.round(np.clip(rows[:, 3], -50, 50)))
    rows[:, 5] = np.abs(np.round(np.clip(rows[:, 5], -50, 50)))
    write_rows("onnx_members", rows, run(model, rows)[-1], run(model, rows)[-1])


def ensemble_v5():
    """The operator of ai.onnx.ml 5, two targets, as no converter writes it yet."""
    rng = np.random.default_rng(61)
    trees = 8
    features, splits, modes, true_ids, true_leaf, false_ids, false_leaf, tracks = ([] for _ in range(8))
    targets, weights = [], []
    for tree in range(trees):
        first, leaf = 3 * tree, 4 * tree
        for node in range(3):
            features.append(int(rng.integers(INPUTS)))
            splits.append(rng.choice([0, 0.5, -0.25, 3, 100, 1e-4]))
            modes.append((tree + node) % 4)
            tracks.append(tree % 2)
        true_ids += [first + 1, leaf, leaf + 2]
        false_ids += [first + 2, leaf + 1, leaf + 3]
        true_leaf += [0, 1, 1]
        false_leaf += [0, 1, 1]
        targets += [0, 1, 1, 0] if tree % 2 else [tree % 4 // 2] * 4
        weights += list(rng.normal(size=4))
    node = helper.make_node(
        "TreeEnsemble", ["x"], ["y"], domain="ai.onnx.ml", n_targets=2, aggregate_function=1, post_transform=0,
        tree_roots=[3 * tree for tree in range(trees)], nodes_featureids=features,
        nodes_splits=helper.make_tensor("splits", TensorProto.FLOAT, [len(splits)], np.float32(splits)),
        nodes_modes=helper.make_tensor("modes", TensorProto.UINT8, [len(modes)], modes),
        nodes_truenodeids=true_ids, nodes_trueleafs=true_leaf, nodes_falsenodeids=false_ids,
        nodes_falseleafs=false_leaf, nodes_missing_value_tracks_true=tracks, leaf_targetids=targets,
        leaf_weights=helper.make_tensor("weights", TensorProto.FLOAT, [len(weights)], np.float32(weights)),
    )
    graph = helper.make_graph(
        [node], "v5",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, INPUTS])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])],
    )
    opsets = [helper.make_opsetid("", 22), helper.make_opsetid("ai.onnx.ml", 5)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    rows = asked_rows(training_rows(61), list(zip(features, map(float, splits))), narrow=True)
    raw = run(model, rows)[-1]
    softmax = next(attribute for attribute in model.graph.node[0].attribute if attribute.name == "post_transform")
    softmax.i = 2
    (HERE / "onnx_ensemble_v5.onnx").write_bytes(model.SerializeToString(deterministic=True))
    write_rows("onnx_ensemble_v5", rows, raw, run(model, rows)[-1])


# scikit-learn pipelines with their heads: raw records instead of rows -------------------------------------------------


FIELDS = {
    "age": FloatTensorType([None, 1]), "fare": FloatTensorType([None, 1]), "sex": StringTensorType([None, 1]),
    "port": StringTensorType([None, 1]), "deck": Int64TensorType([None, 1]),
}


def passengers(rows, missing):
    rng = np.random.default_rng(70)
    age, fare = rng.normal(40, 9, rows).round(1), rng.gamma(2, 20, rows).round(2)
    if missing:
        age[rng.random(rows) < 0.2] = np.nan
        fare[rng.random(rows) < 0.1] = np.nan
    frame = pd.DataFrame({
        "age": age.astype(np.float32), "fare": fare.astype(np.float32), "sex": rng.choice(["f", "m"], rows),
        "port": rng.choice(["Cherbourg", "Queenstown", "Sud, \"est\""], rows), "deck": rng.integers(0, 5, rows) * 2 - 3,
    })
    score = (
        np.nan_to_num(frame.age, nan=30) / 10 + np.nan_to_num(frame.fare, nan=5) / 40 + (frame.sex == "f") * 1.5
        + frame.port.map({"Cherbourg": 0.2, "Queenstown": -1.0}).fillna(0.4) + (frame.deck % 3) * 0.7
        + rng.normal(0, 0.5, rows)
    )
    return frame, score.to_numpy()


def pipeline(name, steps, label, fields=tuple(FIELDS), missing=False, unknown=False, matrix=False):
    """`unknown`: the rows hold categories that training never saw. `matrix`: one input holds all columns."""
    fields = list(fields)
    frame, score = passengers(600, missing)
    model = make_pipeline(*steps).fit(frame[fields].to_numpy() if matrix else frame[fields], label(score))
    last = model.steps[-1][1]
    options = {id(last): {"zipmap": False}} if hasattr(last, "classes_") else None
    types = [(field, FIELDS[field]) for field in fields]
    if matrix:
        types = [("X", FloatTensorType([None, len(fields)]))]
    exported = to_onnx(model, initial_types=types, options=options,
                       target_opset={"": 17, "ai.onnx.ml": 3})
    operator_sets = sorted(exported.opset_import, key=lambda entry: entry.domain)
    del exported.opset_import[:]
    exported.opset_import.extend(operator_sets)
    (HERE / f"{name}.onnx").write_bytes(exported.SerializeToString(deterministic=True))
    asked = frame[fields].iloc[:40].copy()
    if unknown:
        for column, value in (("port", "Atlantis"), ("deck", 4), ("deck", 90), ("sex", "")):
            if column in fields:
                asked.loc[asked.sample(4, random_state=7).index, column] = value
    feed = {field: asked[[field]].to_numpy() for field in fields}
    feed = {field: cells.astype(str).astype(object) if FIELDS[field].__class__ is StringTensorType else cells
            for field, cells in feed.items()}
    if matrix:
        feed = {"X": asked.to_numpy()}
        asked.columns = [f"X_{column}" for column in range(len(fields))]
    write_records(name, exported, [
        {field: None if value != value else value for field, value in record.items()}
        for record in asked.astype(object).to_dict("records")
    ], feed)


def write_records(name, model, records, feed):
    node = next((n for n in model.graph.node if n.op_type.startswith(("TreeEnsemble", "Linear"))), None)
    if node is None:
        node = next(n for n in model.graph.node if n.op_type == "Add")
    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    for inner in cut.graph.node:
        for attribute in inner.attribute:
            if attribute.name == "post_transform":
                attribute.CopyFrom(helper.make_attribute("post_transform", "NONE"))
    del cut.graph.output[:]
    cut.graph.output.append(helper.make_tensor_value_info(node.output[-1], TensorProto.FLOAT, [None, None]))
    answers = []
    for graph in (cut, model):
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        session = ort.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
        answer = session.run(None, feed)[-1].reshape(len(records), -1)
        answers.append(answer[:, 1:] if node.op_type.endswith("Classifier") and answer.shape[1] == 2 else answer)
    with open(HERE / f"{name}.rows.jsonl", "w") as out:
        for record, raw, values in zip(records, *answers, strict=True):
            line = {"record": record, "raw": [float(cell) for cell in raw], "values": [float(cell) for cell in values]}
            out.write(json.dumps(line, separators=(",", ":")) + "\n")


def all_pipelines():
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    hot = OneHotEncoder(handle_unknown="ignore")
    few = {"n_estimators": 4, "max_depth": 3, "random_state": 5}
    pipeline("pipeline_columns", [
        ColumnTransformer([("n", numbers, ["age", "fare"]), ("c", hot, ["sex", "port"]), ("d", hot, ["deck"])]),
        LogisticRegression(),
    ], binary, missing=True, unknown=True)
    pipeline("pipeline_ordinal", [
        ColumnTransformer([
            ("n", "passthrough", ["age", "fare"]),
            ("c", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["sex", "port"]),
        ]),
        HistGradientBoostingClassifier(max_iter=6, max_leaf_nodes=6, early_stopping=False),
    ], binary, ("age", "fare", "sex", "port"), missing=True, unknown=True)
    pipeline("pipeline_dropped", [
        ColumnTransformer([("c", OneHotEncoder(drop="first"), ["sex", "port"])], remainder="passthrough"),
        GradientBoostingRegressor(**few),
    ], lambda s: s, ("age", "fare", "sex", "port"))
    pipeline("pipeline_scalers", [
        ColumnTransformer([
            ("a", MinMaxScaler(clip=True), ["age", "fare"]), ("b", MaxAbsScaler(), ["age"]), ("c", RobustScaler(), ["fare"]),
            ("d", Binarizer(threshold=40), ["age"]), ("e", MinMaxScaler(), ["fare", "age"]),
        ]),
        LogisticRegression(),
    ], three_classes, ("age", "fare"))
    pipeline("pipeline_scaled_encoding", [
        ColumnTransformer([("c", hot, ["sex", "port"]), ("n", "passthrough", ["age"])]),
        StandardScaler(with_mean=False), LinearRegression(),
    ], lambda s: s, ("age", "sex", "port"), unknown=True)
    pipeline("pipeline_forest", [
        ColumnTransformer([("n", numbers, ["fare", "age"]), ("d", hot, ["deck", "sex"][:1])]), SelectKBest(k=3),
        RandomForestClassifier(**few),
    ], words, ("age", "fare", "deck"), missing=True, unknown=True)
    pipeline("pipeline_normalizer", [
        ColumnTransformer([("n", numbers, ["age", "fare"]), ("c", hot, ["sex"])]), Normalizer(),
        GradientBoostingClassifier(**few),
    ], binary, ("age", "fare", "sex"), missing=True, unknown=True)
    pipeline("pipeline_normalizer_l1", [MinMaxScaler(), Normalizer("l1"), LinearRegression()], lambda s: s, ("age", "fare"),
             matrix=True)
    pipeline("pipeline_poisson", [
        ColumnTransformer([("n", numbers, ["age"]), ("c", hot, ["port", "deck"][:1])]), PoissonRegressor(max_iter=1000),
    ], lambda s: np.exp(s / 3), ("age", "port"), missing=True, unknown=True)
    pipeline("pipeline_matrix", [SimpleImputer(), StandardScaler(), RandomForestRegressor(**few)], lambda s: s,
             ("age", "fare"), missing=True, matrix=True)


if __name__ == "__main__":
    all_lightgbm()
    all_xgboost()
    all_sklearn()
    branch_modes("onnx_branch_modes", double=False)
    branch_modes("onnx_branch_modes_double", double=True)
    ensemble_v5()
    ensemble_v5_members()
    all_ensembles()
    all_formulas()
    all_pipelines()
