"""Makes the models that the bench measures, each as the project's engine and every peer want it.

usage: make_works.py FLIGHTS OUT [MLPERF_TINY]

FLIGHTS is models/flights with its data. OUT/NAME/ is one work: model files, `rows.f64` (feature rows), `record.toml` and
`records.jsonl` (what `skewless pack` needs), and `work.json`, which says what lies there and how close the answers must be.
Seeds are fixed; nothing depends on a clock.
"""

import shutil
import sys
import zipfile
from pathlib import Path

import float_graph
import numpy as np
import onnx
import onnxruntime
import xgboost
import ydf
from flights_table import CATEGORIES, NUMBERS, Table
from flights_trees import LEAVES, SEED, TEST_ROWS, TRAINING_ROWS, TREES, make_trees, write_json, write_lines
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from sklearn.neural_network import MLPClassifier
from tiny import make_tiny, write_input



def main():
    flights, out = Path(sys.argv[1]), Path(sys.argv[2])
    table = Table(flights, TRAINING_ROWS, TEST_ROWS)
    make_gbdt(table, fresh(out / "gbdt-200x31"))
    make_network(table, fresh(out / "mlp-int8"))
    if len(sys.argv) > 3:
        make_tiny(Path(sys.argv[3]), out)


def make_gbdt(table, folder):
    """LightGBM on the 137 columns; the same as ONNX; a YDF model of the same size on the raw columns."""
    columns, labels = table.columns(table.training), table.labels(table.training)
    booster = make_trees(table, columns, labels, folder)
    rows = table.columns(table.test)
    write_rows(folder, rows)
    make_xgboost(columns, labels, rows, folder)
    make_tract(booster, rows, folder)
    raw_columns = make_ydf(table, labels, folder)
    write_json(folder / "raw_columns.json", raw_columns)
    raw = booster.predict(rows, raw_score=True)
    raw.astype("<f8").tofile(folder / "expected.f64")
    describe(
        folder,
        columns=rows.shape[1],
        answer="raw score",
        # The leaves of the ONNX graph are f32.
        bound={"ours": 0.0, "expected.f64": 1e-4, "xgboost_expected.f64": 1e-4, "ydf_expected.f64": 1e-6, "tract_expected.f64": 1e-5},
        batches=[1, 256],
        onnx={"input": "x", "output": "probabilities", "then": "logit of the second"},
    )


def make_xgboost(columns, labels, rows, folder):
    """An XGBoost model of the same size on the same columns."""
    parameters = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "grow_policy": "lossguide",
        "max_leaves": LEAVES,
        "max_depth": 0,
        "learning_rate": 0.1,
        "seed": SEED,
        "nthread": 1,
    }
    booster = xgboost.train(parameters, xgboost.DMatrix(columns, labels), num_boost_round=TREES)
    booster.save_model(folder / "xgboost.json")
    margin = booster.predict(xgboost.DMatrix(rows), output_margin=True)
    margin.astype("<f8").tofile(folder / "xgboost_expected.f64")


def make_tract(booster, rows, folder):
    """The rows without a missing value, which tract's trees do not take, as one tensor; its answers are probabilities."""
    finite = rows[np.isfinite(rows).all(axis=1)].astype(np.float32).astype(np.float64)
    finite.astype("<f8").tofile(folder / "tract_rows.f64")
    late = booster.predict(finite)
    np.stack([1 - late, late], axis=1).astype("<f8").tofile(folder / "tract_expected.f64")
    write_input(folder, [finite.shape[1]], finite[:64], "tract_")


def make_ydf(table, labels, folder):
    """A YDF model of 200 trees with 31 leaves on the raw columns: another model, the same amount of work."""

    def raw(rows):
        numbers, codes = table.numbers(rows), table.codes(rows)
        columns = {name: numbers[:, i].astype(np.float32) for i, name in enumerate(NUMBERS)}
        for i, (name, known) in enumerate(table.vocabulary.items()):
            columns[name] = np.array([known[code] if code >= 0 else "other" for code in codes[:, i]])
        return columns


    ydf.verbose(0)
    learner = ydf.GradientBoostedTreesLearner(
        label="late",
        features=[*NUMBERS, *CATEGORIES],
        num_trees=TREES,
        growing_strategy="BEST_FIRST_GLOBAL",
        max_num_nodes=LEAVES,
        max_depth=-1,
        min_examples=20,
        early_stopping="NONE",
        validation_ratio=0.0,
        random_seed=SEED,
        num_threads=1,
        pure_serving_model=True,
    )
    model = learner.train({**raw(table.training), "late": labels})
    leaves = sum(count_leaves(tree.root) for tree in model.iter_trees())
    print(f"ydf: {model.num_trees()} trees, {leaves} leaves")
    model.save(str(folder / "ydf"))
    # Entries of a fixed date, so that the archive is the same every time.
    with zipfile.ZipFile(folder / "ydf.zip", "w") as archive:
        for path in sorted((folder / "ydf").iterdir()):
            archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes())
    test = raw(table.test)
    model.predict(test).astype("<f8").tofile(folder / "ydf_expected.f64")
    return {name: [None if value != value else value for value in column.tolist()] for name, column in test.items()}


