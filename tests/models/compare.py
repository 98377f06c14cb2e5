"""Packs models that nobody here wrote, and compares what `skewless predict` answers with ONNX Runtime.

    compare.py --skewless target/release/skewless --wheels target/models

`cargo xtask models` fetches the wheels and calls this. One line a model: rows, scores, the greatest difference relative
to the greater of 1 and the score, the bound, rows with another greatest score, time for a row. Ends with 1 where a difference is
over the bound.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import time
import zipfile

import numpy as np
import onnxruntime as ort

BOUND = 1e-4
HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent


def session(model):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(model), options)


def speech(frames):
    """Frames of 512 samples at 16 kHz with the 64 before: silence, a chirp, vowels with harmonics, noise."""
    rng = np.random.default_rng(1)
    time_axis = np.arange(frames * 512) / 16000
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * time_axis)
    phase = 2 * np.pi * np.cumsum(pitch) / 16000
    voice = sum(np.sin(k * phase) * np.exp(-((k * 120 - 700) ** 2) / 3e5) for k in range(1, 25))
    gate = (np.sin(2 * np.pi * 1.3 * time_axis) > 0) * (time_axis > 0.5)
    audio = 0.2 * voice * gate + 0.01 * rng.standard_normal(time_axis.size)
    audio = np.concatenate([np.zeros(64), audio]).astype(np.float32)
    return np.stack([audio[at * 512 : at * 512 + 576] for at in range(frames)])


def silero(wheels, work):
    """Silero VAD, frame by frame, each with the state that the frame before left."""
    model = extract(wheels, "silero_vad-", "silero_vad/data/silero_vad_op18_ifless.onnx", work)
    judge = session(model)
    state = np.zeros((2, 1, 128), dtype=np.float32)
    rows, scores = [], []
    for frame in speech(96):
        rows.append({"input": numbers(frame), "state": numbers(state)})
        feeds = {"input": frame[None], "state": state, "sr": np.array(16000, dtype=np.int64)}
        probability, state = judge.run(None, feeds)
        scores.append(numbers(probability) + numbers(state))
    flags = ["--fix", "sr=16000", "--size", "sequence=576"]
    return Case("silero-vad", "6.2.3", model, flags, rows, scores)


def magika(wheels, work):
    """Magika on the beginnings and ends of this project's own files, as its package cuts them."""
    model = extract(wheels, "magika-", "magika/models/standard_v3_3/model.onnx", work)
    config = extract(wheels, "magika-", "magika/models/standard_v3_3/config.min.json", work)
    config = json.loads(config.read_text())
    judge = session(model)
    names = ["README.md", "Cargo.toml", "Cargo.lock", "web/build.mjs", "web/package.json", "docs/features.md"]
    names += ["tests/references/make.py", "crates/skewless-core/src/lib.rs", "models/flights/flights.skw"]
    names += ["tests/references/tract/lstm.onnx", "web/playground/index.html", "models/flights/skewless.toml"]
    rows, scores = [], []
    for name in names:
        content = (ROOT / name).read_bytes()
        begin = content[: config["block_size"]].lstrip()[: config["beg_size"]]
        end = content[-config["block_size"] :].rstrip()[-config["end_size"] :]
        pad = config["padding_token"]
        row = list(begin) + [pad] * (config["beg_size"] - len(begin))
        row += [pad] * (config["end_size"] - len(end)) + list(end)
        rows.append({"bytes": row})
        scores.append(numbers(judge.run(None, {"bytes": np.array([row], dtype=np.int32)})[0]))
    flags = ["--labels", ",".join(config["target_labels_space"])]
    return Case("magika", "3.3.0", model, flags, rows, scores)


class Case:
    def __init__(self, name, version, model, flags, rows, scores):
        self.name, self.version, self.model, self.flags = name, version, model, flags
        self.rows, self.scores = rows, scores

    def check(self, skewless, work):
        records, bundle = work / f"{self.name}.jsonl", work / f"{self.name}.skw"
        records.write_text("".join(json.dumps(row) + "\n" for row in self.rows))
        pack = [skewless, "pack", "--model", self.model, "--name", self.name, "--version", self.version, "-o", bundle]
        print(run([*pack, *self.flags, "--calibration", records]))
        start = time.monotonic()
        answers = run([skewless, "predict", bundle, records, "--jobs", "1"]).splitlines()
        seconds = time.monotonic() - start
        worst, others = 0.0, 0
        for line, expected in zip(answers, self.scores, strict=True):
            answer = json.loads(line)
            found, expected = np.array(answer.get("raw", answer.get("values"))), np.array(expected)
            worst = max(worst, float(np.max(np.abs(found - expected) / np.maximum(1, np.abs(expected)))))
            others += int(found.argmax() != expected.argmax())
        print(
            f"{self.name:12} {len(self.rows):4} rows {len(self.rows) * len(self.scores[0]):6} scores"
            f"  greatest difference {worst:.2e} (bound {BOUND:.0e})  other top scores {others}"
            f"  {1e3 * seconds / len(self.rows):.2f} ms a row, loading included\n"
        )
        return worst <= BOUND and others == 0


def numbers(tensor):
    return [float(number) for number in np.asarray(tensor).flatten()]


def extract(wheels, prefix, name, work):
    wheel = next(path for path in sorted(wheels.iterdir()) if path.name.startswith(prefix))
    path = work / f"{prefix}{pathlib.PurePosixPath(name).name}"
    path.write_bytes(zipfile.ZipFile(wheel).read(name))
    return path


def run(command):
    ended = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if ended.returncode != 0:
        sys.exit(f"{command[1]} ends with {ended.returncode}: {ended.stderr}")
    return ended.stdout


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--skewless", type=pathlib.Path, required=True)
    arguments.add_argument("--wheels", type=pathlib.Path, required=True)
    given = arguments.parse_args()
    work = given.wheels / "packed"
    work.mkdir(exist_ok=True)
    cases = [make(given.wheels, work) for make in (silero, magika)]
    good = [case.check(given.skewless.resolve(), work) for case in cases]
    sys.exit(0 if all(good) else 1)


main()
