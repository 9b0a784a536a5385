"""Text into terms."""

import re
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from docindex.indexer import analysis
from docindex.indexer.analysis import (
    FINGERPRINT,
    FUNCTION_WORDS,
    MAX_TERM,
    analyse,
    canonical,
    chunks,
    chunks_of_lines,
    identifiers,
    pieces,
    stems_beyond,
    term_of,
    term_spans,
    terms,
    terms_of_chunks,
    words,
    words_as_written,
)
from docindex.indexer.characters import fold

# Whatever is special to the analysis, next to each other in every way.
# fmt: off
PIECES = st.sampled_from(
    [
        *"cCfF#+_ .-'a1\n\x00", "C++", "c#", "F#", "C++17", "_c++_", "running", "é", "e\u0301",
        "検", "索器", "の", "ﾃﾞ", "がａ", "½", "㈱", "㍿", "㊀", "ß", "İ", "ς", "\u00ad", "\u200d",
        "\ufe0f", "\U000e0100", "\u0301", "\u3099", "हिन्दी", "한국", "\u1112\u1161\u11ab", "\ud800",
    ]
)
# fmt: on
TEXTS = st.one_of(st.lists(PIECES, max_size=12).map("".join), st.text(max_size=40))


def found_by(text: str) -> list[str]:
    known = terms_of_chunks("")
    return [term for chunk in chunks(text) for term in known[chunk]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Restarting the pods", "restart the pod"),
        ("foo_bar foo-bar foo bar", "foo bar foo bar foo bar"),
        ("__init__", "init"),
        ("std::vector a.b.c --dry-run", "std vector a b c dri run"),
        ("ADR-016", "adr 016"),
        ("v2.7.4 3,000", "v2 7 4 3 000"),
        ("camelCase CAMELCASE", "camelcas camelcas"),
        ("running runs stopped mapping dying", "run run stop map die"),
        ("add added adding paste pasted", "add add add paste paste"),
        ("C++ c++17 (C++) my_c++", "cpp cpp 17 cpp my cpp"),
        ("C# c#; F# C#7 .NET", "csharp csharp fsharp c 7 net"),
        ("abc++ main.c#L10 g++ C+", "abc main c l10 g c"),
        ("言語はC++です C#で", "言語 語は cpp です csharp で"),
        ("café CAFÉ cafe\u0301 cafe", "cafe cafe cafe cafe"),
        ("naïve naive", "naiv naiv"),
        ("Straße STRASSE", "strass strass"),
        ("Ørsted Łódź Æther œuvre þorn", "orst lodz aether oeuvr thorn"),
        ("İstanbul ıssız", "istanbul issiz"),
        ("ΣΊΣΥΦΟΣ σίσυφος", "σισυφοσ σισυφοσ"),
        ("ёлка елка", "елка елка"),
        ("ｃａｆｅ ﬁle ½", "cafe file 1 2"),
        ("docu\u00adment za\u200dz", "document zaz"),
        ("zero\u200bwidth", "zero width"),
        ("検索エンジン", "検索 索エ エン ンジ ジン"),
        ("猫", "猫"),
        ("Whooshは全文検索です。速い!", "whoosh は全 全文 文検 検索 索で です 速い"),
        ("ﾃﾞｰﾀ データ", "デー ータ デー ータ"),
        ("か\u3099く がく", "がく がく"),
        ("葛\U000e0100飾 葛飾", "葛飾 葛飾"),
        ("㍿", "株式 式会 会社"),
        ("한국어 검색", "한국 국어 검색"),
        ("\u1112\u1161\u11ab\u1100\u116e\u11a8", "한국"),
        ("中文分詞", "中文 文分 分詞"),
        ("हिन्दी नमस्ते", "हिन्दी नमस्ते"),
        ("🚀✔\ufe0f → … 《》", ""),
        ("a\x00b\x1bc\ud800d", "a b c d"),
        ("", ""),
    ],
)
def test_a_text_has_the_terms(text: str, expected: str) -> None:
    assert terms(text) == expected.split()


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("foo_bar", "foo bar"),
        ("foo bar", "foo_bar"),
        ("server-side", "server side"),
        ("std::vector", "vector std"),
        ("ADR-016", "adr 016"),
        ("GetLastError", "getlasterror"),
        ("café", "CAFE"),
        ("cafe", "café"),
        ("deployments", "deployment"),
        ("全文検索の設定", "検索"),
        ("C++", "cpp"),
    ],
)
def test_what_is_written_is_found_by_what_is_asked(written: str, asked: str) -> None:
    assert set(terms(asked)) <= set(terms(written))


