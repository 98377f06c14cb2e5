"""Sends training runs to an MLflow server and reads them back by MLflow's own client. Run by `cargo xtask test`:

    python tests/records/server.py SKEWLESS
"""

import base64
import hashlib
import http.server
import json
import math
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}

import mlflow  # noqa: E402
import pandas  # noqa: E402
from mlflow.entities import Run  # noqa: E402
from mlflow.models.utils import _enforce_schema  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
CONFIG = (ROOT / "tests/retrain/rooms.toml").read_text().replace("penalty = [0.001]", "penalty = [0.001, 0.1]")
FAILING = "[gates.test]\nrmse = { max = 0.001 }\n"
VARIABLES = ["MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"]


class Project:
    """A folder with a configuration and its table."""

    def __init__(self, folder: Path, skewless: Path) -> None:
        self.folder = folder
        self.skewless = skewless
        self.configure("")
        (folder / "rooms.csv").write_text(rooms())

    def configure(self, more: str) -> None:
        (self.folder / "skewless.toml").write_text(CONFIG + more)

    def run(self, *arguments: str, status: int = 0, **variables: str) -> str:
        """Runs the program, and gives what it told on standard error."""
        environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
        command = [self.skewless, *arguments]
        ended = subprocess.run(command, cwd=self.folder, env=environment | variables, capture_output=True, text=True)
        assert ended.returncode == status, (arguments, ended.returncode, ended.stdout, ended.stderr)
        return ended.stderr

    def train(self, url: str, *more: str, status: int = 0, **variables: str) -> str:
        return self.run("train", "skewless.toml", "--mlflow", url, *more, status=status, **variables)

    def bytes(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def json(self, name: str) -> dict:
        return json.loads(self.bytes(name))


def main(skewless: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "project").mkdir()
        project = Project(Path(folder) / "project", Path(skewless).resolve())
        with server(Path(folder)) as url:
            mlflow.set_tracking_uri(url)
            client = MlflowClient(url)
            warned = project.train(url)
            assert "warning" not in warned, warned
            check_run(project, client)
            check_retrained(project, client, url)
            check_failed(project, client, url)
            check_unsent(project, client, url)
            check_busy(project, client, url)
        check_refusals(project, url)


def check_run(project: Project, client: MlflowClient) -> None:
    report = project.json("report.json")
    run, nested = latest(client)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "rooms 1.0.0"), run.info
    winner = report["selection"]["winner"]
    assert run.data.params == params(report["candidates"][winner]), run.data.params
    expected = validated(report, winner) | tested(report)
    assert same(run.data.metrics, expected), (run.data.metrics, expected)
    check_tags(project, run, report)
    check_nested(client, nested, run, report)
    check_datasets(run, report)
    check_artefacts(project, client, run)


def check_tags(project: Project, run: Run, report: dict) -> None:
    [record] = json.loads(told(project, "runs", "skewless.toml", "--json"))
    expected = {
        "run": record["id"],
        "status": "done",
        "program": record["program"],
        "configuration_sha256": report["configuration"],
        "data": report["data"],
        "bundle": report["digest"],
        "task": "regression",
        "seed": "3",
    }
    for name in ["report.json", "card.md", "rooms.skw"]:
        expected[f"sha256.{name}"] = hashlib.sha256(project.bytes(name)).hexdigest()
    for name, value in expected.items():
        assert run.data.tags[f"skewless.{name}"] == value, (name, run.data.tags)
    assert "skewless.unsent" not in run.data.tags
    for when, milliseconds in [("started", run.info.start_time), ("ended", run.info.end_time)]:
        assert pandas.Timestamp(record[when]).timestamp() * 1000 == milliseconds, (record, run.info)


