"""What Ollama's clients expect, as its own documentation of the API says."""
