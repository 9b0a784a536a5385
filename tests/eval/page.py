"""One run, printed, and as a page of the user guide with its plots."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.figures import markdown_table
from tests.eval.bars import chart
from tests.eval.finding import Found
from tests.eval.measures import MRR, NDCG, RECALL, difference
from tests.eval.reading import Reading
from tests.eval.run import OURS, Asked, Compared, Run

PAGE = Path(__file__).parents[2] / "sample_docs" / "quality.md"


def printed(run: Run) -> str:
    return "\n\n".join(_tables(run))


def write(run: Run, page: Path = PAGE) -> None:
    """The page, and its plots in a folder of the same name."""
    plots = page.with_suffix("")
    plots.mkdir(exist_ok=True)
    for name, title, groups in (
        ("ndcg", "nDCG@10", _ndcg(run.compared)),
        ("tokens", "Tokens until the right lines are read, as a share of grep's", _tokens(run)),
    ):
        plot = plots / f"{name}.svg"
        plot.unlink(missing_ok=True)
        if groups:
            plot.write_text(chart(title, groups), encoding="utf-8")
    page.write_text("\n\n".join(_page(run)) + "\n", encoding="utf-8")


def _page(run: Run) -> Iterator[str]:
    yield "---\ntitle: Search quality\ntags: [reference, search]\n---"
    yield "# Search quality"
    yield (
        "Does a search find what was meant, and how much must be read until the answer is there?\n"
        "Here are the figures: docindex, beside other search engines on the same documents in the\n"
        'same run. `make eval COLLECTIONS="…"` in the source measures all of it, with collections\n'
        "of your own too, and writes this page."
    )
    yield "## In short"
    yield markdown_table(*_short(run))
    yield from _tables(run)
    yield _WHY
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
    if run.asked:
        yield "## Written questions"
        yield _WRITTEN
        yield markdown_table(*_asked(run.asked))
    if any(run.found.values()):
        yield "## Typing errors, names, other scripts, questions"
        yield (
            "Made from the documents themselves, with a fixed seed. Right is the section that the\n"
            "question was made from; of a name, a section where it stands as it is written."
        )
        yield markdown_table(*_found(run.found))
    if any(run.read.values()):
        yield "## Tokens until the right lines are in context"
        yield (
            "Searching and then reading the hits in turn, against grep and reading the files with\n"
            "most of the words in turn; a token is four bytes."
        )
        yield markdown_table(*_read(run.read))
        yield f"![Tokens of searching as a share of those of grep]({PAGE.stem}/tokens.svg)"


def _short(run: Run) -> tuple[Sequence[str], list[list[str]]]:
    found = [each for some in run.found.values() for each in some]
    differences = [
        [
            difference(each.engines[OURS], theirs)
            for name, theirs in each.engines.items()
            if name != OURS
        ]
        for each in run.compared
    ]
    best = sum(all(each.sure and each.mean > 0 for each in some) for some in differences)
    beaten = sum(any(each.sure and each.mean < 0 for each in some) for some in differences)
    asked = sum(each.harm.asked for each in run.compared)
    worse = sum(each.harm.worse for each in run.compared)
    read = [one for some in run.read.values() for each in some for one in each.each]
    rows: list[list[str]] = []
    if run.compared:
        sets = f"of {len(differences)}"
        rows += [
            [
                "sets of judged questions where docindex is better than all others",
                f"{best} {sets}",
                "",
            ],
            ["sets where another engine is better than docindex", f"{beaten} {sets}", "0"],
            [
                "questions as people typed them that mending made worse",
                f"{worse} of {asked:,}",
                "≤ 1 %",
            ],
        ]
    for name, some in run.asked.items():
        rows += [
            [
                f"written questions about {name}, a right section among the first three hits",
                f"{each.right[OURS]} of {each.asked}",
                "≥ 90 %",
            ]
            for each in some
            if not each.pooled and not each.documents
        ]
    for what, kind in (
        ("headings with one letter wrong, found among the first ten hits", "headings, one letter"),
        ("names of code and versions, there in the first hit", "names: "),
        ("words in Chinese, Japanese, Korean, found inside of sentences", "CJK"),
    ):
        of_kind = [each for each in found if each.kind.startswith(kind)]
        if of_kind:
            share = sum(each.right for each in of_kind) / sum(each.asked for each in of_kind)
            rows.append([what, f"{share:.1%}", "≥ 90 %"])
    if read:
        ratio = sum(one.docindex for one in read) / sum(one.grep for one in read)
        answers = sorted(one.answer for one in read)
        p50, p95 = (answers[int(len(answers) * share)] for share in (0.5, 0.95))
        rows.append(
            ["tokens until the right lines are read, as a share of grep's", f"{ratio:.2f}", "≤ 0.3"]
        )
        rows.append(
            [
                "tokens of an answer with ten hits, p50 / p95",
                f"{p50:,.0f} / {p95:,.0f}",
                "≤ 1,000 / 1,300",
            ]
        )
    return ("what", "measured", "goal"), rows


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


def _asked(asked: dict[str, list[Asked]]) -> tuple[Sequence[str], list[list[str]]]:
    engines = list(next(iter(asked.values()))[0].right)
    rows = [
        [
            f"{name} ({each.asked})",
            "document" if each.documents else "section",
            "and pooled" if each.pooled else "noted",
            f"**{each.right[OURS]}**",
            *(f"{each.right[engine]}" for engine in engines[1:]),
        ]
        for name, some in asked.items()
        for each in some
    ]
    return ("questions about", "right is a", "answers", *engines), rows


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


def _ndcg(compared: Sequence[Compared]) -> dict[str, dict[str, float]]:
    return {
        each.name: {engine: one.mean(NDCG) for engine, one in each.engines.items()}
        for each in compared
    }


def _tokens(run: Run) -> dict[str, dict[str, float]]:
    return {
        f"{name}, {each.kind}": {"docindex": each.ratio, "grep": 1.0}
        for name, some in run.read.items()
        for each in some
    }


_WRITTEN = """\
Answered by one of the first three hits. The other engines index every section as a text of its
own here, with the headings above it. Noted are the sections that answer by what they say; of
the books, they were looked for before searching. Pooled are others that the engines found and
that answer as well. Twenty questions tell whether answers are found, but hardly which engine
finds more of them."""

_WHY = """\
## Why there are no embeddings

