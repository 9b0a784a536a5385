"""One run of the benchmarks, printed, kept as JSON, and as a page of the user guide."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from tests.bench.figures import FIGURES, Report, Row, Series, markdown_table
from tests.bench.machine import Machine
from tests.bench.plots import by_chart, plot

PAGE = Path(__file__).parents[2] / "sample_docs" / "benchmarks.md"


@dataclass(frozen=True)
class Corpus:
    name: str
    files: int
    sections: int
    text: int
    """Bytes below the headings."""


@dataclass(frozen=True)
class Run:
    machine: Machine
    corpus: Corpus
    reports: tuple[Report, ...]

    @property
    def rows(self) -> list[Row]:
        return [row for report in self.reports for row in report.rows]

    @property
    def series(self) -> list[Series]:
        return [series for report in self.reports for series in report.series]


_RUN = TypeAdapter(Run)


def save(run: Run, path: Path) -> None:
    path.write_bytes(_RUN.dump_json(run, indent=1) + b"\n")


def load(path: Path) -> Run:
    return _RUN.validate_json(path.read_bytes())


def printed(report: Report) -> str:
    return "\n\n".join((f"## {report.part}", *_body(report)))


def write(run: Run, page: Path = PAGE) -> None:
    """The page, and its plots in a folder of the same name."""
    plots = page.with_suffix("")
    plots.mkdir(exist_ok=True)
    for old in plots.glob("*.svg"):
        old.unlink()
    names: dict[str, str] = {}
    for chart, series in by_chart(run.series).items():
        name = f"{'-'.join(chart.replace(',', '').split())}.svg"
        (plots / name).write_text(plot(series), encoding="utf-8")
        names[chart] = f"{plots.name}/{name}"
    page.write_text("\n\n".join(_page(run, names)) + "\n", encoding="utf-8")


def _page(run: Run, plots: dict[str, str]) -> Iterator[str]:
    corpus, machine = run.corpus, run.machine
    yield "---\ntitle: Benchmarks\ntags: [reference, speed]\n---"
    yield "# Benchmarks"
    yield (
        "How fast docindex is, how much it needs, and how that compares. `make bench` in the\n"
        "source measures all of it, each figure beside a peer of the same run, and writes this\n"
        "page."
    )
    yield "## What was measured, and on what"
    about = (
        f"{corpus.files:,} files, {corpus.sections:,} sections, {corpus.text / 1e6:.0f} MB of text"
    )
    computer = f"{machine.cpu}, {machine.cores} cores, {machine.memory / 2**30:.0f} GiB"
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    yield markdown_table(
        ("what", "which"),
        (
            ("documents", f"{corpus.name}: {about}"),
            ("machine", computer),
            ("system", machine.system),
            ("versions", versions),
            ("date", machine.date),
            ("load before the run", "unknown" if machine.load is None else f"{machine.load:.2f}"),
        ),
    )
    if run.rows:
        yield "## The figures"
        yield (
            "A ratio is what docindex needs, divided by what the peer needs: below 1, docindex\n"
            "needs less. A goal without × is for docindex alone."
        )
        yield markdown_table(FIGURES, (row.cells() for row in run.rows))
    for report in run.reports:
        for table in report.tables:
            yield f"## {table.title}"
            yield table.markdown()
            if table.note:
                yield table.note
        for remark in report.remarks:
            yield f"*{remark[:1].upper()}{remark[1:]}.*"
        if report.series:
            yield "## Cost against size, in pictures"
            for chart in by_chart(report.series):
                yield f"![{chart}, against the number of sections]({plots[chart]})"
    yield _HOW


_HOW = """\
## How it was measured

- **The same sections for all.** The corpus is parsed once, by docindex. The other engines
  get title, headings and text of each section as three fields (bm25s as one). docindex
  indexes the same three, and its text field repeats title and headings, at its own cost.
- **The same analysis, as nearly as the engines allow.** English stems (Porter in SQLite and
  in stock Whoosh, Snowball English in the others), and no stop words. docindex's ranking
  leaves the function words out of questions: "content words only" asks every engine
  without them.
- **Queries** are made from the corpus: headings, one to five words of a section, questions
  about headings. The answer is the ten best sections, as numbers with scores, nothing more.
- **Base scorers** give what stock Whoosh gives on the same index. The **final ranking** is
  what a search of the product gives, with its count of all that matches.
- **Warm**: of each query the median of some rounds, in which the engines take turns and
  only one works. Every engine may keep in memory what it likes: docindex keeps what the
  terms used last add to the scores, SQLite its pages. **Cold**: the first use of each term
  in a fresh process.
- **AND** and **phrase** are searches of the product, with its final ranking.
- Each engine has a process of its own. tantivy gets one thread and memory enough for one
  segment, SQLite one transaction and 256 MB for pages. Memory is what a process has more
  than before it built, or opened, its index.
- "Same hits" is how many of docindex's ten best the other engine has among its own ten.
  Engines weigh fields each in their own way, and many sections score alike.
- CPU seconds are those of the process and all it starts; times of queries are by the clock.\
"""


def _body(report: Report) -> Iterator[str]:
    if report.rows:
        yield markdown_table(FIGURES, (row.cells() for row in report.rows))
    for table in report.tables:
        yield f"{table.title}\n\n{table.markdown()}"
    yield from report.remarks
