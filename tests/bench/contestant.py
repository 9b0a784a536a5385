"""One engine in a process of its own, so that its time and memory are its own.

    python -m tests.bench.contestant ENGINE

takes orders as lines of JSON on standard input, `{"order": NAME, ...}`, and answers
each with a line. `Contestant` starts one and speaks to it.
"""

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO, cast

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from tests.bench import memory, sections
from tests.bench.engines import Engine, Found, engine

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Built:
    cpu: float
    wall: float
    index: int
    added: int
    """Memory at its peak beyond what it was before."""


@dataclass(frozen=True)
class Asked:
    times: list[float]
    cpu: list[float]
    added: int
    """Memory in use beyond what it was before the index was opened."""
    best: list[list[int]]
    """Of each query, the sections that were found."""


class Contestant:
    """An engine that is ready for orders; ends with the block."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, name],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def build(self, corpus: Path, place: Path, **options: object) -> Built:
        """Of documents that `sections.save` wrote. `options` are attributes of the engine."""
        answer = self._ask(order="build", corpus=str(corpus), place=str(place), options=options)
        return TypeAdapter(Built).validate_python(answer)

    def open(self, place: Path) -> None:
        self._ask(order="open", place=str(place))

    def ask(self, queries: Sequence[str], kind: str = "any_of") -> Asked:
        """`kind` is the name of a method of `Engine`."""
        answer = self._ask(order="ask", queries=queries, kind=kind)
        return TypeAdapter(Asked).validate_python(answer)

    def close(self) -> None:
        """Waits for its end, which comes with the end of its orders."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()

    def _ask(self, **order: object) -> object:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(order), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with status {self._process.wait()}")
        return json.loads(line)


def serve(contestant: Engine, orders: TextIO, answers: TextIO) -> None:
    before = 0
    for line in orders:
        order = cast("dict[str, Any]", json.loads(line))
        answer: object = None
        match order["order"]:
            case "build":
                for option, value in order["options"].items():
                    setattr(contestant, option, value)
                contestant.prepare(sections.load(Path(order["corpus"])))
                # What is given, and not the engine's, must not cost it collections.
                gc.collect()
                gc.freeze()
                answer = _build(contestant, Path(order["place"]))
            case "open":
                before = memory.used()
                contestant.open(Path(order["place"]))
            case "ask":
                answer = _ask(getattr(contestant, order["kind"]), order["queries"], before)
            case unknown:
                raise ValueError(f"no such order: {unknown}")
        payload = TypeAdapter(type(answer)).dump_json(answer) if answer else b"null"
        print(payload.decode(), file=answers, flush=True)


def _build(contestant: Engine, place: Path) -> Built:
    place.mkdir(parents=True)
    before = memory.used()
    memory.forget_peak()
    wall, cpu = time.perf_counter(), time.process_time()
    contestant.build(place)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Built(cpu, wall, memory.folder_bytes(place), memory.peak() - before)


def _ask(find: Callable[[str], Found], queries: Sequence[str], before: int) -> Asked:
    times: list[float] = []
    cpu: list[float] = []
    best: list[list[int]] = []
    for query in queries:
        used, begin = time.process_time(), time.perf_counter()
        found = find(query)
        times.append(time.perf_counter() - begin)
        cpu.append(time.process_time() - used)
        best.append([number for number, _ in found])
    return Asked(times, cpu, memory.used() - before, best)


if __name__ == "__main__":
    serve(engine(sys.argv[1]), sys.stdin, sys.stdout)
