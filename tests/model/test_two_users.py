"""Two users with private folders over one library: nothing that either is told depends on
what the other has.

Each also has a library alone, over a folder without the private documents of the other. What
a user does is done there too, and has to give the same answer, byte for byte but for times.
What changes documents that both may read is carried over to the other's own library.

    ACCESS_CALLS=10000 pytest --timeout 3600 tests/model/test_two_users.py

makes so many calls; without it, some.
"""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from docindex.indexer.access import Caller, Rule
from docindex.indexer.errors import DocindexError
from docindex.indexer.files import version_of
from docindex.indexer.library import Library
from docindex.indexer.models import Edit, FolderSpec, ListRequest, SearchRequest

RULES = (
    Rule("**", read=("*",)),
    Rule("shared/**", read=("*",), write=("*",)),
    Rule("users/{user}/**", read=("{user}",), write=("{user}",)),
)
USERS = ("ana", "ben")
CALLS = int(os.environ.get("ACCESS_CALLS", "120"))
STEPS = min(CALLS, 60)

PUBLIC = {
    "index.md": "# Welcome\n\nThe lantern of the harbour is lit, plus the tide turns.\n",
    "guide/restart.md": "---\ntags: [howto]\n---\n# Restarting\n\nRestart the pump. It restarts.\n",
    "guide/de.md": "---\nlang: de\n---\n# Häuser\n\nDie Häuser am Hafen sind alt und rot.\n",
    "shared/plan.md": "# Plan\n\nMove [it](../guide/restart.md) to the quay.\n\n## More\n\nTide.\n",
}
PRIVATE = {
    "ana": {"first.md": "# Ana\n\nKumquat lanterne, restarted by [it](../../shared/plan.md).\n"},
    "ben": {
        "first.md": "# Ben\n\nZeppelin lanternx restarter.\n",
        "fr.md": "---\nlang: fr\n---\n# Les chevaux\n\nLes chevaux restarts plus kamele.\n",
    },
}
SECRETS = {"ana": ("kumquat", "lanterne", "restarted"), "ben": ("zeppelin", "lanternx", "kamele")}
"""Words that stand nowhere but in the private documents of one user."""

WORDS = [
    *("lantern", "lanterns", "harbour", "tide", "pump", "restart", "restarts", "quay", "häuser"),
    *("alt", "the", "plan", "rot", "welcome", "plus", "les"),
]
TYPOS = ["lantrn", "harbuor", "restrat", "kumquad", "zepelin", "lanternz", "restartex", "kameel"]
NAMES = [
    *(f"{folder}/{name}.md" for folder in ("shared", "users/ana", "users/ben") for name in "abc"),
    *PUBLIC,
    "users/ana/first.md",
    "users/ben/first.md",
]

words = st.sampled_from([*WORDS, *TYPOS, *SECRETS["ana"], *SECRETS["ben"]])
queries = st.one_of(
    st.lists(words, min_size=1, max_size=4).map(" ".join),
    st.lists(words, min_size=2, max_size=2).map(lambda two: f'"{" ".join(two)}"'),
    words.map(lambda word: f"+{word} lantern"),
    words.map(lambda word: f"{word[:3]}*"),
    words.map(lambda word: f"tide title:{word[:2]}* -{word}"),
    st.sampled_from(["tag:howto", "path:users", "NOT tag:howto", "path:shared tide"]),
)
names = st.sampled_from(NAMES)
users = st.sampled_from(USERS)
texts = st.lists(st.sampled_from([*WORDS, "[a](a.md)", "[[b]]", "\n\n## Part\n\n"]), max_size=12)


