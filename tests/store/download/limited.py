"""Gets a file where files may have 123,456 bytes."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from autoglm_lite.store.download import Fetch, Patience, Source
from autoglm_lite.store.hub.access import Access
from autoglm_lite.store.hub.client import Client
from autoglm_lite.store.hub.failures import DownloadError
from tests.store.download.driving import small_segments

address, folder, name = sys.argv[1:]
small_segments(setattr)
resource.setrlimit(resource.RLIMIT_FSIZE, (123_456, 123_456))
try:
    Fetch(Source(address, "A Model", None, None), Path(folder), name, Client(Access(), 5.0), Patience()).run()
except DownloadError as error:
    print(error.kind)
