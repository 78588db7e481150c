"""What is learned from good files."""

from __future__ import annotations

import math
from pathlib import Path

from autoglm_lite.gguf import read_facts
from tests.gguf.tiny import BOOL, F32, HEAD, I32, N_CTX, N_EMBD, N_FF, U32, llama, mixtral, numbers, qwen3, single, text


def test_facts_of_a_llama(tmp_path: Path) -> None:
    tiny = llama()
    path = tiny.write(tmp_path / "m.gguf")
    facts = read_facts(path)
    assert facts.path == path
    assert facts.file_bytes == path.stat().st_size
    assert facts.tensor_bytes == sum(len(tensor.data) for tensor in tiny.tensors)
    assert (facts.architecture, facts.name, facts.file_type) == ("llama", "Tiny llama", "F16")
    assert (facts.n_layer, facts.n_ctx_train, facts.n_embd, facts.n_ff) == (2, N_CTX, N_EMBD, N_FF)
    assert (facts.n_head, facts.n_head_kv, facts.kv_heads) == (4, 2, (2, 2))
    assert (facts.key_length, facts.value_length) == (HEAD, HEAD)
    assert (facts.bos_text, facts.eos_text, facts.add_bos) == ("<s>", "</s>", True)
    assert facts.chat_template is None
    attention = sum(len(tensor.data) for tensor in tiny.tensors if b"attn" in tensor.name and len(tensor.shape) > 1)
    assert facts.matrix_bytes["Q8_0"] == attention
    assert facts.n_params == sum(math.prod(tensor.shape) for tensor in tiny.tensors)


def test_facts_of_a_qwen3(tmp_path: Path) -> None:
    facts = read_facts(qwen3().write(tmp_path / "m.gguf"))
    assert (facts.bos_text, facts.eos_text, facts.add_bos) == ("", "<|im_end|>", False)
    assert facts.chat_template is not None
    assert facts.n_vocab == 264
    # Tied: the embedding is multiplied by as well.
    assert facts.matrix_bytes == {"F16": facts.tensor_bytes - _vectors()}


def _vectors() -> int:
    return sum(len(tensor.data) for tensor in qwen3().tensors if len(tensor.shape) == 1)


def test_experts_count_in_the_width_of_one_token(tmp_path: Path) -> None:
    assert read_facts(mixtral().write(tmp_path / "m.gguf")).n_ff == 2 * N_FF


def test_what_one_token_is_multiplied_by(tmp_path: Path) -> None:
    tied, untied, experts = (
        read_facts(tiny.write(tmp_path / f"{i}.gguf")) for i, tiny in enumerate((qwen3(), llama(), mixtral()))
    )
    assert tied.token_bytes == tied.tensor_bytes
    assert untied.token_bytes == untied.tensor_bytes - sum(
        len(tensor.data) for tensor in llama().tensors if tensor.name == b"token_embd.weight"
    )
    # Two of four.
    assert experts.token_bytes == experts.tensor_bytes - sum(
        len(tensor.data) // 2 for tensor in mixtral().tensors if b"_exps" in tensor.name
    )


def test_pairs_that_are_joined(tmp_path: Path) -> None:
    tiny = qwen3()
    (merges,) = (entry for entry in tiny.entries if entry.key == b"tokenizer.ggml.merges")
    n_merges = int.from_bytes(merges.raw[4:12], "little")
    assert n_merges > 0
    assert read_facts(tiny.write(tmp_path / "bpe.gguf")).n_merges == n_merges
    assert read_facts(llama().write(tmp_path / "spm.gguf")).n_merges == 0


def test_what_the_makers_advise(tmp_path: Path) -> None:
    tiny = llama()
    tiny.entries += [
        single("general.sampling.temp", F32, 0.5),
        single("general.sampling.top_k", I32, 20),
        single("general.sampling.top_p", F32, float("nan")),
        text("general.sampling.sequence", "kp"),
    ]
    assert read_facts(tiny.write(tmp_path / "m.gguf")).sampling == {"temp": 0.5, "top_k": 20.0}


def test_names_where_the_file_gives_none(tmp_path: Path) -> None:
    tiny = llama()
    tiny.drop("general.name")
    tiny.put(single("general.file_type", U32, 999))
    facts = read_facts(tiny.write(tmp_path / "My model.gguf"))
    # The matrices in Q8_0 are fewer bytes than those in F16.
    assert (facts.name, facts.file_type) == ("My model", "F16")


def test_layers_may_differ(tmp_path: Path) -> None:
    tiny = llama()
    for entry in tiny.entries:
        entry.key = entry.key.replace(b"llama.", b"lfm2.")
    tiny.put(text("general.architecture", "lfm2"))
    tiny.put(numbers("lfm2.attention.head_count_kv", I32, [2, 0]))
    facts = read_facts(tiny.write(tmp_path / "m.gguf"))
    assert (facts.n_head_kv, facts.kv_heads) == (2, (2, 0))


def test_a_bos_that_is_not_wanted(tmp_path: Path) -> None:
    tiny = llama()
    tiny.put(single("tokenizer.ggml.add_bos_token", BOOL, False))
    assert not read_facts(tiny.write(tmp_path / "m.gguf")).add_bos
    tiny = qwen3()
    tiny.put(text("tokenizer.ggml.pre", "llama-bpe"))
    tiny.drop("tokenizer.ggml.add_bos_token")
    assert read_facts(tiny.write(tmp_path / "m.gguf")).add_bos
