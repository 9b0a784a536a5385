"""The type of a file system, and what it means."""

import os
import sys
from pathlib import Path

import pytest

from docindex.indexer.filesystems import is_remote, kind_in, kind_of, tells_of_all_changes

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
25 22 0:24 / /home/me/My\\040Drive rw,relatime - fuse.sshfs host:/ rw,user_id=1000
31 22 0:53 / /srv rw shared:7 master:2 - nfs4 server:/srv rw,vers=4.2
"""


@pytest.mark.parametrize(
    ("device", "kind", "remote", "all_changes"),
    [
        ((254, 0), "ext4", False, True),
        ((0, 24), "fuse.sshfs", True, False),
        ((0, 53), "nfs4", True, False),
        ((9, 9), "", False, True),
    ],
)
def test_a_file_system_is_known_by_its_device(
    device: tuple[int, int], kind: str, remote: bool, all_changes: bool
) -> None:
    assert kind_in(MOUNTS, os.makedev(*device)) == kind
    assert (is_remote(kind), tells_of_all_changes(kind)) == (remote, all_changes)


@pytest.mark.parametrize("kind", ["vboxsf", "fuse", "fuse.portal", "9p", "virtiofs", "fakeowner"])
def test_what_a_host_changes_is_not_told_to_its_guest(kind: str) -> None:
    assert not tells_of_all_changes(kind)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no /proc")
def test_the_file_system_of_a_folder_is_asked_for(tmp_path: Path) -> None:
    assert kind_of(tmp_path) == kind_in(
        Path("/proc/self/mountinfo").read_text(encoding="utf-8"), tmp_path.stat().st_dev
    )
