"""A running `skewless serve` with the flights bundle, and what `skewless predict` says of the sample flights.

TESTED_PROGRAM is the program; the server listens on a port of its own and ends with the tests.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ["TESTED_PROGRAM"]
BUNDLE = ROOT / "models/flights/flights.skw"
SAMPLE = ROOT / "models/flights/sample.jsonl"
ROWS = 60


@pytest.fixture(scope="session")
def address():
    """Host and port of the server."""
    command = [PROGRAM, "serve", str(BUNDLE), "--listen", "127.0.0.1:0", "--log", "warn", "--request-seconds", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        yield server.stdout.readline().split("http://")[1].strip().strip("/")
        server.terminate()
        assert server.wait(timeout=30) == 0


@pytest.fixture(scope="session")
def url(address):
    return f"http://{address}"


@pytest.fixture(scope="session")
def records():
    lines = SAMPLE.read_text().splitlines()[:ROWS]
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def predictions(records, tmp_path_factory):
    """What the program says of the same records, without HTTP."""
    table = tmp_path_factory.mktemp("records") / "records.jsonl"
    table.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    run = subprocess.run([PROGRAM, "predict", str(BUNDLE), str(table)], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def columns(records):
    """The records as tensors: name, datatype, values."""
    tensors = []
    for name in dict.fromkeys(name for record in records for name in record):
        values = [record.get(name) for record in records]
        text = any(isinstance(value, str) for value in values)
        tensors.append((name, "BYTES" if text else "FP64", values))
    return tensors


@pytest.fixture(scope="session")
def tensors(records):
    return columns(records)


@pytest.fixture(scope="session")
def complete(records, predictions):
    """Tensors and predictions of the records without a missing value, for clients whose types know none."""
    whole = [place for place, record in enumerate(records) if None not in record.values()]
    assert len(whole) > 20
    return columns([records[place] for place in whole]), [predictions[place] for place in whole]
