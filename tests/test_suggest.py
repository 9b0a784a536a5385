"""What a question meant."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from docindex.indexer.analysis import alternatives, terms, words
from docindex.indexer.collection import Collection
from docindex.indexer.models import Document, Record, Section, Stamp
from docindex.indexer.query import parse_query
from docindex.indexer.segments import Builder
from docindex.indexer.snapshot import Leaf, Snapshots
from docindex.indexer.store import Store
from docindex.indexer.suggest import Speller, Understood, languages_of

CASES = Path(__file__).parent / "fixtures" / "words" / "typos.tsv"
TEXTS = [
    "Kubernetes restarts the pods, Kubernetes schedules each pod.",
    "How do I restart it? Call `getUserName` on the server side, or `std::vector`.",
    "Error E0308 came in 2024 with v1.2.3; see --dry-run, the café, a pops.",
]


def index(folder: Path, texts: Iterable[str], language: str = "") -> None:
    store = Store(folder)
    for number, text in enumerate(texts):
        builder = Builder(folder)
        section = Section("", 0, (), "", 1, 1, text)
        name = f"{language}{number}.md"
        front_matter = {"lang": language} if language else {}
        document = Document(name, "", (), (), front_matter, (section,), 1)
        builder.add(Record(name, "v", Stamp(1, 1, 1, 1), sections=1), document)
        store.commit(builder.finish())


def speller(folder: Path) -> Speller:
    leaves: tuple[Leaf, ...] = Snapshots(folder).newest().leaves
    return Speller([leaf.reader for leaf in leaves], lambda term: exists(leaves, term))


def exists(leaves: Iterable[Leaf], term: str) -> bool:
    found = (
        leaf.is_alive(number)
        for leaf in leaves
        for field in ("body", "identifiers")
        for one in alternatives(term)
        for number in leaf.reader.postings(field, one).ids.tolist()
    )
    return any(found)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Speller:
    folder = tmp_path_factory.mktemp("known")
    index(folder, TEXTS)
    return speller(folder)


def asked(known: Speller, text: str) -> Understood:
    return known.understand(parse_query(text))


def cases() -> list[list[str]]:
    lines = CASES.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


@pytest.mark.parametrize(("typed", "meant"), cases())
def test_a_word_that_is_nowhere_is_mended(known: Speller, typed: str, meant: str) -> None:
    assert asked(known, typed).corrected == meant.removeprefix("-" if meant == "-" else "")


@given(st.sampled_from([word for text in TEXTS for word in words(text)]))
def test_a_word_that_is_somewhere_stays(known: Speller, word: str) -> None:
    assert asked(known, word).corrected == ""


@settings(max_examples=200)
@given(st.text(alphabet="kubernitesdpogi", min_size=3, max_size=12))
def test_what_is_mended_is_as_near_as_can_be(known: Speller, typed: str) -> None:
    there = {word for text in TEXTS for word in words(text) if len(word) > 2}
    nearest = min(OSA.distance(typed, word) for word in there)
    meant = known.nearest(typed)
    if nearest <= (2 if len(typed) >= 8 else 1):
        assert meant is not None
        assert OSA.distance(typed, meant) == nearest
    else:
        assert meant is None


def test_a_guess_counts_less_than_what_was_typed(known: Speller) -> None:
    typed, guessed = asked(known, "pods kuberntes").query.should
    assert guessed.weight < typed.weight
    # Who types a word right as well means it.
    (both,) = asked(known, "kuberntes kubernetes").query.should
    assert both.weight == 2 * typed.weight


@pytest.mark.parametrize("text", ["+xyzzyq", '"foo xyzzyq"', "title:xyzzyq", "xyzzyq"])
def test_a_word_that_is_near_to_none_stays_as_it_is(known: Speller, text: str) -> None:
    found = asked(known, text)
    assert found.query == parse_query(text)
    assert found.remarks == ()


def test_of_equally_near_words_the_most_frequent_one_is_meant(known: Speller) -> None:
    # "pods" and "pops" are one letter away, and there are more pods.
    assert asked(known, "pogs").corrected == "pods"


@pytest.mark.parametrize("typed", ["+kubernites", '"kubernites"', "title:kubernites"])
def test_what_has_to_be_there_is_not_mended_but_said(known: Speller, typed: str) -> None:
    found = asked(known, typed)
    assert found.corrected == ""
    assert found.query == parse_query(typed)
    assert found.remarks == ('No document has "kubernites"; did you mean "kubernetes"?',)


@pytest.mark.parametrize("typed", ["-kubernites pods", "tag:kubernites", "kubernites*", "+pods"])
def test_what_is_left_out_and_what_begins_so_is_nobody_s_typo(known: Speller, typed: str) -> None:
    assert asked(known, typed).remarks == ()
    assert asked(known, typed).corrected == ""


def test_a_name_that_is_nowhere_is_looked_for_by_its_parts(known: Speller) -> None:
    (word,) = asked(known, "restartServerSide").query.should
    assert word.terms == ("restart", "server", "side")


def test_what_was_deleted_is_not_what_was_meant(tmp_path: Path) -> None:
    index(tmp_path, TEXTS)
    store = Store(tmp_path)
    store.commit(None, removed=["0.md"])
    assert asked(speller(tmp_path), "kubernites").corrected == ""


@pytest.mark.parametrize(
    ("typed", "found"),
    [("猫", ["猫が", "の猫"]), ("+猫", ["猫が", "の猫"]), ("猫が", ["猫が"]), ("鳥", ["鳥"])],
)
def test_one_character_of_cjk_stands_for_the_pairs_that_have_it(
    tmp_path: Path, typed: str, found: list[str]
) -> None:
    index(tmp_path, ["猫が好き。猫が走る。", "私の猫。"])
    query = asked(speller(tmp_path), typed).query
    (term,) = query.terms
    assert sorted(set(alternatives(term)) - {"猫"}) == sorted(set(found))


@pytest.mark.parametrize("typed", ["mangée", "mangee", "MANGÉES", "manger", "mangeait"])
def test_a_word_of_another_language_is_found_with_and_without_accents(
    tmp_path: Path, typed: str
) -> None:
    index(tmp_path, ["La pomme est mangée par le chat."], "fr")
    known = speller(tmp_path)
    leaves = Snapshots(tmp_path).newest().leaves
    languages = languages_of(leaf.reader for leaf in leaves)
    assert languages == ("fr",)
    understood = known.understand(parse_query(typed, languages))
    assert understood.corrected == ""
    (term,) = understood.query.terms
    assert exists(leaves, term)


def test_mended_words_are_found_in_the_index(tmp_path: Path) -> None:
    index(tmp_path, TEXTS)
    collection = Collection(Snapshots(tmp_path).newest().leaves)
    known = speller(tmp_path)
    (word,) = asked(known, "kuberntes").query.should
    assert word.terms == tuple(terms("kubernetes"))
    assert collection.impacts(word.terms[0]).count == 1