class TwoUsers(RuleBasedStateMachine):
    """`both` is the folder with everything, `alone` has one for each user."""

    @initialize()
    def set_up(self) -> None:
        self.place = Path(mkdtemp(prefix="docindex-two-users-"))
        self.both = _opened(self.place / "both", USERS)
        self.alone = {user: _opened(self.place / user, (user,)) for user in USERS}
        self.seen = {user: self.both.seen_by(_caller(user)) for user in USERS}
        self.seen_alone = {user: self.alone[user].seen_by(_caller(user)) for user in USERS}
        self.cursors: dict[str, tuple[SearchRequest | ListRequest, str]] = {}

    def teardown(self) -> None:
        if hasattr(self, "place"):
            rmtree(self.place)

    def same(self, user: str, call: Callable[[Library], Any]) -> Any:
        """What the call gives, which has to be what it gives without the other user."""
        given = _outcome(lambda: call(self.seen[user]))
        expected = _outcome(lambda: call(self.seen_alone[user]))
        assert _told(given) == _told(expected), user
        return given

    def written(self, user: str, call: Callable[[Library], Any]) -> None:
        """The same for a call that may write."""
        self.same(user, call)
        (other,) = set(USERS) - {user}
        self._carry_over(other, user)
        assert _files(self.place / user) == _without(_files(self.place / "both"), other)

    def _carry_over(self, other: str, user: str) -> None:
        mine = _without(_files(self.place / "both"), user)
        theirs = _files(self.place / other)
        library = self.alone[other].seen_by(_caller(user))
        for name in theirs.keys() - mine.keys():
            library.delete(name)
        for name, text in mine.items():
            if theirs.get(name) != text:
                version = version_of(theirs[name].encode()) if name in theirs else ""
                library.update(Edit(name, text, if_version=version))

    # Looking

    @rule(user=users, query=queries, count=st.integers(1, 8), path=st.sampled_from(["", "users"]))
    def search(self, user: str, query: str, count: int, path: str) -> None:
        request = SearchRequest(query, count, path, explain=True)
        found = self.same(user, lambda library: library.search(request))
        if getattr(found, "cursor", ""):
            self.cursors[user] = (request, found.cursor)
        (other,) = set(USERS) - {user}
        told = repr(found).lower()
        for secret in SECRETS[other]:
            assert secret in query or secret not in told

    @rule(user=users, word=words)
    def search_for_a_word(self, user: str, word: str) -> None:
        self.search(user, word, 5, "")

    @rule(user=users, own=st.booleans(), path=st.sampled_from(["", "users", "*.md"]))
    def list_documents(self, user: str, own: bool, path: str) -> None:
        request = ListRequest(path, max_results=2, own=own)
        found = self.same(user, lambda library: library.list(request))
        if getattr(found, "cursor", ""):
            self.cursors[user] = (request, found.cursor)

    @rule(user=users)
    def turn_the_page(self, user: str) -> None:
        if user not in self.cursors:
            return
        request, cursor = self.cursors[user]
        (other,) = set(USERS) - {user}

        def turn(library: Library) -> Any:
            if isinstance(request, SearchRequest):
                return library.search(_with(request, cursor=cursor))
            return library.list(_with(request, cursor=cursor))

        self.same(user, turn)
        refused = _outcome(lambda: turn(self.seen[other]))
        assert refused[0] == "invalid_cursor"

    @rule(user=users, name=names)
    def read(self, user: str, name: str) -> None:
        self.same(user, lambda library: library.read(name))

    @rule(user=users, name=names)
    def look_back(self, user: str, name: str) -> None:
        self.same(user, lambda library: library.past(name))

    @rule(user=users, prefix=st.sampled_from(["", "u", "users/", "shared", "a", "first"]))
    def complete(self, user: str, prefix: str) -> None:
        self.same(user, lambda library: library.complete(prefix, 5))

    @rule(user=users)
    def ask_how_it_stands(self, user: str) -> None:
        self.same(user, lambda library: library.status())
        self.same(user, lambda library: library.changes())
        self.same(user, lambda library: {each.name for each in library.written()})

    # Changing

    @rule(user=users, name=names, text=texts, secret=st.booleans(), known=st.booleans())
    def write(self, user: str, name: str, text: list[str], secret: bool, known: bool) -> None:
        if secret and name.startswith(f"users/{user}/"):
            text = [*text, *SECRETS[user]]
        path = self.place / "both" / name
        version = version_of(path.read_bytes()) if known and path.exists() else ""
        content = f"# {name[-4:-3]}\n\n{' '.join(text)}\n"
        self.written(user, lambda library: library.update(Edit(name, content, if_version=version)))

    @rule(user=users, name=names, text=texts)
    def append(self, user: str, name: str, text: list[str]) -> None:
        edit = Edit(name, " ".join(text) or "more", mode="append")
        self.written(user, lambda library: library.update(edit))

    @rule(user=users, name=names, new_name=names, dry_run=st.booleans())
    def move(self, user: str, name: str, new_name: str, dry_run: bool) -> None:
        self.written(user, lambda library: library.move(name, new_name, dry_run=dry_run))

    @rule(user=users, name=names)
    def delete(self, user: str, name: str) -> None:
        self.written(user, lambda library: library.delete(name))

    @rule(user=users, name=names, which=st.integers(0, 2))
    def restore(self, user: str, name: str, which: int) -> None:
        past = _outcome(lambda: self.seen[user].past(name))
        versions = [each.version for each in getattr(past, "versions", ())]
        version = versions[which] if which < len(versions) else "0" * 16
        self.written(user, lambda library: library.restore(name, version))

    @rule(user=users, full=st.booleans())
    def reindex(self, user: str, full: bool) -> None:
        progress: list[str] = []
        self.same(
            user,
            lambda library: library.reindex(
                full, lambda each: progress.append(each.at), threading.Event()
            ),
        )
        (other,) = set(USERS) - {user}
        assert not any(f"users/{other}/" in at for at in progress)


