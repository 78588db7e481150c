"""The starter's network: Llama's architecture, small enough to train on two processor cores.

Parameter names and layouts are those of Hugging Face's ``LlamaForCausalLM``, so the state dictionary is the checkpoint.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the network; the defaults give a Q8_0 file under 6,000,000 bytes."""

    n_vocab: int
    n_layer: int = 5
    n_embd: int = 256
    n_ff: int = 512
    n_head: int = 4
    n_head_kv: int = 2
    n_ctx: int = 1024
    rope_theta: float = 10_000.0
    norm_eps: float = 1e-5

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.n_embd // self.n_head

    def config_json(self) -> dict[str, Any]:
        """The keys of Hugging Face's ``config.json`` that describe this shape."""
        sizes = asdict(self)
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "attention_bias": False,
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            "hidden_size": sizes["n_embd"],
            "intermediate_size": sizes["n_ff"],
            "max_position_embeddings": sizes["n_ctx"],
            "mlp_bias": False,
            "num_attention_heads": sizes["n_head"],
            "num_hidden_layers": sizes["n_layer"],
            "num_key_value_heads": sizes["n_head_kv"],
            "rms_norm_eps": sizes["norm_eps"],
            "rope_scaling": None,
            "rope_theta": sizes["rope_theta"],
            "tie_word_embeddings": True,
            "vocab_size": sizes["n_vocab"],
        }


def rotary_tables(shape: Shape, n_positions: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines of rotary embedding, each (n_positions, head_dim), halves repeated (Su et al., 2021)."""
    frequencies = shape.rope_theta ** (-torch.arange(0, shape.head_dim, 2).float() / shape.head_dim)
    angles = torch.outer(torch.arange(n_positions).float(), frequencies)
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate (batch, heads, time, head_dim) by position; a head's first half pairs with its second."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


class Attention(nn.Module):
    """Self-attention with grouped key and value heads; the mask says who sees whom."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.q_proj = nn.Linear(shape.n_embd, shape.n_head * shape.head_dim, bias=False)
        self.k_proj = nn.Linear(shape.n_embd, shape.n_head_kv * shape.head_dim, bias=False)
        self.v_proj = nn.Linear(shape.n_embd, shape.n_head_kv * shape.head_dim, bias=False)
        self.o_proj = nn.Linear(shape.n_head * shape.head_dim, shape.n_embd, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        batch, time, _ = x.shape
        head_dim, n_kv = self.shape.head_dim, self.shape.n_head_kv
        groups = self.shape.n_head // n_kv
        q = rotate(self.q_proj(x).view(batch, time, self.shape.n_head, head_dim).transpose(1, 2), cos, sin)
        k = rotate(self.k_proj(x).view(batch, time, n_kv, head_dim).transpose(1, 2), cos, sin)
        v = self.v_proj(x).view(batch, time, n_kv, head_dim).transpose(1, 2)
        k, v = k.repeat_interleave(groups, dim=1), v.repeat_interleave(groups, dim=1)
        # Written out: on a processor the fused kernel's backward pass takes twice as long for rows this short.
        scores = (q @ k.transpose(-1, -2)).float() * head_dim**-0.5
        mixed = scores.masked_fill(~mask, float("-inf")).softmax(dim=-1).to(x.dtype) @ v
        out: Tensor = self.o_proj(mixed.transpose(1, 2).reshape(batch, time, -1))
        return out


class FeedForward(nn.Module):
    """SwiGLU (Shazeer, 2020)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.n_embd, shape.n_ff, bias=False)
        self.up_proj = nn.Linear(shape.n_embd, shape.n_ff, bias=False)
        self.down_proj = nn.Linear(shape.n_ff, shape.n_embd, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Block(nn.Module):
    """One layer: attention, then feed-forward, each behind its own norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(shape.n_embd, eps=shape.norm_eps)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = nn.RMSNorm(shape.n_embd, eps=shape.norm_eps)
        self.mlp = FeedForward(shape)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Trunk(nn.Module):
    """Embedding, layers and final norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.n_vocab, shape.n_embd)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.n_layer))
        self.norm = nn.RMSNorm(shape.n_embd, eps=shape.norm_eps)

    def forward(self, tokens: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        x = self.embed_tokens(tokens)
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        out: Tensor = self.norm(x)
        return out


class Starter(nn.Module):
    """The whole network; the output matrix is the embedding's."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.model = Trunk(shape)
        cos, sin = rotary_tables(shape, shape.n_ctx)
        self.cos: Tensor
        self.sin: Tensor
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                # Residual branches start smaller, by the number of additions (GPT-2's scheme).
                branch_end = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(parameter, std=0.02 / (2 * shape.n_layer) ** 0.5 if branch_end else 0.02)

    def forward(self, tokens: Tensor, positions: Tensor, documents: Tensor) -> Tensor:
        """Hidden states (batch, time, n_embd); tokens, positions and documents are (batch, time).

        Several conversations may share a row: a token sees only earlier ones with its own document number.
        """
        dtype = self.model.embed_tokens.weight.dtype
        cos, sin = (table[positions].unsqueeze(1).to(dtype) for table in (self.cos, self.sin))
        order = torch.arange(tokens.shape[1])
        causal = order[:, None] >= order[None, :]
        mask = causal & (documents[:, :, None] == documents[:, None, :])
        hidden: Tensor = self.model(tokens, cos, sin, mask.unsqueeze(1))
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores over the vocabulary for hidden states of any leading shape."""
        return F.linear(hidden, self.model.embed_tokens.weight)

    def loss(self, tokens: Tensor, positions: Tensor, documents: Tensor, where: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy at the flat indices `where`, against `targets`; a target of -100 does not count."""
        hidden = self(tokens, positions, documents)
        scores = self.logits(hidden.reshape(-1, hidden.shape[-1])[where])
        return F.cross_entropy(scores.float(), targets)
