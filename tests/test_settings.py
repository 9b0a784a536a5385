"""The table of settings, its sources, and the plan that is made of them."""

import json
import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docindex.indexer.errors import FolderUnavailable, InvalidInput, InvalidSettings
from docindex.indexer.models import FolderSpec, Options
from docindex.server.http_settings import SECRETS, HttpSettings, check
from docindex.server.plan import Plan, check_rules, make_plan
from docindex.server.settings import (
    NAMES,
    Settings,
    allowed,
    bounds,
    check_callers,
    default,
    flag,
    is_number,
    parse_folder,
    variable,
)
from docindex.server.sources import DEFAULT, load

OTHERS: dict[str, tuple[str, object]] = {
    "folders": (f"a=/docs/a{os.pathsep}/docs/b", ["a=/docs/a", "/docs/b"]),
    "cache_dir": ("/elsewhere/cache", "/elsewhere/cache"),
    "state_dir": ("/elsewhere/state", "/elsewhere/state"),
    "read_only": ("true", True),
    "writable_paths": (f"notes{os.pathsep}drafts/*.md", ["notes", "drafts/*.md"]),
    "writable_extensions": (f"md{os.pathsep}.TXT", [".md", ".txt"]),
    "access": ('[{"path": "guide", "read": ["*"]}]', [{"path": "guide", "read": ["*"]}]),
    "max_document_bytes": ("123456", 123_456),
    "history_days": ("7", 7),
    "history_bytes": ("1000000", 1_000_000),
    "audit": ("false", False),
    "honour_ignore_files": ("false", False),
    "debounce_ms": ("55", 55),
    "reconcile_seconds": ("66.5", 66.5),
    "linger_seconds": ("7.5", 7.5),
    "log_level": ("error", "error"),
    "http": ("true", True),
    "host": ("::1", "::1"),
    "port": ("8111", 8_111),
    "public_url": ("https://docs.example.com/mcp", "https://docs.example.com/mcp"),
    "allowed_hosts": ("docs, [::1]:80 proxy:*", ["docs", "[::1]:80", "proxy:*"]),
    "allowed_origins": ("https://a.example,http://b:1", ["https://a.example", "http://b:1"]),
    "max_request_bytes": ("123456", 123_456),
    "drain_seconds": ("3", 3),
    "tokens": (
        f"a docs:read sha256:{'0' * 64};b docs:read sha256:{'1' * 64}",
        [f"a docs:read sha256:{'0' * 64}", f"b docs:read sha256:{'1' * 64}"],
    ),
    "tokens_file": ("/etc/docindex/tokens", "/etc/docindex/tokens"),
    "oauth_issuer": ("https://id.example.com", "https://id.example.com"),
    "oauth_audience": ("docs", "docs"),
    "oauth_algorithms": ("ES256,RS256", ["ES256", "RS256"]),
    "oauth_leeway_seconds": ("7", 7),
    "oauth_jwks_url": ("http://[::1]:9/keys", "http://[::1]:9/keys"),
    "oauth_introspection_url": ("https://id.example.com/ask", "https://id.example.com/ask"),
    "oauth_client_id": ("docindex", "docindex"),
    "oauth_client_secret": ("hush", "hush"),
    "oauth_name_claim": ("email", "email"),
    "oauth_groups_claim": ("roles", "roles"),
    "rate_limits": ("5/second, reindex=1/day", ["5/second", "reindex=1/day"]),
    "concurrent_calls": ("3", 3),
    "workers": ("3", 3),
    "log_format": ("json", "json"),
}
"""For each setting a value that is not its default, as text and as TOML has it."""

NUMBERS = [name for name in NAMES if is_number(name)]


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    return tmp_path / "etc" / "config.toml"


