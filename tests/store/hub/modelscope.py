"""ModelScope's API and the addresses of its files.

From modelscope 1.40 and modelscope_hub 0.5: _legacy_api.py (list_repo_files: path, parameters, a list that ends at
3,000 entries without saying so; tokens by Bearer and by the cookie m_session_id), hub/info.py (fields),
file_download.py (/repo?Revision=&FilePath=), _download.py (large files are redirected to a store, which tells the
SHA-256 as X-Linked-ETag; files without a redirect come whole whatever range is asked for).
"""

from __future__ import annotations

from http.cookies import SimpleCookie
from urllib.parse import SplitResult

from tests.store.hub.answering import Answering, names
from tests.store.hub.fake import git_hash, is_large, sha256
from tests.store.hub.signing import signed

MISSING = 10010205001


class ModelScope(Answering):
    def answer(self, address: SplitResult) -> None:
        parts = names(address.path)
        if parts[:3] == ["api", "v1", "models"] and len(parts) >= 5:
            repo, rest = "/".join(parts[3:5]), parts[5:]
            if rest == ["repo"]:
                self.file(repo, self.query(address, "Revision", "master"), self.query(address, "FilePath"))
            elif not self.fail(self.note("api", None)) and self.known(repo):
                self.tell(repo, rest, address)
        elif parts[:1] == ["models"] and len(parts) >= 6 and parts[3] == "resolve":
            self.file("/".join(parts[1:3]), parts[4], "/".join(parts[5:]))
        else:
            self.refuse(404, MISSING, "Not found")

    def known(self, repo: str) -> bool:
        """Whether this one may see it; else the refusal has been sent."""
        hub, token = self.hub, self.token() or self.session()
        if token is not None and token not in hub.tokens:
            self.refuse(401, 10010403001, "token is invalid")
        elif repo not in hub.repositories or (repo in hub.private and token is None):
            self.refuse(404, MISSING, "Record does not exist")
        else:
            return True
        return False

    def session(self) -> str | None:
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get("m_session_id")
        return None if cookie is None else cookie.value

    def tell(self, repo: str, rest: list[str], address: SplitResult) -> None:
        hub = self.hub
        if rest == ["repo", "files"]:
            if self.query(address, "Revision", "master") not in ("master", hub.commit(repo)):
                self.refuse(404, MISSING, "Revision does not exist")
                return
            files = self.files(repo, self.query(address, "Root"), self.query(address, "Recursive") in ("True", "true"))
            self.send_json(self.good({"Files": files[: hub.most_listed], "IsVisual": 0, "LatestCommitter": None}))
        elif rest == []:
            path, name = repo.split("/")
            about = {
                "Path": path,
                "Name": name,
                "License": hub.licences.get(repo, ""),
                "Revision": hub.commit(repo),
                "ProtectedMode": 1 if repo in hub.gated else 2,
                "Visibility": 1 if repo in hub.private else 5,
            }
            self.send_json(self.good(about))
        else:
            self.refuse(404, MISSING, "Not found")

    def good(self, data: object) -> dict[str, object]:
        return {"Code": 200, "Data": data, "Message": "success", "RequestId": "0", "Success": True}

    def files(self, repo: str, root: str, recursive: bool) -> list[dict[str, object]]:
        found: dict[str, dict[str, object]] = {}
        commit = self.hub.commit(repo)
        start = f"{root.strip('/')}/" if root.strip("/") else ""
        for path, content in self.hub.repositories[repo].items():
            if not path.startswith(start):
                continue
            parts = path[len(start) :].split("/")
            for depth in range(1, len(parts)):
                folder = start + "/".join(parts[:depth])
                if recursive or depth == 1:
                    found[folder] = self.entry(folder, 0, "", commit, "tree")
            if recursive or len(parts) == 1:
                digest = self.hub.told_sha256(repo, path)
                found[path] = self.entry(path, len(content), digest, commit, "blob", is_large(path, content))
        return list(found.values())

    def entry(self, path: str, size: int, digest: str, commit: str, kind: str, lfs: bool = False) -> dict[str, object]:
        return {
            "CommitMessage": "upload",
            "CommittedDate": 1726842501,
            "CommitterName": "someone",
            "InCheck": False,
            "IsLFS": lfs,
            "Mode": "16384" if kind == "tree" else "33188",
            "Name": path.rpartition("/")[2],
            "Path": path,
            "Revision": commit,
            "Sha256": digest,
            "Size": size,
            "Type": kind,
        }

    def file(self, repo: str, revision: str, file: str) -> None:
        fault = self.note("hub", f"{repo}/{file}")
        if self.fail(fault) or not self.known(repo):
            return
        hub, content = self.hub, self.hub.content(repo, file)
        token = self.token() or self.session()
        if content is None or revision not in ("master", hub.commit(repo)):
            self.refuse(404, MISSING, "File does not exist")
        elif repo in hub.gated and (token is None or repo not in hub.agreed):
            self.refuse(403, 10010205003, "no permission")
        elif is_large(file, content):
            there = {"circle": self.path, "elsewhere": "ftp://127.0.0.1/bytes"}.get(fault)
            self.send(302, {"Location": there or signed(hub, repo, file, "lfs")})
        else:
            headers = {"ETag": f'"{git_hash(content)}"', "X-Linked-ETag": f'"{sha256(content)}"'}
            self.send(200, headers, content)

    def refuse(self, status: int, code: int | str | None, message: str) -> None:
        told = {"Code": code, "Data": None, "Message": message, "RequestId": "0", "Success": False}
        self.send_json(told, status=status)
