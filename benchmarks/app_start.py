"""How soon the terminal app is there: something on the screen, the box to write in, and keys that were typed at once.

    python benchmarks/app_start.py [MODEL] [--repeat N]

In a real terminal of 80x24, from exec on: the first byte that is drawn, the first frame with the line of keys, and the
echo of a letter that was typed before any of it. Each time in a home of its own; files are in memory.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.terminal import Terminal, environment

NAMES = ("first byte", "line of keys", "a letter's echo", "model named", "processor time up to the line of keys")
LETTER = "§"
"""That is nowhere else on the screen."""


def once(model: str, home: Path) -> tuple[float, ...]:
    """Seconds to each of NAMES."""
    with Terminal(
        [sys.executable, "-m", "autoglm_lite", "chat", *([model] if model else [])], environment(home)
    ) as terminal:
        while not terminal.listen(60):
            pass
        first = terminal.seconds
        terminal.type(LETTER)
        keys = terminal.until("quit")
        work = terminal.processor_seconds
        echo = terminal.until(LETTER)
        return first, keys, echo, terminal.until(" free"), work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="")
    parser.add_argument("--repeat", type=int, default=7)
    args = parser.parse_args()
    with TemporaryDirectory() as folder:
        found = [once(args.model, Path(folder)) for _ in range(args.repeat + 1)][1:]
    print("| seconds after exec | median | longest |\n|---|---|---|")
    for name, seconds in zip(NAMES, zip(*found, strict=True), strict=True):
        print(f"| {name} | {median(seconds):.2f} | {max(seconds):.2f} |")


if __name__ == "__main__":
    main()
