"""The servers of a fake hub, for as long as a test needs them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import ThreadingHTTPServer

from tests.store.hub.answering import Answering
from tests.store.hub.fake import FakeHub
from tests.store.hub.hugging_face import HuggingFace
from tests.store.hub.modelscope import ModelScope
from tests.store.hub.storing import Store


@contextmanager
def serving(hub: FakeHub) -> Iterator[FakeHub]:
    """`hub`, with its addresses."""
    with ExitStack() as stack:
        hub.store_url = stack.enter_context(_server(Store, hub))
        hub.url = stack.enter_context(_server(HuggingFace, hub))
        hub.ms_url = stack.enter_context(_server(ModelScope, hub))
        stack.callback(hub.released.set)
        yield hub


@contextmanager
def _server(kind: type[Answering], hub: FakeHub) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (kind,), {"hub": hub}))
    server.daemon_threads = True
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
