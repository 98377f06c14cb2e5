"""Collects ONNX's backend node tests of the operators that the importers know, one JSON object a line.

    python extract.py ALL.jsonl SMALL.jsonl

`cargo xtask onnx` calls it with an environment that holds the `onnx` of requirements.txt, whose wheel carries the data.
ALL gets every case whose graph is one node of such an operator, SMALL those of few bytes.
Each line: case, operator, model, inputs, outputs; the last three are the files' bytes in Base64.
"""

import base64
import json
import pathlib
import re
import sys

import onnx

HERE = pathlib.Path(__file__).parent
SMALL = 6_000  # bytes of a case's files


def operators():
    """The operators' names, a line of names each in operators.txt."""
    return set(re.findall(r"^\w+", (HERE / "operators.txt").read_text(), re.M))


def files(folder, kind):
    found = sorted(folder.glob(f"{kind}_*.pb"), key=lambda path: int(path.stem.split("_")[1]))
    return [path.read_bytes() for path in found]


def main(every, small):
    known = operators()
    root = pathlib.Path(onnx.__file__).parent / "backend/test/data/node"
    with open(every, "w") as out, open(small, "w") as few:
        for folder in sorted(root.iterdir()):
            model = (folder / "model.onnx").read_bytes()
            nodes = onnx.load_from_string(model).graph.node
            if len(nodes) != 1 or nodes[0].op_type not in known:
                continue
            data = folder / "test_data_set_0"
            inputs, outputs = files(data, "input"), files(data, "output")
            encoded = [[base64.b64encode(part).decode() for part in parts] for parts in ([model], inputs, outputs)]
            line = json.dumps({
                "case": folder.name.removeprefix("test_"), "operator": nodes[0].op_type, "model": encoded[0][0],
                "inputs": encoded[1], "outputs": encoded[2],
            }, separators=(",", ":")) + "\n"
            out.write(line)
            if sum(map(len, [model, *inputs, *outputs])) <= SMALL:
                few.write(line)


if __name__ == "__main__":
    main(*sys.argv[1:])
