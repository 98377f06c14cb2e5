"""Writes calibration.json and conformal.json: what scikit-learn, venn-abers and MAPIE make of fixed scores.

usage: references.py FOLDER
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import mapie
import numpy as np
import sklearn
from mapie.classification import SplitConformalClassifier
from mapie.regression import SplitConformalRegressor
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from venn_abers import VennAbers

FOLDER = Path(sys.argv[1])
RANDOM = np.random.default_rng(20260101)
VERSIONS = {"scikit-learn": sklearn.__version__, "mapie": mapie.__version__, "numpy": np.__version__}
VERSIONS["venn-abers"] = version("venn-abers")


class Given(RegressorMixin, BaseEstimator):
    """Predicts its only column."""

    def fit(self, x, y=None):
        self.fitted_ = True
        return self

    def predict(self, x):
        return np.asarray(x)[:, 0]


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
    for score in ["lac", "aps"]:
        mapie_ = SplitConformalClassifier(
            Shares().fit(None), confidence_level=0.9, prefit=True, conformity_score=score, random_state=1
        )
        mapie_.conformalize(shares, label)
        options = {"include_last_label": True} if score == "aps" else {}
        _, found = mapie_.predict_set(new, conformity_score_params=options)
        sets[score] = found[:, :, 0].astype(int).tolist()
        sets[score + "_quantile"] = float(np.ravel(mapie_._mapie_classifier.quantiles_)[0])
    return {
        "versions": VERSIONS,
        "guess": guess.tolist(),
        "truth": truth.tolist(),
        "half_width": regression,
        "shares": shares.tolist(),
        "label": label.tolist(),
        # APS is randomised at the scores: these are the numbers that MAPIE draws.
        "draws": np.random.RandomState(1).uniform(size=len(label)).tolist(),
        "new": new.tolist(),
        "sets": sets,
    }


for name, make in [("calibration", calibration), ("conformal", conformal)]:
    (FOLDER / f"{name}.json").write_text(json.dumps(make()) + "\n")
