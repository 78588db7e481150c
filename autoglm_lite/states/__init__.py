"""What the model has read, kept on disk: KV states of token prefixes, so that nothing is read twice."""
