"""Workers build and merge in processes of their own, and can be stopped at any time."""

from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import psutil
import pytest

from docindex.indexer.batch import Outcome, Task
from docindex.indexer.errors import Unavailable
from docindex.indexer.files import Folder
from docindex.indexer.models import Options
from docindex.indexer.segments import CHECKSUM, SEGMENT
from docindex.indexer.store import Store
from docindex.indexer.worker import Advance, Answer, BuildJob, Failed, MergeJob, Ready, Setup
from docindex.indexer.workers import MOST_STILLBORN, Crew, Worker
from tests.documents import slow
from tests.waiting import until

LONG = 100.0


class Bench:
    """A folder, its index, and a crew for it."""

    def __init__(self, place: Path) -> None:
        self.root, self.index = place / "documents", place / "index"
        self.root.mkdir()
        self.store = Store(self.index)
        self.inbox: SimpleQueue[tuple[Worker, Answer | None]] = SimpleQueue()
        self.crew: Crew[str] = Crew(
            Setup(str(self.root), self.index, Options()),
            lambda worker, answer: self.inbox.put((worker, answer)),
        )

    def worker(self) -> Worker:
        """One that is ready."""
        self.crew.hire(1)
        worker, answer = self.inbox.get(timeout=60)
        assert answer == Ready()
        self.crew.hear(worker, answer)
        return worker

    def answers(self) -> Iterator[Answer | None]:
        """Up to the last one."""
        while True:
            _, answer = self.inbox.get(timeout=60)
            yield answer
            if not isinstance(answer, Advance | Ready):
                return

    def write(self, name: str, data: bytes) -> None:
        (self.root / name).write_bytes(data)

    def tasks(self) -> tuple[Task, ...]:
        scan = Folder(str(self.root), Options()).scan()
        return tuple(Task(name, stamp) for name, stamp in sorted(scan.files.items()))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.crew.dismiss()


def test_a_job_is_answered_file_by_file_and_then_with_its_segment(bench: Bench) -> None:
    for name in ("a.md", "b.md"):
        bench.write(name, b"# Title\n\ntext\n")
    worker = bench.worker()
    bench.crew.employ(worker, "job", BuildJob(bench.tasks(), LONG))
    first, *_, last = bench.answers()
    assert first == Advance("a.md")
    assert worker.advanced == 2
    assert isinstance(last, Outcome)
    assert last.built is not None
    bench.store.commit(last.built)
    assert set(bench.store.records) == {"a.md", "b.md"}
    assert bench.crew.hear(worker, last) == "job"
    assert bench.crew.idle() == [worker]


def test_segments_are_merged_by_a_worker(bench: Bench) -> None:
    worker = bench.worker()
    for name in ("a.md", "b.md"):
        bench.write(name, b"# Title\n\ntext\n")
        bench.crew.employ(worker, "build", BuildJob(bench.tasks()[-1:], LONG))
        *_, built = bench.answers()
        assert isinstance(built, Outcome)
        bench.store.commit(built.built)
        bench.crew.hear(worker, built)
    sources = [weight.segment_id for weight in bench.store.weights()]
    segments = tuple(bench.store.segments(sources))
    bench.crew.employ(worker, "merge", MergeJob(segments, LONG))
    (merged,) = bench.answers()
    assert isinstance(merged, Outcome)
    assert merged.built is not None
    bench.store.commit_merge(merged.built, sources)
    assert len(bench.store.weights()) == 1
    assert set(Store(bench.index).records) == {"a.md", "b.md"}


@pytest.mark.parametrize("harm", ["flip", "delete"])
def test_a_merge_of_a_damaged_segment_says_so(bench: Bench, harm: str) -> None:
    bench.write("a.md", b"# Title\n\ntext\n")
    worker = bench.worker()
    bench.crew.employ(worker, "build", BuildJob(bench.tasks(), LONG))
    *_, built = bench.answers()
    assert isinstance(built, Outcome)
    assert built.built is not None
    path = bench.index / f"{built.built.segment.segment_id()}{SEGMENT}"
    if harm == "delete":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[::-1])
    bench.crew.employ(worker, "merge", MergeJob((built.built.segment,), LONG))
    (answer,) = bench.answers()
    assert isinstance(answer, Failed)
    assert answer.damaged


