"""Makes of a bundle of trees what its users in Python and JavaScript would have: the same trees as ONNX, and a file with the
vocabularies and tables of the feature code.

usage: make_model.py BUNDLE OUT
"""

import json
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LEAVES_F32 = 16


class Plan:
    """The reader of `model.plan`, as docs/bundle.md has it, for one output and numeric features."""

    def __init__(self, data: bytes):
        self.data, self.place = data, 0
        magic, version, kind, flags = self.take("<4sHBB")
        # f64 features, thresholds and sums; f32 leaves; a byte a code and a rank.
        if (magic, version, kind, flags) != (b"SKWP", 1, 1, LEAVES_F32):
            raise SystemExit(f"no plan of trees that is read here: {magic}, {version}, {kind}, flags {flags}")
        self.inputs, outputs = self.take("<II")
        (self.base,) = self.take("<d")
        (count,) = self.take("<I")
        features = [self.take("<IBBH") for _ in range(count)]
        if outputs != 1 or any(kind or missing for _, kind, missing, _ in features):
            raise SystemExit("one output and numeric features with NaN as missing are due")
        self.features = [(column, self.array("<f8", thresholds)) for column, _, _, thresholds in features]
        (sets,) = self.take("<I")
        (count,) = self.take("<I")
        leaves = [self.take("<HI")[1] for _ in range(count)]
        splits = sum(leaves) - count
        codes = self.array("u1", sum(leaves) + splits)
        ranks = self.array("u1", splits)
        left = np.unpackbits(self.array("u1", (splits + 7) // 8), bitorder="little")
        values = self.array("<f4", sum(leaves))
        if sets or self.place != len(data):
            raise SystemExit("the plan has more than is read here")
        self.codes, self.ranks, self.left, self.values, self.trees = iter(codes), iter(ranks), iter(left), iter(values), count

    def take(self, form: str):
        found = struct.unpack_from(form, self.data, self.place)
        self.place += struct.calcsize(form)
        return found

    def array(self, form: str, length: int):
        found = np.frombuffer(self.data, form, length, self.place)
        self.place += found.nbytes
        return found


class Nodes:
    """The attributes of ONNX's TreeEnsembleRegressor, node by node."""

    def __init__(self):
        self.ids, self.tree, self.column, self.mode = [], [], [], []
        self.threshold, self.yes, self.no, self.missing_yes = [], [], [], []
        self.leaf_tree, self.leaf_node, self.leaf_value = [], [], []

    def add(self, plan: Plan, tree: int, start: int) -> int:
        """Reads a node with all below it; its number in the tree."""
        place = len(self.ids)
        number = place - start
        code = int(next(plan.codes))
        for values, value in [(self.ids, number), (self.tree, tree), (self.yes, 0), (self.no, 0)]:
            values.append(value)
        if code == 0:
            for values, value in [(self.column, 0), (self.mode, "LEAF"), (self.threshold, 0.0), (self.missing_yes, 0)]:
                values.append(value)
            self.leaf_tree.append(tree)
            self.leaf_node.append(number)
            self.leaf_value.append(float(next(plan.values)))
            return number
        column, thresholds = plan.features[code - 1]
        self.column.append(column)
        self.mode.append("BRANCH_LEQ")
        self.threshold.append(float(thresholds[next(plan.ranks)]))
        self.missing_yes.append(int(next(plan.left)))
        self.yes[place] = self.add(plan, tree, start)
        self.no[place] = self.add(plan, tree, start)
        return number


def graph(plan: Plan) -> onnx.ModelProto:
    nodes = Nodes()
    for tree in range(plan.trees):
        nodes.add(plan, tree, len(nodes.ids))
    doubles = lambda name, values: numpy_helper.from_array(np.array(values, np.float64), name)
    ensemble = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["raw"],
        domain="ai.onnx.ml",
        n_targets=1,
        base_values_as_tensor=doubles("base", [plan.base]),
        nodes_nodeids=nodes.ids,
        nodes_treeids=nodes.tree,
        nodes_featureids=nodes.column,
        nodes_modes=nodes.mode,
        nodes_values_as_tensor=doubles("thresholds", nodes.threshold),
        nodes_truenodeids=nodes.yes,
        nodes_falsenodeids=nodes.no,
        nodes_missing_value_tracks_true=nodes.missing_yes,
        target_treeids=nodes.leaf_tree,
        target_nodeids=nodes.leaf_node,
        target_ids=[0] * len(nodes.leaf_node),
        target_weights_as_tensor=doubles("leaves", nodes.leaf_value),
    )
    features = helper.make_tensor_value_info("features", TensorProto.DOUBLE, [None, plan.inputs])
    raw = helper.make_tensor_value_info("raw", TensorProto.FLOAT, [None, 1])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(helper.make_graph([ensemble], "flights", [features], [raw]), opset_imports=opsets, ir_version=9)


def main(bundle: str, out: str) -> None:
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(bundle) as parts:
        spec = json.loads(parts.read("features.json"))
        plan = Plan(parts.read("model.plan"))
        (folder / "golden.jsonl").write_bytes(parts.read("golden.jsonl"))
    onnx.save(graph(plan), folder / "model.onnx")
    vocabularies = {
        feature["from"][0]: feature["op"]["ordinal"]["vocabulary"]
        for feature in spec["features"]
        if isinstance(feature["op"], dict) and "ordinal" in feature["op"]
    }
    (planes,) = spec["lookups"]
    columns = {column["name"]: column["values"] for column in planes["columns"]}
    rows = {key: [columns["year"][place], columns["seats"][place]] for place, key in enumerate(planes["keys"])}
    (folder / "features.json").write_text(json.dumps({"vocabularies": vocabularies, "planes": rows}))


main(*sys.argv[1:])
