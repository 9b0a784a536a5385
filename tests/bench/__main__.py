"""Runs the benchmarks, each against a named peer in the same run.

    python -m tests.bench [start] [product] [--corpus DIR] [--runs N]

`start` compares spawn → tools/list with an empty server of the SDK, on an empty
folder and on one of 10,000 files. `product` takes a corpus from files to
searchable, searches it, and measures own writes; without `--corpus` it makes one.
"""

import argparse
import tempfile
from pathlib import Path

from tests.bench import product, start
from tests.bench.corpus import make_corpus


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", default=["start", "product"], metavar="PART")
    parser.add_argument("--corpus", type=Path, help="a folder of Markdown for `product`")
    parser.add_argument("--runs", type=int, default=15, help="runs of each server in `start`")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="docindex-bench-") as folder:
        place = Path(folder)
        corpus = arguments.corpus or make_corpus(place / "corpus", files=10_000)
        if "start" in arguments.parts:
            start.measure(place, corpus, arguments.runs)
        if "product" in arguments.parts:
            product.measure(place, corpus)


if __name__ == "__main__":
    main()
