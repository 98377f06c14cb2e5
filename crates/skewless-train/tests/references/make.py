"""Writes calibration.json and conformal.json: what scikit-learn, venn-abers and MAPIE make of fixed scores; and
quantiles.json: the losses of scikit-learn's quantiles on models/diabetes.

usage: make.py FOLDER
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import mapie
import numpy as np
import sklearn
from mapie.classification import SplitConformalClassifier
from mapie.regression import ConformalizedQuantileRegressor, SplitConformalRegressor
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mean_pinball_loss
from venn_abers import VennAbers

FOLDER = Path(sys.argv[1])
DIABETES = Path(__file__).parents[4] / "models/diabetes/data/diabetes.csv"
RANDOM = np.random.default_rng(20260101)
VERSIONS = {"scikit-learn": sklearn.__version__, "mapie": mapie.__version__, "numpy": np.__version__}
VERSIONS["venn-abers"] = version("venn-abers")


class Given(RegressorMixin, BaseEstimator):
    """Predicts one of its columns."""

    def __init__(self, column=0):
        self.column = column

    def fit(self, x, y=None):
        self.fitted_ = True
        return self

    def predict(self, x):
        return np.asarray(x)[:, self.column]


class Shares(ClassifierMixin, BaseEstimator):
    """Takes its columns as the classes' probabilities."""

    def fit(self, x, y=None):
        self.classes_ = np.arange(3)
        return self

    def predict_proba(self, x):
        return np.asarray(x)

    def predict(self, x):
        return np.asarray(x).argmax(axis=1)


def calibration():
    raw = RANDOM.normal(size=200).round(3)
    raw[:40] = raw[40:80]  # ties
    positive = (RANDOM.random(200) < 1 / (1 + np.exp(-(0.7 * raw - 0.4)))).astype(int)
    at = np.linspace(-3, 3, 41)
    isotonic = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(raw, positive)
    venn_abers = VennAbers()
    venn_abers.fit(np.column_stack([1 - raw, raw]), positive)
    scores = np.concatenate([at, raw[:60]])
    probabilities, _ = venn_abers.predict_proba(np.column_stack([1 - scores, scores]))
    platt = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10000).fit(raw[:, None], positive)
    return {
        "versions": VERSIONS,
        "raw": raw.tolist(),
        "positive": positive.tolist(),
        "at": at.tolist(),
        "isotonic": isotonic.predict(at).tolist(),
        "venn_abers": np.column_stack([scores, probabilities[:, 1]]).tolist(),
        "platt": {"slope": float(platt.coef_[0, 0]), "intercept": float(platt.intercept_[0])},
    }


class Ones(np.random.RandomState):
    """Draws that take the whole of the truth's own probability away: what is left is that of the likelier labels."""

    def uniform(self, low=0.0, high=1.0, size=None):
        return np.ones(size)


def conformal():
    guess = RANDOM.normal(size=120).round(4)
    truth = (guess + RANDOM.normal(size=120)).round(4)
    regression = {}
    for level in [0.8, 0.9, 0.95]:
        mapie_ = SplitConformalRegressor(Given().fit(None), confidence_level=level, prefit=True)
        mapie_.conformalize(guess[:, None], truth)
        _, interval = mapie_.predict_interval(np.zeros((1, 1)))
        regression[str(level)] = float(interval[0, 1, 0])
    shares = RANDOM.dirichlet([1.0, 1.0, 1.0], size=150).round(4)
    shares[:, 2] = 1 - shares[:, 0] - shares[:, 1]
    label = np.array([RANDOM.choice(3, p=row / row.sum()) for row in shares])
    new = RANDOM.dirichlet([1.0, 1.0, 1.0], size=30)
    sets = {}
    for name, score, draws in [("lac", "lac", 1), ("aps", "aps", 1), ("aps_not_random", "aps", Ones())]:
        mapie_ = SplitConformalClassifier(
            Shares().fit(None), confidence_level=0.9, prefit=True, conformity_score=score, random_state=draws
        )
        mapie_.conformalize(shares, label)
        options = {"include_last_label": True} if score == "aps" else {}
        _, found = mapie_.predict_set(new, conformity_score_params=options)
        sets[name] = found[:, :, 0].astype(int).tolist()
        sets[name + "_quantile"] = float(np.ravel(mapie_._mapie_classifier.quantiles_)[0])
    # A value with a lower and an upper quantile, which is what a model with quantiles gives.
    around = lambda size: np.column_stack([np.zeros(size), -RANDOM.uniform(0.1, 2, size), RANDOM.uniform(0.1, 2, size)])
    raw = (guess[:, None] + around(120)).round(4)
    unseen = (RANDOM.normal(size=(30, 1)) + around(30)).round(4)
    from_quantiles = {}
    for level in [0.5, 0.8, 0.9, 0.95]:
        models = [Given(column).fit(None) for column in (1, 2, 0)]
        mapie_ = ConformalizedQuantileRegressor(models, confidence_level=level, prefit=True)
        mapie_.conformalize(raw, truth)
        _, interval = mapie_.predict_interval(unseen, symmetric_correction=True)
        from_quantiles[str(level)] = interval[:, :, 0].tolist()
    return {
        "versions": VERSIONS,
        "guess": guess.tolist(),
        "truth": truth.tolist(),
        "half_width": regression,
        "cqr": {"raw": raw.tolist(), "new": unseen.tolist(), "intervals": from_quantiles},
        "shares": shares.tolist(),
        "label": label.tolist(),
        # APS is randomised at the scores: these are the numbers that MAPIE draws.
        "draws": np.random.RandomState(1).uniform(size=len(label)).tolist(),
        "new": new.tolist(),
        "sets": sets,
    }


def quantiles():
    table = np.loadtxt(DIABETES, delimiter=",", skiprows=1, usecols=range(1, 12))
    fold = np.arange(len(table)) % 5
    losses = {}
    for level in [0.05, 0.95]:
        model = GradientBoostingRegressor(
            loss="quantile", alpha=level, n_estimators=60, learning_rate=0.1, max_depth=3, min_samples_leaf=5, random_state=7
        )
        losses[str(level)] = []
        for held_out in range(5):
            train, test = table[fold != held_out], table[fold == held_out]
            found = model.fit(train[:, :10], train[:, 10]).predict(test[:, :10])
            losses[str(level)].append(float(mean_pinball_loss(test[:, 10], found, alpha=level)))
    return {"versions": VERSIONS, "losses": losses}


for name, make in [("calibration", calibration), ("conformal", conformal), ("quantiles", quantiles)]:
    (FOLDER / f"{name}.json").write_text(json.dumps(make()) + "\n")
