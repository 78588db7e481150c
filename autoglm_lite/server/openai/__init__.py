"""What OpenAI's clients expect."""
