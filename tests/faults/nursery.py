"""A process that has everything loaded, and forks a child for each operation that is to
be disturbed. strace holds the child before it begins.

One line of JSON in for each ({operation, place, strace: arguments}), one out ({said,
status}: "" when the child was killed).
"""

import json
import mmap
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path

from tests.faults.operations import Ground, attempt

_SAID = 4096


def _traced(child: int) -> bool:
    status = Path(f"/proc/{child}/status").read_text(encoding="ascii")
    return "TracerPid:\t0\n" not in status


def _run(operation: str, place: str, arguments: list[str]) -> dict[str, object]:
    Ground(Path(place)).shelf()
    said = mmap.mmap(-1, _SAID)  # shared: it takes no system call to say something
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
        try:
            text = attempt(operation, place)
        except BaseException as error:
            where = [
                f"{frame.name}:{frame.lineno}"
                for frame in traceback.extract_tb(error.__traceback__)
            ]
            text = f"accident: {error!r} in {' '.join(where[-6:])}"
        said[:_SAID] = text.encode()[:_SAID].ljust(_SAID, b"\0")
        os._exit(0)
    os.waitpid(child, os.WUNTRACED)
    with subprocess.Popen(["strace", "-qq", "-p", str(child), *arguments]) as strace:
        while strace.poll() is None and not _traced(child):
            pass
        os.kill(child, signal.SIGCONT)
        _, status = os.waitpid(child, 0)
    return {"said": said[:_SAID].rstrip(b"\0").decode(errors="replace"), "status": status}


def main() -> None:
    for line in sys.stdin:
        wanted = json.loads(line)
        if wanted["strace"]:
            answer = _run(wanted["operation"], wanted["place"], wanted["strace"])
        else:
            answer = {"said": attempt(wanted["operation"], wanted["place"]), "status": 0}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
