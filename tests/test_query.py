"""From a query string to words and conditions.

The cases of `fixtures/query/*.md` have a title, a query, and what it is read as,
between dots.
"""

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from docindex.indexer.analysis import terms, whole_names
from docindex.indexer.clauses import (
    And,
    Clause,
    Has,
    Located,
    Not,
    Or,
    Phrase,
    Prefix,
    Tagged,
    Word,
    as_typed,
)
from docindex.indexer.errors import InvalidInput
from docindex.indexer.query import MAX_LENGTH, MAX_TERMS, Query, parse_query
from docindex.indexer.query_tokens import MAX_DEPTH, tokenize

FIXTURES = Path(__file__).parent / "fixtures" / "query"
CASE = re.compile(r"^## (.+)\n\.\n(.*)\n\.\n((?:.+\n)*)\.$", re.MULTILINE)


CASES: dict[str, tuple[str, str]] = {
    f"{path.stem}: {title}": (query, reading)
    for path in sorted(FIXTURES.glob("*.md"))
    for title, query, reading in CASE.findall(path.read_text(encoding="utf-8"))
}


@pytest.mark.parametrize(("query", "reading"), list(CASES.values()), ids=list(CASES))
def test_a_query_is_read_as_the_fixture_says(query: str, reading: str) -> None:
    assert written_out(query) == reading


def test_every_case_of_the_fixtures_is_run() -> None:
    titles = sum(path.read_text(encoding="utf-8").count("\n## ") for path in FIXTURES.glob("*.md"))
    assert titles == len(CASES)


def written_out(query: str) -> str:
    try:
        parsed = parse_query(query)
    except InvalidInput as error:
        return f"refused: {error}\n"
    lines = [f"word {_word(word)}" for word in parsed.should]
    lines += [_clause(condition) for condition in parsed.conditions]
    lines += [f"remark: {remark}" for remark in parsed.remarks]
    return "".join(f"{line}\n" for line in lines)


def _word(word: Word) -> str:
    times = f" x{word.count}" if word.count > 1 else ""
    return f"{word.text} [{' '.join(word.terms)}]{times}"


def _clause(clause: Clause) -> str:
    match clause:
        case Has(word, field):
            return f"has {_word(word)}{_within(field)}"
        case Phrase(words, field):
            return f"phrase {', '.join(map(_word, words))}{_within(field)}"
        case Prefix(_, before, start, field):
            stems = " ".join(clause.stems)
            return f"begins {' '.join([*before, start])}* [{stems}]{_within(field)}"
        case Tagged(text, prefix):
            return f"tag {text}{'*' if prefix else ''}"
        case Located(text, prefix):
            return f"path {text}{'*' if prefix else ''}"
        case Not(inner):
            return f"not ({_clause(inner)})"
        case And(clauses):
            return f"all of ({'; '.join(map(_clause, clauses))})"
        case Or(clauses):
            return f"any of ({'; '.join(map(_clause, clauses))})"


def _within(field: str | None) -> str:
    return f" in {field}" if field else ""


# The pieces that mean something, so that they meet in every way.
# fmt: off
PIECES = st.sampled_from(
    [
        *"+-()\"*:'., \t  ", "AND", "OR", "NOT", "and", "title:", "tag:", "path:", "foo:",
        "title:x", "pod", "pods", "the", "C++", "C#", "a.b", "foo_bar", "--flag", "検索器",
        "é", "½", "\x00", "\ud800", "\u201c", "(a", "b)", '"a b"', "pre*", "\u200d", "/x",
    ]
)
# fmt: on
QUERIES = st.one_of(st.lists(PIECES, max_size=30).map("".join), st.text(max_size=80))


@given(QUERIES)
@example("++(ab)AND")
@example("(" * 20 + "a AND b OR c" + ")" * 20)
def test_a_query_is_parsed_or_refused_whatever_is_typed(text: str) -> None:
    try:
        query = parse_query(text)
    except InvalidInput as error:
        str(error).encode()
        return
    assert query.should or query.conditions
    assert all(term for word in query.words for term in word.terms)
    "".join((query.text, *query.remarks)).encode()


@given(QUERIES)
@example('foo:"a b".foo:')
@example("net .net user-name getUserName")
@example("b)AND)--flag")
@example("a ---flag")
def test_what_a_query_was_understood_as_reads_the_same_again(text: str) -> None:
    try:
        query = parse_query(text)
        again = parse_query(query.text)
    except InvalidInput:
        return
    if again.remarks != query.remarks and any("deep" in remark for remark in again.remarks):
        return
    assert (again.should, again.conditions) == (query.should, query.conditions)


