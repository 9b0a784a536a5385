"""Who may read and who may write which documents, told by their paths.

Rules stand in order, and of those whose path fits a document the last one decides alone.
What no rule fits is there for nobody. A rule may hold placeholders: in `users/{user}/**`,
`{user}` stands for one component, whatever it is, and `{user}` among those who may read is
then the user who is called like that.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias, cast

from docindex.indexer.access import Caller, Rule
from docindex.indexer.errors import InvalidInput
from docindex.indexer.filters import PathFilter, is_glob
from docindex.indexer.names import normalised, shown

Principal: TypeAlias = tuple[str, ...]
"""Whom a rule names: ("user", NAME), ("group", NAME), ("claim", KEY, VALUE) or `EVERYBODY`."""

EVERYBODY: Principal = ("*",)

MOST_REMEMBERED = 200_000
"""Names whose realms are remembered."""

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def fits_below(path: str, labels: Iterable[str]) -> bool:
    """Whether a rule's path, which is a good one, can fit names that begin with one of the
    labels of folders."""
    path = normalised(path)
    components = path.strip("/").split("/")
    first = components[0]
    if first == "**" or (len(components) == 1 and path[0] != "/" and is_glob(first)):
        return True  # at any depth
    # Within one component ** is *.
    top = _Component(first.replace("**", "*"))
    return any(top.value(label) is not None for label in labels)


class Realm(NamedTuple):
    """Documents that the same callers may read, and the same may write."""

    readers: frozenset[Principal]
    """Writers too."""
    writers: frozenset[Principal]

    @property
    def public(self) -> bool:
        """Whether every caller may read them."""
        return EVERYBODY in self.readers


NOBODYS = Realm(frozenset(), frozenset())


class Rules:
    """For any number of threads at once."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Raises InvalidInput, with the rule and what is wrong with it."""
        # The last one that fits decides, so it is asked first.
        self._rules = [_Compiled(rule) for rule in rules][::-1]
        self._known: dict[str, Realm] = {}

    def realm(self, name: str) -> Realm:
        """The realm of a document, there or not, by the name that the library knows it by."""
        found = self._known.get(name)
        if found is None:
            each = (realm for rule in self._rules if (realm := rule.realm(name)) is not None)
            found = next(each, NOBODYS)
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[name] = found
        return found

    def names(self, user: str) -> bool:
        """Whether any rule names this very user, be there such documents or not."""
        return bool(user) and any(rule.names(normalised(user)) for rule in self._rules)

    def reach(self, caller: Caller) -> "Reach":
        """What the caller may do."""
        return Reach(self, caller.name, frozenset(_principals(caller)))


class Reach(NamedTuple):
    """How far a caller reaches by the rules."""

    rules: Rules
    who: str
    principals: frozenset[Principal]
    """All that the caller is."""

    def reads(self, realm: Realm) -> bool:
        return not self.principals.isdisjoint(realm.readers)

    def may_read(self, name: str) -> bool:
        return self.reads(self.rules.realm(name))

    def may_write(self, name: str) -> bool:
        return not self.principals.isdisjoint(self.rules.realm(name).writers)

    def owns(self, name: str) -> bool:
        """Whether the rule about a document names this very user."""
        return ("user", normalised(self.who)) in self.rules.realm(name).readers

    @property
    def named(self) -> bool:
        """Whether some rule names this very user."""
        return self.rules.names(self.who)


class _Compiled:
    def __init__(self, rule: Rule) -> None:
        try:
            self._pattern = _Pattern(rule.path)
            known = self._pattern.placeholders
            self._writers = [_Who(text, known) for text in rule.write]
            self._readers = [*self._writers, *(_Who(text, known) for text in rule.read)]
        except InvalidInput as error:
            raise InvalidInput(f'the rule for "{shown(rule.path)}": {error}') from None

    def realm(self, name: str) -> Realm | None:
        """None when the rule is not about that document."""
        values = self._pattern.values(name)
        if values is None:
            return None
        return Realm(
            frozenset(who.principal(values) for who in self._readers),
            frozenset(who.principal(values) for who in self._writers),
        )

    def names(self, user: str) -> bool:
        return any(who.may_be(user) for who in self._readers)


