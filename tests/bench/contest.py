"""`engine`: docindex's engine beside others, on the same sections, in one run.

Each engine builds in a process of its own, some times in turn; the median counts.
Then all have their index open, and the rounds of queries go around: in each round
every engine is asked every query, in another order of engines, so that a slow minute
of the machine is shared. Only one works at a time. Of each query, the median of the
rounds counts.

Cold are the first uses of terms in a fresh process: queries are grouped so that no
term comes twice in a group, and each group gets a process of its own, which has
opened the index and answered one query of other terms.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from docindex.indexer.models import Document
from tests.bench import questions, sections
from tests.bench.contestant import Asked, Built, Contestant
from tests.bench.engines import missing
from tests.bench.figures import Report, Row, Spread, Table, medians, number, spread

OURS, FINAL = "docindex", "docindex, final ranking"
CORE = "docindex without names and lexicon"
"""What the peers build, too: title, headings, text, and the order of its words."""
FTS5, TANTIVY, BM25S, WHOOSH = "SQLite FTS5", "tantivy-py", "bm25s", "stock Whoosh"
BUILDERS = (OURS, CORE, FTS5, TANTIVY, "SQLite FTS5 without text", "tantivy-py without text", BM25S)
SEARCHERS = (OURS, FINAL, FTS5, TANTIVY, BM25S)
SCORERS = {OURS: "base scorers", FINAL: "final ranking"}

PLAIN, CONTENT = "plain queries", "content words only"
AND, PHRASE = "AND", "phrase"
EACH = 80
"""Queries of each of the three plain kinds."""
BUILDS = 3
COMBINED = 200
"""Queries for all of some words, and for phrases."""
COLD = 240
SAMPLE = 10_000
"""Sections that stock Whoosh has to index: all of a large corpus would take minutes."""

FIELDS = {
    "title": "titles",
    "headings": "headings",
    "stream": "the forward stream",
    "identifiers": "names of code",
    "lexicon": "the lexicon",
}
"""What docindex's builder can leave out, to see what it costs."""

GOALS = {
    OURS: {FTS5: (0.005, 0.02), TANTIVY: (0.3, 0.5)},
    FINAL: {FTS5: (0.01, 0.03), TANTIVY: (0.5, 0.8)},
}
"""p50 and p95 of warm plain queries, as ratios."""


COLD_GOAL = 1.5
BUILD_GOALS = {FTS5: 2.2, TANTIVY: 1.3}
SIZE_GOALS = {FTS5: 0.8}
FIELD_GOAL = 0.15


@dataclass(frozen=True)
class Warm:
    """What one engine took for one set of queries, query by query."""

    times: list[float]
    cpu: list[float]
    added: int
    """Memory in use beyond what it was before the index was opened."""
    best: list[list[int]]


def measure(place: Path, documents: Sequence[Document], rounds: int) -> Report:
    place = place / "engine"
    place.mkdir()
    corpus = sections.save(documents, place / "sections.pickle")
    remarks: list[str] = []
    built = _built_in_turn(present(BUILDERS, remarks), corpus, place)
    fields = _fields_in_turn(corpus, place)

    kinds = questions.plain(documents, EACH)
    plain = [query for queries in kinds.values() for query in queries]
    places = {name: place / file_name(name) for name in SEARCHERS if name in built}
    places[FINAL] = places[OURS]
    combined = questions.together(documents, COMBINED)
    combining = {name: at for name, at in places.items() if name not in (OURS, BM25S)}
    warm = {
        PLAIN: warmed(places, plain, rounds),
        CONTENT: warmed(places, questions.content_only(plain), rounds),
        AND: warmed(combining, combined, rounds, "all_of"),
        PHRASE: warmed(combining, questions.phrases(documents, COMBINED), rounds, "phrase"),
    }
    groups = questions.batches(plain[:COLD])
    first = questions.apart(combined, plain)
    cold = {name: _cold(name, at, groups, first) for name, at in places.items()}

    count = sections.size(documents)
    sample = sections.spread_sample(documents, SAMPLE)
    return Report(
        part="engine",
        rows=(
            *_query_rows(warm, cold),
            *_build_rows(built),
            *_field_rows(fields),
            *_beside_whoosh(sample, place / "sample", rounds),
        ),
        tables=(
            _build_table(built, count),
            _query_table(warm, cold, count),
            _kind_table(warm[PLAIN], list(kinds)),
        ),
        remarks=tuple(remarks),
    )


