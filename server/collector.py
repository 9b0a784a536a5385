"""Python's garbage collector, out of the way while a server starts and while it answers many.

The SDK's modules make hundreds of thousands of objects that stay. Each collection
meanwhile looks at all of them and finds nothing, which is a tenth of the time to
the first answer.
"""

import gc
from typing import Final

_NEW_OBJECTS: Final = 20_000
"""A call makes some thousand and leaves hardly any, and of many calls at once each collection
finds all still at work: Python's own 700 cost a twentieth of the time."""


def pause() -> None:
    """Nothing is collected until `resume`."""
    gc.disable()


def resume() -> None:
    """What is there by now stays, and is not looked at again."""
    gc.freeze()
    gc.enable()


def resume_seldom() -> None:
    """The same in a server of many callers, which collects less often."""
    resume()
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
