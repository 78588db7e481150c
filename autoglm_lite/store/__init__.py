"""Models on disk and the names by which they are found."""

from autoglm_lite.store.models import is_starter, make_models_dir, resolve, starter_path, stored_models

__all__ = ["is_starter", "make_models_dir", "resolve", "starter_path", "stored_models"]
