"""GLM-4-9B and GLM-Edge in transformers' form (`GlmForCausalLM`): llama.cpp's `chatglm` with queries, keys and values
apart."""

from __future__ import annotations

from converters import tokenizers
from converters.architectures import chatglm
from converters.architectures.decoder import attention, decoder, norms_before
from converters.architectures.family import Family, TensorRule
from converters.architectures.rope import rope_number, rope_parameters
from converters.config import Config
from converters.keyvalues import KeyValues

DEFAULTS = {
    "vocab_size": 151552,
    "hidden_size": 4096,
    "intermediate_size": 13696,
    "num_hidden_layers": 40,
    "num_attention_heads": 32,
    "num_key_value_heads": 2,
    "partial_rotary_factor": 0.5,
    "head_dim": 128,
    "attention_bias": True,
    "rope_theta": 10000.0,
}


def rules(config: Config) -> list[TensorRule]:
    """The tensors of a GLM; raises ConversionError for a config that llama.cpp cannot run."""
    n_embd, n_ff = config.integer("hidden_size"), chatglm.n_ff(config)
    chatglm.heads(config)
    layer = (
        *norms_before(config),
        *attention(config, config.flag("attention_bias")),
        TensorRule("mlp.gate_up_proj.weight", "ffn_up.weight", (2 * n_ff, n_embd)),
        TensorRule("mlp.down_proj.weight", "ffn_down.weight", (n_embd, n_ff)),
    )
    return decoder(config, layer)


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network."""
    chatglm.parameters(config, keys, file_type)
    if not config.has("rope_ratio"):
        # llama.cpp's converter passes over rope_theta here, with which any base but 10000 gives a model that babbles.
        base = rope_number(rope_parameters(config), "rope_theta")
        keys.float32(f"{chatglm.NAME}.rope.freq_base", base)


FAMILY = Family(name=chatglm.NAME, rules=rules, parameters=parameters, tokenizer=tokenizers.chatglm, defaults=DEFAULTS)