def check_nested(client: MlflowClient, nested: list[Run], run: Run, report: dict) -> None:
    assert len(nested) == len(report["candidates"]) == 2, nested
    names = [one["measure"] for one in report["test"]["measures"]]
    for one in nested:
        tags = one.data.tags
        place = int(tags["skewless.candidate"])
        candidate = report["candidates"][place]
        assert tags["mlflow.parentRunId"] == run.info.run_id
        assert tags["skewless.digest"] == candidate["candidate"]["digest"], tags
        assert tags["skewless.winner"] == str(place == report["selection"]["winner"]).lower(), tags
        assert one.info.status == "FINISHED"
        assert one.data.params == params(candidate), one.data.params
        for measure, (name, value) in enumerate(validated(report, place).items()):
            assert same({name: one.data.metrics[name]}, {name: value}), (name, value)
            history = client.get_metric_history(one.info.run_id, f"{name}.fold")
            folds = {str(logged.step): logged.value for logged in history}
            expected = {str(fold): number(values[measure]) for fold, values in enumerate(candidate["folds"])}
            assert folds and same(folds, expected), (name, folds, expected)
        assert names == [name.removeprefix("validate.") for name in validated(report, place)]


def check_datasets(run: Run, report: dict) -> None:
    found = {
        (one.dataset.name, one.dataset.digest, tag.value)
        for one in run.inputs.dataset_inputs
        for tag in one.tags
        if tag.key == "sha256"
    }
    expected = {(file["path"], file["sha256"][:36], file["sha256"]) for file in report["files"]}
    assert found == expected, (found, expected)


def check_artefacts(project: Project, client: MlflowClient, run: Run) -> None:
    def fetched(path: str) -> bytes:
        return Path(client.download_artifacts(run.info.run_id, path)).read_bytes()

    paths = {one.path for folder in [None, "model"] for one in client.list_artifacts(run.info.run_id, folder)}
    assert paths == {"card.md", "record.json", "report.json", "model", "model/MLmodel", "model/rooms.skw"}, paths
    for name in ["card.md", "report.json"]:
        assert fetched(name) == project.bytes(name), name
    assert fetched("model/rooms.skw") == project.bytes("rooms.skw")
    [record] = json.loads(told(project, "runs", "skewless.toml", "--json"))
    sent = json.loads(fetched("record.json"))
    # The number is the file's, which the record is numbered in.
    assert sent | {"number": 1} == record | {"number": 1}

    info = mlflow.models.get_model_info(f"runs:/{run.info.run_id}/model")
    assert info.utc_time_created == "2026-01-01 00:00:00.000000", info.utc_time_created
    assert info.flavors["skewless"]["bundle"] == "rooms.skw", info.flavors
    assert info.flavors["skewless"]["digest"] == run.data.tags["skewless.bundle"]
    inputs = [(one.name, one.type.name, one.required) for one in info.signature.inputs]
    assert inputs == [("size", "double", True)], inputs
    check_signature(project, info.signature)


