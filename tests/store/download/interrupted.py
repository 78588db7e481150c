"""Gets a file in the main thread, where Ctrl-C arrives."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from autoglm_lite.store.download import Fetch, Patience, Source
from autoglm_lite.store.hub.access import Access
from autoglm_lite.store.hub.client import Client
from tests.store.download.driving import small_segments

address, folder, name = sys.argv[1:]
small_segments(setattr)
fetch = Fetch(Source(address, "A Model", None, None), Path(folder), name, Client(Access(), 60.0), Patience())


def tell() -> None:
    while not fetch.progress.done:
        time.sleep(0.01)
    print("some", flush=True)


threading.Thread(target=tell, daemon=True).start()
try:
    fetch.run()
except KeyboardInterrupt:
    print("interrupted", flush=True)
