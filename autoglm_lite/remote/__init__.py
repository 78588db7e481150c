"""The running service as another program sees it: our own faces ask it instead of loading a model a second time."""
