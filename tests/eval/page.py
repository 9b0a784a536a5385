"""One run, printed, and as a page of the user guide with its plots."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.figures import markdown_table
from tests.eval.bars import chart
from tests.eval.finding import Found
from tests.eval.measures import MRR, NDCG, RECALL, difference
from tests.eval.reading import Reading
from tests.eval.run import OURS, Compared, Run

PAGE = Path(__file__).parents[2] / "sample_docs" / "quality.md"


def printed(run: Run) -> str:
    return "\n\n".join(_tables(run))


def write(run: Run, page: Path = PAGE) -> None:
    """The page, and its plots in a folder of the same name."""
    plots = page.with_suffix("")
    plots.mkdir(exist_ok=True)
    (plots / "ndcg.svg").write_text(_ndcg(run.compared), encoding="utf-8")
    (plots / "tokens.svg").write_text(_tokens(run), encoding="utf-8")
    page.write_text("\n\n".join(_page(run)) + "\n", encoding="utf-8")


def _page(run: Run) -> Iterator[str]:
    yield "---\ntitle: Search quality\ntags: [reference, search]\n---"
    yield "# Search quality"
    yield (
        "How well docindex finds what was meant, measured with judged questions, beside other\n"
        "engines on the same documents in the same run. `make eval` in the source measures all\n"
        "of it."
    )
    yield from _tables(run)
    yield _HOW


def _tables(run: Run) -> Iterator[str]:
    if run.compared:
        yield "## Judged questions"
        yield (
            "nDCG@10: 1 when the documents that answer come first, 0 when none is among the first\n"
            "ten. A mark says that chance hardly gives such a difference from docindex (paired\n"
            "t-test, p < .05): − for worse than docindex, + for better."
        )
        yield markdown_table(*_compared(run.compared))
        yield f"![nDCG@10 of each engine on each set of questions]({PAGE.stem}/ndcg.svg)"
        yield markdown_table(*_more(run.compared))
    if run.found:
        yield "## Typing errors, names, other scripts, questions"
        yield (
            "Made from the documents themselves, with a fixed seed. Right is the section that the\n"
            "question was made from; of a name, a section where it stands as it is written."
        )
        yield markdown_table(*_found(run.found))
    if run.read:
        yield "## Tokens until the right lines are in context"
        yield (
            "Searching and then reading the hits in turn, against grep and reading the files with\n"
            "most of the words in turn; a token is four bytes."
        )
        yield markdown_table(*_read(run.read))
        yield f"![Tokens of searching as a share of those of grep]({PAGE.stem}/tokens.svg)"


def _compared(compared: Sequence[Compared]) -> tuple[Sequence[str], list[list[str]]]:
    engines = list(compared[0].engines)
    rows: list[list[str]] = []
    for each in compared:
        ours = each.engines[OURS]
        cells = [f"{each.name} ({each.questions})", f"**{ours.mean(NDCG):.3f}**"]
        for engine in engines[1:]:
            theirs = each.engines[engine]
            apart = difference(ours, theirs)
            mark = "" if not apart.sure else " −" if apart.mean > 0 else " +"
            cells.append(f"{theirs.mean(NDCG):.3f}{mark}")
        rows.append(cells)
    return ("questions", *engines), rows


def _more(compared: Sequence[Compared]) -> tuple[Sequence[str], list[list[str]]]:
    header = ("questions", "MRR@10", "recall@100", "search, p50 / p95", "mended", "worse by it")
    rows: list[list[str]] = []
    for each in compared:
        ours, times = each.engines[OURS], each.times
        p50, p95 = (times[int(len(times) * share)] * 1e3 for share in (0.5, 0.95))
        rows.append(
            [
                each.name,
                f"{ours.mean(MRR):.3f}",
                f"{ours.mean(RECALL):.3f}",
                f"{p50:.1f} / {p95:.1f} ms",
                f"{each.harm.mended}",
                f"{each.harm.worse}",
            ]
        )
    return header, rows


def _found(found: dict[str, list[Found]]) -> tuple[Sequence[str], list[list[str]]]:
    header = ("documents", "questions", "asked", "right within", "share")
    rows = [
        [name, each.kind, f"{each.asked}", f"the first {each.within}", f"{each.share:.2f}"]
        for name, some in found.items()
        for each in some
    ]
    return header, rows


def _read(read: dict[str, list[Reading]]) -> tuple[Sequence[str], list[list[str]]]:
    header = (
        "documents",
        "questions",
        "found at once",
        "docindex, median",
        "grep, median",
        "together",
        "answer, p50 / p95",
    )
    rows = [
        [
            name,
            f"{each.kind} ({len(each.each)})",
            f"{each.found}",
            f"{each.docindex:,.0f}",
            f"{each.grep:,.0f}",
            f"× {each.ratio:.2f}",
            " / ".join(f"{each.answers[int(len(each.each) * s)]:,.0f}" for s in (0.5, 0.95)),
        ]
        for name, some in read.items()
        for each in some
    ]
    return header, rows


def _ndcg(compared: Sequence[Compared]) -> str:
    groups = {
        each.name: {engine: one.mean(NDCG) for engine, one in each.engines.items()}
        for each in compared
    }
    return chart("nDCG@10", groups)


def _tokens(run: Run) -> str:
    groups = {
        f"{name}, {each.kind}": {"docindex": each.ratio, "grep": 1.0}
        for name, some in run.read.items()
        for each in some
    }
    return chart("Tokens until the right lines are read, as a share of grep's", groups)


_HOW = """\
## How it was measured

- **Collections**: Cranfield and SciFact (BEIR) are abstracts with questions and claims;
  the Kubernetes documentation with problems of users, which a model wrote, so that some
  judgements are doubtful; Microsoft's C++ documentation with the descriptions of its pages,
  and with the texts of links to them.
- **docindex** is the product: a library over the folder, its index, and the search that the
  tool `search_documents` does. A document is ranked by its best section. One set of
  parameters serves all collections; they are in `indexer/weights.py`, with what each does.
- **The other engines** index whole documents, as one text, with English stems. Two have the
  title as a field of its own besides, with more weight. They get the same questions as
  words, any of which may match; BM25 in all of them.
- **Typing errors**: in one word of five letters or more of a heading that only one section
  has, two letters swapped, one dropped, one doubled, or one replaced.
- **Names** are such as stand in five documents at most.
- **Mended** are questions as people typed them in which a word that is in no document was
  taken for another one; worse, those that found less by it.
- **With docindex**, hits are read in their order until the right section was read, each by
  the lines that the hit gives. **With grep**, a reader is assumed who asks for every word
  that counts, is told no more than the names of the files that have most of them, and reads
  these whole. Whoever is less clever, or prints the lines that grep finds, needs more; if
  docindex's first answer does not have the section, the tokens of grep are added to its own.
"""
