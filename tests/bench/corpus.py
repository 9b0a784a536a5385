"""A folder of Markdown, the same in every run."""

import random
from pathlib import Path

SEED = 20_240_131
SYLLABLES = "ka ro mi ten sol da ver li an to pra mon se gi lu fer ba no ris que".split()


def make_corpus(folder: Path, files: int) -> Path:
    """Documents of some 3 sections and 1 kB; words by Zipf's law, from 5,000."""
    chance = random.Random(SEED)
    words = ["".join(chance.choices(SYLLABLES, k=chance.randint(1, 4))) for _ in range(5_000)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    for number in range(files):
        path = folder / f"part{number % 50:02d}" / f"page{number:05d}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_page(chance, words, weights, number), encoding="utf-8")
    return folder


def _page(chance: random.Random, words: list[str], weights: list[float], number: int) -> str:
    def some(count: int) -> str:
        return " ".join(chance.choices(words, weights, k=count))

    parts = [f"# {some(3).title()} {number}", some(40)]
    for _ in range(2):
        parts += [f"## {some(3).title()}", some(60)]
    return "\n\n".join(parts) + "\n"
