"""How soon a key is echoed by the terminal app while other programs want every core.

    python benchmarks/app_echo.py [--presses 200] [--busy N] [--nice N] [--answering]

In a real terminal, with a scripted model (benchmarks/scripted.py). As many programs as there are cores compute without
end beside it, at the niceness of a worker (0 unless its plan saves power). With `--answering` a reply comes in at 30
tokens a second meanwhile. From the key's being written to the terminal to its letter being drawn.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from random import Random
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from benchmarks.terminal import Terminal, environment

LETTERS = "§¤¶¿¡«»ßðþøæ"
"""That are nowhere else on the screen."""
BUSY = "while True: pass"


def press(terminal: Terminal, letter: str, random: Random) -> float:
    """Seconds to the echo; takes the letter back afterwards."""
    end = time.monotonic() + random.uniform(0.1, 0.3)
    while (left := end - time.monotonic()) > 0:
        terminal.listen(left)
    n, begin = len(terminal.drawn), time.monotonic()
    terminal.type(letter)
    terminal.until(letter, after=n)
    seconds = time.monotonic() - begin
    terminal.type("\x7f")
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presses", type=int, default=200)
    parser.add_argument("--busy", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--nice", type=int, default=0)
    parser.add_argument("--answering", action="store_true")
    args = parser.parse_args()
    random = Random(7)
    command = [sys.executable, "-c", f"import os; os.nice({args.nice}); {BUSY}" if args.nice else BUSY]
    with (
        TemporaryDirectory() as home,
        Terminal([sys.executable, "-m", "benchmarks.scripted"], environment(home)) as terminal,
    ):
        terminal.until("quit")
        terminal.until(" free")
        busy = [subprocess.Popen(command) for _ in range(args.busy)]
        try:
            if args.answering:
                terminal.type("Go on\r")
            found = [1000 * press(terminal, LETTERS[n % len(LETTERS)], random) for n in range(args.presses)]
        finally:
            for process in busy:
                process.kill()
                process.wait()
    cuts = quantiles(found, n=100)
    beside = f"{args.busy} busy programs of niceness {args.nice}{' and an answer' if args.answering else ''}"
    print(f"{args.presses} presses beside {beside}\n")
    print("| median | P90 | P99 | longest |\n|---|---|---|---|")
    print(f"| {median(found):.0f} ms | {cuts[89]:.0f} ms | {cuts[98]:.0f} ms | {max(found):.0f} ms |")


if __name__ == "__main__":
    main()
