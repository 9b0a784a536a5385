"""Asks judged questions of the product, and prints how well it answers.

python -m tests.eval                    the user guide
python -m tests.eval COLLECTION…        collections of your own (see `judged`)
python -m tests.eval COLLECTION… --write    and writes the page of the user guide
"""

import argparse
import asyncio
import gc
import logging
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.bench import sections
from tests.eval import made, page
from tests.eval.asked import asked
from tests.eval.books import BOOKS, book, not_there
from tests.eval.finding import Found, found, stands
from tests.eval.harm import harm
from tests.eval.judged import Collection, QuestionSet, collection
from tests.eval.measures import DEPTH, Measured, measured
from tests.eval.peers import PEERS
from tests.eval.product import Product, opened
from tests.eval.reading import Files, Reading, compared
from tests.eval.run import OURS, Compared, Run

GUIDE = Path(__file__).parents[2] / "sample_docs"
READ = 50
"""Questions about headings whose answers are read."""


def main() -> None:
    logging.disable(logging.WARNING)  # bm25s tells of its steps
    arguments = _parser().parse_args()
    run = Run()
    with tempfile.TemporaryDirectory(prefix="docindex-eval-") as folder:
        place = Path(folder)
        for path in arguments.collections:
            _add(run, collection(path, place), place / f"{path.name}.index")
        guide = Collection("user guide", GUIDE, ())
        if not arguments.collections or arguments.guide:
            _add(run, guide, place / "guide.index")
    for line in not_there(run.sizes):
        print(line, file=sys.stderr)
    print(page.printed(run))
    if arguments.write:
        page.write(run)


def _add(run: Run, some: Collection, place: Path) -> None:
    run.sizes[some.name] = (len(some.documents), sections.size(some.documents))
    with opened(some.folder, place) as product:
        others = _others(some)
        for each in some.sets:
            ours, times = _ours(product, each)
            engines = {OURS: ours, **others[each.name]}
            harmed = harm(product, each)
            run.compared.append(Compared(each.name, len(each.questions), engines, times, harmed))
        if some.name in BOOKS:
            run.asked[some.name] = asked(product, some, PEERS)
        run.found[some.name] = _finding(product, some)
        run.read[some.name] = asyncio.run(_reading(product, some))


def _ours(product: Product, some: QuestionSet) -> tuple[Measured, tuple[float, ...]]:
    ranked = [product.ranked(each.text, DEPTH) for each in some.questions]
    product.times.clear()
    for each in some.questions:
        product.hits(each.text)
    return measured(some.questions, ranked), tuple(sorted(product.times))


def _others(some: Collection) -> Mapping[str, Mapping[str, Measured]]:
    answers: dict[str, dict[str, Measured]] = {each.name: {} for each in some.sets}
    if not answers:
        return {}
    for name, make in PEERS.items():
        peer = make(some.documents)
        for each in some.sets:
            ranked = [peer.ranked(one.text, DEPTH) for one in each.questions]
            answers[each.name][name] = measured(each.questions, ranked)
        del peer
        gc.collect()
    return answers


def _finding(product: Product, some: Collection) -> list[Found]:
    documents = some.documents
    headings = made.headings(documents)
    results: list[Found] = []
    if len(headings) >= made.LEAST:
        results.append(found(product, "headings as they are", headings, 10))
        results += [
            found(product, f"headings, one letter {kind}", wrong, 10)
            for kind, wrong in made.typed_wrong(headings).items()
        ]
        results.append(found(product, "questions about headings", made.asked(headings), 3))
    results += [
        stands(product, some.folder, f"names: `{form}`", each, 1)
        for form, each in made.names(documents).items()
    ]
    if len(words := made.cjk(documents)) >= made.LEAST:
        results.append(stands(product, some.folder, "CJK inside of sentences", words, 10))
    return results


async def _reading(product: Product, some: Collection) -> list[Reading]:
    files = Files(some.folder, [document.name for document in some.documents])
    about = made.asked(made.headings(some.documents))[:READ]
    kinds = {"about headings": about}
    if some.name in BOOKS:
        kinds["written"] = book(some)
    return [
        await compared(product.library, files, kind, each) for kind, each in kinds.items() if each
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.eval",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("collections", nargs="*", type=Path, metavar="COLLECTION", help="a folder or an archive")
    add("--guide", action="store_true", help="the user guide too")
    add("--write", action="store_true", help="writes the page of the user guide")
    return parser


if __name__ == "__main__":
    main()
