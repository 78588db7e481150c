"""Hugging Face's API and the addresses of its files.

From huggingface_hub 2.4: hf_api.py (model_info, list_repo_tree: paths, parameters, fields), utils/_pagination.py (Link
headers), utils/_http.py (X-Error-Code and what each means; 401 for what is missing, without a token), file_download.py
and constants.py (X-Repo-Commit, X-Linked-Size, X-Linked-Etag on a redirect to elsewhere). That small files are
redirected within the hub, by a relative 307 to /api/resolve-cache, and that X-Linked-Etag is the SHA-256 where the
store's own ETag is another hash, is in public logs of requests.
"""

from __future__ import annotations

from urllib.parse import SplitResult, quote

from tests.store.hub.answering import Answering, names
from tests.store.hub.fake import git_hash, is_large
from tests.store.hub.signing import signed

INVALID = "Invalid credentials in Authorization header"


class HuggingFace(Answering):
    def answer(self, address: SplitResult) -> None:
        parts = names(address.path)
        if parts[:2] == ["api", "models"] and len(parts) >= 4:
            repo = "/".join(parts[2:4])
            if not self.fail(self.note("api", None)) and self.may(repo, "/".join(["/api/models/{}", *parts[4:]])):
                self.describe(repo, parts[4:], address)
        elif len(parts) >= 5 and parts[2] == "resolve":
            repo, file = "/".join(parts[:2]), "/".join(parts[4:])
            fault = self.note("hub", f"{repo}/{file}")
            if not self.fail(fault) and self.may(repo, f"/{{}}/resolve/{parts[3]}/{quote(file)}", of_files=True):
                self.resolve(repo, parts[3], file, fault)
        elif parts[:3] == ["api", "resolve-cache", "models"] and len(parts) >= 7:
            repo, file = "/".join(parts[3:5]), "/".join(parts[6:])
            content = self.hub.content(repo, file)
            if content is None or not self.may(repo, "", of_files=True):
                self.refuse(404, "EntryNotFound", "Entry not found")
            else:
                self.send_bytes(content, f'"{git_hash(content)}"', "", f"{repo}/{file}")
        else:
            self.refuse(404, None, "Not found")

    def may(self, repo: str, again: str, of_files: bool = False) -> bool:
        """Whether this one is told of the repository, or given its files; else the refusal has been sent. `again`: the
        path with {} for the repository, where it may have been renamed."""
        hub, token = self.hub, self.token()
        if token is not None and token not in hub.tokens:
            self.refuse(401, None, INVALID)
        elif repo in hub.renamed:
            query = self.path.partition("?")[2]
            self.send(307, {"Location": again.format(hub.renamed[repo]) + (query and "?" + query)})
        elif repo not in hub.repositories or (repo in hub.private and token is None):
            self.refuse(404 if token else 401, "RepoNotFound", "Repository not found")
        elif of_files and repo in hub.gated and (token is None or repo not in hub.agreed):
            said = (
                f"Access to model {repo} is restricted. You must have access to it and be authenticated to access it."
            )
            self.refuse(403 if token else 401, "GatedRepo", said)
        else:
            return True
        return False

    def describe(self, repo: str, rest: list[str], address: SplitResult) -> None:
        hub = self.hub
        if rest[:1] in (["revision"], ["tree"]) and rest[1:2] not in (["main"], [hub.commit(repo)]):
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {rest[1]}")
        elif rest[:1] == ["tree"]:
            self.tree(repo, rest[1], address)
        elif rest == [] or (rest[0] == "revision" and len(rest) == 2):
            self.send_json(self.info(repo, self.query(address, "blobs") in ("true", "True", "1")))
        else:
            self.refuse(404, None, "Not found")

    def info(self, repo: str, blobs: bool) -> dict[str, object]:
        hub = self.hub
        licence = hub.licences.get(repo)
        return {
            "_id": "0",
            "id": repo,
            "modelId": repo,
            "author": repo.split("/")[0],
            "sha": hub.commit(repo),
            "private": repo in hub.private,
            "gated": "manual" if repo in hub.gated else False,
            "disabled": False,
            "tags": ["gguf", *([] if licence is None else [f"license:{licence}"])],
            "cardData": {} if licence is None else {"license": licence},
            "siblings": [self.sibling(repo, name, blobs) for name in hub.repositories[repo]],
        }

    def sibling(self, repo: str, name: str, blobs: bool) -> dict[str, object]:
        if not blobs:
            return {"rfilename": name}
        content = self.hub.repositories[repo][name]
        found: dict[str, object] = {"rfilename": name, "size": len(content), "blobId": git_hash(content)}
        if is_large(name, content):
            found["lfs"] = {"sha256": self.hub.told_sha256(repo, name), "size": len(content), "pointerSize": 134}
        return found

    def tree(self, repo: str, revision: str, address: SplitResult) -> None:
        """By pages, each with the address of the next in a Link header."""
        entries = self.entries(repo)
        at = int(self.query(address, "cursor", "0"))
        page = entries[at : at + self.hub.per_page]
        headers = {}
        if at + len(page) < len(entries):
            there = f"{self.hub.url}/api/models/{repo}/tree/{revision}?recursive=true&cursor={at + len(page)}"
            headers["Link"] = f'<{there}>; rel="next"'
        self.send_json(page, headers)

    def entries(self, repo: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        folders = set()
        for name, content in self.hub.repositories[repo].items():
            folder = name.rpartition("/")[0]
            if folder and folder not in folders:
                folders.add(folder)
                found.append({"type": "directory", "oid": git_hash(folder.encode()), "size": 0, "path": folder})
            entry: dict[str, object] = {
                "type": "file",
                "oid": git_hash(content),
                "size": len(content),
                "path": name,
            }
            if is_large(name, content):
                oid = self.hub.told_sha256(repo, name)
                entry |= {"lfs": {"oid": oid, "size": len(content), "pointerSize": 134}, "xetHash": oid[::-1]}
            found.append(entry)
        return found

    def resolve(self, repo: str, revision: str, file: str, fault: str) -> None:
        hub, commit = self.hub, self.hub.commit(repo)
        if revision not in ("main", commit):
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return
        content = hub.content(repo, file)
        if content is None:
            self.refuse(404, "EntryNotFound", "Entry not found")
            return
        headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if not is_large(file, content):
            linked = {"X-Linked-Size": str(len(content)), "X-Linked-Etag": f'"{git_hash(content)}"'}
            there = f"/api/resolve-cache/models/{repo}/{commit}/{quote(file)}"
            self.send(307, {"Location": there, "ETag": linked["X-Linked-Etag"], **headers, **linked})
            return
        if fault != "silent":
            headers |= {"X-Linked-Size": str(len(content)), "X-Linked-Etag": f'"{hub.told_sha256(repo, file)}"'}
        there = {"circle": self.path, "elsewhere": "ftp://127.0.0.1/bytes"}.get(fault) or signed(hub, repo, file)
        self.send(302, {"Location": there, "Vary": "Origin, Accept", **headers})

    def refuse(self, status: int, code: str | None, message: str) -> None:
        headers = {"X-Error-Message": message, **({} if code is None else {"X-Error-Code": code})}
        self.send_json({"error": message}, headers, status)
