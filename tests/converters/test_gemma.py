"""Gemma: norms that count from zero, rows beyond the vocabulary, and configs that make no sense."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from converting import convert, plan
from variants import Variant, held, make, read, reshaped, untied, without

from autoglm_lite.errors import ConversionError

GEMMA2, GEMMA3, SEEING = "gemma-2-2b-it", "gemma-3-1b-it", "gemma-3-4b-it"


@pytest.mark.parametrize("dtype", ["F16", "BF16", "F32"])
@pytest.mark.parametrize("base", [GEMMA2, GEMMA3])
def test_norms_are_one_more_in_the_precision_of_the_checkpoint(base: str, dtype: str, tmp_path: Path) -> None:
    variant = Variant(base, dtype=dtype)
    made = read(convert(make(variant, tmp_path / "model"), tmp_path / "out.gguf", "F32"))
    names = {"input_layernorm": "attn_norm", "post_attention_layernorm": "post_attention_norm"}
    names |= {"pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm"}
    # convert_hf_to_gguf adds in F16 when the checkpoint is F16, and in F32 for all others.
    kind = np.float16 if dtype == "F16" else np.float32
    for source, target in names.items():
        expected = held(variant, f"model.layers.1.{source}.weight").astype(kind) + kind(1)
        assert np.array_equal(made[f"blk.1.{target}.weight"], expected.astype(np.float32))
    assert np.array_equal(made["output_norm.weight"], (held(variant, "model.norm.weight").astype(kind) + kind(1)))


def test_rows_beyond_the_vocabulary_are_cut_off(tmp_path: Path) -> None:
    variant = Variant(GEMMA3, tensors=reshaped("embed_tokens", lambda size: [size[0] + 16, size[1]]))
    folder = make(variant, tmp_path / "model")
    embedding = held(variant, "model.embed_tokens.weight")
    for kind in ("F32", "Q8_0"):
        out = convert(folder, tmp_path / f"{kind}.gguf", kind)
        made = plan(folder, kind).draft.tensors
        assert next(one.shape for one in made if one.name == "token_embd.weight") == embedding[:-16].shape
        if kind == "F32":
            assert np.array_equal(read(out)["token_embd.weight"], embedding[:-16])


def test_an_output_matrix_that_gemma_2_cannot_have_is_left_out(tmp_path: Path) -> None:
    plain = convert(make(Variant(GEMMA2), tmp_path / "a" / "model"), tmp_path / "a.gguf", "F16")
    copied = convert(make(Variant(GEMMA2, tensors=untied), tmp_path / "b" / "model"), tmp_path / "b.gguf", "F16")
    assert plain.read_bytes() == copied.read_bytes()


def test_the_language_model_has_none_of_the_vision_tensors(tmp_path: Path) -> None:
    def blind(tensors: dict[str, list[object]], config: object) -> dict[str, list[object]]:
        return {name: tensor for name, tensor in tensors.items() if name.startswith("language_model.")}

    whole = convert(make(Variant(SEEING), tmp_path / "a" / "model"), tmp_path / "a.gguf", "F16")
    alone = convert(make(Variant(SEEING, tensors=blind), tmp_path / "b" / "model"), tmp_path / "b.gguf", "F16")
    assert whole.read_bytes() == alone.read_bytes()


@pytest.mark.parametrize(
    ("variant", "text"),
    [
        (Variant(GEMMA3, {"attn_logit_softcapping": 50.0}), "caps the logits of attention"),
        (Variant(GEMMA3, {"sliding_window": None}), "sliding_window as nothing"),
        (Variant(GEMMA2, {"sliding_window": 0}), "sliding_window as 0"),
        (Variant(GEMMA2, {"final_logit_softcapping": None}), "final_logit_softcapping as nothing"),
        (Variant(GEMMA2, tensors=without("pre_feedforward")), "pre_feedforward_layernorm.weight is missing"),
        (Variant(GEMMA3, tensors=reshaped("embed_tokens", lambda size: [size[0] - 1, size[1]])), "has the shape"),
        (Variant(GEMMA2, tensors=reshaped("embed_tokens", lambda size: [size[0] + 1, size[1]])), "has the shape"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else value.base,
)
def test_what_makes_no_sense_is_one_sentence(variant: Variant, text: str, tmp_path: Path) -> None:
    folder = make(variant, tmp_path / "model")
    with pytest.raises(ConversionError, match=text) as found:
        plan(folder, "F16")
    assert str(found.value).endswith(".")
    assert "\n" not in str(found.value)


def test_the_vision_part_of_gemma_is_refused(tmp_path: Path) -> None:
    folder = make(Variant(SEEING), tmp_path / "model")
    with pytest.raises(ConversionError, match="no vision part that can be converted"):
        plan(folder, "F16", mmproj=True)
