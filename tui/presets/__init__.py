"""How a model is to behave, kept under a name."""
