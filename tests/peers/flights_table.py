"""The flights as the bench's models see them: raw records, the 137 columns, and the specification that makes them.

The columns are computed here by hand, apart from the specification, so that agreement of the answers means something.
"""

from datetime import datetime

import numpy as np
import pyarrow.parquet as pq

WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
CATEGORIES = {"carrier": 16, "origin": 3, "dest": 102}
NUMBERS = ["departure_minute", "day_of_week", "arrival_minute", "block_time", "miles", "year", "seats"] + [
    f"{name}_at" for name in WEATHER
]
TEST_START = datetime(2013, 11, 1)
LATE_MINUTES = 15


class Table:
    """Training and test flights: records, labels, numbers (n x 16, NaN missing) and category codes (n x 3, -1 unseen)."""

    def __init__(self, flights, training_rows, test_rows):
        rows = pq.read_table(f"{flights}/data/flights.parquet").to_pylist()
        planes = pq.read_table(f"{flights}/data/planes.parquet").to_pylist()
        self.planes = {plane["tailnum"]: (plane["year"], plane["seats"]) for plane in planes}
        rows = [row for row in rows if row["arr_delay"] is not None]
        before = [row for row in rows if row["scheduled_departure"] < TEST_START]
        after = [row for row in rows if row["scheduled_departure"] >= TEST_START]
        self.training, self.test = spread(before, training_rows), spread(after, test_rows)
        self.vocabulary = {name: frequent(before, name, size) for name, size in CATEGORIES.items()}

    def names(self):
        return NUMBERS + [f"{name}_is={category}" for name, known in self.vocabulary.items() for category in known]

    def labels(self, rows):
        return np.array([row["arr_delay"] > LATE_MINUTES for row in rows], dtype=np.int64)

    def numbers(self, rows):
        return np.array([self.number_row(row) for row in rows], dtype=np.float64)

    def number_row(self, row):
        departure, arrival = row["scheduled_departure"], row["scheduled_arrival"]
        year, seats = self.planes.get(row["tailnum"], (None, None))
        weather = [row[name] for name in WEATHER]
        block = (arrival - departure).total_seconds()
        values = [minute(departure), departure.weekday(), minute(arrival), block, row["distance"], year, seats, *weather]
        return [np.nan if value is None else value for value in values]

    def codes(self, rows):
        places = {name: {category: i for i, category in enumerate(known)} for name, known in self.vocabulary.items()}
        return np.array([[places[name].get(row[name], -1) for name in CATEGORIES] for row in rows])

    def columns(self, rows):
        """n x 137: the numbers, then one column a category."""
        one_hot = [self.codes(rows)[:, [i]] == np.arange(len(known)) for i, known in enumerate(self.vocabulary.values())]
        return np.concatenate([self.numbers(rows), *one_hot], axis=1).astype(np.float64)

    def specification(self):
        """The same columns as a specification says them; the aircraft are read from `planes.jsonl` beside it."""
        planes = '[[lookup]]\nname = "planes"\nsource = "planes.jsonl"\nkey = "tailnum"\ncolumns = ["year", "seats"]\n'
        return text_of(self.vocabulary) + "\n" + planes


def record(row):
    """A raw record: what is known before departure."""
    known = ["scheduled_departure", "scheduled_arrival", "carrier", "origin", "dest", "tailnum", "distance", *WEATHER]
    return {
        name: row[name].isoformat(timespec="minutes") if isinstance(row[name], datetime) else row[name] for name in known
    }


def spread(rows, count):
    return [rows[i * len(rows) // count] for i in range(count)]


def frequent(rows, name, size):
    counts = {}
    for row in rows:
        counts[row[name]] = counts.get(row[name], 0) + 1
    return sorted(sorted(counts, key=lambda category: (-counts[category], category))[:size])


def minute(time):
    return time.hour * 60 + time.minute


def text_of(vocabulary):
    inputs = [f'[[input]]\nname = "{name}"\ntype = "category"\n' for name in CATEGORIES]
    inputs.append('[[input]]\nname = "tailnum"\ntype = "category"\nnullable = true\n')
    inputs += [
        f'[[input]]\nname = "scheduled_{end}"\ntype = "timestamp"\nzone = "local"\n' for end in ["departure", "arrival"]
    ]
    inputs.append('[[input]]\nname = "distance"\ntype = "number"\n')
    inputs += [f'[[input]]\nname = "{name}"\ntype = "number"\nnullable = true\n' for name in WEATHER]
    features = [
        feature("departure_minute", "date_part", "scheduled_departure", part="minute_of_day"),
        feature("day_of_week", "date_part", "scheduled_departure", part="day_of_week"),
        feature("arrival_minute", "date_part", "scheduled_arrival", part="minute_of_day"),
        feature("block_time", "difference", ["scheduled_arrival", "scheduled_departure"]),
        feature("miles", "number", "distance"),
        feature("year", "lookup", "tailnum", table="planes", column="year"),
        feature("seats", "lookup", "tailnum", table="planes", column="seats"),
        *[feature(f"{name}_at", "passthrough_missing", name) for name in WEATHER],
        *[feature(f"{name}_is", "one_hot", name, vocabulary=known) for name, known in vocabulary.items()],
    ]
    return "\n".join(inputs + features)


def feature(name, op, source, **parameters):
    lines = [f"{key} = {toml(value)}" for key, value in parameters.items()]
    return "\n".join(["[[feature]]", f'name = "{name}"', f'op = "{op}"', f"from = {toml(source)}", *lines]) + "\n"


def toml(value):
    return "[" + ", ".join(f'"{item}"' for item in value) + "]" if isinstance(value, list) else f'"{value}"'
