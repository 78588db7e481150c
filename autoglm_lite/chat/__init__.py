"""Templates, reasoning, and conversations kept on disk."""
