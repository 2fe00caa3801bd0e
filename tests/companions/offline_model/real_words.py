"""Writes the offline model's `real_words.txt` anew, after words were added to its lexicon.

    uv run python -m tests.companions.offline_model.real_words FOLDER

FOLDER holds the word lists of SCOWL (Debian: the package `scowl`, in `/usr/share/dict/scowl`).
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path

from shop.companions.offline_model import spelling
from shop.companions.offline_model.lexicon import WORDS

TARGET = Path(spelling.__file__).parent / "real_words.txt"
COMMON, EVERY = (10, 20), (10, 20, 35, 40, 50)
"""SCOWL's sizes: the smaller, the more common the words."""
TRADE = """
    nonce scope claim claims bearer token tokens kernel grep cache lint merge commit branch fork patch null void hash salt
    query queries route byte bytes socket daemon proxy latency quorum gossip lease leases epoch shard stack heap queue
    async await yield curl cron root admin auth stateless rate limit refresh audit deny allow grant agent agents prompt
    context window laptops
"""


def main(folder: Path) -> None:
    """Keep of all words those that would otherwise be corrected; of the rarer ones, only into a command."""
    found = {word: meant for word in _words(folder, EVERY) | set(TRADE.split()) if (meant := spelling.nearest(word))}
    common = _words(folder, COMMON) | set(TRADE.split())
    kept = sorted(
        word for word, meant in found.items() if word not in WORDS and (word in common or meant in spelling.COMMANDS)
    )
    head = [line for line in TARGET.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    text = textwrap.fill(" ".join(kept), width=120, break_long_words=False)
    TARGET.write_text("\n".join([*head, "", text, ""]), encoding="utf-8")


def _words(folder: Path, sizes: Iterable[int]) -> set[str]:
    files = [folder / f"{kind}-words.{size}" for size in sizes for kind in ("english", "american", "british")]
    words = {word.casefold() for file in files for word in file.read_text(encoding="latin-1").split()}
    return {word for word in words if word.isascii() and word.isalpha() and len(word) > 2}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