def write(file: Path, text: str) -> dict[str, str]:
    """The environment in which this is the settings file."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return {"DOCINDEX_CONFIG": str(file)}


def toml(value: object) -> str:
    return json.dumps(value, separators=(", ", " = "))


def test_without_any_source_every_setting_has_its_default() -> None:
    loaded = load({}, {"DOCINDEX_CONFIG": os.devnull})

    assert set(loaded.origins) == set(NAMES)
    assert set(loaded.origins.values()) == {DEFAULT}
    assert loaded.settings == Settings()


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_can_be_set_in_the_file_and_in_the_environment(
    name: str, settings_file: Path
) -> None:
    text, value = OTHERS[name]
    by_file = load({}, write(settings_file, f"{name} = {toml(value)}"))
    by_environment = load({}, {"DOCINDEX_CONFIG": os.devnull, variable(name): text})

    assert getattr(by_file.settings, name) == getattr(by_environment.settings, name)
    assert getattr(by_file.settings, name) != getattr(Settings(), name)
    assert str(settings_file) in by_file.origins[name]
    assert by_environment.origins[name] == variable(name)


@pytest.mark.parametrize("name", sorted({*NAMES} - {"folders", *SECRETS}))
def test_every_setting_but_the_folders_and_secrets_can_be_set_by_a_flag(name: str) -> None:
    text, _ = OTHERS[name]
    by_flag = load({name: text}, {"DOCINDEX_CONFIG": os.devnull})

    assert getattr(by_flag.settings, name) != getattr(Settings(), name)
    assert by_flag.origins[name] == flag(name)


@given(file=st.booleans(), environment=st.booleans(), flagged=st.booleans())
def test_a_flag_wins_over_the_environment_over_the_file_over_the_default(
    tmp_path_factory: pytest.TempPathFactory, file: bool, environment: bool, flagged: bool
) -> None:
    path = tmp_path_factory.mktemp("settings") / "config.toml"
    environ = write(path, "debounce_ms = 21" if file else "")
    if environment:
        environ["DOCINDEX_DEBOUNCE_MS"] = "22"
    loaded = load({"debounce_ms": "23"} if flagged else {}, environ)

    ways = [(flagged, 23, "--debounce-ms"), (environment, 22, "DOCINDEX_DEBOUNCE_MS")]
    ways += [(file, 21, f"the settings file {path}"), (True, 200, "default")]
    expected = next((value, origin) for given, value, origin in ways if given)
    assert (loaded.settings.debounce_ms, loaded.origins["debounce_ms"]) == expected


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_may_be_its_bounds_and_nothing_beyond(name: str) -> None:
    low, high = bounds(name)
    for value in (low, high):
        assert getattr(load({name: str(value)}, {}).settings, name) == value
    for value in (low - 1, high + 1):
        with pytest.raises(InvalidSettings, match=f"^{name} is '{value}' in {flag(name)}; "):
            load({name: str(value)}, {})


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e9", "ten", "0x10", "1 000", "[]"])
@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_no_number_in_bounds_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        load({}, {variable(name): value})

    message = str(caught.value)
    assert name in message
    assert variable(name) in message
    assert allowed(name) in message


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("read_only = 'perhaps'", "read_only is 'perhaps'"),
        ("read_only = []", "read_only is []"),
        ("log_level = 'loud'", "one of debug, info, warning, error"),
        ("folders = [1]", "a list of folders"),
        ("folders = 3", "a list of folders"),
        ("folders = ['']", "a list of folders"),
        ("folders = ['a b=docs']", "a label is made of letters"),
        ("cache_dir = ''", "cache_dir is ''"),
        ("cache_dir = 3", "cache_dir is 3"),
        ('cache_dir = "a\\u0000b"', "cache_dir is 'a\\\\x00b'"),
        ("debounce_ms = 1.5", "a whole number"),
        ("debounce_ms = '" + "9" * 5_000 + "'", "..."),
        ("read_onyl = true", "did you mean read_only?"),
        ("zzz = 1", "docindex config show lists"),
        ("writable_paths = ['../x']", "a list of folders and globs"),
        ("writable_paths = ['']", "an empty text is no folder"),
        ("writable_extensions = ['.exe']", "a list of extensions out of .md, "),
        ("[server]\nread_only = true", "'server' in the settings file"),
        ("debounce_ms =", "is not TOML"),
        ("read_only = true\nread_only = false", "is not TOML"),
    ],
)
def test_a_wrong_settings_file_is_refused_by_name(
    line: str, says: str, settings_file: Path
) -> None:
    with pytest.raises(InvalidSettings) as caught:
        load({}, write(settings_file, line))

    assert says.replace("\\\\", "\\") in str(caught.value)
    assert "the settings file" in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_settings_file_that_is_not_utf_8_is_refused(settings_file: Path) -> None:
    environ = write(settings_file, "")
    settings_file.write_bytes(b"folders = ['caf\xe9']")
    with pytest.raises(InvalidSettings, match="is not TOML"):
        load({}, environ)


def test_a_settings_file_that_was_named_has_to_be_there(settings_file: Path) -> None:
    with pytest.raises(InvalidSettings, match=r"DOCINDEX_CONFIG names .* no such file"):
        load({}, {"DOCINDEX_CONFIG": str(settings_file)})


def test_a_settings_file_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="cannot be read"):
        load({}, {"DOCINDEX_CONFIG": str(tmp_path)})


def test_a_misspelt_variable_is_refused_with_the_right_one() -> None:
    with pytest.raises(InvalidSettings, match=r"did you mean DOCINDEX_READ_ONLY\?"):
        load({}, {"DOCINDEX_READONLY": "1"})


def test_an_empty_variable_is_not_set() -> None:
    assert load({}, {"DOCINDEX_READ_ONLY": ""}).origins["read_only"] == DEFAULT


def test_a_relative_folder_counts_from_the_file_that_names_it(
    settings_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environ = write(settings_file, "folders = ['docs']\ncache_dir = '../cache'")
    in_file = load({}, environ).settings
    in_environment = load({}, environ | {"DOCINDEX_CACHE_DIR": "cache"}).settings

    assert in_file.folders == (FolderSpec(str(settings_file.parent / "docs")),)
    assert in_file.cache_dir == tmp_path / "cache"
    assert in_environment.cache_dir == tmp_path / "cache"


@pytest.mark.parametrize(
    ("text", "label", "path"),
    [
        ("docs", "", "/base/docs"),
        (".", "", "/base"),
        ("guide=docs", "guide", "/base/docs"),
        ("guide=/docs", "guide", "/docs"),
        ("guide=~/docs", "guide", "/home/ana/docs"),
        ("~", "", "/home/ana"),
        ("guide=a=b", "guide", "/base/a=b"),
        ("./a=b", "", "/base/a=b"),
        ("/docs/a=b", "", "/docs/a=b"),
        ("docs/../other", "", "/base/other"),
    ],
)
def test_a_folder_may_have_a_label(
    text: str, label: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    assert parse_folder(text, Path("/base")) == FolderSpec(path, label)


@pytest.mark.parametrize("text", ["", "guide=", "=docs", "a b=docs", "ü=docs", "x" * 41 + "=d"])
def test_what_is_neither_folder_nor_label_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a folder|a label is made of"):
        parse_folder(text, Path("/base"))


def test_the_indexer_hears_of_every_setting_that_concerns_it() -> None:
    values = {name: OTHERS[name][1] for name in NAMES if name in Options.__dataclass_fields__}
    options = load(values, {}).settings.options()

    assert {field.name for field in fields(Options)} == set(values)
    lists = {"writable_paths", "writable_extensions"}
    whole = {
        name: tuple(cast("list[str]", value)) if name in lists else value
        for name, value in values.items()
    }
    assert options == Options(**whole)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_every_row_of_the_table_is_whole(name: str) -> None:
    assert Settings.model_fields[name].description
    assert allowed(name)
    assert default(name)


class TestPlan:
    @pytest.fixture
    def docs(self, tmp_path: Path) -> Path:
        folder = tmp_path / "docs"
        folder.mkdir()
        return folder

    @pytest.fixture
    def environ(self, tmp_path: Path) -> dict[str, str]:
        return {
            "DOCINDEX_CONFIG": os.devnull,
            "DOCINDEX_CACHE_DIR": str(tmp_path / "cache"),
            "DOCINDEX_STATE_DIR": str(tmp_path / "state"),
        }

    def test_the_folders_of_the_command_line_come_first(
        self, docs: Path, environ: dict[str, str]
    ) -> None:
        plan = make_plan([str(docs)], {}, environ | {"DOCINDEX_FOLDERS": "/elsewhere"})
        assert plan.folders == (FolderSpec(str(docs)),)
        assert not plan.chosen_by

    def test_the_folders_setting_comes_next(self, docs: Path, environ: dict[str, str]) -> None:
        plan = make_plan([], {}, environ | {"DOCINDEX_FOLDERS": f"guide={docs}"})
        assert plan.folders == (FolderSpec(str(docs), "guide"),)
        assert plan.chosen_by == "folders in DOCINDEX_FOLDERS"

    def test_the_current_folder_comes_last(
        self, docs: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(docs)
        plan = make_plan([], {}, environ)
        assert plan.folders == (FolderSpec(str(docs)),)
        assert plan.chosen_by == "the current folder"

    def test_a_folder_that_is_not_there_is_refused(
        self, docs: Path, environ: dict[str, str]
    ) -> None:
        with pytest.raises(FolderUnavailable, match="there is no folder"):
            make_plan([f"a={docs}", f"b={docs}/missing"], {}, environ)

    def test_a_file_is_no_folder(self, docs: Path, environ: dict[str, str]) -> None:
        (docs / "a.md").write_text("# A", encoding="utf-8")
        with pytest.raises(FolderUnavailable, match="there is no folder"):
            make_plan([str(docs / "a.md")], {}, environ)

    def test_an_empty_name_is_no_folder(self, environ: dict[str, str]) -> None:
        with pytest.raises(InvalidInput, match="is not a folder"):
            make_plan([""], {}, environ)

    @pytest.mark.parametrize("inside", ["", "sub/", ".hidden/"])
    def test_a_settings_file_among_the_documents_is_not_trusted(
        self, inside: str, docs: Path, environ: dict[str, str]
    ) -> None:
        file = docs / f"{inside}config.toml"
        environ |= write(file, "read_only = false")
        with pytest.raises(InvalidSettings, match="does not trust it"):
            make_plan([str(docs)], {}, environ)

    def test_a_settings_file_is_not_trusted_when_a_link_leads_to_it(
        self, docs: Path, environ: dict[str, str], tmp_path: Path
    ) -> None:
        write(docs / "config.toml", "")
        link = tmp_path / "config.toml"
        link.symlink_to(docs / "config.toml")
        with pytest.raises(InvalidSettings, match="does not trust it"):
            make_plan([str(docs)], {}, environ | {"DOCINDEX_CONFIG": str(link)})

    def test_a_settings_file_cannot_name_its_own_folder(
        self, docs: Path, environ: dict[str, str]
    ) -> None:
        environ |= write(docs / "config.toml", "folders = ['.']")
        with pytest.raises(InvalidSettings, match="does not trust it"):
            make_plan([], {}, environ)

    def test_a_settings_file_beside_the_documents_is_trusted(
        self, docs: Path, environ: dict[str, str], tmp_path: Path
    ) -> None:
        environ |= write(tmp_path / "docs-config.toml", "read_only = true")
        assert make_plan([str(docs)], {}, environ).settings.read_only

    @pytest.mark.parametrize("name", ["cache_dir", "state_dir"])
    @pytest.mark.parametrize("inside", ["", "/.cache", "/not/made/yet"])
    def test_nothing_of_docindex_is_kept_among_the_documents(
        self, name: str, inside: str, docs: Path, environ: dict[str, str]
    ) -> None:
        with pytest.raises(InvalidSettings, match=rf"^{name} \({flag(name)}\) .* folder outside"):
            make_plan([str(docs)], {name: f"{docs}{inside}"}, environ)

    def test_doctor_may_look_at_a_folder_that_is_not_there(
        self, docs: Path, environ: dict[str, str]
    ) -> None:
        missing = str(docs / "missing")
        plan = make_plan([missing], {}, environ, missing_allowed=True)
        assert plan.folders == (FolderSpec(missing),)


def test_rules_for_callers_need_a_way_to_tell_them_apart() -> None:
    rules = [{"path": "**", "read": ["*"]}]
    check_callers(Settings.model_validate({"access": rules, "tokens": TOKEN}))
    check_callers(Settings())
    with pytest.raises(InvalidSettings, match="nothing says who calls"):
        check_callers(Settings.model_validate({"access": rules}))


WRONG_RULES = [
    ('[{"path": "guide", "reads": ["*"]}]', "no 'reads'"),
    ('[{"path": "{user", "read": ["*"]}]', "no placeholder"),
    ('[{"path": "guide", "read": ["{user}"]}]', "does not stand in its path"),
    ('[{"path": "guide", "read": "*"}]', "must be a list of rules"),
    ('[{"read": ["*"]}]', "must be a list of rules"),
    ('["guide"]', "must be a list of rules"),
    ("guide", "not JSON"),
]


@pytest.mark.parametrize(("value", "message"), WRONG_RULES)
def test_a_rule_of_access_that_is_none_is_refused(value: str, message: str) -> None:
    with pytest.raises(InvalidSettings, match=message):
        load({"access": value}, {})


LABELLED = ("team", "notes")
BESIDE = "users/{user}/** /users/{user} users {user}.md note x*/** /*.md no-{a}/b".split()
BELOW = "team/users/{user}/** notes **/a.md *.md */{user}/** {user}/** t**m/a d*/".split()


def access_plan(path: str, labels: Sequence[str]) -> Plan:
    rules = [{"path": "**", "read": ["*"]}, {"path": path, "read": ["*"]}]
    folders = tuple(FolderSpec("/documents", label) for label in labels)
    return Plan(folders, "", Settings.model_validate({"access": rules}))


@pytest.mark.parametrize("path", BESIDE)
def test_a_rule_that_no_label_begins_is_refused_with_what_to_write(path: str) -> None:
    with pytest.raises(InvalidSettings, match="fits no document") as caught:
        check_rules(access_plan(path, LABELLED))
    assert f'"{path}"' in str(caught.value)
    assert f'write "team/{path.lstrip("/")}", or "*/' in str(caught.value)


def test_without_labels_a_rule_may_begin_as_it_likes() -> None:
    for path in BESIDE:
        check_rules(access_plan(path, [""]))


@pytest.mark.parametrize("path", BELOW)
def test_a_rule_that_fits_below_a_label_is_taken(path: str) -> None:
    check_rules(access_plan(path, LABELLED))


WRONG = [
    ("public_url", "http://docs.example.com/mcp", "https://, or tokens can be read"),
    ("public_url", "ftp://docs.example.com/mcp", "begins with https://"),
    ("public_url", "https://ana:x@docs.example.com", "no user"),
    ("public_url", "https://docs.example.com:https/mcp", "must be an https:// address"),
    ("allowed_origins", "https://app.example.com:99999", "out of range"),
    ("oauth_issuer", "https://id.example.com/?a=b", "no user, query or fragment"),
    ("oauth_issuer", "id.example.com", "begins with https://"),
    ("oauth_algorithms", "none", "there are RS256"),
    ("oauth_algorithms", "RS256,HS256", "there are RS256"),
    ("oauth_algorithms", "", "at least 1 item|oauth_algorithms"),
    ("allowed_hosts", "*", "is not a host"),
    ("allowed_hosts", "https://docs.example.com", "is not a host"),
    ("allowed_origins", "*", "is not an origin"),
    ("allowed_origins", "https://app.example.com/", "is not an origin"),
    ("rate_limits", "600", "is not a rate"),
    ("rate_limits", "0/minute", "is not a rate"),
    ("rate_limits", "6/fortnight", "is not a rate"),
    ("rate_limits", "600/minute,search=5/minute", "no tool 'search'; there are search_documents,"),
    ("host", "a b", "is not an address"),
]


@pytest.mark.parametrize(("name", "value", "why"), WRONG)
def test_what_would_weaken_a_server_over_http_is_refused(name: str, value: str, why: str) -> None:
    with pytest.raises(InvalidSettings, match=why):
        load({name: [] if name == "oauth_algorithms" and not value else value}, {})


def test_secrets_are_in_no_message() -> None:
    with pytest.raises(InvalidSettings) as caught:
        load(
            {},
            {"DOCINDEX_CONFIG": os.devnull} | {"DOCINDEX_TOKENS": "hush"} | {"DOCINDEX_PORT": "x"},
        )
    assert "hush" not in str(caught.value)
    assert "hush" not in repr(load({"oauth_client_secret": "hush"}, {}).settings)


TOKEN = f"ana docs:read sha256:{'0' * 64}"


@pytest.mark.parametrize(
    "chosen",
    [
        {"host": "0.0.0.0"},
        {"host": "::"},
        {"host": "192.168.1.7", "public_url": "https://docs.example.com/mcp"},
        {"host": "docs.example.com"},
        {"public_url": "https://docs.example.com/mcp"},
        {"host": "0.0.0.0", "tokens": TOKEN},
        {"oauth_introspection_url": "https://id.example.com/ask", "oauth_issuer": "https://a.b"},
    ],
)
def test_a_server_that_others_could_reach_without_a_token_does_not_start(
    chosen: dict[str, object],
) -> None:
    with pytest.raises(InvalidSettings, match=r"public_url|tokens_file|oauth_client_id"):
        check(HttpSettings.model_validate(chosen))


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"host": "::1"},
        {"host": "localhost"},
        {"host": "127.7.7.7", "public_url": "http://127.7.7.7:8000/mcp"},
        {"host": "0.0.0.0", "public_url": "https://docs.example.com/mcp", "tokens": TOKEN},
        {
            "public_url": "https://docs.example.com/mcp",
            "oauth_issuer": "https://id.example.com",
        },
    ],
)
def test_a_server_that_is_for_this_machine_or_asks_for_tokens_may_start(
    chosen: dict[str, object],
) -> None:
    check(HttpSettings.model_validate(chosen))
