"""Where the bytes of large files lie: of another origin than the hubs, and only for who has a signed address.

Its ETag is no SHA-256 of the bytes, as that of Hugging Face's store is none.
"""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qs

from tests.store.hub.answering import Answering, names
from tests.store.hub.fake import sha256
from tests.store.hub.signing import signature


class Store(Answering):
    def answer(self, address: SplitResult) -> None:
        hub, parts = self.hub, names(address.path)
        repo, file = "/".join(parts[1:3]), "/".join(parts[3:])
        fault = self.note("store", f"{repo}/{file}")
        if fault == "expired":
            hub.expire()
        content, query = hub.content(repo, file), parse_qs(address.query)
        good = query.get("Signature") == [signature(address.path, hub.generation)]
        if content is None or not good:
            self.send(403, {"Content-Type": "application/xml"}, b"<Error><Code>AccessDenied</Code></Error>")
        elif not self.fail(fault):
            if f"{repo}/{file}" in hub.spoiled:
                content = content[:-1] + bytes([content[-1] ^ 1])
            of_hf = parts[0] == "xet"
            status, linked = (206, None) if of_hf else (hub.ms_range_status, hub.told_sha256(repo, file))
            self.send_bytes(content, f'"{sha256(b"xet" + content)}"', fault, f"{repo}/{file}", status, linked)
