"""From facts about a model, this machine and the user's wishes to a Plan; no I/O."""
