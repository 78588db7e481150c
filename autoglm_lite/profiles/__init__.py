"""Profiles: what is preferred on a kind of machine, and the models worth having there, read from TOML."""