def test_a_folder_that_is_gone_is_the_matter_of_the_whole_job(bench: Bench) -> None:
    bench.write("a.md", b"# Title\n")
    tasks = bench.tasks()
    worker = bench.worker()
    bench.root.rename(bench.root.with_name("aside"))
    bench.crew.employ(worker, "build", BuildJob(tasks, LONG))
    *_, answer = bench.answers()
    assert isinstance(answer, Failed)
    assert not answer.damaged


def test_a_worker_that_is_killed_is_heard_of_with_what_it_was_at(bench: Bench) -> None:
    bench.write("slow.md", slow(900_000))
    worker = bench.worker()
    bench.crew.employ(worker, "job", BuildJob(bench.tasks(), LONG))
    psutil.Process(worker.pid).kill()
    (answer,) = bench.answers()
    assert answer is None
    assert bench.crew.hear(worker, None) == "job"
    assert len(bench.crew) == 0


def test_a_worker_that_is_stuck_ends_itself_when_its_parent_does_not(bench: Bench) -> None:
    bench.write("slow.md", slow(900_000))
    worker = bench.worker()
    bench.crew.employ(worker, "job", BuildJob(bench.tasks(), longest=0.2))
    assert list(bench.answers()) == [None]


def test_a_worker_at_work_ends_with_its_parent(bench: Bench) -> None:
    bench.write("slow.md", slow(900_000))
    worker = bench.worker()
    bench.crew.employ(worker, "job", BuildJob(bench.tasks(), LONG))
    process = psutil.Process(worker.pid)
    worker._stdin.close()  # as the death of the parent does
    assert list(bench.answers()) == [None]
    until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)


def test_only_silence_makes_a_worker_overdue(bench: Bench) -> None:
    bench.write("a.md", b"# Title\n")
    bench.write("slow.md", slow(900_000))
    worker = bench.worker()

    def overdue(seconds: float) -> list[tuple[Worker, str | None]]:
        return list(bench.crew.overdue(seconds, lambda worker, task: 10.0))

    assert overdue(100.0) == []  # it has nothing to do
    bench.crew.employ(worker, "job", BuildJob(bench.tasks(), LONG))
    until(lambda: worker.advanced == 1)
    assert overdue(9.0) == []  # it was heard of since it began
    assert overdue(9.0) == []
    assert overdue(9.0) == [(worker, "job")]
    bench.crew.stop(worker)
    assert overdue(100.0) == []


def test_workers_that_cannot_begin_are_not_tried_for_ever(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    for _ in range(MOST_STILLBORN):
        bench.crew.hire(1)
        worker, answer = bench.inbox.get(timeout=60)
        assert answer is None
        bench.crew.hear(worker, answer)
    with pytest.raises(Unavailable):
        bench.crew.hire(1)
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(Unavailable):
        bench.crew.hire(1)


def test_a_worker_that_is_killed_while_it_merges_leaves_the_index_as_it_was(bench: Bench) -> None:
    for number in range(300):
        bench.write(f"{number}.md", f"# Page {number}\n\nword{number} and more\n".encode() * 9)
    worker = bench.worker()
    for part in (slice(0, 150), slice(150, 300)):
        bench.crew.employ(worker, "build", BuildJob(bench.tasks()[part], LONG))
        *_, built = bench.answers()
        assert isinstance(built, Outcome)
        bench.store.commit(built.built)
        bench.crew.hear(worker, built)
    sources = [weight.segment_id for weight in bench.store.weights()]
    before = set(bench.index.iterdir())
    bench.crew.employ(worker, "merge", MergeJob(tuple(bench.store.segments(sources)), LONG))
    # Killed as soon as something of the new segment is there.
    until(lambda: set(bench.index.iterdir()) > before)
    psutil.Process(worker.pid).kill()
    list(bench.answers())
    again = Store(bench.index)
    assert again.repaired == ""
    assert len(again.records) == 300
    assert {path.suffix for path in bench.index.iterdir()} == {".toc", SEGMENT, CHECKSUM}
    assert len(list(bench.index.iterdir())) == 5
