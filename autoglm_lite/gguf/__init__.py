"""Strict, bounded reading of GGUF files: nothing reaches native code unchecked."""
