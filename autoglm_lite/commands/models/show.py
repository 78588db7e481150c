"""`autoglm-lite models show`: all that is known of one stored model."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from autoglm_lite.gguf.facts import ModelFacts
    from autoglm_lite.planning.forecast import Forecast
    from autoglm_lite.store.manifest import Manifest

WAYS = {
    "fetched": "fetched",
    "converted": "converted here",
    "joined": "imported, joined from the parts",
    "hard link": "imported, a second name of the file (hard link)",
    "reflink": "imported, shares the blocks of the file",
    "link": "imported, a link to the file",
    "found": "found in the folder",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the action's options."""
    parser.add_argument("name", metavar="NAME", help="a stored model")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Returns 0. Raises ModelFileError for a name that none has, or a file that is no model."""
    from autoglm_lite.commands.bandwidth import FILE
    from autoglm_lite.commands.devices import machine_with_devices
    from autoglm_lite.commands.measuring import print_anything
    from autoglm_lite.commands.preferences import preferred, read_tuned
    from autoglm_lite.commands.remembered import remembered
    from autoglm_lite.errors import UsageError
    from autoglm_lite.planning.forecast import forecast
    from autoglm_lite.planning.make import Wishes, choose
    from autoglm_lite.store.facts import stored_facts
    from autoglm_lite.store.manifest import read_manifest
    from autoglm_lite.store.models import stored
    from autoglm_lite.store.using import last_used

    print_anything()
    path = stored(args.name)
    facts = stored_facts(path)
    machine = machine_with_devices(Wishes(), lambda _: None)
    wanted = preferred(Wishes(), facts, machine, None, tuned=read_tuned(facts, machine, lambda _: None))
    choice = choose(facts, machine, wanted)
    found = forecast(facts, machine, wanted, remembered(FILE, str(choice.plan.threads)) if choice.fits else None)
    try:
        manifest = read_manifest(path.parent, path.stem)
    except UsageError:
        manifest = None
    if args.json:
        print(json.dumps(as_json(path, facts, manifest, found, last_used(path)), ensure_ascii=False))
    else:
        print("\n".join(page(path, facts, manifest, found, last_used(path))))
    return 0


def as_json(
    path: Path, facts: ModelFacts, manifest: Manifest | None, found: Forecast, used: float | None
) -> dict[str, object]:
    plan = found.choice.plan
    return {
        "name": path.stem,
        "path": str(path),
        "title": facts.name,
        "family": facts.architecture,
        "use": facts.use,
        "parameters": facts.n_params,
        "type": facts.file_type,
        "bytes": facts.file_bytes,
        "layers": facts.n_layer,
        "context": facts.n_ctx_train,
        "vocabulary": facts.n_vocab,
        "sampling": dict(facts.sampling),
        "chat_template": facts.chat_template,
        "mmproj": manifest and manifest.mmproj and manifest.mmproj.name,
        "way": manifest and manifest.way,
        "source": manifest and manifest.source,
        "revision": manifest and manifest.revision,
        "licence": manifest and manifest.licence,
        "sha256": manifest and manifest.file.sha256,
        "added": manifest and round(manifest.added),
        "last_used": used and round(used),
        "plan": {
            "verdict": found.choice.verdict,
            "resident_bytes": found.choice.predicted.resident_total,
            "available_bytes": found.choice.available,
            "n_ctx": plan.n_ctx,
            "threads": plan.threads,
            "gpu_layers": plan.gpu_layers,
            "decode_tokens_per_second": found.expected.decode and round(found.expected.decode, 2),
        },
    }


def page(
    path: Path, facts: ModelFacts, manifest: Manifest | None, found: Forecast, used: float | None
) -> Iterator[str]:
    """Lines for a person; the chat template at the end."""
    from autoglm_lite.commands.models.listing import ago, count
    from autoglm_lite.commands.models.table import amount, padded, printable
    from autoglm_lite.commands.plan import VERDICTS
    from autoglm_lite.commands.shell import without_controls

    choice, now = found.choice, time.time()
    needed, available = amount(choice.predicted.resident_total), amount(choice.available)
    here = f"{VERDICTS[choice.verdict]}: {needed} of memory needed with {choice.plan.n_ctx:,} tokens"
    rows = [
        ("Model", f"{facts.name}, for {facts.use}"),
        ("Family", f"{facts.architecture}, {count(facts.n_params)} parameters in {facts.n_layer} layers"),
        ("Type", f"{facts.file_type}, {amount(facts.file_bytes)}"),
        ("Context", f"{facts.n_ctx_train:,} tokens; vocabulary of {facts.n_vocab:,}"),
        ("Here", f"{here}, {available} to be had"),
        ("Speed", f"about {found.expected.decode:,.1f} tokens a second" if found.expected.decode else ""),
        ("File", f"{path}"),
        ("Lies at", f"{path.resolve()}" if path.is_symlink() else ""),
        ("Last used", ago(used, now)),
    ]
    if manifest is not None:
        source = "" if manifest.source is None else f" from {manifest.source}"
        revision = "" if manifest.revision is None else f" at {manifest.revision}"
        rows += [
            ("Came", f"{WAYS.get(manifest.way, manifest.way)}{source}{revision}, {ago(manifest.added, now)}"),
            ("Licence", manifest.licence or ""),
            ("SHA-256", manifest.file.sha256 or f"not known; `autoglm-lite models verify {path.stem}` finds it out"),
            ("Sees with", "" if manifest.mmproj is None else manifest.mmproj.name),
        ]
    for title, text in rows:
        if text:
            yield f"{padded(title, 9)}  {printable(text)}"
    if facts.chat_template:
        yield "\nChat template"
        yield without_controls(facts.chat_template)
