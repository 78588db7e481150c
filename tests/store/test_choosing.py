"""Which models the files of a repository are, with names as they are found on the hubs."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoglm_lite.errors import UsageError
from autoglm_lite.store.choosing import Candidate, candidates, mmproj_of, of_file, of_one_model, of_type
from autoglm_lite.store.hub.repository import HubFile, Repository
from autoglm_lite.store.place import check
from autoglm_lite.store.reference import HubReference
from autoglm_lite.store.type_names import type_in, type_named


def repository(repo: str, *paths: str) -> Repository:
    """Each file somewhat larger than the one before."""
    files = tuple(HubFile(path, 1000 + i, None) for i, path in enumerate(paths))
    return Repository(HubReference("hf", repo), "0" * 40, files)


def types(repo: str, *paths: str) -> dict[str, str]:
    """By the name of the stored model."""
    return {one.name: one.type for one in candidates(repository(repo, *paths))}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Llama-3.2-1B-Instruct-Q4_K_M", ("Q4_K_M", "Llama-3.2-1B-Instruct")),
        ("qwen2.5-1.5b-instruct-q4_k_m", ("Q4_K_M", "qwen2.5-1.5b-instruct")),
        ("llama-2-7b-chat.Q5_K_S", ("Q5_K_S", "llama-2-7b-chat")),
        ("Qwen3-4B-UD-Q4_K_XL", ("UD-Q4_K_XL", "Qwen3-4B")),
        ("Qwen3-4B-UD-IQ2_M", ("UD-IQ2_M", "Qwen3-4B")),
        ("Mistral-7B.i1-IQ3_XXS", ("IQ3_XXS", "Mistral-7B.i1")),
        ("Phi-3-mini-4k-instruct-q4", ("Q4", "Phi-3-mini-4k-instruct")),
        ("Phi-3-mini-4k-instruct-fp16", ("F16", "Phi-3-mini-4k-instruct")),
        ("gpt-oss-20b-mxfp4", ("MXFP4_MOE", "gpt-oss-20b")),
        ("gemma-3-1b-it-qat-q4_0", ("Q4_0", "gemma-3-1b-it-qat")),
        ("glm-4-9b-chat.Q4_K", ("Q4_K_M", "glm-4-9b-chat")),
        ("Model_Q8_0", ("Q8_0", "Model")),
        ("Model-Q4_K_M-imat", ("Q4_K_M", "Model-imat")),
        ("Model-IQ4_XS", ("IQ4_XS", "Model")),
        ("Model-Q6_K_L", ("Q6_K_L", "Model")),
        ("Model-bf16", ("BF16", "Model")),
        ("Model-TQ1_0", ("TQ1_0", "Model")),
        ("Q6_K", ("Q6_K", "")),
        ("ggml-model-i2_s", None),
        ("Q4ly-Model", None),
        ("Qwen3-4B-Instruct-2507", None),
    ],
)
def test_types_are_read_out_of_names_as_people_write_them(name: str, found: tuple[str, str] | None) -> None:
    assert type_in(name) == found


def test_types_that_a_user_asks_for() -> None:
    asked = {text: type_named(text) for text in ("q4_k_m", "UD-Q4_K_XL", "ud-iq1_s", "fp16", "Q8_0", "Q4_K")}
    assert asked == {
        "q4_k_m": "Q4_K_M",
        "UD-Q4_K_XL": "UD-Q4_K_XL",
        "ud-iq1_s": "UD-IQ1_S",
        "fp16": "F16",
        "Q8_0": "Q8_0",
        "Q4_K": "Q4_K_M",
    }
    assert [type_named(text) for text in ("", "latest", "Q99_K", "Q4_K_M ", "../Q4_0")] == [None] * 5


def test_a_repository_of_unsloth() -> None:
    there = repository(
        "unsloth/Qwen3-4B-GGUF",
        ".gitattributes",
        "BF16/Qwen3-4B-BF16-00001-of-00002.gguf",
        "BF16/Qwen3-4B-BF16-00002-of-00002.gguf",
        "Qwen3-4B-Q4_K_M.gguf",
        "Qwen3-4B-Q8_0.gguf",
        "Qwen3-4B-UD-Q4_K_XL.gguf",
        "imatrix_unsloth.gguf",
        "mmproj-BF16.gguf",
        "mmproj-F16.gguf",
        "mmproj-F32.gguf",
    )
    found = candidates(there)
    assert [(one.type, one.name, one.n_bytes) for one in found] == [
        ("Q4_K_M", "Qwen3-4B-Q4_K_M", 1003),
        ("Q8_0", "Qwen3-4B-Q8_0", 1004),
        ("UD-Q4_K_XL", "Qwen3-4B-UD-Q4_K_XL", 1005),
        ("BF16", "Qwen3-4B-BF16", 2003),
    ]
    assert [file.path[-24:] for file in found[3].files] == ["BF16-00001-of-00002.gguf", "BF16-00002-of-00002.gguf"]
    assert found[3].split
    assert of_one_model(found, there.reference.repo) == found
    assert mmproj_of(there) == HubFile("mmproj-F16.gguf", 1008, None)


def test_repositories_of_others() -> None:
    assert types("zai-org/glm-edge-1.5b-chat-gguf", "ggml-model-F16.gguf", "ggml-model-Q4_K_M.gguf") == {
        "glm-edge-1.5b-chat-F16": "F16",
        "glm-edge-1.5b-chat-Q4_K_M": "Q4_K_M",
    }
    assert types("microsoft/Phi-3-mini-4k-instruct-gguf", "Phi-3-mini-4k-instruct-q4.gguf") == {
        "Phi-3-mini-4k-instruct-q4": "Q4"
    }
    # Layouts of 2024, which llama.cpp does not read any more.
    assert types(
        "bartowski/Llama-3.2-1B-Instruct-GGUF",
        "Llama-3.2-1B-Instruct-Q4_0_4_4.gguf",
        "Llama-3.2-1B-Instruct-Q4_0_8_8.gguf",
        "Llama-3.2-1B-Instruct-Q4_K_L.gguf",
        "Llama-3.2-1B-Instruct.imatrix",
    ) == {"Llama-3.2-1B-Instruct-Q4_K_L": "Q4_K_L"}
    # A folder for each type, and the same name in all.
    assert types("o/Model-GGUF", "Q4_K_M/model.gguf", "Q8_0/model.gguf", "model.gguf") == {
        "Model-Q4_K_M": "Q4_K_M",
        "Model-Q8_0": "Q8_0",
        "Model": "",
    }
    assert types("o/Model", "v1/model-Q4_0.gguf", "v2/model-Q4_0.gguf") == {
        "v1-Model-Q4_0": "Q4_0",
        "v2-Model-Q4_0": "Q4_0",
    }


def test_split_models_of_which_a_part_is_missing_are_no_models() -> None:
    whole = [f"m-Q4_0-{no:05}-of-00003.gguf" for no in (1, 2, 3)]
    mixed = list(whole)
    random.Random(1).shuffle(mixed)
    found = candidates(repository("o/m", *mixed))
    assert [[file.path for file in one.files] for one in found] == [whole]
    assert found[0].name == "m-Q4_0"
    for left in (whole[:2], whole[1:], [whole[0], whole[2]], ["m-00001-of-00000.gguf"], ["m-00001-of-99999.gguf"]):
        assert [one for one in candidates(repository("o/m", *left)) if len(one.files) > 1] == []
        assert [one for one in candidates(repository("o/m", *left)) if one.files[0].path in whole] == []


def test_of_several_models_the_one_that_the_repository_is_named_after() -> None:
    found = candidates(repository("o/Big-GGUF", "big-Q4_0.gguf", "big-Q8_0.gguf", "draft-Q4_0.gguf"))
    assert [one.type for one in of_one_model(found, "o/Big-GGUF")] == ["Q4_0", "Q8_0"]
    with pytest.raises(UsageError) as caught:
        of_one_model(found, "o/models")
    assert str(caught.value) == (
        "o/models has several models; give one of their files behind the name:"
        " there are big-Q4_0.gguf, draft-Q4_0.gguf."
    )
    with pytest.raises(UsageError, match="o/m has no GGUF that can be run; look for a repository whose name ends in"):
        of_one_model([], "o/m")


def test_the_type_that_was_asked_for_or_which_there_are() -> None:
    found = candidates(repository("o/m", "m-UD-Q4_K_M.gguf", "m-Q4_K_M.gguf", "m-q4.gguf", "m-Q8_0.gguf"))
    assert of_type(found, "Q4_K_M", "o/m").name == "m-Q4_K_M"
    assert of_type([one for one in found if one.name != "m-Q4_K_M"], "Q4_K_M", "o/m").name == "m-UD-Q4_K_M"
    assert of_type([one for one in found if "Q4_K" not in one.name], "Q4_K_M", "o/m").name == "m-q4"
    # Where only the bits are said.
    assert [of_type(found, bits, "o/m").name for bits in ("Q8", "Q4")] == ["m-Q8_0", "m-q4"]
    assert of_type([one for one in found if one.name != "m-q4"], "Q4", "o/m").name == "m-Q4_K_M"
    with pytest.raises(UsageError) as caught:
        of_type(found, "Q6_K", "o/m")
    assert str(caught.value) == "o/m has no Q6_K: there are UD-Q4_K_M, Q4_K_M, Q4, Q8_0."
    with pytest.raises(UsageError, match=r"^o/m has no Q6_K: there is m\.gguf\.$"):
        of_type(candidates(repository("o/m", "m.gguf")), "Q6_K", "o/m")


def test_a_file_is_the_model_that_it_is_a_part_of() -> None:
    found = candidates(repository("o/m", "m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf", "mmproj.gguf"))
    assert of_file(found, "m-Q8_0-00002-of-00002.gguf").split
    with pytest.raises(UsageError) as caught:
        of_file(found, "mmproj.gguf")
    assert str(caught.value) == "mmproj.gguf is no model there: there is m-Q8_0-00001-of-00002.gguf."


def mmproj(*paths: str, of: str | None = None) -> str | None:
    there = repository("o/m", *paths)
    candidate = of_file(candidates(there), of) if of else None
    found = mmproj_of(there, candidate)
    return None if found is None else found.path


def test_what_sees_pictures_is_the_smallest_that_does_it_well() -> None:
    assert mmproj("m-Q4_0.gguf") is None
    assert mmproj("mmproj-model-f16.gguf", "mmproj-model-f32.gguf", "mmproj-model-Q4_0.gguf") == "mmproj-model-f16.gguf"
    assert mmproj("mmproj-m-f16.gguf", "mmproj-m-Q8_0.gguf", "mmproj-m-BF16.gguf") == "mmproj-m-Q8_0.gguf"
    assert mmproj("m-mmproj-bf16.gguf", "m-mmproj-f32.gguf") == "m-mmproj-bf16.gguf"
    assert mmproj("mmproj.gguf") == "mmproj.gguf"


def test_each_of_several_models_has_its_own_that_sees_for_it() -> None:
    there = ("a-2b-Q4_0.gguf", "mmproj-a-2b-f16.gguf", "a-7b-Q4_0.gguf", "mmproj-a-7b-f16.gguf")
    assert mmproj(*there, of="a-7b-Q4_0.gguf") == "mmproj-a-7b-f16.gguf"
    folders = ("v1/m-Q4_0.gguf", "v1/mmproj-f16.gguf", "v2/m-Q8_0.gguf", "v2/mmproj-f16.gguf")
    assert mmproj(*folders, of="v2/m-Q8_0.gguf") == "v2/mmproj-f16.gguf"


NAMES = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=30)


@given(
    st.lists(st.builds("/".join, st.lists(NAMES, min_size=1, max_size=3)).map(lambda path: path + ".gguf"), unique=True)
)
@settings(max_examples=50)
def test_whatever_files_are_called_models_have_sound_names(paths: list[str]) -> None:
    found: list[Candidate] = candidates(repository("org/some-GGUF", *paths))
    assert all(check(one.name) for one in found)
    assert all(file.path in paths for one in found for file in one.files)