def _caller(user: str) -> Caller:
    return Caller(user, frozenset({"staff"}))


def _opened(root: Path, owners: tuple[str, ...]) -> Library:
    private = {
        f"users/{user}/{name}": text for user in owners for name, text in PRIVATE[user].items()
    }
    for name, text in (PUBLIC | private).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    beside = root.parent / f"{root.name} beside"
    library = Library(
        [FolderSpec(str(root))], cache=beside / "cache", state=beside / "state", rules=RULES
    )
    library.catch_up(lambda progress: None)
    return library


def _files(root: Path) -> dict[str, str]:
    found = root.rglob("*.md")
    return {each.relative_to(root).as_posix(): each.read_bytes().decode() for each in found}


def _without(files: Mapping[str, str], user: str) -> dict[str, str]:
    return {name: text for name, text in files.items() if not name.startswith(f"users/{user}/")}


def _with(request: Any, **changes: object) -> Any:
    return type(request)(
        **{each.name: getattr(request, each.name) for each in fields(request)} | changes
    )


def _outcome(call: Callable[[], Any]) -> Any:
    """What it gives, or the code of its error and what that says."""
    try:
        return call()
    except DocindexError as error:
        return (error.code, str(error), getattr(error, "diff", ""))


_TIMES = ("modified", "when", "as_of", "seconds", "why")
"""What differs from run to run; `why`, since what the other user did is carried over by plain
writes."""


def _told(value: Any) -> Any:
    """The value without times."""
    if is_dataclass(value):
        return (
            type(value).__name__,
            [
                (f.name, _told(getattr(value, f.name)))
                for f in fields(value)
                if f.name not in _TIMES
            ],
        )
    if isinstance(value, dict):
        return {key: _told(one) for key, one in cast("dict[str, Any]", value).items()}
    if isinstance(value, set):
        return sorted(cast("set[str]", value))
    if isinstance(value, tuple | list):
        return [_told(one) for one in cast("list[Any]", value)]
    return value


TestTwoUsers = TwoUsers.TestCase
TestTwoUsers.settings = settings(
    max_examples=-(-CALLS // STEPS),
    stateful_step_count=STEPS,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
    ],
)
