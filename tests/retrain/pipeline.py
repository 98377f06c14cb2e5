"""Runs the commands of models/retrain.yml in their order, on an S3 on this machine: prices that rose publish a challenger, the
same data keep the champion, and a failed gate publishes nothing. Run by `cargo xtask test`:

    python tests/retrain/pipeline.py SKEWLESS
"""

import os
import random
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests"))

from aws import stand_in  # noqa: E402

PROGRAMS = Path(sys.executable).parent
PIPELINE = ROOT / "models/retrain.yml"
BUNDLE = "s3://models/rooms.skw"
DATA = "s3://models/rooms.csv"

CONFIG = (ROOT / "tests/retrain/rooms.toml").read_text() + "[gates.test]\nrmse = { max = 60 }\n"


def main(skewless: str) -> None:
    check = [PROGRAMS / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", PIPELINE]
    subprocess.run(check, check=True)
    workflow = yaml.safe_load(PIPELINE.read_text())
    check_configuration(workflow["env"])
    with stand_in() as url, tempfile.TemporaryDirectory() as folder:
        check_pipeline(Project(Path(folder), Path(skewless).resolve(), url, workflow))


def check_configuration(environment: dict) -> None:
    """The committed configuration makes the bundle that is published, and newer rows are in its test."""
    configuration = tomllib.loads((ROOT / environment["CONFIG"]).read_text())
    assert environment["NAME"] == configuration["model"]["name"], environment["NAME"]
    assert environment["BUNDLE"].endswith(f"/{environment['NAME']}.skw"), environment["BUNDLE"]
    source = (ROOT / environment["CONFIG"]).parent / configuration["data"]["source"]
    assert source == ROOT / environment["DATA_FILE"], source
    assert {"validate_last", "test_last"} <= configuration["split"].keys(), configuration["split"]


class Project:
    """A checkout with a configuration, whose data and champion lie in S3."""

    def __init__(self, folder: Path, skewless: Path, url: str, workflow: dict) -> None:
        self.folder = folder
        self.workflow = workflow
        (folder / "skewless.toml").write_text(CONFIG)
        self.environment = {
            "PATH": f"{skewless.parent}:{PROGRAMS}:{os.environ['PATH']}",
            "HOME": str(folder),
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            **workflow["env"],
            "NAME": "rooms",
            "CONFIG": "skewless.toml",
            "DATA": DATA,
            "DATA_FILE": "rooms.csv",
            "BUNDLE": BUNDLE,
        }

    def run(self, script: str) -> subprocess.CompletedProcess:
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)

    def do(self, script: str) -> None:
        ended = self.run(script)
        assert ended.returncode == 0, (script, ended.stdout, ended.stderr)

    def upload(self, days: int, risen: int) -> None:
        (self.folder / "fresh.csv").write_text(rooms(days, risen))
        self.do(f"aws s3 cp fresh.csv {DATA}")

    def published(self) -> bytes:
        self.do(f"aws s3 cp {BUNDLE} published.skw")
        return (self.folder / "published.skw").read_bytes()

    def pipeline(self) -> dict[str, int]:
        """The exit status of each step that ran, as a runner runs them: after a failure only what is to run always."""
        statuses: dict[str, int] = {}
        for step in self.workflow["jobs"]["retrain"]["steps"]:
            if "run" not in step or step["name"] == "Install":
                continue
            if any(statuses.values()) and step.get("if") != "always()":
                continue
            ended = self.run(step["run"])
            print(f"  {step['name']}: {ended.returncode}  {(ended.stderr or ended.stdout).strip().splitlines()[-1:]}")
            statuses[step["name"]] = ended.returncode
        return statuses


def check_pipeline(project: Project) -> None:
    project.do("aws s3 mb s3://models")
    project.upload(56, 1000)
    project.do("cp fresh.csv rooms.csv && skewless train skewless.toml --no-store -o first.skw && rm rooms.csv")
    project.do(f"aws s3 cp first.skw {BUNDLE}")
    first = project.published()
    everything = {"Data": 0, "Train and gate": 0, "Report": 0, "Publish": 0}

    assert project.pipeline() == everything
    assert project.published() == first, "nothing is new, and something was published"

    project.upload(252, 60)
    assert project.pipeline() == everything
    second = project.published()
    assert second != first, "prices rose, and nothing was published"
    assert second == (project.folder / "challenger/rooms.skw").read_bytes()
    assert (project.folder / "challenger/report.html").is_file()

    # Prices that rise within the test's days fail the gate.
    project.upload(330, 325)
    assert project.pipeline() == {"Data": 0, "Train and gate": 1, "Report": 0}
    assert project.published() == second, "a gate failed, and something was published"


def rooms(days: int, risen: int) -> str:
    """Rooms sold on days from 2026-01-01 on; from day `risen` on a square metre costs 12 instead of 8."""
    draw = random.Random(7)
    lines = ["sold,size,price"]
    for day in range(days):
        for _ in range(30):
            size = draw.uniform(10, 60)
            price = (8 if day < risen else 12) * size + draw.uniform(0, 40)
            lines.append(f"2026-{1 + day // 28:02}-{1 + day % 28:02},{size:.2f},{price:.2f}")
    return "\n".join(lines) + "\n"


main(*sys.argv[1:])
