"""What the stamp of a file proves."""

import time
from dataclasses import replace

from docindex.indexer.models import Stamp

UNSETTLED_NS = 2_000_000_000
"""A file that changed so shortly before it was read may change again within
the same tick of the file system's clock, so its stamp proves nothing yet."""


def settled(stamp: Stamp) -> Stamp:
    """The stamp to compare with later: one that is too fresh to prove anything
    never compares equal, which leads to a comparison of the content."""
    if time.time_ns() - max(stamp.mtime_ns, stamp.ctime_ns) < UNSETTLED_NS:
        return unsettled(stamp)
    return stamp


def unsettled(stamp: Stamp) -> Stamp:
    """What is kept of a stamp that proves nothing."""
    return replace(stamp, ctime_ns=0)
