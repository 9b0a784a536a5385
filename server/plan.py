"""From what the user typed to what the program will do.

`make_plan` is the one conversion between the two. What it lets pass, a command
can act on: the settings are valid, the folders are there, and neither the index
nor the settings are kept among the documents.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from docindex.indexer.errors import FolderUnavailable, InvalidInput, InvalidSettings
from docindex.indexer.models import FolderSpec
from docindex.indexer.names import shown
from docindex.server.settings import Settings, parse_folder
from docindex.server.sources import Loaded, load


@dataclass(frozen=True, slots=True)
class Plan:
    folders: tuple[FolderSpec, ...]
    chosen_by: str
    """What named the folders when the command line did not, else ""."""
    settings: Settings

    @property
    def places(self) -> str:
        """The folders, for people."""
        return ", ".join(folder.path for folder in self.folders)


def make_plan(
    typed: Sequence[str],
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    *,
    missing_allowed: bool = False,
) -> Plan:
    """`typed` are the folders of the command line, each `[LABEL=]DIR`; `flags`
    the settings given there. Without folders it is the `folders` setting that
    names them, and else the current folder.

    Raises InvalidSettings, InvalidInput (what is no folder), FolderUnavailable (one
    that is not there, unless `missing_allowed`).
    """
    loaded = load(flags, environ)
    folders, chosen_by = _choose(typed, loaded)
    for folder in folders:
        if not missing_allowed and not os.path.isdir(folder.path):
            raise FolderUnavailable(f"there is no folder {folder.path}")
    _keep_apart(folders, loaded)
    return Plan(folders, chosen_by, loaded.settings)


def check_rules(plan: Plan) -> None:
    """Raises InvalidSettings for a rule of access that fits no document because folders with
    labels put these before each name: what it keeps for some would be for whom another rule
    says, perhaps for all."""
    from docindex.indexer.rules import fits_below  # needed only where there are callers

    labels = [folder.label for folder in plan.folders if folder.label]
    for rule in plan.settings.access if labels else ():
        if not fits_below(rule.path, labels):
            path = rule.path.lstrip("/")
            raise InvalidSettings(
                f'access has a rule for "{shown(rule.path)}", which fits no document: folders '
                f"with labels have these before each name ({', '.join(labels)}); write "
                f'"{shown(f"{labels[0]}/{path}")}", or "{shown(f"*/{path}")}" for each folder'
            )


def _choose(typed: Sequence[str], loaded: Loaded) -> tuple[tuple[FolderSpec, ...], str]:
    if typed:
        try:
            return tuple(parse_folder(text, Path.cwd()) for text in typed), ""
        except ValueError as error:
            raise InvalidInput(str(error)) from None
    if loaded.settings.folders:
        return loaded.settings.folders, f"folders in {loaded.origins['folders']}"
    return (FolderSpec(path=str(Path.cwd())),), "the current folder"


def _keep_apart(folders: Iterable[FolderSpec], loaded: Loaded) -> None:
    """Refuses to trust, or to write, what is among the documents.

    A settings file there may have come with them, from anybody. An index there
    would make docindex change the very folder that it watches.
    """
    settings = loaded.settings
    for folder in folders:
        if loaded.file_exists and _lies_in(loaded.file, folder):
            raise InvalidSettings(
                f"the settings file {loaded.file} lies in the documents folder {folder.path}, "
                "where docindex does not trust it; move it, and name it with DOCINDEX_CONFIG"
            )
        for name, place in (("cache_dir", settings.cache_dir), ("state_dir", settings.state_dir)):
            if _lies_in(place, folder):
                raise InvalidSettings(
                    f"{name} ({loaded.origins[name]}) is {place}, which lies in the documents "
                    f"folder {folder.path}; set it to a folder outside"
                )


def _lies_in(path: Path, folder: FolderSpec) -> bool:
    """Asks the file system and does not compare texts, so that links and the
    case of letters cannot hide it."""
    real = Path(os.path.realpath(path))
    for ancestor in (real, *real.parents):
        try:
            if os.path.samefile(ancestor, folder.path):
                return True
        except OSError:
            continue  # not made yet
    return False