def count_leaves(node):
    return 1 if node.is_leaf else count_leaves(node.neg_child) + count_leaves(node.pos_child)


def make_network(table, folder):
    """137-128-64-2 on standardised columns, trained here, quantised by ONNX Runtime from calibration rows."""
    numbers = table.numbers(table.training)
    mean, spread = np.nanmean(numbers, axis=0), np.nanstd(numbers, axis=0)
    width = len(NUMBERS)

    def scaled(rows):
        columns = table.columns(rows)
        columns[:, :width] = np.nan_to_num((columns[:, :width] - mean) / spread)
        return columns.astype(np.float32)

    training, labels = scaled(table.training), table.labels(table.training)
    network = MLPClassifier((128, 64), max_iter=4, batch_size=256, random_state=SEED % 2**31)
    with np.errstate(all="ignore"):
        network.fit(training, np.eye(2, dtype=np.int64)[labels])
    onnx.save(dense_graph(network), folder / "float.onnx")
    for name, form in [("model", QuantFormat.QDQ), ("qoperator", QuantFormat.QOperator)]:
        quantize_static(
            folder / "float.onnx",
            folder / f"{name}.onnx",
            Calibration(training[::100]),
            quant_format=form,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
        )
    rows = scaled(table.test)
    write_rows(folder, rows.astype(np.float64))
    write_input(folder, [rows.shape[1]], rows[:256].astype(float))
    model = lambda batch: float_graph.dense_model(network.coefs_, network.intercepts_, batch)
    float_graph.write_float(folder, model(1), rows)
    (folder / "float_256.tflite").write_bytes(float_graph.packed(model(256)))
    run_onnx(folder / "model.onnx", rows).astype("<f8").tofile(folder / "expected.f64")
    steps = 3 * output_scale(folder / "model.onnx")
    describe(
        folder,
        columns=rows.shape[1],
        answer="two logits",
        bound={"ours": steps, "expected.f64": steps, "float_expected.f64": 1e-3},
        float_rows="rows.f64",
        batches=[1, 256],
        onnx={"input": "x", "output": "logits"},
    )


class Calibration(CalibrationDataReader):
    def __init__(self, rows):
        self.rows = iter(rows)

    def get_next(self):
        row = next(self.rows, None)
        return None if row is None else {"x": row[None, :]}


def dense_graph(network):
    nodes, weights, value = [], [], "x"
    for i, (w, b) in enumerate(zip(network.coefs_, network.intercepts_)):
        last = i == len(network.coefs_) - 1
        out = "logits" if last else f"sum{i}"
        weights += [numpy_helper.from_array(w.astype(np.float32), f"w{i}"), numpy_helper.from_array(b.astype(np.float32), f"b{i}")]
        nodes.append(helper.make_node("Gemm", [value, f"w{i}", f"b{i}"], [out], f"dense{i}"))
        if not last:
            nodes.append(helper.make_node("Relu", [out], [f"act{i}"], f"relu{i}"))
        value = f"act{i}"
    inputs, outputs = network.coefs_[0].shape[0], network.coefs_[-1].shape[1]
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", inputs])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", outputs])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def output_scale(path):
    """The size of one step of the graph's output."""
    model = onnx.load(path)
    known = {tensor.name: tensor for tensor in model.graph.initializer}
    last = next(node for node in model.graph.node if node.output[0] == model.graph.output[0].name)
    return float(numpy_helper.to_array(known[last.input[1]]))


def run_onnx(path, rows):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: rows})[0]


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def write_rows(folder, rows):
    np.ascontiguousarray(rows, dtype="<f8").tofile(folder / "rows.f64")


def describe(folder, **facts):
    write_json(folder / "work.json", facts)


if __name__ == "__main__":
    main()
