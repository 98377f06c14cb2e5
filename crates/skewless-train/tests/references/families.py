"""Writes families.json: scikit-learn's elastic nets of labels and small networks on the tables of models/wine and models/diabetes.

usage: families.py MODELS_DIR FOLDER

Elastic nets are fitted on all wines, their columns standardised. Networks repeat the splits of models/make_small_data.py.
"""

import json
import sys
from pathlib import Path

import numpy as np
import sklearn
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MODELS, FOLDER = Path(sys.argv[1]), Path(sys.argv[2])
sys.path.append(str(MODELS))
from make_small_data import classification, parts, reference, regression  # noqa: E402


def elastic_nets():
    data = load_wine()
    x = StandardScaler().fit_transform(data.data)
    found = []
    for labels, y in [("binary", (data.target == 1).astype(int)), ("multiclass", data.target)]:
        for penalty, l1_ratio in [(0.02, 0.5), (0.1, 0.8), (0.05, 1.0)]:
            # scikit-learn's C is 1 / (rows · penalty).
            model = LogisticRegression(
                C=1 / (penalty * len(y)), l1_ratio=l1_ratio, solver="saga", tol=1e-12, max_iter=1_000_000, random_state=1
            ).fit(x, y)
            found.append(
                {
                    "labels": labels,
                    "penalty": penalty,
                    "l1_ratio": l1_ratio,
                    "weights": model.coef_.tolist(),
                    "intercept": model.intercept_.tolist(),
                }
            )
    return found


# scikit-learn's alpha is the penalty times the rows of a batch.
NETWORK = {"hidden_layer_sizes": (16,), "alpha": 0.01 * 32, "batch_size": 32, "learning_rate_init": 0.01}


def networks():
    wine, diabetes = load_wine(), load_diabetes(scaled=False)
    classifier = make_pipeline(StandardScaler(), MLPClassifier(**NETWORK, max_iter=60, n_iter_no_change=60, random_state=7))
    regressor = make_pipeline(
        StandardScaler(),
        TransformedTargetRegressor(
            MLPRegressor(**NETWORK, max_iter=20, n_iter_no_change=20, random_state=7), transformer=StandardScaler()
        ),
    )
    w = parts([f"w{row:03}" for row in range(len(wine.target))])
    d = parts([f"p{row:03}" for row in range(len(diabetes.target))])
    return {
        "wine": reference({"mlp": classifier}, classification, wine.data, wine.target, w),
        "diabetes": reference({"mlp": regressor}, regression, diabetes.data, diabetes.target, d),
    }


found = {
    "versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__},
    "elastic_nets": elastic_nets(),
    "networks": networks(),
}
(FOLDER / "families.json").write_text(json.dumps(found, indent=1) + "\n")
