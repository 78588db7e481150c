"""Strict, bounded reading of GGUF files in plain Python: llama.cpp ends the whole process on many bad ones."""

from autoglm_lite.gguf.facts import ModelFacts, read_facts
from autoglm_lite.gguf.header import Header, TensorInfo
from autoglm_lite.gguf.reader import read_header
from autoglm_lite.gguf.values import Strings, Value, ValueType

__all__ = ["Header", "ModelFacts", "Strings", "TensorInfo", "Value", "ValueType", "read_facts", "read_header"]
