"""Documents that are hard on an indexer."""


def slow(lines: int) -> bytes:
    """A title that never ends. To read it as Markdown takes some ten microseconds a line,
    a hundred times as long as to read it as text; 250,000 lines are given up on."""
    return b'[a]: b "c' + b"\n!" * lines
