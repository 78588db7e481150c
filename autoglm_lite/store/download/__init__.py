"""Files on their way here, over lines that break."""

from autoglm_lite.store.download.download import Download
from autoglm_lite.store.download.fetch import Fetch
from autoglm_lite.store.download.limit import Limit
from autoglm_lite.store.download.note import PARTIAL
from autoglm_lite.store.download.parts import Part, parts, remove_part
from autoglm_lite.store.download.progress import Patience, Progress, Speed
from autoglm_lite.store.download.source import Source

__all__ = [
    "PARTIAL",
    "Download",
    "Fetch",
    "Limit",
    "Part",
    "Patience",
    "Progress",
    "Source",
    "Speed",
    "parts",
    "remove_part",
]
