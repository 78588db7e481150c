"""Graphics cards that could compute and do not, or do so at the end of a thin wire."""

from __future__ import annotations

from collections.abc import Callable

from autoglm_lite.doctor.finding import Finding
from autoglm_lite.doctor.processor import INSTALL
from autoglm_lite.hardware.graphics import GraphicsCard, Link
from autoglm_lite.hardware.survey import Survey

_IDLE = 2.5
"""GT/s, to which most cards lower their link while they have nothing to do."""
_MODULES = {"AMD": "amdgpu", "Intel": "i915"}
_NVIDIA = {
    "ubuntu": "sudo ubuntu-drivers install && sudo reboot",
    "debian": "sudo apt-get install nvidia-driver && sudo reboot",
    "fedora": "sudo dnf install akmod-nvidia && sudo reboot",
    "arch": "sudo pacman -S --needed nvidia-open && sudo reboot",
}
"""The line that installs the driver, by distribution; the first that the machine's is, or is like, counts."""
_LARGE = 2 << 30
"""Bytes of its own memory from which on an AMD card is worth a build; less is a processor's own graphics."""


def no_driver(survey: Survey) -> Finding | None:
    for card in survey.graphics:
        if card.driver is None:
            what = f"The {_name(card)} has no driver."
        elif card.driver == "nouveau":
            what = f"The {_name(card)} is driven by nouveau, which cannot compute with CUDA."
        else:
            continue
        return Finding(
            id="graphics-driver",
            severity="warning",
            what=what,
            cost="No layer of a model can be put on it.",
            fix=_driver_fix(card, survey.distribution),
        )
    return None


def not_in_build(survey: Survey) -> Finding | None:
    if survey.build is None or survey.build.backends:
        return None
    for card in survey.graphics:
        if card.vendor == "NVIDIA" and card.driver == "nvidia":
            lacking = "CUDA's toolkit (nvcc)"
        elif card.vendor == "AMD" and card.driver == "amdgpu" and (card.memory or 0) >= _LARGE:
            lacking = "Vulkan's headers and glslc"
        else:
            continue
        return Finding(
            id="graphics-unused",
            severity="note",
            what=f"The {_name(card)} has its driver, and llama.cpp was built without support for it.",
            cost="Layers that would fit into its memory are computed by the processor, several times slower."
            f" install.sh builds it in where it finds {lacking}.",
            fix=INSTALL,
        )
    return None


def narrow_link(survey: Survey) -> Finding | None:
    found = _worst(survey, lambda link: link.best_width / link.width)
    if found is None:
        return None
    card, link = found
    return Finding(
        id="graphics-link-width",
        severity="warning",
        what=f"The {_name(card)} uses {link.width} of {link.best_width} PCIe lanes that it and its slot have.",
        cost=f"Loading its layers, and whatever passes between it and the processor, takes {_times(link)} as long.",
        fix="Switch the machine off, clean the card's contacts and seat it anew; then compare: "
        f"sudo lspci -vv -s {card.address} | grep Lnk",
    )


def slow_link(survey: Survey) -> Finding | None:
    found = _worst(survey, lambda link: link.best_speed / link.speed if link.speed > _IDLE else 1)
    if found is None:
        return None
    card, link = found
    return Finding(
        id="graphics-link-speed",
        severity="note",
        what=f"The PCIe link of the {_name(card)} is at {link.speed:g} of {link.best_speed:g} GT/s now.",
        cost="Its layers load more slowly; nothing, if a look while a model answers on it finds the full speed.",
        fix=f"sudo lspci -vv -s {card.address} | grep LnkSta:",
    )


def _worst(survey: Survey, how_bad: Callable[[Link], float]) -> tuple[GraphicsCard, Link] | None:
    """The card and the link that fall furthest behind what they could be; None if none does."""
    links = [(card, link) for card in survey.graphics for link in card.links if how_bad(link) > 1]
    return max(links, key=lambda pair: how_bad(pair[1]), default=None)


def _times(link: Link) -> str:
    return f"{link.best_width / link.width:g} times"


def _name(card: GraphicsCard) -> str:
    return f"{card.vendor} graphics card at {card.address}"


def _driver_fix(card: GraphicsCard, distribution: frozenset[str]) -> str:
    if card.vendor != "NVIDIA":
        return f"sudo modprobe {_MODULES[card.vendor]}"
    lines = [line for name, line in _NVIDIA.items() if name in distribution]
    return lines[0] if lines else "Install NVIDIA's driver with this system's package manager, then start anew."