def present(names: Sequence[str], remarks: list[str]) -> list[str]:
    """Those whose packages are installed; of the others it says that they are not."""
    lacking = {name: missing(name) for name in names}
    remarks += [
        f"{name} was left out: {lack} is not installed" for name, lack in lacking.items() if lack
    ]
    return [name for name, lack in lacking.items() if not lack]


def file_name(name: str) -> str:
    return name.lower().replace(" ", "-")


def built_apart(name: str, corpus: Path, place: Path) -> Built:
    with Contestant(name) as contestant:
        return contestant.build(corpus, place / file_name(name))


def warmed(
    places: Mapping[str, Path], queries: Sequence[str], rounds: int, kind: str = "any_of"
) -> dict[str, Warm]:
    """Every engine is asked every query once before the rounds that count."""
    with ExitStack() as stack:
        contestants = [stack.enter_context(Contestant(name)) for name in places]
        for contestant in contestants:
            contestant.open(places[contestant.name])
            contestant.ask(queries, kind)
        asked: dict[str, list[Asked]] = {name: [] for name in places}
        for turn in range(rounds):
            first = turn % len(contestants)
            for contestant in (*contestants[first:], *contestants[:first]):
                asked[contestant.name].append(contestant.ask(queries, kind))
    return {name: _warm(each) for name, each in asked.items()}


def _warm(asked: Sequence[Asked]) -> Warm:
    return Warm(
        times=medians([each.times for each in asked]),
        cpu=medians([each.cpu for each in asked]),
        added=asked[-1].added,
        best=asked[-1].best,
    )


def _cold(name: str, place: Path, groups: Sequence[Sequence[str]], first: str) -> Spread:
    times: list[float] = []
    for group in groups:
        with Contestant(name) as contestant:
            contestant.open(place)
            contestant.ask([first])
            times += contestant.ask(group).times
    return spread(times)


def _built_in_turn(names: Sequence[str], corpus: Path, place: Path) -> dict[str, Built]:
    """The last of the indexes of each stays where `file_name` says."""
    found: dict[str, list[Built]] = {name: [] for name in names}
    for _ in range(BUILDS):
        for name in names:
            shutil.rmtree(place / file_name(name), ignore_errors=True)
            found[name].append(built_apart(name, corpus, place))
    return {name: _middle(each) for name, each in found.items()}


def _fields_in_turn(corpus: Path, place: Path) -> dict[str, Built]:
    """docindex's own builds, each without one of its fields; "" without none. The
    least of each is kept, since the differences are small and noise only adds."""
    found: dict[str, list[Built]] = {field: [] for field in ("", *FIELDS)}
    at = place / "fields"
    for _ in range(BUILDS):
        for field, builds in found.items():
            with Contestant(OURS) as contestant:
                without = (field,) if field else ()
                builds.append(contestant.build(corpus, at, without=without))
            shutil.rmtree(at)
    return {field: min(each, key=lambda built: built.cpu) for field, each in found.items()}


