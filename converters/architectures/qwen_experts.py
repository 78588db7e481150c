"""The layers of Qwen that mix experts."""

from __future__ import annotations

from autoglm_lite.errors import ConversionError
from converters.architectures.decoder import projection
from converters.architectures.family import TensorRule
from converters.architectures.parameters import n_expert
from converters.config import Config
from converters.rows import Rows, part

AGGREGATED = ("mlp.experts.gate_up_proj.weight", "mlp.experts.down_proj.weight")


def mixture(config: Config) -> tuple[TensorRule, ...]:
    """The router and the experts of a layer: a tensor for each expert, or one for all, as transformers 5 writes them.

    Down comes first because convert_hf_to_gguf writes the stacks in this order.
    """
    n_embd, n_ff, count = config.integer("hidden_size"), config.integer("moe_intermediate_size"), n_expert(config)
    shapes = {"down": (n_embd, n_ff), "gate": (n_ff, n_embd), "up": (n_ff, n_embd)}

    def gate(rows: Rows) -> Rows:
        return part(rows, 0, n_ff)

    def up(rows: Rows) -> Rows:
        return part(rows, n_ff, 2 * n_ff)

    aggregated = "mlp.experts.gate_up_proj"
    return (
        TensorRule("mlp.gate.weight", "ffn_gate_inp.weight", (count, n_embd)),
        *(
            TensorRule(f"mlp.experts.{{expert}}.{name}_proj.weight", f"ffn_{name}_exps.weight", shape, experts=count)
            for name, shape in shapes.items()
        ),
        TensorRule("mlp.experts.down_proj", "ffn_down_exps.weight", (count, n_embd, n_ff)),
        TensorRule(aggregated, "ffn_gate_exps.weight", (count, 2 * n_ff, n_embd), make=gate),
        TensorRule(aggregated, "ffn_up_exps.weight", (count, 2 * n_ff, n_embd), make=up),
    )


def expert_name(name: str) -> str:
    """The name of a tensor of all experts without the ending that some tools give it."""
    return name.removesuffix(".weight") if name.endswith(AGGREGATED) else name


def shared_expert(config: Config) -> tuple[TensorRule, ...]:
    """The expert that every token passes, and its gate."""
    n_embd, n_ff = config.integer("hidden_size"), config.integer("shared_expert_intermediate_size")
    return (
        *projection("mlp.shared_expert.gate_proj", "ffn_gate_shexp", (n_ff, n_embd)),
        *projection("mlp.shared_expert.up_proj", "ffn_up_shexp", (n_ff, n_embd)),
        *projection("mlp.shared_expert.down_proj", "ffn_down_shexp", (n_embd, n_ff)),
        TensorRule("mlp.shared_expert_gate.weight", "ffn_gate_inp_shexp.weight", (1, n_embd)),
    )


def refuse_dense_layers(config: Config, name: str) -> None:
    """Raises ConversionError where only some layers mix experts, which llama.cpp's `name` cannot compute."""
    if config.get("mlp_only_layers") or config.get("decoder_sparse_step") not in (None, 1):
        raise ConversionError(
            f"config.json gives some layers no experts, which llama.cpp's {name} architecture does not know."
        )
