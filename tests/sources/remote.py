"""Studies whose tables lie in S3 (moto's server) and on the web (a server of this test): the same bundles as from files of this
machine, nothing fetched twice, every refusal with its code. Run by `cargo xtask test`:

    python tests/sources/remote.py SKEWLESS
"""

import hashlib
import http.server
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pyarrow
import pyarrow.csv
import pyarrow.parquet

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests"))

from aws import stand_in  # noqa: E402

CONFIG = (ROOT / "tests/retrain/rooms.toml").read_text()
SOURCE = '[[source]]\nname = "rooms"\ntime = "sold"\nfresh_within = "400d"\npath = "{}"\n'
LOOKUP = '[[lookup]]\nname = "areas"\nsource = "{}"\nkey = "area"\ncolumns = ["level"]\n'
LEVEL = '[[feature]]\nname = "level"\nop = "lookup"\ntable = "areas"\ncolumn = "level"\nfrom = "area"\n'
FILLED = '[[feature]]\nname = "filled"\nop = "impute"\nstrategy = "mean"\nfrom = "level"\n'
SET = '[[feature_set]]\nname = "all"\nfeatures = ["wide", "filled"]\n'
AREA = '[[input]]\nname = "area"\ntype = "category"\n'
AREAS = "area,level\nnorth,1\nsouth,2.5\n"
BUCKET = "tables"


class Project:
    """A folder with a configuration, and the variables under which it finds its tables."""

    def __init__(self, folder: Path, skewless: str, url: str) -> None:
        self.folder = folder
        self.skewless = Path(skewless).resolve()
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True)
        kept = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")}
        self.environment = kept | {
            "TMPDIR": str(self.temporary),
            "AWS_ENDPOINT": url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }

    def configure(self, source: str, path: str, areas: str) -> None:
        """`source` is what `[data]` names: a file, or the source `rooms` of the path."""
        named = SOURCE.format(path) if source == "rooms" else ""
        text = CONFIG.replace('"rooms.csv"', json.dumps(source)) + AREA + LEVEL + FILLED + SET + LOOKUP.format(areas) + named
        (self.folder / "skewless.toml").write_text(text)

    def run(self, *arguments: str, status: int = 0, **variables: str) -> str:
        """Runs the program, and gives all that it told."""
        ended = subprocess.run(
            [self.skewless, *arguments],
            cwd=self.folder,
            env=self.environment | variables,
            capture_output=True,
            text=True,
        )
        told = ended.stdout + ended.stderr
        assert ended.returncode == status, (arguments, ended.returncode, told)
        assert ".skewless/objects" not in told and "/tmp/" not in ended.stderr.replace(str(self.folder), ""), told
        return told

    def refused(self, code: str, *names: str, status: int = 4, **variables: str) -> None:
        told = self.run("train", "skewless.toml", status=status, **variables)
        assert f"skewless: {code}: " in told, (code, told)
        assert all(name in told for name in names), (names, told)

    def json(self, name: str) -> dict:
        return json.loads((self.folder / name).read_bytes())

    def parts(self) -> dict[str, bytes]:
        with zipfile.ZipFile(self.folder / "rooms.skw") as archive:
            return {name: archive.read(name) for name in archive.namelist()}


