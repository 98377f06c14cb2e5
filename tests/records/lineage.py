"""Rebuilds the OpenLineage events of training runs from the classes that OpenLineage's own client generates from the published
schema: a field that they lack, one that they ask for, a value of another type, or another version of a facet is a failure. Run by
`cargo xtask test`:

    python tests/records/lineage.py SKEWLESS
"""

import json
import subprocess
import sys
import tempfile
import types
import typing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attr
from openlineage.client.generated import base
from openlineage.client.generated.dataset_version_dataset import DatasetVersionDatasetFacet
from openlineage.client.generated.error_message_run import ErrorMessageRunFacet
from openlineage.client.generated.input_statistics_input_dataset import InputStatisticsInputDatasetFacet
from openlineage.client.generated.job_type_job import JobTypeJobFacet
from openlineage.client.generated.output_statistics_output_dataset import OutputStatisticsOutputDatasetFacet
from openlineage.client.generated.processing_engine_run import ProcessingEngineRunFacet
from openlineage.client.serde import Serde

ROOT = Path(__file__).resolve().parents[2]
CONFIG = (ROOT / "tests/retrain/rooms.toml").read_text()
FAILING = "[gates.test]\nrmse = { max = 0.001 }\n"
TABLE = ["sold,size,price", *(f"2026-{1 + day // 28:02}-{1 + day % 28:02},{day % 50},{8 * (day % 50) + 60 * (day % 7)}" for day in range(84))]
# The name of a facet in an event is the one of its schema.
FACETS = {
    "facets": {
        "jobType": JobTypeJobFacet,
        "processing_engine": ProcessingEngineRunFacet,
        "errorMessage": ErrorMessageRunFacet,
        "version": DatasetVersionDatasetFacet,
    },
    "inputFacets": {"inputStatistics": InputStatisticsInputDatasetFacet},
    "outputFacets": {"outputStatistics": OutputStatisticsOutputDatasetFacet},
}


def main(skewless: str) -> None:
    check_the_check()
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        (folder / "rooms.csv").write_text("\n".join(TABLE) + "\n")
        began = datetime.now(UTC) - timedelta(seconds=1)
        for config, status in [(CONFIG, 0), (CONFIG + FAILING, 1), (CONFIG.replace("rooms.csv", "none.csv"), 4)]:
            (folder / "skewless.toml").write_text(config)
            command = [Path(skewless).resolve(), "train", "skewless.toml", "--no-store", "--openlineage", "events.jsonl"]
            ended = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            assert ended.returncode == status, (ended.returncode, ended.stderr)
        events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
        for event in events:
            rebuilt = Serde.to_dict(run_event(event))
            assert rebuilt == event, (rebuilt, event)
            at = datetime.fromisoformat(event["eventTime"])
            assert began <= at <= datetime.now(UTC), event
        assert [one["eventType"] for one in events] == ["START", "COMPLETE", "START", "FAIL", "START", "FAIL"]
        runs = [one["run"]["runId"] for one in events]
        assert runs[::2] == runs[1::2] and len(set(runs)) == 3, runs
        assert {(one["job"]["namespace"], one["job"]["name"]) for one in events} == {("skewless", "train.rooms")}
        check_datasets(folder.resolve(), events)


def check_datasets(folder: Path, events: list[dict]) -> None:
    """A file of this machine is named by its whole path, as OpenLineage's naming says."""

    def names(event: dict, side: str) -> set[str]:
        assert all(one["namespace"] == "file" for one in event[side]), event
        return {one["name"] for one in event[side]}

    assert all(names(event, "inputs") | names(event, "outputs") == set() for event in events[::2])
    assert names(events[1], "inputs") == {str(folder / "rooms.csv")}
    assert names(events[1], "outputs") == {str(folder / name) for name in ["rooms.skw", "card.md", "report.json"]}
    [table] = events[1]["inputs"]
    assert table["inputFacets"]["inputStatistics"]["rowCount"] == len(TABLE) - 1
    for event, code in [(events[3], "gate failed: "), (events[5], "train.unreadable: ")]:
        assert event["run"]["facets"]["errorMessage"]["message"].startswith(code), event


def run_event(event: dict) -> base.RunEvent:
    rest = dict(event)
    schema = rest.pop("schemaURL")
    made = base.RunEvent(
        eventType=base.EventType(rest.pop("eventType")),
        run=named(base.Run, rest.pop("run")),
        job=named(base.Job, rest.pop("job")),
        inputs=[named(base.InputDataset, one) for one in rest.pop("inputs")],
        outputs=[named(base.OutputDataset, one) for one in rest.pop("outputs")],
        **rest,
    )
    assert made.schemaURL == schema, (made.schemaURL, schema)
    return typed(made)


def named(kind: type, told: dict) -> object:
    """Something that has facets by their names."""
    facets = {
        place: {name: facet(known[name], fields) for name, fields in told[place].items()}
        for place, known in FACETS.items()
        if place in told
    }
    return typed(kind(**(told | facets)))


def facet(kind: type, told: dict) -> object:
    rest = dict(told)
    producer, schema = rest.pop("_producer"), rest.pop("_schemaURL")
    made = kind(**rest, producer=producer)
    assert made._schemaURL == schema, (made._schemaURL, schema)
    return typed(made)


def typed(made: object) -> object:
    """The classes say which types their values have, and do not look."""
    hints = typing.get_type_hints(type(made))
    for field in attr.fields(type(made)):
        kinds = typing.get_args(hints[field.name]) if typing.get_origin(hints[field.name]) is types.UnionType else (hints[field.name],)
        kinds = tuple(typing.get_origin(kind) or kind for kind in kinds)
        value = getattr(made, field.name)
        assert isinstance(value, kinds) and not (isinstance(value, bool) and bool not in kinds), (made, field.name)
    return made


def check_the_check() -> None:
    """What it is to refuse it refuses."""
    address = ProcessingEngineRunFacet._get_schema()
    good = {"_producer": "https://example.org", "_schemaURL": address, "version": "1"}
    facet(ProcessingEngineRunFacet, good)
    for bad in [good | {"speed": 1}, good | {"version": 1}, good | {"_schemaURL": address.replace("1-1-1", "1-1-0")}, {**good, "version": None}]:
        try:
            facet(ProcessingEngineRunFacet, bad)
        except (AssertionError, TypeError):
            continue
        raise AssertionError(bad)


main(*sys.argv[1:])
