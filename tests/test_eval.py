"""What is asked of the product by `make eval` is what it says it is."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from rapidfuzz.distance import OSA

from docindex.indexer.markdown import parse
from docindex.indexer.models import Document
from tests.bench.sections import read
from tests.eval import made
from tests.eval.asked import asked, by_section
from tests.eval.bars import chart
from tests.eval.books import BOOKS, Book, book, not_there
from tests.eval.finding import Found, found, stands
from tests.eval.harm import Harm
from tests.eval.judged import Collection, Question, QuestionSet, collection
from tests.eval.made import Made
from tests.eval.measures import NDCG, RECALL, Measured
from tests.eval.page import printed, write
from tests.eval.product import Product, opened
from tests.eval.reading import Files, Read, Reading
from tests.eval.run import OURS, Asked, Compared, Run

GUIDE = Path(__file__).parents[1] / "sample_docs"

PAGE = """# Boats

## Mooring lines

Tie them to `mooring_line` with `--double-knot`. 霧の日には警笛を鳴らすこと。

## Fog signals

Sound the horn.
"""


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return read(GUIDE)


def test_a_heading_that_is_typed_wrong_is_one_edit_away(documents: list[Document]) -> None:
    headings = made.headings(documents)
    wrong = made.typed_wrong(headings)
    assert set(wrong) == {"swapped", "dropped", "doubled", "replaced"}
    for some in wrong.values():
        for typed, heading in zip(some, headings, strict=True):
            assert OSA.distance(typed.text, heading.text) == 1
            assert typed.places == heading.places


def test_the_same_documents_give_the_same_questions(documents: list[Document]) -> None:
    assert made.headings(documents) == made.headings(documents)
    assert made.names(documents) == made.names(documents)
    assert made.cjk(documents) == made.cjk(documents)


def test_names_and_cjk_stand_in_the_documents(documents: list[Document]) -> None:
    text = "\n".join(f"{each.heading}\n{each.text}" for d in documents for each in d.sections)
    for some in (*made.names(documents).values(), made.cjk(documents)):
        assert some
        assert all(each in text for each in some)


def test_what_answers_is_found_in_the_product(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "boats.md").write_text(PAGE, encoding="utf-8")
    document = parse(PAGE.encode(), "boats.md")
    questions = [made.Made("fog signals", frozenset({_place(document, "fog-signals")}))]
    with opened(folder, tmp_path / "index") as product:
        right = found(product, "headings", questions, 1)
        names = stands(product, folder, "names", ["mooring_line", "--double-knot", "knot"], 1)
        assert product.ranked("mooring", 10) == ["boats.md"]
    assert (right.right, right.asked, right.missed) == (1, 1, ())
    # A part of a name is not the name.
    assert names.missed == ("knot",)


def test_a_collection_is_read_with_its_judgements(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "boats.md").write_text(PAGE, encoding="utf-8")
    (tmp_path / "queries-x.jsonl").write_text(
        '{"_id": "1", "text": "fog"}\n{"_id": "2", "text": "unjudged"}\n', encoding="utf-8"
    )
    (tmp_path / "qrels-x.tsv").write_text(
        "query\tname\tgrade\n1\tboats.md\t1\n1\tother.md\t0\n", encoding="utf-8"
    )
    (questions,) = collection(tmp_path, tmp_path / "unused").sets
    name = f"{tmp_path.name}-x"
    assert questions == QuestionSet(name, (Question("1", "fog", {"boats.md": 1}),))


def test_who_greps_reads_whole_files_until_the_right_one(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("fog " * 100, encoding="utf-8")
    (tmp_path / "b.md").write_text("fog horn", encoding="utf-8")
    files = Files(tmp_path, ["a.md", "b.md"])
    both = Made("where is the fog horn", frozenset({made.Place("b.md", "", 1, 1)}))
    one = Made("fog", frozenset({made.Place("b.md", "", 1, 1)}))
    assert files.tokens(both) == (len("b.md") + len("fog horn")) / 4
    assert files.tokens(one) == (len("a.mdb.md") + 400 + len("fog horn")) / 4


def test_a_run_is_shown_as_a_page_with_plots(tmp_path: Path) -> None:
    good = Measured({NDCG: [1.0, 0.9, 0.8, 0.9], "RR@10": [1.0] * 4, RECALL: [1.0] * 4})
    bad = Measured({NDCG: [0.1, 0.2, 0.1, 0.1], "RR@10": [0.1] * 4, RECALL: [1.0] * 4})
    run = Run()
    engines = {OURS: good, "grep & co": bad}
    pytest.importorskip("scipy")
    run.compared.append(Compared("boats", 4, engines, (0.001, 0.002), Harm(4, 1, 0)))
    run.asked["boats"] = [Asked(False, False, 4, {OURS: 3, "grep & co": 1})]
    run.found["boats"] = [Found("names", 1, 9, 10)]
    run.read["boats"] = [Reading("asked", (Read(10.0, 100.0, 5.0, found=True),))]
    page = tmp_path / "quality.md"
    write(run, page)
    text = page.read_text(encoding="utf-8")
    assert "**0.900**" in text
    assert "0.125 −" in text
    assert "× 0.10" in text
    assert printed(run) in text
    assert re.search(r"boats \(4\) +\| section +\| noted +\| \*\*3\*\* +\| 1 ", text)
    assert re.search(r"about boats, .* \| 3 of 4 ", text)
    # In short: better than all others on the one set, in a hundred tokens of grep ten.
    assert re.search(r"docindex is better than all others +\| 1 of 1 ", text)
    assert re.search(r"as a share of grep's +\| 0.10 ", text)
    for plot in ("ndcg", "tokens"):
        ET.parse(tmp_path / "quality" / f"{plot}.svg")


def test_what_was_not_asked_has_neither_table_nor_plot(tmp_path: Path) -> None:
    page = tmp_path / "quality.md"
    (tmp_path / "quality").mkdir()
    (tmp_path / "quality" / "ndcg.svg").write_text("of another run", encoding="utf-8")
    run = Run(read={"boats": [Reading("asked", (Read(10.0, 100.0, 5.0, found=True),))]})
    write(run, page)
    text = page.read_text(encoding="utf-8")
    assert "## Tokens" in text
    assert "## Judged questions" not in text
    assert "sets of judged questions" not in text
    assert [each.name for each in (tmp_path / "quality").iterdir()] == ["tokens.svg"]


def test_written_questions_are_counted_by_section_and_by_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "boats.md").write_text(PAGE, encoding="utf-8")
    questions = tmp_path / "questions.tsv"
    questions.write_text(
        "fog horn sound\tboats.md#fog-signals\n"
        "mooring line tie\tboats.md#fog-signals\tboats.md#mooring-lines\n"
        "anchors\tboats.md#fog-signals\n",
        encoding="utf-8",
    )
    monkeypatch.setitem(BOOKS, "boats", Book(questions))
    some = Collection("boats", tmp_path / "docs", ())
    with opened(some.folder, tmp_path / "index") as product:
        counted = {(each.pooled, each.documents): each for each in asked(product, some, {})}
    assert {each.asked for each in counted.values()} == {3}
    assert {how: each.right[OURS] for how, each in counted.items()} == {
        (False, False): 1,
        (False, True): 2,
        (True, False): 2,
        (True, True): 2,
    }


def test_a_section_is_a_document_to_other_engines(documents: list[Document]) -> None:
    single = by_section(documents)
    assert len(single) == sum(len(each.sections) for each in documents)
    names = [document.name for document, _ in single]
    assert len(set(names)) == len(names)
    ((guide, place),) = (
        each for each in single if each[1] == ("searching.md", "how-to-filter-by-tag")
    )
    assert [each.heading for each in guide.sections] == [f"{guide.title} How to filter by tag"]
    assert single[int(guide.name)][1] == place


def test_a_book_that_is_not_there_is_told_of() -> None:
    told = "\n".join(not_there({"k8s"}))
    assert "git clone https://github.com/rust-lang/book" in told
    assert "Kubernetes" not in told
    assert not list(not_there(BOOKS))


def test_each_book_has_its_questions_and_where_they_are_answered() -> None:
    for each in BOOKS.values():
        rows = each.questions.read_text(encoding="utf-8").splitlines()
        assert len(set(rows)) == len(rows) >= 20
        assert all(row.count("\t") in {1, 2} for row in rows)
        assert all(
            ".md" in place for row in rows for place in " ".join(row.split("\t")[1:]).split()
        )


def test_a_chart_has_a_bar_for_each_value() -> None:
    drawn = chart("a < b", {"x": {"one": 0.5, "two": 1.0}, "y": {"one": 0.0, "two": 0.25}})
    bars = [each for each in ET.fromstring(drawn) if each.get("fill") == "#0b6e4f"]
    assert len(bars) == 2 + 1  # one of them is in the legend


def test_measures_are_those_of_the_literature() -> None:
    pytest.importorskip("ir_measures")
    from tests.eval.measures import difference, measured

    questions = [Question("1", "", {"a": 1, "b": 1}), Question("2", "", {"c": 1})]
    one = measured(questions, [["a", "x", "b"], ["x", "y"]])
    assert one.values["RR@10"] == [1.0, 0.0]
    assert one.values[RECALL] == [1.0, 0.0]
    assert one.values[NDCG][0] == pytest.approx(1.5 / 1.6309, abs=1e-4)
    assert not difference(one, one).sure


def _place(document: Document, anchor: str) -> made.Place:
    (section,) = (each for each in document.sections if each.anchor == anchor)
    return made.Place(document.name, anchor, section.first_line, section.last_line)


def test_a_product_counts_the_questions_that_it_mended(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "boats.md").write_text(PAGE, encoding="utf-8")
    with opened(tmp_path / "docs", tmp_path / "index") as product:
        assert isinstance(product, Product)
        product.hits("mooring")
        product.hits("sginals")
        assert product.mended == {"sginals"}
        assert len(product.times) == 2


def test_written_questions_are_answered_by_sections_that_there_are(
    documents: list[Document],
) -> None:
    questions = book(Collection("user guide", GUIDE, ()))
    assert len(questions) == 24
    assert all(question.places for question in questions)
    asked = "how do I make the server read only"
    (read_only,) = (question for question in questions if question.text == asked)
    assert {place.name for place in read_only.places} == {
        "security.md",
        "writing.md",
        "reference/settings.md",
    }
