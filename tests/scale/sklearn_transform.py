"""scikit-learn's ColumnTransformer with the ops of features.toml on the same columns, read in batches by pyarrow.

    sklearn_transform.py SAMPLE TABLE ROWS        transforms so many rows; prints rows and seconds as JSON
    sklearn_transform.py SAMPLE TABLE --check OURS  compares with the features in OURS
"""

import json
import sys
import time

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    StandardScaler,
)
from sklearn.utils import murmurhash3_32

BATCH = 131_072
BOUND = 1e-9


def ratio(frame):
    return frame.iloc[:, [0]].to_numpy(float) / frame.iloc[:, [1]].to_numpy(float)


def buckets(frame):
    """Each distinct string of a batch is hashed once."""
    codes, texts = pd.factorize(frame.iloc[:, 0])
    hashed = [murmurhash3_32(text, seed=0, positive=True) % 1024 for text in texts]
    return np.array(hashed, dtype=float)[codes].reshape(-1, 1)


def parts(frame):
    at = frame.iloc[:, 0].dt
    return np.column_stack([at.hour, at.day_of_week]).astype(float)


def one_hot(column):
    known = [sorted(column.dropna().unique())]
    return OneHotEncoder(categories=known, handle_unknown="ignore", sparse_output=False)


def transformer(sample):
    bins = KBinsDiscretizer(
        8, encode="onehot-dense", strategy="quantile", quantile_method="linear", subsample=None
    )
    made = ColumnTransformer(
        [
            ("amount", make_pipeline(SimpleImputer(strategy="mean"), StandardScaler()), ["amount"]),
            ("distance", make_pipeline(SimpleImputer(strategy="median"), MinMaxScaler()), ["distance"]),
            ("age", make_pipeline(SimpleImputer(strategy="median"), bins), ["age"]),
            ("balance", StandardScaler(), ["balance"]),
            ("price", FunctionTransformer(np.log1p), ["price"]),
            ("unit_price", FunctionTransformer(ratio), ["price", "quantity"]),
            ("country", one_hot(sample["country"]), ["country"]),
            ("device", one_hot(sample["device"]), ["device"]),
            ("merchant", FunctionTransformer(buckets), ["merchant"]),
            ("at", FunctionTransformer(parts), ["at"]),
        ],
        sparse_threshold=0,
    )
    return made.fit(sample)


def check(made, table, ours):
    found = made.transform(pd.read_parquet(table))
    due = pd.read_parquet(ours).drop(columns=["error", "message"]).to_numpy(float)
    if found.shape != due.shape:
        sys.exit(f"{found.shape} where {due.shape} is due")
    apart = np.abs(found - due) / np.maximum(1, np.abs(due))
    same = (np.isnan(found) & np.isnan(due)) | (apart <= BOUND)
    if not same.all():
        sys.exit(f"columns {np.unique(np.nonzero(~same)[1])} differ by {np.nanmax(apart)}")
    print(json.dumps({"rows": len(due), "columns": due.shape[1], "apart": float(np.nanmax(apart))}))


def measure(made, table, most):
    began, processor = time.perf_counter(), time.process_time()
    rows = 0
    for batch in pq.ParquetFile(table).iter_batches(BATCH):
        made.transform(batch.to_pandas())
        rows += len(batch)
        if rows >= most:
            break
    seconds, processor = time.perf_counter() - began, time.process_time() - processor
    print(json.dumps({"rows": rows, "seconds": seconds, "processor_seconds": processor}))


sample, table, *rest = sys.argv[1:]
made = transformer(pd.read_parquet(sample))
if rest[0] == "--check":
    check(made, table, rest[1])
else:
    measure(made, table, int(rest[0]))
