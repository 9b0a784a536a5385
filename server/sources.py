"""Where the values of the settings come from. The first source that has one wins:

    a flag  >  a DOCINDEX_* variable  >  the settings file  >  the default

The settings file is `config.toml` in the user's configuration folder, or what
`DOCINDEX_CONFIG` names.
"""

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from pydantic import ValidationError

from docindex.indexer.errors import InvalidSettings
from docindex.server.http_settings import SECRETS
from docindex.server.settings import (
    ENVIRONMENT_PREFIX,
    NAMES,
    Settings,
    allowed,
    flag,
    variable,
    with_tilde,
)

FILE_VARIABLE = ENVIRONMENT_PREFIX + "CONFIG"
DEFAULT = "default"
"""The origin of a value that nobody set."""


@dataclass(frozen=True, slots=True)
class Loaded:
    settings: Settings
    origins: Mapping[str, str]
    """For each setting a flag, a variable, the settings file, or `DEFAULT`."""
    file: Path
    file_exists: bool


@dataclass(frozen=True, slots=True)
class _Source:
    values: Mapping[str, object]
    origin: Callable[[str], str]
    """What to call the place where this setting is set."""
    base: Path
    """Where relative folders count from."""


def load(flags: Mapping[str, object], environ: Mapping[str, str]) -> Loaded:
    """The settings that hold, from the three sources and the defaults.

    `flags` has those that were given, by the name of the setting. Raises
    InvalidSettings with the setting, its source and what is allowed.
    """
    file = _settings_file(environ)
    in_file = _read(file, must_exist=bool(environ.get(FILE_VARIABLE)))
    title = f"the settings file {with_tilde(file)}"
    for name in in_file or ():
        if name not in NAMES:
            raise InvalidSettings(_unknown(name, NAMES, title))
    values: dict[str, object] = {}
    origins = dict.fromkeys(NAMES, DEFAULT)
    bases: dict[str, Path] = {}
    for source in (
        _Source(in_file or {}, lambda _: title, file.parent),
        _Source(_in_environment(environ), variable, Path.cwd()),
        _Source(flags, flag, Path.cwd()),
    ):
        for name, value in source.values.items():
            values[name] = value
            origins[name] = source.origin(name)
            bases[name] = source.base
    try:
        settings = Settings.model_validate(values, context=bases)
    except ValidationError as error:
        raise InvalidSettings(_explain(error, origins)) from None
    return Loaded(settings, origins, file, in_file is not None)


def _settings_file(environ: Mapping[str, str]) -> Path:
    named = environ.get(FILE_VARIABLE)
    if named:
        return Path(os.path.abspath(os.path.expanduser(named)))
    return platformdirs.user_config_path("docindex", appauthor=False) / "config.toml"


def _read(file: Path, *, must_exist: bool) -> dict[str, object] | None:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if not must_exist:
            return None
        raise InvalidSettings(
            f"{FILE_VARIABLE} names {with_tilde(file)}, and there is no such file; "
            "write it, or unset the variable"
        ) from None
    except OSError as error:
        why = error.strerror or str(error)
        raise InvalidSettings(
            f"the settings file {with_tilde(file)} cannot be read: {why}"
        ) from None
    except ValueError as error:  # not UTF-8, or not TOML
        raise InvalidSettings(
            f"the settings file {with_tilde(file)} is not TOML: {error}"
        ) from None


def _in_environment(environ: Mapping[str, str]) -> dict[str, object]:
    """The values of the environment; an empty variable is one that is not set."""
    names = {variable(name): name for name in NAMES}
    found: dict[str, object] = {}
    for key, value in environ.items():
        if not key.startswith(ENVIRONMENT_PREFIX) or key == FILE_VARIABLE or not value:
            continue
        if key not in names:
            raise InvalidSettings(_unknown(key, tuple(names), "the environment"))
        found[names[key]] = value
    return found


def _unknown(name: str, known: tuple[str, ...], source: str) -> str:
    """Refused and not passed over: a switch with a typo would fail open."""
    from difflib import get_close_matches  # needed only by those who mistype

    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else "docindex config show lists all of them"
    return f"{name!r} in {source} is not a setting; {hint}"


def _explain(error: ValidationError, origins: Mapping[str, str]) -> str:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    value = "a secret" if name in SECRETS else repr(first["input"])
    shown = value if len(value) <= 80 else value[:77] + "..."
    message = f"{name} is {shown} in {origins[name]}; it must be {allowed(name)}"
    cause = first.get("ctx", {}).get("error")
    return f"{message} ({cause})" if isinstance(cause, ValueError) else message
