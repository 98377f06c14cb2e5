"""The bench's trees: LightGBM on the 137 columns of the flights, the same as ONNX, and what turns a record into columns."""

import json

import lightgbm
import onnx
from flights_table import record
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

SEED = 20130101
TRAINING_ROWS, TEST_ROWS = 60_000, 4_096
TREES, LEAVES = 200, 31
TREE_PARAMETERS = {
    "objective": "binary",
    "num_leaves": LEAVES,
    "learning_rate": 0.1,
    "min_data_in_leaf": 20,
    "seed": SEED,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


def make_trees(table, columns, labels, folder):
    """Trains the trees and writes them: `model.txt`, `model.onnx`, `features.toml` with its table, `records.jsonl`."""
    data = lightgbm.Dataset(columns, labels, feature_name=table.names(), free_raw_data=False)
    booster = lightgbm.train(TREE_PARAMETERS, data, num_boost_round=TREES)
    booster.save_model(folder / "model.txt")
    model = convert_lightgbm(booster, initial_types=[("x", FloatTensorType([None, columns.shape[1]]))], zipmap=False)
    onnx.save(model, folder / "model.onnx")
    (folder / "features.toml").write_text(table.specification())
    planes = [{"tailnum": name, "year": year, "seats": seats} for name, (year, seats) in table.planes.items()]
    write_lines(folder / "planes.jsonl", planes)
    write_lines(folder / "records.jsonl", [record(row) for row in table.test])
    write_json(folder / "vocabulary.json", table.vocabulary)
    return booster


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows))


def write_json(path, value):
    path.write_text(json.dumps(value) + "\n")
