"""What the file system that a folder is on can be trusted with, by its type."""

import os
import re
from pathlib import Path

_REMOTE = re.compile(
    r"9p|afs|ceph|cifs|fuse\.(glusterfs|rclone|s3fs|sshfs)|lustre|ncpfs|nfs4?|smb3|smbfs|virtiofs"
)
"""Here locks and fsync may not do what they say."""

_SHARED = re.compile(r"drvfs|fakeowner|fuse(\..+)?|fuseblk|osxfs|prl_fs|vboxsf|vmhgfs")
"""Here others may change files too: the host of a virtual machine, or a program."""


def kind_of(path: Path) -> str:
    """The type as the kernel calls it; "" where there is no /proc to ask."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
    return kind_in(mounts, os.stat(path).st_dev)


def kind_in(mounts: str, device: int) -> str:
    """The type of the file system of a device, by the lines of a mountinfo."""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    # proc(5): ID PARENT MAJOR:MINOR ROOT MOUNT_POINT OPTIONS… - TYPE SOURCE …
    for line in mounts.splitlines():
        mount, _, rest = line.partition(" - ")
        if mount.split(" ")[2] == wanted:
            return rest.split(" ")[0]
    return ""


def is_remote(kind: str) -> bool:
    return _REMOTE.fullmatch(kind) is not None


def tells_of_all_changes(kind: str) -> bool:
    """Whether the system reports each change of a file. What another machine does is
    reported there alone."""
    return not is_remote(kind) and _SHARED.fullmatch(kind) is None
