"""Hugging Face and ModelScope on loopback, with the faults that tests ask for.

with serving(FakeHub({"org/repo": {"model-Q4_K_M.gguf": content}})) as hub:
    ...  # hub.environ has HF_ENDPOINT and MODELSCOPE_ENDPOINT; hub.asked, hub.given: what was asked for and sent
"""

from tests.store.hub.fake import Asked, FakeHub
from tests.store.hub.running import serving

__all__ = ["Asked", "FakeHub", "serving"]
