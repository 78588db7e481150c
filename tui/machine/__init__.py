"""What the model is doing and what it costs, beside the conversation."""
