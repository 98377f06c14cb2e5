"""Makes the trees that `cargo xtask bench serve` serves, as `skewless pack` and as ONNX Runtime want them.

usage: make_model.py FLIGHTS OUT
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))

from flights_table import Table
from flights_trees import TEST_ROWS, TRAINING_ROWS, make_trees


def main():
    flights, out = sys.argv[1], Path(sys.argv[2])
    table = Table(flights, TRAINING_ROWS, TEST_ROWS)
    make_trees(table, table.columns(table.training), table.labels(table.training), out)


if __name__ == "__main__":
    main()
