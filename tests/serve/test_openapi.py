"""schemathesis asks what the OpenAPI document allows, and what it does not, and holds the answers against the document."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
# In checks.py, in a form that knows of batches.
REPLACED = "negative_data_rejection,positive_data_acceptance"


def counted(url, sample):
    with urllib.request.urlopen(f"{url}/metrics") as answer:
        found = re.search(rf"^{re.escape(sample)} (\d+)$", answer.read().decode(), re.MULTILINE)
    return int(found[1]) if found else 0


def test_schemathesis(url, tmp_path):
    program = Path(sys.executable).with_name("schemathesis")
    command = [program, "run", f"{url}/openapi.json", "--mode", "all", "--max-examples", "60", "--seed", "20130101"]
    options = ["--phases", "examples,coverage,fuzzing", "--exclude-checks", REPLACED, "--no-color", "--continue-on-failure"]
    report = tmp_path / "report.json"
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "checks", "PYTHONPATH": str(FOLDER)}
    rows, good = "skewless_rows_total", 'skewless_requests_total{route="invocations",status="200"}'
    before = counted(url, rows), counted(url, good)
    run = subprocess.run(
        [*command, *options, "--report-json-path", report],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    # It got through to the model, and not only to the refusals.
    assert counted(url, rows) - before[0] > 50
    assert counted(url, good) - before[1] > 10


def test_the_document_is_the_bundles(url, records):
    with urllib.request.urlopen(f"{url}/openapi.json") as answer:
        document = json.load(answer)
    assert document["openapi"] == "3.1.0" and document["info"]["title"] == "flights"
    fields = document["components"]["schemas"]["Record"]["properties"]
    assert {name for record in records for name in record} == set(fields)
    assert fields["distance"] == {
        "type": "number", "minimum": 1.0, "maximum": 12000.0, "description": "Distance between the airports. Unit: mi.",
    }
    assert "tailnum" not in document["components"]["schemas"]["Record"]["required"]