class Storage:
    """What lies in the bucket, and what it was asked."""

    def __init__(self, url: str, log: Path) -> None:
        self.url, self.log, self.read = url, log, 0
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        self.client = boto3.client("s3", endpoint_url=url, **keys)
        self.client.create_bucket(Bucket=BUCKET)

    def put(self, key: str, body: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=key, Body=body)

    def fetched(self) -> list[str]:
        """The keys whose bytes were asked for since the last time."""
        text = self.log.read_text()
        new, self.read = text[self.read :], len(text)
        keys = re.findall(rf"GET /{BUCKET}/([^? ]+)", new)
        return sorted(set(keys))

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Asks for credentials, which `test` are not."""
        self.authenticate(b"0")
        try:
            yield
        finally:
            self.authenticate(b"1e9")

    def authenticate(self, after: bytes) -> None:
        plain = {"content-type": "text/plain"}
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/reset-auth", after, plain)).close()


def main(skewless: str) -> None:
    with tempfile.TemporaryDirectory() as folder, stand_in(Path(folder) / "moto.log") as url:
        storage = Storage(url, Path(folder) / "moto.log")
        made = (Project(Path(folder) / name, skewless, url) for name in ["here", "there", "web", "bad"])
        here, there, web, bad = made
        fill(here, storage)
        check_objects(here, there, storage)
        check_commands(there, storage)
        check_changed(there, storage)
        check_kept_nowhere(there, storage)
        check_web(here, web, storage)
        check_refusals(bad, storage)


def fill(here: Project, storage: Storage) -> None:
    """The same tables as files and as objects, with others beside them that no pattern fits."""
    (here.folder / "parts/deep").mkdir(parents=True)
    for place in range(3):
        path = here.folder / f"parts/part-{place}.parquet"
        pyarrow.parquet.write_table(table(place), path)
        storage.put(f"rooms/parts/part-{place}.parquet", path.read_bytes())
    for key in ["rooms/parts/deep/part-3.parquet", "rooms/parts/.part-4.parquet", "rooms/parts/part-5.csv", "part-6.parquet"]:
        storage.put(key, b"no table")
    pyarrow.csv.write_csv(pyarrow.concat_tables(table(place) for place in range(3)), here.folder / "rooms.csv")
    storage.put("rooms.csv", (here.folder / "rooms.csv").read_bytes())
    (here.folder / "areas.csv").write_text(AREAS)
    storage.put("areas.csv", AREAS.encode())


def check_objects(here: Project, there: Project, storage: Storage) -> None:
    """Of objects everything is the same as of files but names, and what digests them."""
    here.configure("rooms", "parts/part-*.parquet", "areas.csv")
    there.configure("rooms", f"s3://{BUCKET}/rooms/parts/part-*.parquet", f"s3://{BUCKET}/areas.csv")
    for project in [here, there]:
        project.run("train", "skewless.toml", "--openlineage", "events.jsonl")
    fetched = ["areas.csv", *(f"rooms/parts/part-{place}.parquet" for place in range(3))]
    assert storage.fetched() == fetched
    files, objects = here.json("report.json"), there.json("report.json")
    names = {f"parts/part-{place}.parquet": f"s3://{BUCKET}/rooms/parts/part-{place}.parquet" for place in range(3)}
    names["areas.csv"] = f"s3://{BUCKET}/areas.csv"
    renamed = [file | {"path": names[file["path"]]} for file in files["files"]]
    assert objects["files"] == renamed, (objects["files"], renamed)
    [local], [remote] = files["sources"], objects["sources"]
    digests = [[name, file["sha256"]] for name, file in zip(remote["files"], renamed)]
    assert remote["digest"] == hashlib.sha256(json.dumps(digests, separators=(",", ":")).encode()).hexdigest(), remote
    assert remote == local | {"files": [names[name] for name in local["files"]], "digest": remote["digest"]}

    told, found = here.parts(), there.parts()
    differ = {name for name in told if told[name] != found[name]}
    assert differ == {"manifest.json", "provenance.json", "card.md"}, differ
    # A feature set's digest has the source of a lookup as it is written.
    replaced = {
        files["configuration"]: objects["configuration"],
        files["data"]: objects["data"],
        local["digest"]: remote["digest"],
        files["feature_sets"][0]["digest"]: objects["feature_sets"][0]["digest"],
        files["candidates"][0]["candidate"]["digest"]: objects["candidates"][0]["candidate"]["digest"],
    }
    for name in ["provenance.json", "card.md"]:
        text = told[name].decode()
        for local_name, address in names.items():
            for quote in ['"', "`"]:
                text = text.replace(f"{quote}{local_name}{quote}", f"{quote}{address}{quote}")
        for old, new in replaced.items():
            text = text.replace(old, new)
        assert text == found[name].decode(), (name, text, found[name].decode())

    # The data's digest has no name where `[data]` names the file itself.
    for project, path in [(here, "rooms.csv"), (there, f"s3://{BUCKET}/rooms.csv")]:
        areas = "areas.csv" if project is here else f"s3://{BUCKET}/areas.csv"
        project.configure(path, "", areas)
        project.run("train", "skewless.toml")
    assert here.json("report.json")["data"] == there.json("report.json")["data"]
    assert storage.fetched() == ["rooms.csv"]

    ended = [json.loads(line) for line in (there.folder / "events.jsonl").read_text().splitlines()][-1]
    inputs = {(one["namespace"], one["name"]) for one in ended["inputs"]}
    assert inputs == {(f"s3://{BUCKET}", key) for key in fetched}, inputs


def check_commands(there: Project, storage: Storage) -> None:
    """Every command that reads a study's tables finds what `train` has kept."""
    there.configure("rooms", f"s3://{BUCKET}/rooms/**/part-?.parquet", f"s3://{BUCKET}/areas.csv")
    # `**` is any depth, and what lies deeper is no table.
    there.refused("table.invalid_parquet", f"`s3://{BUCKET}/rooms/parts/deep/part-3.parquet`")
    storage.fetched()
    there.configure("rooms", f"s3://{BUCKET}/**/parts/part-?.parquet", f"s3://{BUCKET}/areas.csv")
    there.run("lint", "skewless.toml", status=1)
    there.run("train", "skewless.toml")
    there.run("features", "skewless.toml", "-o", "features.csv")
    there.run("lookup", "skewless.toml", "rooms", "--key", "area", "--columns", "size", "-o", "newest.csv")
    there.run("retrain", "skewless.toml", "--champion", "rooms.skw")
    assert storage.fetched() == [], "what is kept was fetched again"
    for name in ["features.csv", "newest.csv"]:
        assert len((there.folder / name).read_text().splitlines()) > 2, name


