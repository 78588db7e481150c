"""Holds what `autoglm-lite tune` found against the usual plan, and repacking on against off.

    python benchmarks/tuned_against_usual.py MODEL [--repeat N]

Run `autoglm-lite tune MODEL` before. The plans are measured in turns, in both orders; ratios are medians of the turns'
seconds over those of the usual plan in the same round.
"""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import replace
from pathlib import Path
from statistics import median

from autoglm_lite.commands.preferences import preferred, read_tuned
from autoglm_lite.gguf.facts import read_facts
from autoglm_lite.hardware.machine import read_machine
from autoglm_lite.planning.make import Wishes, decide
from autoglm_lite.planning.plan import Plan
from autoglm_lite.tune.stopwatch import Stopwatch
from autoglm_lite.tune.turn import SLOW, Speed
from autoglm_lite.worker.client import Worker


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--repeat", type=int, default=7)
    args = parser.parse_args()
    plans = plans_of(args.model.absolute())
    rounds = asyncio.run(measured(list(plans.values()), args.repeat))
    print("| plan | seconds a turn | over the usual | by round |")
    print("|---|---|---|---|")
    for number, name in enumerate(plans):
        turns = [speeds[number].turn for speeds in rounds]
        ratios = [speeds[number].turn / speeds[0].turn for speeds in rounds]
        print(f"| {name} | {median(turns):.1f} | {median(ratios):.3f} | {', '.join(f'{r:.2f}' for r in ratios)} |")


def plans_of(model: Path) -> dict[str, Plan]:
    """The usual plan first."""
    facts, machine = read_facts(model), read_machine()
    tuned = read_tuned(facts, machine, print)
    if tuned is None:
        raise SystemExit(f"Run first: autoglm-lite tune {model}")
    usual, best = (
        decide(facts, machine, preferred(Wishes(), facts, machine, None, tuned=found)).plan for found in (None, tuned)
    )
    print(f"Tuned: {', '.join(f'{name} {getattr(best, name)}' for name in tuned.decided)}\n")
    return {"usual": usual, "tuned": best, "usual, repacking the other way": replace(usual, repack=not usual.repack)}


async def measured(plans: list[Plan], repeat: int) -> list[list[Speed]]:
    """By round, a speed for each of `plans`; rounds in which one was held up are left out."""
    rounds = []
    async with Worker() as worker:
        stopwatch = Stopwatch(worker)
        await stopwatch.choose_length(plans[0])
        for number in range(1, repeat + 1):
            speeds = dict.fromkeys(range(len(plans)), SLOW)
            for which in sorted(speeds, reverse=number % 2 == 0):
                speeds[which] = await stopwatch.measure(plans[which], number)
            if SLOW not in speeds.values():
                rounds.append([speeds[which] for which in range(len(plans))])
    if not rounds:
        raise SystemExit("Every round was held up by other programs.")
    return rounds


if __name__ == "__main__":
    main()
