"""Measuring on this machine which way of loading a model is fastest, and remembering it."""