def check_changed(there: Project, storage: Storage) -> None:
    """What has changed is fetched, that alone, and the data have another digest."""
    there.run("train", "skewless.toml")
    before = there.json("report.json")
    changed = there.temporary / "part.parquet"
    pyarrow.parquet.write_table(table(7), changed)
    storage.put("rooms/parts/part-1.parquet", changed.read_bytes())
    storage.fetched()
    there.run("train", "skewless.toml")
    assert storage.fetched() == ["rooms/parts/part-1.parquet"]
    after = there.json("report.json")
    assert after["data"] != before["data"] and after["sources"] != before["sources"]
    assert hashlib.sha256(changed.read_bytes()).hexdigest() in {file["sha256"] for file in after["files"]}
    changed.unlink()


def check_kept_nowhere(there: Project, storage: Storage) -> None:
    """Without a store the copies go away with the run."""
    kept = snapshot(there.folder / ".skewless")
    bundle = (there.folder / "rooms.skw").read_bytes()
    there.run("train", "skewless.toml", "--no-store")
    assert len(storage.fetched()) == 4
    assert (there.folder / "rooms.skw").read_bytes() == bundle
    assert snapshot(there.folder / ".skewless") == kept
    assert list(there.temporary.iterdir()) == [], "copies were left"


def check_web(here: Project, web: Project, storage: Storage) -> None:
    body = (here.folder / "rooms.csv").read_bytes()
    here.configure("rooms.csv", "", "areas.csv")
    here.run("train", "skewless.toml")
    expected = here.json("report.json")["data"]
    for headers in ["etag", "last-modified", "neither"]:
        with serving(body, headers) as (url, sent):
            secret = url.replace("http://", "http://ann:secret@") + "/a/rooms.csv?token=secret"
            storage.put("areas.csv", AREAS.encode())
            areas = storage.client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "areas.csv"})
            web.configure(secret, "", areas.replace("Signature=", "secret=secret&Signature="))
            for run in range(2):
                told = web.run("train", "skewless.toml", "--openlineage", "events.jsonl")
                assert "secret" not in told, told
            # What a server says no version of is fetched each time.
            assert sent == (["/a/rooms.csv"] if headers != "neither" else ["/a/rooms.csv"] * 2), (headers, sent)
            report = web.json("report.json")
            assert report["data"] == expected
            assert report["files"][0]["path"] == f"{url}/a/rooms.csv?…", report["files"]
            for path in [*web.folder.glob(".skewless/objects/*"), *map(web.folder.joinpath, ["report.json", "card.md", "events.jsonl"])]:
                assert b"secret" not in path.read_bytes(), path
            assert b"secret" not in b"".join(web.parts().values())
    presigned = {"Bucket": BUCKET, "Key": "rooms.csv"}
    address = storage.client.generate_presigned_url("get_object", Params=presigned)
    web.configure(address, "", f"s3://{BUCKET}/areas.csv")
    told = web.run("train", "skewless.toml")
    assert web.json("report.json")["files"][0]["path"] == f"{storage.url}/{BUCKET}/rooms.csv?…"
    assert web.json("report.json")["data"] == expected and "Signature" not in told
    storage.put("rooms.csv", body.replace(b"south", b"north"))
    web.run("train", "skewless.toml")
    assert web.json("report.json")["data"] != expected
    storage.put("rooms.csv", body)