def test_names_that_differ_in_their_signs_alone_are_told_apart() -> None:
    assert len({tuple(terms(name)) for name in ("C", "C++", "C#", "F", "F#")}) == 5


@given(TEXTS)
@example("c#c++c#_C++1")
@example("éc++ c#é 検c++検 e\u0301C# c++\u0301 f#の _c#")
@example("É#Ｃ++ ½C# \ud800c++\ud800")
def test_the_spans_of_a_text_give_its_terms(text: str) -> None:
    assert [term for term, _, _ in term_spans(text)] == terms(text)


@given(st.text(alphabet="cCfF#+_ a1.", max_size=30))
def test_the_fast_way_for_ascii_gives_what_the_other_way_gives(text: str) -> None:
    assert terms(f"é {text}")[1:] == terms(text)


@given(TEXTS)
@example("é-c# c#-é _c++_ ..C#x c#é")
def test_a_text_has_the_terms_of_its_chunks(text: str) -> None:
    found = map(analyse, chunks(text))
    spoken = [pair for each in found for pair in zip(each.words, each.written, strict=True)]
    assert [term_of(*pair) for pair in spoken] == terms(text)
    assert sorted(found_by(text)) == sorted([*terms(text), *identifiers(text)])


@given(TEXTS)
@example("é-c# c#-é _c++_ ..C#x c##")
def test_a_text_has_the_words_of_its_chunks(text: str) -> None:
    written = {word for chunk in chunks(text) for word in words_as_written(chunk)}
    assert list(term_spans(text, among=written)) == list(term_spans(text))
    assert list(term_spans(text, among=())) == []


@given(st.lists(TEXTS, max_size=6))
@example(["c", "# x", "C#", "\0", "", "d\r"])
def test_lines_have_the_chunks_that_each_has(lines: list[str]) -> None:
    assert chunks_of_lines(lines) == list(map(chunks, lines))


@given(st.one_of(TEXTS, st.text(alphabet="aB1_-.:+#é", max_size=12)))
@example("--Ab._")
@example("..net")
@example("HTMLs.v2")
@example("_.A")
def test_what_chunks_have_in_common_is_all_that_counts(text: str) -> None:
    for chunk in chunks(text):
        plain, same = analyse(chunk), analyse(canonical(chunk))
        assert [list(each) for each in plain] == [list(each) for each in same]


