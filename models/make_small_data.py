"""Makes the tables of the small models from the data sets in scikit-learn's package, and scikit-learn's results on them.

usage: make_small_data.py MODELS_DIR

Writes NAME/data/NAME.csv and NAME/reference.json for diabetes and wine. The reference repeats the split of the model's
skewless.toml (SHA-256 of seed and key, as docs/training.md says) and fits scikit-learn's counterparts on the same rows.
"""

import csv
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import sklearn
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import ElasticNet, LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED, TEST, FOLDS = 7, 0.25, 5


def position(purpose, key):
    digest = hashlib.sha256(f"{SEED}/{purpose}/{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def parts(keys):
    """The fold of each row, or -1 for the test."""
    return np.array([-1 if position("part", key) < TEST else int(position("fold", key) * FOLDS) for key in keys])


def write(path, names, keys, rows, label, labels):
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["id", *names, label])
        for key, row, value in zip(keys, rows, labels):
            table.writerow([key, *(repr(float(cell)).removesuffix(".0") for cell in row), value])


def reference(models, measures, x, y, part):
    found = {}
    for name, model in models.items():
        folds = []
        for fold in range(FOLDS):
            train, judge = (part >= 0) & (part != fold), part == fold
            folds.append(measures(model.fit(x[train], y[train]), x[judge], y[judge]))
        test = measures(model.fit(x[part >= 0], y[part >= 0]), x[part < 0], y[part < 0])
        found[name] = {"folds": folds, "test": test}
    rows = {"test": int((part < 0).sum()), "folds": [int((part == fold).sum()) for fold in range(FOLDS)]}
    return {"scikit-learn": sklearn.__version__, "numpy": np.__version__, "rows": rows, "models": found}


def regression(model, x, y):
    guess = model.predict(x)
    return {
        "rmse": root_mean_squared_error(y, guess),
        "mae": mean_absolute_error(y, guess),
        "r2": r2_score(y, guess),
    }


def classification(model, x, y):
    return {
        "log_loss": log_loss(y, model.predict_proba(x), labels=[0, 1, 2]),
        "accuracy": accuracy_score(y, model.predict(x)),
    }


def save(path, found):
    path.write_text(json.dumps(found, indent=1) + "\n")


def diabetes(folder):
    data = load_diabetes(scaled=False)
    keys = [f"p{row:03}" for row in range(len(data.target))]
    write(folder / "data/diabetes.csv", data.feature_names, keys, data.data, "progression", data.target.astype(int))
    models = {
        "linear": make_pipeline(StandardScaler(), ElasticNet(alpha=0.1, l1_ratio=0.5, tol=1e-8, max_iter=10000)),
        "trees": HistGradientBoostingRegressor(
            max_iter=100, learning_rate=0.05, max_depth=3, l2_regularization=1, min_samples_leaf=5
        ),
    }
    save(folder / "reference.json", reference(models, regression, data.data, data.target, parts(keys)))


def wine(folder):
    data = load_wine()
    names = [name.replace("/", "_") for name in data.feature_names]
    keys = [f"w{row:03}" for row in range(len(data.target))]
    labels = [f"cultivar_{label + 1}" for label in data.target]
    write(folder / "data/wine.csv", names, keys, data.data, "cultivar", labels)
    # scikit-learn's C is 1 / (rows · penalty).
    rows = int((parts(keys) >= 0).sum() * (FOLDS - 1) / FOLDS)
    models = {
        "linear": make_pipeline(StandardScaler(), LogisticRegression(C=1 / (0.01 * rows), max_iter=1000, tol=1e-8)),
        "trees": HistGradientBoostingClassifier(
            max_iter=60, learning_rate=0.1, max_depth=3, l2_regularization=1, min_samples_leaf=5
        ),
    }
    save(folder / "reference.json", reference(models, classification, data.data, data.target, parts(keys)))


if __name__ == "__main__":
    models = Path(sys.argv[1])
    diabetes(models / "diabetes")
    wine(models / "wine")