def check_refusals(bad: Project, storage: Storage) -> None:
    areas = f"s3://{BUCKET}/areas.csv"
    for source, path, code in [
        (f"s3://{BUCKET}/none.csv", "", "source.not_found"),
        ("s3://nowhere/rooms.csv", "", "source.not_found"),
        ("rooms", "s3://nowhere/*.csv", "source.not_found"),
        ("rooms", f"s3://{BUCKET}/none-*.csv", "source.no_files"),
        (f"s3://{BUCKET}/none-*.csv", "", "source.no_files"),
        (f"{storage.url}/{BUCKET}/none.csv", "", "source.not_found"),
        (f"s3://{BUCKET}/rooms.txt", "", "table.unknown_format"),
        ("s3://rooms.csv", "", "unsupported.source"),
        ("gs://tables/rooms.csv", "", "unsupported.source"),
    ]:
        bad.configure(source, path, areas)
        bad.refused(code, path or source, status=2 if code == "table.unknown_format" else 4)
    bad.configure("rooms", f"s3://{BUCKET}/rooms.csv", f"s3://{BUCKET}/area?.csv")
    bad.run("train", "skewless.toml")
    bad.configure("rooms", f"s3://{BUCKET}/rooms.csv", f"s3://{BUCKET}/*.csv")
    bad.refused("train.config", "a lookup table is one file")
    with storage.closed():
        for source, path in [(f"s3://{BUCKET}/rooms.csv", ""), ("rooms", f"s3://{BUCKET}/part-*.parquet")]:
            bad.configure(source, path, areas)
            bad.refused("source.denied", path or source)
    # A row that cannot be read is told with the object's name and its place there.
    storage.put("odd.csv", b"sold,size,price,area\n2026-01-01,12,90,north\n2026-01-01,far,90,north\n")
    bad.configure(f"s3://{BUCKET}/odd.csv", "", areas)
    bad.refused("input.wrong_type", f"`s3://{BUCKET}/odd.csv`, row 1")
    with serving(b"", "etag") as (gone, _):
        pass
    bad.configure(f"s3://{BUCKET}/rooms.csv", "", areas)
    bad.refused("source.unreachable", f"s3://{BUCKET}/rooms.csv", "refused", AWS_ENDPOINT=gone)
    bad.configure(f"{gone}/rooms.csv?token=secret", "", areas)
    bad.refused("source.unreachable", f"{gone}/rooms.csv?…", "refused")
    for status, code in [(401, "source.denied"), (403, "source.denied"), (404, "source.not_found"), (410, "source.not_found"), (400, "source.unreachable"), (503, "source.unreachable")]:
        with serving(b"", "etag", status) as (url, _):
            bad.configure(f"{url}/rooms.csv?token=secret", "", areas)
            told = bad.run("train", "skewless.toml", status=4)
            assert f"skewless: {code}: `{url}/rooms.csv?…` " in told and str(status) in told, told
            assert "secret" not in told, told
    # A server that is busy for a moment is asked again; one that breaks off is not believed.
    body = pyarrow.BufferOutputStream()
    pyarrow.csv.write_csv(pyarrow.concat_tables(table(place) for place in range(3)), body)
    body = body.getvalue().to_pybytes()
    with serving(body, "etag", 503, times=2) as (url, sent):
        bad.configure(f"{url}/rooms.csv", "", areas)
        bad.run("train", "skewless.toml")
        assert len(sent) == 1
    with serving(body, "etag", short=10) as (url, _):
        bad.configure(f"{url}/rooms.csv", "", areas)
        kept = snapshot(bad.folder / ".skewless/objects")
        bad.refused("source.unreachable", f"{url}/rooms.csv")
        assert snapshot(bad.folder / ".skewless/objects") == kept


@contextmanager
def serving(body: bytes, headers: str, status: int = 200, times: int | None = None, short: int = 0) -> Iterator[tuple[str, list[str]]]:
    """A server of one file, with the paths of the bodies that it sent. `status` is answered the first `times`, or always; of the
    body so many bytes are missing."""
    sent: list[str] = []
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if status != 200 and (times is None or len(asked) <= times):
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()
                return
            tag = f'"{hashlib.sha256(body).hexdigest()}"'
            told = {"etag": ("etag", tag), "last-modified": ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT"), "neither": None}[headers]
            known = self.headers["if-none-match"] == tag or self.headers["if-modified-since"] == "Thu, 01 Jan 2026 00:00:00 GMT"
            self.send_response(304 if known else 200)
            if told:
                self.send_header(*told)
            if not known:
                self.send_header("content-length", str(len(body)))
            self.end_headers()
            if not known:
                sent.append(self.path.split("?")[0])
                self.wfile.write(body[: len(body) - short])

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listener.server_port}", sent
        listener.shutdown()


def snapshot(folder: Path) -> dict[str, int]:
    """The files of a folder, each with the time of its last change; records of runs and times of fits are of every run."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent != folder]
    return {str(path): path.stat().st_mtime_ns for path in files}


def table(seed: int) -> pyarrow.Table:
    """Rooms sold in one of three fortnights, whose price hangs on size and area."""
    draw = random.Random(seed)
    rows = []
    for day in range(28):
        for _ in range(12):
            size, area = round(draw.uniform(10, 60), 2), draw.choice(["north", "south"])
            price = round(8 * size + (50 if area == "north" else 0) + draw.uniform(0, 40), 2)
            rows.append({"sold": f"2026-{1 + seed % 3:02}-{1 + day:02}", "size": size, "price": price, "area": area})
    return pyarrow.Table.from_pylist(rows)


main(*sys.argv[1:])