Vectors of small models, mixed with the lexical score, were measured before this version: those
of wordllama of the best 200 sections of each question, those of MiniLM of the best 30
(nDCG@10, one weight for all collections, the best of those tried on them, scores scaled to
0–1 for each question; in bold what is significantly better):

| | Kubernetes | SciFact | Cranfield | sections / CPU second | one question |
|---|---|---|---|---|---|
| lexical alone | .349 | .696 | .407 | | |
| wordllama 0.4.0, 256 dimensions, 40 % | .361 | .705 | .416 | 1,500–2,700 | 0.2 ms |
| all-MiniLM-L6-v2 as int8, 60 % | **.385** | not measured | **.442** | 13 | 7–8 ms |

- **Static vectors do not earn their cost.** The weights of wordllama are in its wheel (MIT,
  19 MB) and load without a network; but what it gains is within chance on each collection,
  at 16 MB of weights, four further packages and a kilobyte for each section.
- **A small transformer does find more**: it was asked to reach .38 on Kubernetes, and does.
  But to embed a section takes 80 ms, which is more than two hours of CPU for 100,000
  sections, and it took 1.6 GB of memory. And no package was found that has all
  it needs: the one with int8 weights (Apache-2.0) lacks the tokenizer, the one with the
  tokenizer names no licence, and others download the model when they are first used.

So there is no such option yet. What was measured speaks for a small reranker as soon as its
parts can be installed from one place.
"""

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
- **Names** are such as stand in five documents at most. A hit that has the same name in
  another spelling, as `v1.2` for `1.2`, counts as wrong here.
- **Written questions** were written with the text at hand, and the sections that answer them
  noted; they are in `tests/eval`. Those about the Rust book (`src/*.md` of
  [rust-lang/book](https://github.com/rust-lang/book), commit 9175448) were committed before
  any engine was asked, and have stayed as they were: sections of 600 characters or more were
  shuffled with a fixed seed, the first one of each chapter taken until there were twenty, and
  for each the question written that its text answers; then the book was searched by eye and
  grep for other sections that answer it by themselves. Left out beforehand were the table of
  contents, title page, foreword, summaries, and the appendices that are lists (A, B, F). What
  answers the questions about the user guide was mended after looking at what was found, so
  that they prove little.
- **Pooled** is what one judge found among the first ten sections of docindex, FTS5 and tantivy
  and the first three of the others, for each question about Rust and Kubernetes: 630 in all,
  shuffled, without the engine that had found them. Each was judged by what it says: whether it
  answers the question by itself. What docindex finds for the six questions about Kubernetes
  that it had missed was known to the judge by then; of two of them, a section that it had
  found was taken to answer.
- **Mended** are questions as people typed them in which a word that is in no document was
  taken for another one; worse, those that found less by it.
- **With docindex**, hits are read in their order until the right section was read, each by
  the lines that the hit gives. **With grep**, a reader is assumed who asks for every word
  that counts, is told no more than the names of the files that have most of them, and reads
  these whole. Whoever is less clever, or prints the lines that grep finds, needs more; if
  docindex's first answer does not have the section, the tokens of grep are added to its own.
"""
