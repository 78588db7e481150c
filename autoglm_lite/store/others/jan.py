"""Jan's models: folders, each with a model.yml, in its older versions with a model.json.

DATA/llamacpp/models/ID/model.yml says `model_path` and `mmproj_path`, beginning at the data folder, and `name`
(janhq/jan: extensions/llamacpp-extension/src/index.ts). Before, DATA/models/**/*.yml had `files`, and ~/jan/models/ID/
model.json lay beside its file (docs/docs/guides). DATA is Jan/data in the user's folder for data, unless settings.json
of Jan has another `data_folder` (src-tauri/src/core/app/commands.rs). Models that were left where they lay, outside of
Jan's folder, are not looked up.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from autoglm_lite.store.others.computer import Computer
from autoglm_lite.store.others.found import Found, grouped, in_folders
from autoglm_lite.store.others.looking import distinct, files, gguf_within
from autoglm_lite.store.others.settings import json_text, yaml_texts

PROGRAM = "Jan"
DEPTH = 5


def folders(computer: Computer) -> list[Path]:
    """Of its data."""
    chosen = (
        Path(json_text(folder / "Jan" / "settings.json", "data_folder") or "")
        for folder in dict.fromkeys((computer.data(), computer.config()))
    )
    found = [folder for folder in chosen if folder.is_absolute() and "\0" not in str(folder)]
    return [*found, computer.data() / "Jan" / "data", computer.home / "jan"]


def find(computer: Computer) -> Iterator[Found]:
    for data in distinct(folders(computer)):
        for models in (data / "llamacpp" / "models", data / "models"):
            for description in files(models, DEPTH, suffix=".yml"):
                yield from _described(description, models, data)
            for paths in in_folders(files(models, DEPTH)).values():
                yield from _beside(paths, models, data)


def _described(description: Path, models: Path, data: Path) -> Iterator[Found]:
    """The model that a .yml file speaks of."""
    paths = yaml_texts(description, "model_path") or yaml_texts(description, "files")
    model = _file(paths, data)
    if model is None:
        return
    mmproj = _file(yaml_texts(description, "mmproj_path"), data)
    own = description.parent if description.name == "model.yml" else description.with_suffix("")
    parts = own.relative_to(models).parts
    # Its second version had cortex.so/MODEL/VARIANT.
    stem = "-".join(parts[1:]) if len(parts) > 2 else own.name
    yield Found(PROGRAM, name="/".join(parts), path=model, stem=stem, mmproj=mmproj)


def _file(paths: list[str], data: Path) -> Path | None:
    return gguf_within(data / paths[0], data) if paths and "\0" not in paths[0] else None


def _beside(paths: list[Path], models: Path, data: Path) -> Iterator[Found]:
    """Models whose folder says what they are called: those with a .yml were told before."""
    here = paths[0].parent
    if any(files(here, 0, suffix=".yml")) or here == models:
        return
    whole = {path: real for path in paths if (real := gguf_within(path, data)) is not None}
    for group in grouped(whole):
        yield Found(
            PROGRAM,
            name=json_text(here / "model.json", "id") or here.relative_to(models).as_posix(),
            path=group.lies(whole),
            stem=group.model.stem,
            mmproj=None if group.mmproj is None else whole[group.mmproj],
            n_parts=group.n_parts,
        )