class _Pattern:
    """A path with placeholders. What they stand for can be read in one way only, since
    they are at a fixed depth, and nothing but plain text is beside them."""

    def __init__(self, path: str) -> None:
        path = normalised(path)
        if not path.strip("/"):
            raise InvalidInput("its path is empty; ** is every document")
        components = path.strip("/").split("/")
        deep = [at for at, each in enumerate(components) if "{" in each or "}" in each]
        end = deep[-1] + 1 if deep else 0
        self._above = [_Component(each) for each in components[:end]]
        names = [each.placeholder for each in self._above if each.placeholder]
        self.placeholders = frozenset(names)
        if len(names) > len(self.placeholders):
            raise InvalidInput("a placeholder stands in it twice")
        # Below the last placeholder everything is as in any other path, counted from there.
        below = "/".join(components[end:])
        self._below = PathFilter(f"/{below}" if below else "") if end else PathFilter(path)
        self._deeper = bool(below)

    def values(self, name: str) -> Mapping[str, str] | None:
        """What the placeholders stand for in a name; None when it does not fit."""
        found: dict[str, str] = {}
        components = name.split("/")
        if len(components) < len(self._above) + self._deeper:
            return None
        for known, component in zip(self._above, components, strict=False):
            value = known.value(component)
            if value is None:
                return None
            if known.placeholder:
                found[known.placeholder] = value
        below = "/".join(components[len(self._above) :])
        return found if self._below.matches(below) else None


class _Component:
    """One component of a path, up to the last placeholder."""

    def __init__(self, text: str) -> None:
        found = _PLACEHOLDER.findall(text)
        plain = _PLACEHOLDER.sub("", text)
        if "{" in plain or "}" in plain:
            raise InvalidInput(
                f'"{shown(text)}" is no placeholder; one looks like {{user}}, in small letters'
            )
        if "**" in text:
            raise InvalidInput("** may not stand before a placeholder: use * for each folder")
        if len(found) > 1 or (found and any(sign in plain for sign in "*?[")):
            raise InvalidInput(
                f'"{shown(text)}" can be read in several ways: beside a placeholder stands plain '
                "text, or nothing"
            )
        self.placeholder = found[0] if found else ""
        self._before, _, self._after = text.partition(f"{{{self.placeholder}}}")
        self._plain = None if found else PathFilter(f"/{text}")

    def value(self, component: str) -> str | None:
        """What the placeholder stands for, "" where there is none; None: it does not fit."""
        if self._plain is not None:
            return "" if self._plain.matches(component) else None
        end = len(component) - len(self._after)
        if len(self._before) >= end:
            return None
        if not (component.startswith(self._before) and component.endswith(self._after)):
            return None
        return component[len(self._before) : end]


class _Who:
    """One of those whom a rule names."""

    def __init__(self, text: str, placeholders: frozenset[str]) -> None:
        kind, colon, rest = normalised(text).partition(":")
        self._fixed: Principal = ()
        if text == "*":
            self._fixed, rest = EVERYBODY, "*"
        elif colon and kind == "group":
            self._fixed = ("group",)
        elif colon and kind == "claim":
            key, equals, rest = rest.partition("=")
            if not (key and equals):
                raise InvalidInput(f'"{shown(text)}" should be claim:KEY=VALUE')
            self._fixed = ("claim", key)
        else:
            self._fixed, rest = ("user",), normalised(text)
        if not rest:
            raise InvalidInput(f'"{shown(text)}" names nobody')
        for name in _PLACEHOLDER.findall(rest):
            if name not in placeholders:
                raise InvalidInput(f"{{{name}}} does not stand in its path")
        self._value = rest

    def may_be(self, user: str) -> bool:
        """Whether it is this user, for some path."""
        plain = _PLACEHOLDER.split(self._value)[::2]
        wanted = "[^/]+".join(map(re.escape, plain))
        return self._fixed == ("user",) and re.fullmatch(wanted, user) is not None

    def principal(self, values: Mapping[str, str]) -> Principal:
        if self._fixed == EVERYBODY:
            return EVERYBODY
        # What was read from a path is never read again: it cannot become a group.
        return (*self._fixed, _PLACEHOLDER.sub(lambda found: values[found[1]], self._value))


def _principals(caller: Caller) -> Iterator[Principal]:
    yield EVERYBODY
    if caller.name:
        yield ("user", normalised(caller.name))
    for group in caller.groups:
        yield ("group", normalised(group))
    for key, value in caller.claims.items():
        for text in _texts(value):
            yield ("claim", normalised(key), text)


def _texts(value: object) -> Iterator[str]:
    """A claim as texts: itself, or each of several."""
    match value:
        case bool():
            yield str(value).lower()
        case str() | int() | float():
            yield normalised(str(value))
        case list() | tuple() | set() | frozenset():
            for one in cast("Sequence[object]", value):
                if isinstance(one, str | int | float):
                    yield from _texts(one)
        case _:
            pass
