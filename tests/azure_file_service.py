"""A small file service of Azure's storage, as its REST reference describes it: the requests that the studio sends, and
the signature of each."""

import base64
import contextlib
import hashlib
import hmac
import shutil
import threading
import urllib.parse
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

ACCOUNT, SHARE = "account", "team"
KEY = base64.b64encode(b"a key of the account").decode()
SIGNED = [
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
]
PAGE = 3


class Refusal(Exception):
    def __init__(self, status, code):
        super().__init__(code)
        self.status, self.code = status, code


class Service(ThreadingHTTPServer):
    """`sas` is a signature that it accepts; `seen` the requests."""

    daemon_threads = True

    def __init__(self, root):
        super().__init__(("127.0.0.1", 0), Handler)
        self.root, self.sas, self.seen, self.tags = root, "", [], {}
        (root / SHARE).mkdir(parents=True)

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_port}/{ACCOUNT}"


@contextlib.contextmanager
def run_service(root):
    service = Service(root)
    thread = threading.Thread(target=service.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.shutdown()
        service.server_close()
        thread.join()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        """Not to the output of the tests."""

    def _answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        parts = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        self.server.seen.append((self.command, urllib.parse.unquote(parts.path), self.query.get("comp", "")))
        try:
            self._check_signature(parts.path)
            names = urllib.parse.unquote(parts.path).strip("/").split("/")[1:]
            if any(letter in name for name in names for letter in '\\:|<>*?"'):
                raise Refusal(400, "InvalidResourceName")
            if names[0] != SHARE:
                raise Refusal(404, "ShareNotFound")
            self.target = self.server.root.joinpath(*names)
            is_folder = self.query.get("restype") == "directory"
            status, headers, data = (self._act_on_folder if is_folder else self._act_on_file)(body)
        except Refusal as refusal:
            data = f"<Error><Code>{refusal.code}</Code><Message>Refused.</Message></Error>".encode()
            status = refusal.status
            headers = {"x-ms-error-code": refusal.code, "Content-Type": "application/xml"}
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_HEAD = do_PUT = do_DELETE = _answer

    def _check_signature(self, path):
        if self.server.sas and self.server.sas in self.path:
            source = self.headers.get("x-ms-file-rename-source")
            if source and self.server.sas not in source:
                raise Refusal(403, "CannotVerifyCopySource")
            return
        given = {name.lower(): value for name, value in self.headers.items()}
        if given.get("content-length") == "0":
            del given["content-length"]
        lines = [self.command, *(given.get(name, "") for name in SIGNED)]
        lines += [f"{name}:{value}" for name, value in sorted(given.items()) if name.startswith("x-ms-")]
        lines.append(f"/{ACCOUNT}{path}")
        lines += [f"{name.lower()}:{value}" for name, value in sorted(self.query.items())]
        key = base64.b64decode(KEY)
        wanted = base64.b64encode(hmac.new(key, "\n".join(lines).encode(), hashlib.sha256).digest()).decode()
        if given.get("authorization") != f"SharedKey {ACCOUNT}:{wanted}":
            raise Refusal(403, "AuthenticationFailed")

    def _act_on_folder(self, body):
        folder = self.target
        if self.command == "PUT":
            if folder.exists():
                raise Refusal(409, "ResourceAlreadyExists" if folder.is_dir() else "ResourceTypeMismatch")
            if not folder.parent.is_dir():
                raise Refusal(404, "ParentNotFound")
            folder.mkdir()
            return 201, {}, b""
        if not folder.is_dir():
            raise Refusal(404, "ResourceNotFound") if not folder.exists() else Refusal(409, "ResourceTypeMismatch")
        return (200, {"Content-Type": "application/xml"}, self._list()) if self.query.get("comp") else (200, {}, b"")

    def _list(self):
        """A page of the entries whose names begin with `prefix`, in the order of their names."""
        start, marker = self.query.get("prefix", ""), self.query.get("marker", "")
        names = sorted(path.name for path in self.target.iterdir() if path.name.startswith(start))
        left = [name for name in names if name >= marker]
        entries = "".join(self._describe(name) for name in left[:PAGE])
        following = left[PAGE] if len(left) > PAGE else ""
        return (
            f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="{self.server.endpoint}" '
            f'ShareName="{SHARE}" DirectoryPath=""><Entries>{entries}</Entries>'
            f"<NextMarker>{escape(following)}</NextMarker></EnumerationResults>"
        ).encode()

    def _describe(self, name):
        path = self.target / name
        if path.is_dir():
            return f"<Directory><Name>{escape(name)}</Name><Properties/></Directory>"
        facts = _facts_of(path)
        return (
            f"<File><Name>{escape(name)}</Name><Properties><Content-Length>{path.stat().st_size}</Content-Length>"
            f"<Last-Modified>{facts['Last-Modified']}</Last-Modified><Etag>{facts['ETag']}</Etag></Properties></File>"
        )

    def _act_on_file(self, body):
        path, comp = self.target, self.query.get("comp", "")
        if self.command == "PUT" and comp in ("", "rename"):
            return self._make(path, comp)
        if not path.is_file():
            raise Refusal(409, "ResourceTypeMismatch") if path.is_dir() else Refusal(404, "ResourceNotFound")
        if self.command == "DELETE":
            path.unlink()
            return 202, {}, b""
        if comp == "range":
            self._write(path, body)
            return 201, _facts_of(path), b""
        if comp == "properties":
            with path.open("r+b") as file:
                file.truncate(int(self.headers["x-ms-content-length"]))
            return 200, _facts_of(path), b""
        facts = _facts_of(path)
        if self.command == "HEAD":
            return 200, {**facts, "Content-Length": str(path.stat().st_size), "x-ms-type": "File"}, b""
        return self._read(path, facts)

    def _make(self, path, comp):
        if not path.parent.is_dir():
            raise Refusal(404, "ParentNotFound")
        if path.is_dir():
            raise Refusal(409, "ResourceTypeMismatch")
        if comp == "rename":
            source = urllib.parse.unquote(urllib.parse.urlsplit(self.headers["x-ms-file-rename-source"]).path)
            if path.exists() and self.headers.get("x-ms-file-rename-replace-if-exists") != "true":
                raise Refusal(409, "ResourceAlreadyExists")
            shutil.move(self.server.root.joinpath(*source.strip("/").split("/")[1:]), path)
            return 200, _facts_of(path), b""
        path.write_bytes(bytes(int(self.headers["x-ms-content-length"])))
        return 201, _facts_of(path), b""

    def _write(self, path, body):
        first, last = self.headers["x-ms-range"].removeprefix("bytes=").split("-")
        if int(last) - int(first) + 1 != len(body) or int(last) >= path.stat().st_size or len(body) > 4 << 20:
            raise Refusal(416, "InvalidRange")
        with path.open("r+b") as file:
            file.seek(int(first))
            file.write(body)

    def _read(self, path, facts):
        first, _, last = self.headers.get("x-ms-range", "bytes=0-").removeprefix("bytes=").partition("-")
        size = path.stat().st_size
        if int(first) >= max(size, 1):
            raise Refusal(416, "InvalidRange")
        data = path.read_bytes()[int(first) : int(last) + 1 if last else None]
        where = f"bytes {first}-{int(first) + len(data) - 1}/{size}"
        return 206, {**facts, "Content-Range": where, "Content-Type": "application/octet-stream"}, data


def _facts_of(path):
    found = path.stat()
    return {"ETag": f'"0x{found.st_mtime_ns:X}"', "Last-Modified": formatdate(found.st_mtime, usegmt=True)}
