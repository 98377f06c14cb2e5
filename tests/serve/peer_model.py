"""The model as its users in Python have it: feature code by hand, and ONNX Runtime on one thread."""

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import onnxruntime

WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
CATEGORIES = ["carrier", "origin", "dest"]
LABELS = ["on_time", "late"]
NUMBERS = 16


class Model:
    """Answers raw records; `folder` is what make_model.py wrote."""

    def __init__(self, folder):
        folder = Path(folder)
        vocabulary = json.loads((folder / "vocabulary.json").read_text())
        planes = [json.loads(line) for line in (folder / "planes.jsonl").read_text().splitlines()]
        self.planes = {plane["tailnum"]: (plane["year"], plane["seats"]) for plane in planes}
        self.columns, self.width = [], NUMBERS
        for name in CATEGORIES:
            self.columns.append((name, {category: self.width + i for i, category in enumerate(vocabulary[name])}))
            self.width += len(vocabulary[name])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])

    def predict(self, records):
        """A label and a probability a record."""
        rows = np.zeros((len(records), self.width), dtype=np.float32)
        for row, record in zip(rows, records, strict=True):
            row[:NUMBERS] = self.numbers(record)
            for name, columns in self.columns:
                column = columns.get(record[name])
                if column is not None:
                    row[column] = 1
        _, probabilities = self.session.run(None, {"x": rows})
        return [{"label": LABELS[late >= 0.5], "probability": late} for late in probabilities[:, 1].tolist()]

    def numbers(self, record):
        departure = datetime.fromisoformat(record["scheduled_departure"])
        arrival = datetime.fromisoformat(record["scheduled_arrival"])
        year, seats = self.planes.get(record.get("tailnum"), (None, None))
        numbers = [
            departure.hour * 60 + departure.minute,
            departure.weekday(),
            arrival.hour * 60 + arrival.minute,
            (arrival - departure).total_seconds(),
            record["distance"],
            year,
            seats,
            *(record.get(name) for name in WEATHER),
        ]
        return [np.nan if number is None else number for number in numbers]
