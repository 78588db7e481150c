"""What Anthropic's clients expect."""
