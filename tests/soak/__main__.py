"""Random edits, and kills at random moments, with an oracle.

    python -m tests.soak [--minutes N] [--kills N] [--seed N] [--place DIR]

Two servers serve one folder, in which files are written, renamed and deleted, by hand and
through the servers. Now and then one of the processes is killed: a server, the indexer, a
worker, or all. After some kills everything comes to rest, and is compared: the folder with
what was written, the index with the folder, and what searches say. A hit that is not there
is wrong at any time. Ends with status 1 when anything was found.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.soak.soak import Soak


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=40.0, help="after which it ends")
    parser.add_argument("--kills", type=int, default=1_000, help="or after so many")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--place", type=Path, help="where its folders are made")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="docindex-soak-", dir=arguments.place) as place:
        print(f"seed {arguments.seed}", flush=True)
        soak = Soak(Path(place), arguments.seed)
        soak.run(arguments.minutes * 60, arguments.kills)
        print(soak.summary())
        if soak.problems:
            print(soak.logs())
    sys.exit(1 if soak.problems else 0)


if __name__ == "__main__":
    main()
