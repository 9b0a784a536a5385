"""Waiting longer where nothing happens: a folder that rests costs next to nothing."""

import time

CALM_SECONDS = 30.0
"""Without anything that happens, until a wait is as long as it may become."""


def longer(shortest: float, longest: float, stirred: float) -> float:
    """A wait between the two, the longer the more time has passed since `stirred`, when
    something happened last (a `time.monotonic()`)."""
    calm = min((time.monotonic() - stirred) / CALM_SECONDS, 1.0)
    return shortest + (longest - shortest) * calm