@given(st.lists(TEXTS).map("".join), st.integers(1, 9))
@example("éc# #c ++c# c#_c++。c+++", 1)
def test_the_pieces_of_a_text_have_its_terms(text: str, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(analysis, "PIECE", size)
        found = list(pieces(text))
    assert "".join(found) == text
    assert [term for piece in found for term in terms(piece)] == terms(text)


@given(TEXTS)
def test_spans_lie_in_the_text_in_order(text: str) -> None:
    spans = [(start, end) for _, start, end in term_spans(text)]
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert spans == sorted(spans)


def test_spans_show_the_text_as_it_was_written() -> None:
    text = "The RUNNING cafe\u0301, C++ and 検索器 ﾃﾞｰﾀ"
    assert [(term, text[start:end]) for term, start, end in term_spans(text)] == [
        ("the", "The"),
        ("run", "RUNNING"),
        ("cafe", "cafe\u0301"),
        ("cpp", "C++"),
        ("and", "and"),
        ("検索", "検索"),
        ("索器", "索器"),
        ("デー", "ﾃﾞｰﾀ"),
        ("ータ", "ﾃﾞｰﾀ"),
    ]


@given(TEXTS)
@example("c#é")
def test_composed_and_decomposed_text_have_the_same_terms(text: str) -> None:
    assert terms(unicodedata.normalize("NFD", text)) == terms(unicodedata.normalize("NFC", text))


@given(TEXTS, TEXTS)
def test_a_blank_always_stands_between_words(first: str, second: str) -> None:
    assert terms(f"{first}\n{second}") == terms(first) + terms(second)


@given(TEXTS)
def test_terms_can_be_written_to_an_index(text: str) -> None:
    for term in terms(text):
        assert 0 < len(term) <= MAX_TERM
        assert not re.search(r"\s", term)
        term.encode()


@given(TEXTS)
def test_words_are_the_terms_with_their_endings(text: str) -> None:
    unstemmed = words(text)
    assert len(unstemmed) == len(terms(text))
    assert [term for word in unstemmed for term in terms(word)] == terms(text)


@given(st.text(max_size=20))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_a_long_word_is_cut_and_not_lost() -> None:
    assert terms("x" * 1000 + " y") == ["x" * MAX_TERM, "y"]
    assert terms("é" * 1000 + " y") == ["e" * MAX_TERM, "y"]


def test_a_long_run_of_cjk_is_kept_whole() -> None:
    assert len(terms("検索" * 1000)) == 1999


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "\u0301\u0327" * 300_000,
        "a" + "\u0301\u0327" * 300_000,
        "a\u0301" * 300_000,
        "が" * 300_000,
        "か\u3099" * 300_000,
        "\ufdfa" * 100_000,
        "C++" * 300_000,
        "C#" * 300_000,
        "_" * 1_000_000,
        "\u200d" * 500_000,
        "\U000e0100" * 300_000,
    ],
    ids=lambda text: f"{text[:4]!a}",
)
@pytest.mark.timeout(60)
def test_a_hostile_text_is_analysed_in_the_end(text: str) -> None:
    # Quadratic time would be hours here.
    assert all(len(term) <= MAX_TERM for term in terms(text))


def test_the_memory_of_words_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "MEMO_ENTRIES", 1000)
    memos: list[dict[Any, Any]] = [
        *(vars(analysis)[name] for name in ("_known", "_stemmed")),
        terms_of_chunks(""),
    ]
    for memo in memos:
        memo.clear()
    for number in range(analysis.MEMO_ENTRIES + 10):
        terms(f"w{number} é{number}")
        list(found_by(f"w{number} é{number}"))
        assert all(len(memo) <= analysis.MEMO_ENTRIES for memo in memos)
    long = "z" * 100_000 + " é" + "z" * 100_000
    assert list(found_by(long)) == terms(long)
    assert all(memo and max(map(len, memo)) <= MAX_TERM for memo in memos)


WORDS = """
    service services cache caching install installed installation manage manager management
    deploy deployed deployment deployments iterate iteration iterations iterator running runner
    configure configuration configurations available availability policies policy relational
    happiness hopeful digitizer conformably operator feudalism decisiveness formality
    queries query copied copying sses caresses ponies ties agreed plastered motoring
    troubled sized hopping falling hissing fizzed failing filing happy sky
    valency hesitancy vietnamization sensibility triplicate formative electrical goodness
    revival allowance inference airliner gyroscopic adjustable defensible irritant replacement
    adjustment dependent adoption homologous communism activate angularity effective bowdlerize
    probate rate cease controlled rolling international authorization authorizations
""".split()


@pytest.mark.parametrize("word", WORDS)
def test_every_beginning_of_a_word_leads_to_its_term(word: str) -> None:
    (term,) = terms(word)
    for length in range(2, len(word) + 1):
        assert term.startswith(word[:length]) or term in stems_beyond(word[:length])


def test_a_beginning_that_takes_no_english_endings_leads_nowhere_else() -> None:
    assert stems_beyond("検索") == stems_beyond("v2") == stems_beyond("") == ()
    assert stems_beyond("service") == ("servic",)


def test_function_words_are_written_as_they_are_compared() -> None:
    assert all(word == word.lower() for word in FUNCTION_WORDS)
    assert {"what", "how", "do", "i", "the", "of", "can", "don't"} <= FUNCTION_WORDS
    assert FUNCTION_WORDS.isdisjoint({"install", "pod", "off", "up", "all", "new", "get", "show"})


def test_the_fingerprint_can_name_a_folder() -> None:
    assert re.fullmatch(r"[0-9a-f]{8}", FINGERPRINT)