def _middle(builds: Sequence[Built]) -> Built:
    return sorted(builds, key=lambda each: each.cpu)[len(builds) // 2]


def _beside_whoosh(documents: Sequence[Document], place: Path, rounds: int) -> list[Row]:
    """Stock Whoosh builds and searches a sample; so does docindex."""
    place.mkdir()
    corpus = sections.save(documents, place / "sections.pickle")
    built = {name: built_apart(name, corpus, place) for name in (OURS, WHOOSH)}
    queries = [query for each in questions.plain(documents, EACH).values() for query in each]
    warm = warmed({name: place / file_name(name) for name in built}, queries, rounds)
    ours, theirs = spread(warm[OURS].times), spread(warm[WHOOSH].times)
    on = f"on {sections.size(documents):,} sections"
    return [
        Row(f"index build, CPU, {on}", built[OURS].cpu, "s", None, WHOOSH, built[WHOOSH].cpu),
        Row(f"index size, {on}", built[OURS].index, "MB", None, WHOOSH, built[WHOOSH].index),
        Row(f"plain query, base scorers, p50, {on}", ours.p50, "ms", None, WHOOSH, theirs.p50),
        Row(f"plain query, base scorers, p95, {on}", ours.p95, "ms", None, WHOOSH, theirs.p95),
    ]


def _query_rows(
    warm: Mapping[str, Mapping[str, Warm]], cold: Mapping[str, Spread]
) -> Iterator[Row]:
    for name, goals in GOALS.items():
        for title in (PLAIN, CONTENT):
            ours = spread(warm[title][name].times)
            for peer, (p50, p95) in goals.items():
                if peer in warm[title]:
                    theirs = spread(warm[title][peer].times)
                    what = ", ".join(dict.fromkeys((PLAIN, title, SCORERS[name])))
                    yield Row(f"{what}, p50", ours.p50, "ms", p50, peer, theirs.p50)
                    yield Row(f"{what}, p95", ours.p95, "ms", p95, peer, theirs.p95)
    if TANTIVY in cold:
        theirs = cold[TANTIVY]
        for name, goal in ((FINAL, COLD_GOAL), (OURS, None)):
            what = f"{PLAIN}, {SCORERS[name]}, cold, p95"
            yield Row(what, cold[name].p95, "ms", goal, TANTIVY, theirs.p95)


def _build_rows(built: Mapping[str, Built]) -> Iterator[Row]:
    ours, core = built[OURS], built[CORE]
    what = "index build, CPU"
    for peer, goal in BUILD_GOALS.items():
        if peer in built:
            cpu = built[peer].cpu
            yield Row(f"{what}, text and its order", core.cpu, "s", goal, peer, cpu)
            yield Row(f"{what}, with names and lexicon", ours.cpu, "s", None, peer, cpu)
    for peer, theirs in built.items():
        if peer not in (OURS, CORE, BM25S):
            yield Row("index size", ours.index, "MB", SIZE_GOALS.get(peer), peer, theirs.index)


def _field_rows(fields: Mapping[str, Built]) -> Iterator[Row]:
    for field, said in FIELDS.items():
        cost = fields[""].cpu / fields[field].cpu - 1
        yield Row(f"index build, CPU, what {said} cost", cost, "%", FIELD_GOAL)


def _build_table(built: Mapping[str, Built], count: int) -> Table:
    return Table(
        title=f"Building, {count:,} sections",
        header=("engine", "CPU s", "wall s", "index MB", "memory added MB"),
        rows=tuple(
            (
                name,
                number(each.cpu),
                number(each.wall),
                number(each.index / 1e6),
                number(each.added / 1e6),
            )
            for name, each in built.items()
        ),
    )


def _query_table(
    warm: Mapping[str, Mapping[str, Warm]], cold: Mapping[str, Spread], count: int
) -> Table:
    def cell(times: Spread | None) -> str:
        return f"{number(times.p50 * 1e3)} / {number(times.p95 * 1e3)}" if times else ""

    def row(name: str) -> tuple[str, ...]:
        timed = {title: spread(each[name].times) for title, each in warm.items() if name in each}
        return (
            name,
            *(cell(timed.get(title)) for title in (PLAIN, CONTENT)),
            cell(cold[name]),
            *(cell(timed.get(title)) for title in (AND, PHRASE)),
            number(warm[PLAIN][name].added / 1e6),
            number(overlap(warm[PLAIN][OURS].best, warm[PLAIN][name].best) * 100),
        )

    return Table(
        title=f"Searching, {count:,} sections: top 10, p50 / p95 in ms",
        header=(
            "engine", "plain", "content words only", "plain, cold", "AND", "phrase",
            "memory added MB", "same hits %",
        ),
        rows=tuple(map(row, warm[PLAIN])),
    )  # fmt: skip


def _kind_table(warm: Mapping[str, Warm], kinds: Sequence[str]) -> Table:
    """Each kind has as many queries, one kind after the other."""

    def cell(times: Sequence[float], place: int) -> str:
        found = spread(times[place * EACH : (place + 1) * EACH])
        return f"{number(found.p50 * 1e3)} / {number(found.p95 * 1e3)}"

    return Table(
        title="Plain queries by kind, warm: p50 / p95 in ms",
        header=("engine", *kinds),
        rows=tuple(
            (name, *(cell(each.times, place) for place in range(len(kinds))))
            for name, each in warm.items()
        ),
    )


def overlap(ones: Sequence[Sequence[int]], others: Sequence[Sequence[int]]) -> float:
    """The share of the hits of the first that the others have too."""
    pairs = list(zip(ones, others, strict=True))
    common = sum(len(set(one) & set(other)) for one, other in pairs)
    return common / max(sum(len(one) for one, _ in pairs), 1)
