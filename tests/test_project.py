"""The project itself: what it is made of, and what is in the packages it ships as."""

import ast
import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from filelock import FileLock

import docindex

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*ROOT.glob("indexer/*.py"), *ROOT.glob("server/**/*.py")])
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

SLOW_TO_IMPORT = {"numpy", "rich", "whoosh", "watchfiles", "yaml", "markdown_it", "pathspec"}
"""What the first answer of a server does not need."""


def imported(source: Path) -> set[str]:
    """The packages that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import in {source}"
            found.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            found.add(str(ast.literal_eval(node.args[0])).partition(".")[0])
    return found


def distribution(requirement: str) -> str:
    """The normalized name in "PyYAML>=6.0"."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def test_the_version_is_the_same_everywhere() -> None:
    assert PROJECT["version"] == docindex.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {docindex.__version__}" in changelog


def test_every_package_that_is_imported_is_a_dependency_and_the_other_way_round() -> None:
    packages = set[str]().union(*map(imported, SOURCES))
    others = packages - sys.stdlib_module_names - {"docindex"}
    providers = packages_distributions()
    needed = {distribution(name) for package in others for name in providers[package]}

    assert needed == {distribution(requirement) for requirement in PROJECT["dependencies"]}


def test_every_dependency_is_explained() -> None:
    architecture = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").lower()
    for requirement in PROJECT["dependencies"]:
        assert f"`{distribution(requirement)}`" in architecture, requirement


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_is_called_like_one_of_the_standard_library(source: Path) -> None:
    assert source.stem not in sys.stdlib_module_names


def test_a_server_starts_without_what_its_first_answer_does_not_need() -> None:
    look = """if True:
        import json, sys
        import mcp.server.mcpserver, mcp.server.stdio
        needed_by_the_sdk = set(sys.modules)
        import docindex.server.cli, docindex.server.app, docindex.indexer.library
        print(json.dumps([*(set(sys.modules) - needed_by_the_sdk)]))
    """
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, check=True)

    assert SLOW_TO_IMPORT.intersection(json.loads(found.stdout)) == set()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source distribution, and the wheel that is built from it."""
    out = tmp_path_factory.mktemp("dist")
    # Without isolation: what builds it is installed already, and no network is asked.
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    # One at a time: setuptools makes its notes in the source tree, for all workers.
    with FileLock(tmp_path_factory.getbasetemp().parent / "build.lock"):
        found = subprocess.run(build, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    return out


def test_the_wheel_holds_the_whole_package_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    expected = {f"docindex/indexer/{path.name}" for path in ROOT.glob("indexer/*.py")}
    expected |= {f"docindex/server/{path.name}" for path in ROOT.glob("server/*.py")}
    expected |= {f"docindex/{path.name}" for path in ROOT.glob("server/_package/*.py")}

    assert names == expected | {"docindex/py.typed"}


def test_the_source_distribution_holds_the_guide_and_the_tests(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert "sample_docs/index.md" in names
    assert "tests/test_project.py" in names
    assert {"LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md", "Makefile"} <= names
    assert not [name for name in names if "node_modules" in name or "__pycache__" in name]
