"""Queries made to cost more than they may."""

import pytest

from docindex.indexer.clauses import And, Clause, Not, Or, Phrase, Prefix
from docindex.indexer.errors import InvalidInput
from docindex.indexer.query import MAX_LENGTH, MAX_TERMS, parse_query
from docindex.indexer.query_tokens import MAX_DEPTH, tokenize

BOMBS = {
    "stars": "*" * 100_000,
    "wildcards": "?*?*?*z " * 5_000,
    "prefixes": "ab* " * 5_000,
    "ranges": "[a TO z] " * 5_000,
    "alternatives": " OR ".join(f"w{number}" for number in range(20_000)),
    "demands": " ".join(f"+w{number}" for number in range(20_000)),
    "exclusions": "x " + " ".join(f"-w{number}" for number in range(20_000)),
    "a long token": "x" * 1_000_000,
    "a long phrase": '"' + "x " * 20_000 + '"',
    "opening parentheses": "(" * 5_000,
    "closing parentheses": ")" * 5_000,
    "nested parentheses": "(" * 5_000 + "x" + ")" * 5_000,
    "nested alternatives": "(a OR " * 5_000 + "b" + ")" * 5_000,
    "empty parentheses": "x OR " + "()" * 5_000,
    "negations": "NOT " * 3_000 + "x",
    "negated parentheses": "x " + "-(" * 3_000 + "y" + ")" * 3_000,
    "operators": "AND OR NOT " * 3_000 + "x",
    "quotation marks": '"' * 99_999,
    "open quotation marks": 'x"' * 10_000,
    "fields": "title:" * 20_000,
    "idle fields": "title: " * 5_000,
    "unknown fields": "foo:bar " * 5_000,
    "signs": "+-" * 20_000,
    "marks": "a" + "\u0301\u0327" * 100_000,
    "CJK": "検索" * 100_000,
    "CJK by characters": "検 索 " * 5_000,
    "lone surrogates": "\ud800" * 10_000 + "x",
    "control characters": "\x00\x1b\x85" * 10_000 + "x",
    "directions": "\u202e" * 10_000 + "x",
    "ligatures that unfold": "\ufdfa" * 20_000,
    "tags": "tag:x" * 20_000,
    "paths": "path:" + "*/" * 20_000,
}

bombs = pytest.mark.parametrize("text", list(BOMBS.values()), ids=list(BOMBS))


@bombs
def test_a_bomb_is_refused_for_its_length(text: str) -> None:
    with pytest.raises(InvalidInput, match=f"at most {MAX_LENGTH}"):
        parse_query(text)


@bombs
def test_as_much_of_a_bomb_as_is_let_in_makes_a_small_query(text: str) -> None:
    # From either end, since what closes is at the other one.
    for piece in (text[:MAX_LENGTH], text[-MAX_LENGTH:]):
        try:
            query = parse_query(piece)
        except InvalidInput:
            continue
        assert len(query.terms) <= MAX_TERMS
        assert sum(map(leaves, query.conditions)) <= MAX_TERMS
        assert max(map(depth, query.conditions), default=0) <= 2 * MAX_DEPTH + 2
        assert len(query.remarks) < 10
        "".join((query.text, *query.remarks)).encode()


@bombs
@pytest.mark.timeout(60)
def test_tokens_take_linear_time_without_the_limit_too(text: str) -> None:
    # Quadratic time would be minutes here.
    tokens = tokenize(text).tokens
    assert len(tokens) <= len(text)
    level = deepest = 0
    for token in tokens:
        level += (token.kind == "(") - (token.kind == ")")
        deepest = max(deepest, level)
    assert level == 0
    assert deepest <= MAX_DEPTH


def test_a_star_never_stands_for_every_term() -> None:
    for text in ("*", "a*", "x *", "?*", "-*", "title:*", "x title:a*", '"*"', "*a", "é*", "検*"):
        try:
            query = parse_query(text)
        except InvalidInput:
            continue
        assert not any(isinstance(clause, Prefix) for clause in query.conditions)


def test_a_phrase_that_fills_the_query_is_within_the_limit() -> None:
    (phrase,) = parse_query('"' + " ".join(f"w{number}" for number in range(100)) + '"').conditions
    assert isinstance(phrase, Phrase)
    assert len(phrase.terms) == MAX_TERMS


def leaves(clause: Clause) -> int:
    match clause:
        case Not(inner):
            return leaves(inner)
        case And(clauses) | Or(clauses):
            return sum(map(leaves, clauses))
        case _:
            return 1


def depth(clause: Clause) -> int:
    match clause:
        case Not(inner):
            return 1 + depth(inner)
        case And(clauses) | Or(clauses):
            return 1 + max(map(depth, clauses))
        case _:
            return 1
