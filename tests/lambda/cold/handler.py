"""The flights model as a Python function has it: feature code by hand, ONNX Runtime, everything opened as the module loads."""

import json
import math
import os
from datetime import datetime

import numpy as np
import onnxruntime

FOLDER = os.environ["MODEL_FOLDER"]
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
LABELS = ["on_time", "late"]

with open(f"{FOLDER}/features.json") as file:
    KNOWN = json.load(file)
POSITIONS = {name: {value: place for place, value in enumerate(values)} for name, values in KNOWN["vocabularies"].items()}
SESSION = onnxruntime.InferenceSession(f"{FOLDER}/model.onnx", providers=["CPUExecutionProvider"])


def handler(event, context):
    (raw,) = SESSION.run(None, {"features": np.array([features(event)], dtype=np.float64)})
    probability = 1 / (1 + math.exp(-float(raw[0, 0])))
    return {"label": LABELS[probability >= 0.5], "probability": probability, "raw": float(raw[0, 0])}


def features(record):
    departure = datetime.fromisoformat(record["scheduled_departure"])
    arrival = datetime.fromisoformat(record["scheduled_arrival"])
    block = (arrival - departure).total_seconds()
    year, seats = KNOWN["planes"].get(record.get("tailnum"), (None, None))
    numbers = [
        departure.hour * 60 + departure.minute,
        arrival.hour * 60 + arrival.minute,
        departure.weekday(),
        block,
        record["distance"],
        record["distance"] / block,
        *(POSITIONS[name].get(record[name]) for name in ["carrier", "origin", "dest"]),
        None if year is None else departure.year - year,
        seats,
        *(record.get(name) for name in WEATHER),
    ]
    return [math.nan if number is None else number for number in numbers]
