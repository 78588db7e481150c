"""Models of the list by name: each name says one model, near misses are answered with what was meant."""

from __future__ import annotations

import pytest

from autoglm_lite.errors import UsageError
from autoglm_lite.profiles.models import read_models
from autoglm_lite.profiles.named import known_model, known_reference
from autoglm_lite.store.place import check


def test_each_model_of_the_list_has_a_name_of_its_own_that_the_store_takes() -> None:
    models = read_models()
    for model in models:
        assert check(model.id) == model.id
        assert known_model(model.id, models) == (model, None)
        assert known_model(f"{model.id.upper()}:q8_0", models) == (model, "Q8_0")


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("glm-edge-1.5b", "hf:zai-org/glm-edge-1.5b-chat-gguf"),
        ("AutoGLM-Phone-9B", "hf:ggml-org/AutoGLM-Phone-9B-GGUF"),
        ("glm-edge-1.5b-chat", "hf:zai-org/glm-edge-1.5b-chat-gguf"),
        ("qwen2.5-1.5b-instruct", "hf:Qwen/Qwen2.5-1.5B-Instruct-GGUF"),
        ("qwen2.5-1.5b:q4_k_m", "hf:Qwen/Qwen2.5-1.5B-Instruct-GGUF/qwen2.5-1.5b-instruct-q4_k_m.gguf"),
        ("Qwen3-0.6B:Q4_0", "hf:Qwen/Qwen3-0.6B-GGUF:Q4_0"),
    ],
)
def test_a_name_leads_to_where_the_model_can_be_had(name: str, reference: str) -> None:
    assert str(known_reference(name)) == reference


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gwen3-4b", "There is no model called 'gwen3-4b' in the list: perhaps qwen3-4b or "),
        ("glm-edge-2b", "perhaps glm-edge-"),
        ("", "There is no model called '' in the list, which has such as glm-edge-1.5b"),
        ("qwen2.5:1.5b", "There is no model called 'qwen2.5:1.5b' in the list: perhaps qwen2.5-1.5b-instruct"),
        ("qwen3-4b:Q5_X", "'Q5_X' is no type of a GGUF"),
        ("qwen3-4b:", "'' is no type of a GGUF"),
        ("minicpm-2b", "make one with autoglm-lite convert hf:openbmb/MiniCPM-2B-sft-bf16"),
        ("../../etc/passwd", "There is no model called '../../etc/passwd'"),
    ],
)
def test_what_is_no_name_is_told(name: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        known_reference(name)
    assert sentence in str(caught.value)
