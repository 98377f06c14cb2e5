"""Records what LightGBM and XGBoost say each column added, for models that make.py wrote.

    .venv/bin/python contributions.py

For each case it writes NAME.contributions.jsonl, one line per row: `row` (the inputs, null for NaN) and `added`, a list
an output, each with a number a column and, last, what stands for nothing known. LightGBM gives doubles, XGBoost singles.
Nothing is trained: the rows are some of NAME.rows.jsonl.
"""

import json
import pathlib

import lightgbm as lgb
import numpy as np
import xgboost as xgb

HERE = pathlib.Path(__file__).parent
ROWS = 20
CATEGORY_COLUMN = 2
LIGHTGBM = [
    "binary", "multiclass", "categorical", "categorical_one_hot", "missing_nan", "missing_zero", "missing_none", "dart",
    "random_forest_multiclass",
]
XGBOOST = [
    "binary.json", "multiclass.json", "categorical.json", "categorical_one_hot.json", "missing.json", "dart.json",
    "dart_multiclass.ubj", "random_forest.json", "linear_multiclass.ubj",
]


def some_rows(name):
    """The first rows, which are of the training data, and others spread over the hard ones."""
    lines = (HERE / f"{name}.rows.jsonl").read_text().splitlines()
    rows = [json.loads(line)["row"] for line in lines]
    spread = rows[:8] + rows[8 :: max(1, (len(rows) - 8) // (ROWS - 8))]
    return spread[:ROWS]


def write(name, rows, added):
    with open(HERE / f"{name}.contributions.jsonl", "w") as out:
        for row, outputs in zip(rows, added, strict=True):
            line = {"row": row, "added": [[float(cell) for cell in output] for output in outputs]}
            out.write(json.dumps(line, separators=(",", ":")) + "\n")


def numbers(rows):
    return np.array([[np.nan if cell is None else cell for cell in row] for row in rows], dtype=float)


def lightgbm(name):
    rows = some_rows(name)
    model = lgb.Booster(model_file=HERE / f"{name}.txt")
    added = model.predict(numbers(rows), pred_contrib=True)
    write(name, rows, added.reshape(len(rows), -1, len(rows[0]) + 1))


def xgboost(file):
    name = file.split(".")[0]
    rows = some_rows(name)
    model = xgb.Booster({"nthread": 1})
    model.load_model(HERE / file)
    types = ["c" if "categorical" in name and column == CATEGORY_COLUMN else "q" for column in range(len(rows[0]))]
    asked = xgb.DMatrix(numbers(rows), feature_names=model.feature_names, feature_types=types, enable_categorical=True)
    added = model.predict(asked, pred_contribs=True)
    write(name, rows, added.reshape(len(rows), -1, len(rows[0]) + 1))


if __name__ == "__main__":
    for name in LIGHTGBM:
        lightgbm(f"lightgbm_{name}")
    for file in XGBOOST:
        xgboost(f"xgboost_{file}")