@given(st.lists(st.sampled_from(["pod", "restart", "a.b", "foo_bar", "C++", "検索器"]), min_size=1))
def test_bare_words_have_the_terms_that_the_text_would_be_indexed_by(words: list[str]) -> None:
    text = " ".join(words[:20])
    assert set(parse_query(text).terms) == set(terms(text))


def test_a_query_longer_than_the_limit_is_refused() -> None:
    assert parse_query("a" * MAX_LENGTH)
    with pytest.raises(InvalidInput, match=r"513 characters; at most 512 .* Keep the words"):
        parse_query("a" * (MAX_LENGTH + 1))


@pytest.mark.parametrize("text", ["", " ", "\t\n ", "\u3000"])
def test_an_empty_query_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"empty\. Give words"):
        parse_query(text)


def test_terms_beyond_the_limit_are_dropped_with_a_remark() -> None:
    query = parse_query(" ".join(f"w{number}" for number in range(40)))
    assert [word.text for word in query.should] == [f"w{number}" for number in range(MAX_TERMS)]
    assert query.remarks == ("Only the first 32 terms were searched.",)


def test_a_repeated_word_does_not_count_against_the_limit() -> None:
    query = parse_query("pod " * 60 + "restart")
    assert [(word.text, word.count) for word in query.should] == [("pod", 60), ("restart", 1)]
    assert query.remarks == ()


def test_bare_words_give_way_to_conditions_at_the_limit() -> None:
    query = parse_query(" ".join(f"w{number}" for number in range(40)) + ' +last "the end"')
    assert [as_typed(condition) for condition in query.conditions] == ["+last", '"the end"']
    assert len(query.should) == MAX_TERMS - 3


def test_a_phrase_beyond_the_limit_keeps_its_beginning() -> None:
    words = [f"w{number}" for number in range(40)]
    (phrase,) = parse_query(f'"{" ".join(words)}"').conditions
    assert isinstance(phrase, Phrase)
    assert phrase.terms == tuple(words[:MAX_TERMS])


def test_a_phrase_is_cut_at_its_first_term_beyond_the_limit_not_after_it() -> None:
    words = [f"w{number}" for number in range(MAX_TERMS)]
    (phrase,) = parse_query(f'"{" ".join(words)} x w0"').conditions
    assert isinstance(phrase, Phrase)
    assert phrase.terms == tuple(words)


def test_a_long_run_of_cjk_is_cut_to_the_limit_and_not_lost() -> None:
    query = parse_query("".join(chr(0x4E00 + number) for number in range(60)))
    assert len(query.terms) == MAX_TERMS
    assert query.remarks


@pytest.mark.parametrize("operator", ["OR", "AND"])
def test_clauses_beyond_the_limit_are_dropped_inside_operators(operator: str) -> None:
    query = parse_query(f" {operator} ".join(f"w{number}" for number in range(40)))
    assert len(query.terms) == MAX_TERMS
    assert query.remarks == ("Only the first 32 terms were searched.",)


def test_tags_paths_and_prefixes_count_against_the_limit() -> None:
    query = parse_query("pod " + " ".join(f"tag:t{number} path:p{number}" for number in range(25)))
    assert len(query.conditions) == MAX_TERMS
    assert query.should == ()


def test_parentheses_are_heard_to_their_limit_and_ignored_beyond_it() -> None:
    within = parse_query("x OR " + "(y AND " * MAX_DEPTH + "z" + ")" * MAX_DEPTH)
    assert within.remarks == ()
    beyond = parse_query("x OR " + "(y AND " * (MAX_DEPTH + 1) + "z" + ")" * (MAX_DEPTH + 1))
    assert beyond.remarks == ("Parentheses more than 8 deep were ignored.",)


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("pod restart", True),
        ("pod -restart", True),
        ("pod tag:howto", True),
        ("pod path:guide -draft", True),
        ("pod (restart OR tag:howto)", True),
        ("pod +restart", False),
        ('pod "crash loop"', False),
        ("pod title:restart", False),
        ("pod re*", False),
        ("pod (restart OR title:crash)", False),
        ("+pod", False),
        ("tag:howto", False),
    ],
)
def test_bare_words_are_needed_when_no_condition_names_terms(text: str, needed: bool) -> None:
    assert parse_query(text).word_needed is needed


def test_the_words_and_terms_of_a_query_are_those_it_looks_for() -> None:
    query = parse_query('pods +pod "crash loop" title:intro se* a OR b -secret tag:t path:p x.y')
    assert [(word.text, word.count) for word in query.words] == [
        ("pods", 2),
        ("x.y", 1),
        ("crash", 1),
        ("loop", 1),
        ("intro", 1),
        ("a", 1),
        ("b", 1),
    ]
    assert query.terms == ("pod", "x", "y", "crash", "loop", "intro", "a", "b")


