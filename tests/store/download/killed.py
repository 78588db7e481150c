"""Gets a file and says how far it is, until somebody kills it."""

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
fetch = Fetch(
    Source(address, "A Model", None, None), Path(folder), name, Client(Access(), 1.0), Patience(1.0, 0.001, 0.002)
)
thread = threading.Thread(target=fetch.run, daemon=True)
thread.start()
done = -1
while thread.is_alive():
    if fetch.progress.done > done:
        done = fetch.progress.done
        print(done, flush=True)
    time.sleep(0.005)
