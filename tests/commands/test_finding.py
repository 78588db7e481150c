"""A model by the short name that the list gives it: used where it is here, else how to get it is said."""

from __future__ import annotations

import pytest

from autoglm_lite.commands.finding import find
from autoglm_lite.errors import ModelFileError
from autoglm_lite.store.manifest import Manifest, StoredFile, write_manifest
from autoglm_lite.store.models import models_dir
from tests.store.others import trees


def test_a_short_name_finds_the_model_that_was_got_by_it() -> None:
    path = trees.put(models_dir() / "glm-edge-1.5b-chat-Q4_K_M.gguf", trees.chat_model("edge"))
    source = "hf:zai-org/glm-edge-1.5b-chat-gguf/ggml-model-Q4_K_M.gguf"
    file = StoredFile(path.name, path.stat().st_size)
    write_manifest(models_dir(), Manifest(path.stem, file, "fetched", source=source))
    for name in ("glm-edge-1.5b", "GLM-Edge-1.5B-chat", "glm-edge-1.5b:Q4_K_M"):
        assert find(name) == path
    for name in ("glm-edge-1.5b:Q8_0", "qwen3-4b"):
        with pytest.raises(ModelFileError, match=f"`autoglm-lite pull {name}` gets it"):
            find(name)
    for name in ("glm-edge-5b", "minicpm-2b", "nothing"):
        with pytest.raises(ModelFileError, match="There is no file and no stored model called"):
            find(name)