def test_the_prefixes_of_a_query_are_those_it_looks_for() -> None:
    query = parse_query("a (service* OR title:ru*) -old*")
    assert [str(prefix) for prefix in query.prefixes] == ["service*", "title:ru*"]
    (service, _) = query.prefixes
    assert service.matches("serviceaccount")
    assert service.matches("servic")
    assert not service.matches("serv")


def test_the_words_before_a_prefix_are_terms() -> None:
    assert parse_query("server-si*").terms == ("server",)


@pytest.mark.parametrize(
    ("text", "dropped", "left"),
    [
        ("pod +restart -draft", "+restart", "pod restart -draft"),
        ("pod +restart -draft", "-draft", "pod +restart"),
        ('"crash loop"', '"crash loop"', "crash loop"),
        ('crash "crash loop"', '"crash loop"', "crash crash loop"),
        ("pod tag:howto path:guide", "tag:howto", "pod path:guide"),
        ("(a OR b) +c", "(a OR b)", "a b +c"),
        ("title:intro", "title:intro", "intro"),
        ("tag:howto", "tag:howto", None),
        ("se*", "se*", None),
        ("tag:howto -draft", "tag:howto", None),
        ("tag:howto -draft", "-draft", "tag:howto"),
    ],
)
def test_one_condition_can_be_dropped(text: str, dropped: str, left: str | None) -> None:
    query = parse_query(text)
    (condition,) = [clause for clause in query.conditions if as_typed(clause) == dropped]
    rest = query.without(condition)
    assert (rest.text if rest else None) == left


def test_remarks_stay_when_a_condition_is_dropped() -> None:
    query = parse_query('pod +restart "open')
    rest = query.without(query.conditions[0])
    assert rest is not None
    assert rest.remarks == query.remarks != ()


@pytest.mark.parametrize(
    ("query", "tags", "matched"),
    [
        ("tag:howto", ["howto"], True),
        ("tag:#HowTo", ["howto"], True),
        ("tag:cafe", ["Café"], True),
        ("tag:area", ["area/search"], True),
        ("tag:area/", ["area/search"], True),
        ("tag:area", ["areas"], False),
        ("tag:area*", ["areas"], True),
        ("tag:search", ["area/search"], False),
        ('tag:"to do"', ["x", "To Do"], True),
        ("tag:howto", [], False),
        ("tag:a", ["a" + "\u0301\u0327" * 100_000], True),
    ],
)
def test_a_tag_matches_itself_and_the_tags_below_it(
    query: str, tags: list[str], matched: bool
) -> None:
    (condition,) = parse_query(query).conditions
    assert isinstance(condition, Tagged)
    assert condition.matches(tags) is matched


@pytest.mark.parametrize(
    ("query", "name", "matched"),
    [
        ("path:adr", "adr/index.md", True),
        ("path:adr", "notes/ADR-016.md", True),
        ("path:adr", "quadrant.md", False),
        ("path:adr", "quadrant/adr.md", True),
        ("path:adr", "adrs.md", False),
        ("path:adr*", "adrs.md", True),
        ("path:/adr", "adr/x.md", True),
        ("path:/adr", "my-adr/x.md", False),
        ("path:guide/", "guide/x.md", True),
        ("path:guide/", "guide.md", False),
        ("path:guide/set*", "guide/setup.md", True),
        ("path:*.md", "x.md", True),
        ("path:cafe", "Cafe\u0301/x.md", True),
        ('path:"my notes"', "My Notes/x.md", True),
    ],
)
def test_a_path_matches_as_whole_words_of_the_name(query: str, name: str, matched: bool) -> None:
    (condition,) = parse_query(query).conditions
    assert isinstance(condition, Located)
    assert condition.matches(name) is matched


@given(st.text(min_size=1, max_size=5), st.text(max_size=20), st.booleans())
def test_a_path_is_sought_without_error_in_any_name(text: str, name: str, prefix: bool) -> None:
    if Located(text, prefix).matches(name):
        assert not prefix or Located(text, prefix).matches(name + "x")


def test_queries_compare_by_what_they_ask() -> None:
    assert parse_query("pod  +restart ") == parse_query("pod +restart")
    assert parse_query("pod") != parse_query("+pod")
    assert hash(parse_query("pod +a")) == hash(parse_query("pod +a"))
    assert isinstance(parse_query("pod"), Query)


@given(st.text("abcXYZ019", min_size=1, max_size=80))
def test_a_plain_word_is_read_as_any_other(text: str) -> None:
    [plain] = tokenize(text).tokens
    [other] = tokenize(f"({text})").tokens[1:-1]
    assert isinstance(plain.clause, Has)
    assert plain.clause.word.terms == tuple(terms(text))
    assert plain.clause.word.names == whole_names(text)
    assert other == plain
