"""What the stamp of a file proves."""

import time
from dataclasses import replace

from docindex.indexer.models import Stamp

UNSETTLED_NS = 2_000_000_000
"""A file that changed so shortly before it was read may change again within
the same tick of the file system's clock, so its stamp proves nothing yet."""

TICK_NS = 50_000_000
"""More than a tick of a clock that tells parts of a hundredth of a second."""
_HUNDREDTH_NS = 10_000_000


def settled(stamp: Stamp) -> Stamp:
    """The stamp to compare with later: one that is too fresh to prove anything
    never compares equal, which leads to a comparison of the content."""
    if time.time_ns() - max(stamp.mtime_ns, stamp.ctime_ns) < UNSETTLED_NS:
        return unsettled(stamp)
    return stamp


def settled_of_ours(stamp: Stamp) -> Stamp:
    """The same for what nobody but us writes to, on a disk of this machine: times that tell
    parts of a hundredth of a second come of a clock that ticks more often than others do."""
    ticks_often = stamp.ctime_ns % _HUNDREDTH_NS and stamp.mtime_ns % _HUNDREDTH_NS
    if ticks_often and time.time_ns() - max(stamp.mtime_ns, stamp.ctime_ns) > TICK_NS:
        return stamp
    return settled(stamp)


def unsettled(stamp: Stamp) -> Stamp:
    """What is kept of a stamp that proves nothing."""
    return replace(stamp, ctime_ns=0)
