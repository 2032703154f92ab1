"""A hub on this machine: the endpoints that the client of the Hugging Face hub asks."""

import base64
import json
import re
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

GIT_LFS = ".safetensors"  # what the hub keeps as large files, apart from the commit


class Hub(ThreadingHTTPServer):
    """Repositories in memory, served over HTTP on a free port of the loopback.

    Attributes
    ----------
    repos : dict of dict of bytes
        Files by repository and name.
    commits : list of (repository, files added, files deleted, message)
    seen : list of (method, path, token)
    faults : dict
        ``"status"``: answer every request for a file so; ``"cut"``: break bodies off there;
        ``"length"``: announce files of this length; ``"listed"``: list files with this size;
        ``"body"``: change what is sent; ``"refuse"``, ``"refuse large"``: take nothing.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.endpoint = f"http://127.0.0.1:{self.server_port}"
        self.repos, self.large, self.private = {}, {}, {}
        self.commits, self.seen, self.faults = [], [], {}

    def __enter__(self):
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def sha(self, repo):
        content = b"".join(n.encode() + c for n, c in sorted(self.repos[repo].items()))
        return sha1(content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def _take(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.server.seen.append((self.command, self.path.partition("?")[0], token))
        return self.path.partition("?")[0], body

    def _answer(self, value, status=200, **headers):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body)))
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _missing(self, code):
        self._answer({"error": code}, 404, X_Error_Code=code, X_Error_Message=code)

    # -- reading -------------------------------------------------------------------------------

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path, _ = self._take()
        hub, faults = self.server, self.server.faults
        if about := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", path):
            if about[1] not in hub.repos:
                return self._missing("RepoNotFound")
            if about[2] not in (None, "main", hub.sha(about[1])):
                return self._missing("RevisionNotFound")
            files = hub.repos[about[1]]
            entries = [{"rfilename": name, "size": faults.get("listed", {}).get(name, len(content)),
                        "blobId": sha1(content).hexdigest()}
                       for name, content in files.items()]  # fmt: skip
            return self._answer({"id": about[1], "modelId": about[1], "sha": hub.sha(about[1]),
                                 "private": hub.private[about[1]], "siblings": entries,
                                 "tags": []})  # fmt: skip
        found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([0-9a-f]{40})/(.+)", path)
        if not found or found[2] != hub.sha(found[1]):
            return self._missing("EntryNotFound")
        if "status" in faults:
            return self._answer({"error": "out of order"}, faults["status"])
        content = hub.repos[found[1]].get(found[3])
        if content is None:
            return self._missing("EntryNotFound")
        content = faults.get("body", lambda name, content: content)(found[3], content)
        length = faults.get("length", {}).get(found[3], len(content))
        headers = {"ETag": f'"{sha256(content).hexdigest()}"', "X_Repo_Commit": found[2],
                   "Content_Length": str(length)}  # fmt: skip
        if self.command == "GET" and "cut" in faults:
            self.close_connection = True
            content = content[: faults["cut"]] if not self.headers.get("Range") else b""
        self._answer(content, **headers)

    # -- writing -------------------------------------------------------------------------------

    def do_POST(self):
        path, body = self._take()
        hub = self.server
        if path == "/api/repos/create":
            asked = json.loads(body)
            repo = f"{asked['organization']}/{asked['name']}"
            if repo in hub.repos:
                return self._answer({"error": "it is there", "url": f"{hub.endpoint}/{repo}"}, 409)
            hub.repos[repo] = {".gitattributes": b"*.safetensors filter=lfs\n"}
            hub.private[repo] = asked.get("visibility") == "private" or asked.get("private", False)
            return self._answer({"url": f"{hub.endpoint}/{repo}", "name": repo})
        if path == "/api/validate-yaml":
            return self._answer({"errors": [], "warnings": []})
        if path.endswith("/info/lfs/objects/batch"):
            objects = [
                {**one, "actions": {"upload": {"href": f"{hub.endpoint}/large/{one['oid']}"}}}
                for one in json.loads(body)["objects"]
            ]
            return self._answer({"transfer": "basic", "objects": objects})
        asked = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(preupload|commit)/main", path)
        if not asked:
            return self._missing("RevisionNotFound")
        if hub.faults.get("refuse"):
            return self._answer({"error": "You are not allowed"}, 403)
        if asked[2] == "preupload":
            files = [
                {"path": one["path"], "shouldIgnore": False,
                 "uploadMode": "lfs" if one["path"].endswith(GIT_LFS) else "regular"}
                for one in json.loads(body)["files"]
            ]  # fmt: skip
            return self._answer({"files": files})
        files, added, deleted, message = dict(hub.repos[asked[1]]), [], [], ""
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "header":
                message = value["summary"]
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
                added.append(value["path"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = hub.large[value["oid"]]
                added.append(value["path"])
            elif line["key"] == "deletedFile":
                del files[value["path"]]
                deleted.append(value["path"])
        hub.repos[asked[1]] = files
        hub.commits.append((asked[1], sorted(added), sorted(deleted), message))
        sha = hub.sha(asked[1])
        return self._answer({"commitUrl": f"{hub.endpoint}/{asked[1]}/commit/{sha}",
                             "commitOid": sha})  # fmt: skip

    def do_PUT(self):
        path, body = self._take()
        if self.server.faults.get("refuse large"):
            return self._answer({"error": "You are not allowed"}, 403)
        assert sha256(body).hexdigest() == path.removeprefix("/large/")
        self.server.large[sha256(body).hexdigest()] = body
        self._answer(b"")
