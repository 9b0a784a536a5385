"""Documents that are hard on an indexer."""


def slow(lines: int) -> bytes:
    """A label that never ends. To read it as Markdown takes some ten microseconds a line,
    a hundred times as long as to read it as text."""
    return b"[a" + b"\n!" * lines
