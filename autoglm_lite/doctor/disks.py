"""The disk under the stored models."""

from __future__ import annotations

import shlex

from autoglm_lite.doctor.finding import Finding, size
from autoglm_lite.hardware.survey import Survey

LITTLE = 5e9
"""Bytes: a model of 7 billion parameters in Q4_K_M, and some room."""
HARDLY_ANY = 1e9
"""Bytes: a model of 1.5 billion parameters."""
_BOTTLENECKS = {
    "sd-card": ("an SD card", "20 to 90 MB/s"),
    "usb2": ("a disk on USB 2", "some 35 MB/s"),
    "network": ("that of another machine", "the network's speed, some 100 MB/s at best"),
}
"""Of disks: in words, and how fast they are read."""


def little_space(survey: Survey) -> Finding | None:
    free, path = survey.store.free, survey.store.path
    if free is None or free >= LITTLE:
        return None
    return Finding(
        id="disk-full",
        severity="warning" if free < HARDLY_ANY else "note",
        what=f"{size(free)} are free on the disk that holds the models ({path}).",
        cost="Models of 7 billion parameters take 4 to 5 GB, smaller ones about 1 GB. What is listed could make room.",
        fix="du -xh ~ | sort -h | tail -n 20",
    )


def slow_store(survey: Survey) -> Finding | None:
    store = survey.store
    if store.bottleneck is not None:
        kind, speed = _BOTTLENECKS[store.bottleneck]
    elif store.rotating:
        kind, speed = "a rotating disk", "some 100 MB/s"
    else:
        return None
    return Finding(
        id="disk-slow",
        severity="note",
        what=f"The models ({store.path}) are on {store.device or 'a disk'}, {kind}.",
        cost=f"They load at {speed}, and one that is larger than memory answers about one word a minute."
        " /SSD stands for a folder on a faster disk.",
        fix=f"mv {shlex.quote(str(store.path))} /SSD/models && ln -s /SSD/models {shlex.quote(str(store.path))}",
    )