def check_signature(project: Project, signature: mlflow.models.ModelSignature) -> None:
    """Records that the bundle takes and predictions that it gives fit the signature, by MLflow's own rules."""
    records = [{"size": 12.5}, {"size": 40.0}]
    (project.folder / "in.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    project.run("predict", "rooms.skw", "in.jsonl", "-o", "out.jsonl")
    predictions = [json.loads(line) for line in project.bytes("out.jsonl").splitlines()]
    _enforce_schema(pandas.DataFrame(records), signature.inputs)
    _enforce_schema(pandas.DataFrame(predictions), signature.outputs)
    assert set(signature.outputs.input_names()) == set(predictions[0]), predictions


def check_retrained(project: Project, client: MlflowClient, url: str) -> None:
    warned = project.run("retrain", "skewless.toml", "--champion", "rooms.skw", "--set-version", "1.1.0", "--mlflow", url)
    assert "warning" not in warned, warned
    run, nested = latest(client)
    assert (run.info.status, run.info.run_name, len(nested)) == ("FINISHED", "rooms 1.1.0", 2), run.info
    assert run.data.tags["skewless.bundle"] == project.json("challenger/report.json")["digest"]


def check_failed(project: Project, client: MlflowClient, url: str) -> None:
    project.configure(FAILING)
    project.train(url, status=1)
    run, nested = latest(client)
    assert (run.info.status, len(nested)) == ("FAILED", 2), run.info
    assert run.data.tags["skewless.status"] == "gate_failed"
    gate = json.loads(run.data.tags["skewless.gate.test.rmse"])
    [found] = project.json("report.json")["gates"]
    assert gate == {"found": found["found"], "min": None, "max": 0.001, "passed": False}, gate
    assert "skewless.bundle" not in run.data.tags
    paths = {one.path for one in client.list_artifacts(run.info.run_id)}
    assert paths == {"record.json", "report.json"}, paths

    table = project.bytes("rooms.csv")
    (project.folder / "rooms.csv").write_text("sold,size,price\n2026-01-01,12,far\n")
    stderr = project.train(url, status=4)
    run, nested = latest(client)
    assert (run.info.status, nested) == ("FAILED", []), run.info
    code = run.data.tags["skewless.code"]
    assert "." in code and f"skewless: {code}: " in stderr, (code, stderr)
    (project.folder / "rooms.csv").write_bytes(table)
    project.configure("")


def check_unsent(project: Project, client: MlflowClient, url: str) -> None:
    """Of an experiment whose artefacts don't go through the server, everything else arrives."""
    client.create_experiment("elsewhere", artifact_location="s3://elsewhere/runs")
    (project.folder / "skewless.toml").write_text(CONFIG.replace('name = "rooms"', 'name = "elsewhere"'))
    warned = project.train(url, "-o", "elsewhere.skw")
    run, nested = latest(client, "elsewhere")
    assert (run.info.status, len(nested)) == ("FINISHED", 2), run.info
    for text in [warned, run.data.tags["skewless.unsent"]]:
        assert "s3://elsewhere/runs" in text, text
    assert "records.mlflow" in warned, warned
    project.configure("")


def check_busy(project: Project, client: MlflowClient, url: str) -> None:
    """What a server cannot do for the moment is asked of it again, a few times."""
    _, before = latest(client)
    with stumbling(url, 1) as (address, asked):
        warned = project.train(address)
    assert "warning" not in warned, warned
    assert set(asked.values()) == {2}, asked
    run, nested = latest(client)
    assert (run.info.status, len(nested)) == ("FINISHED", 2), run.info
    assert {one.info.run_id for one in nested}.isdisjoint(one.info.run_id for one in before)
    with stumbling(url, 9) as (address, asked):
        warned = project.train(address)
    assert "records.mlflow" in warned and "it answers 429 Too Many Requests" in warned, warned
    assert list(asked.values()) == [4], asked


class Silent(http.server.BaseHTTPRequestHandler):
    """A handler that logs nothing."""

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def listening(handler: type[Silent]) -> Iterator[str]:
    """A server of this process, and its address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listener.server_port}"
        listener.shutdown()


@contextmanager
def stumbling(url: str, times: int) -> Iterator[tuple[str, dict[tuple[str, str, bytes], int]]]:
    """The server behind one that refuses every request so many times, in turn as busy and as broken; with how often it was asked."""
    asked: dict[tuple[str, str, bytes], int] = {}
    answers = [429, 503, 500, 429]

    class Handler(Silent):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"] or 0))
            request = (self.command, self.path, body)
            asked[request] = asked.get(request, 0) + 1
            if asked[request] <= times:
                status, told = answers[(asked[request] - 1) % len(answers)], b"{}"
            else:
                status, told = self.forward(body)
            self.send_response(status)
            self.send_header("content-length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def forward(self, body: bytes) -> tuple[int, bytes]:
            request = urllib.request.Request(url + self.path, body or None, method=self.command)
            if "content-type" in self.headers:
                request.add_header("content-type", self.headers["content-type"])
            try:
                with urllib.request.urlopen(request) as answer:
                    return answer.status, answer.read()
            except urllib.error.HTTPError as error:
                return error.code, error.read()

        do_GET = do_POST = do_PUT = answer

    with listening(Handler) as address:
        yield address, asked


def check_refusals(project: Project, gone: str) -> None:
    """A server that is gone and one that refuses cost a warning, and nothing else."""
    known = project.bytes("rooms.skw")
    warned = project.train(gone, "-o", "again.skw")
    assert "skewless: warning: records.mlflow: " in warned, warned
    assert project.bytes("again.skw") == known
    basic = "Basic " + base64.b64encode(b"ann:secret").decode()
    for variables, header in [
        ({}, None),
        ({"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": "secret"}, basic),
        ({"MLFLOW_TRACKING_TOKEN": "token"}, "Bearer token"),
    ]:
        with refusing() as (url, headers):
            warned = project.train(url, "-o", "again.skw", **variables)
        assert "records.mlflow" in warned and "403 Forbidden: PERMISSION_DENIED not for you" in warned, warned
        assert headers == [header], headers
        assert "secret" not in warned and "token" not in warned, warned
        assert project.bytes("again.skw") == known


@contextmanager
def refusing() -> Iterator[tuple[str, list[str | None]]]:
    """A server that refuses everything, with the credentials that it was shown."""
    headers: list[str | None] = []

    class Handler(Silent):
        def do_GET(self) -> None:
            headers.append(self.headers["authorization"])
            body = b'{"error_code": "PERMISSION_DENIED", "message": "not for you"}'
            self.send_response(403)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with listening(Handler) as address:
        yield address, headers


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Runs an MLflow server, and gives its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    store = ["--backend-store-uri", f"sqlite:///{folder}/runs.db", "--serve-artifacts"]
    place = ["--artifacts-destination", f"{folder}/artifacts", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command = [sys.executable, "-m", "mlflow", "server", *store, *place]
    log = (folder / "server.log").open("w")
    running = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 120
        while not answers(f"{url}/health"):
            told = (folder / "server.log").read_text()
            assert time.monotonic() < until and running.poll() is None, told
            time.sleep(0.1)
        yield url
    finally:
        running.terminate()
        running.wait()
        log.close()


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url).close()
    except OSError:
        return False
    return True


def latest(client: MlflowClient, name: str = "rooms") -> tuple[Run, list[Run]]:
    """The newest run of an experiment, and those that are nested in it."""
    experiment = client.get_experiment_by_name(name)
    runs = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])
    run = next(one for one in runs if "mlflow.parentRunId" not in one.data.tags)
    return run, [one for one in runs if one.data.tags.get("mlflow.parentRunId") == run.info.run_id]


def told(project: Project, *arguments: str) -> str:
    command = [project.skewless, *arguments]
    return subprocess.run(command, cwd=project.folder, check=True, capture_output=True, text=True).stdout


def params(candidate: dict) -> dict[str, str]:
    """A candidate's parameters as texts."""
    own = candidate["candidate"]["parameters"].items()
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in own if name != "kind"}


def validated(report: dict, place: int) -> dict[str, float]:
    names = [f"validate.{one['measure']}" for one in report["test"]["measures"]]
    return {name: number(value) for name, value in zip(names, report["candidates"][place]["measures"], strict=True)}


def tested(report: dict) -> dict[str, float]:
    ends = [("value", ""), ("low", ".low"), ("high", ".high")]
    return {f"test.{one['measure']}{end}": number(one[part]) for one in report["test"]["measures"] for part, end in ends}


def number(value: float | None) -> float:
    return math.nan if value is None else value


def same(found: dict[str, float], expected: dict[str, float]) -> bool:
    """Equal to the bit, NaN to NaN."""

    def equal(a: float, b: float) -> bool:
        return a == b or (math.isnan(a) and math.isnan(b))

    return found.keys() == expected.keys() and all(equal(found[name], expected[name]) for name in expected)


def rooms() -> str:
    """Rooms sold on 56 days from 2026-01-01 on."""
    draw = random.Random(7)
    lines = ["sold,size,price"]
    for day in range(56):
        for _ in range(30):
            size = draw.uniform(10, 60)
            lines.append(f"2026-{1 + day // 28:02}-{1 + day % 28:02},{size:.2f},{8 * size + draw.uniform(0, 40):.2f}")
    return "\n".join(lines) + "\n"


main(*sys.argv[1:])
