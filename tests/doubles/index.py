"""A fake package index as a process of its own: `python -m tests.doubles.index --port 0 --variant html`.

It prints its URL, then serves the made-up universe: `html` like an old mirror (no sizes, times, sidecars, validators),
`json` with everything.  For the tests it tells its log (`GET /_log`, `DELETE /_log`) and takes orders: `POST /_behave`
(`tests.doubles.misbehaviour.Mood.set`) and `POST /_release`.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import re
import tempfile
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, ClassVar
from urllib.parse import unquote, urlsplit

from attrs import define, field
from packaging.utils import canonicalize_name

from tests.doubles import listings
from tests.doubles.misbehaviour import USUAL, Misbehaviour, Mood, bomb, renewed_page, spoiled_file, spoiled_page
from tests.doubles.universe import Sizes, Universe

_HOLD_S = 300.0
_LOOK_AGAIN_S = 0.05
_PIECE_BYTES = 1 << 16


@define(kw_only=True)
class Index:
    """What all connections share.  `variant` is `html` or `json`; `max_age_s` stands in Cache-Control of JSON's."""

    universe: Universe
    variant: str
    max_age_s: int
    mood: Mood = field(factory=Mood)
    base: str = ""
    releases: int = field(init=False, default=0)
    renewals: Iterator[int] = field(init=False, factory=lambda: count(1))
    _pages: dict[tuple[str, str], bytes] = field(init=False, factory=dict)
    _log: list[dict[str, Any]] = field(init=False, factory=list)
    _lock: Lock = field(init=False, factory=Lock)

    def note(self, **fields: Any) -> dict[str, Any]:
        """Begin a line of the log; it is amended as the exchange goes on."""
        with self._lock:
            self._log.append(fields)
        return fields

    def told(self) -> bytes:
        with self._lock:
            return json.dumps(self._log).encode()

    def forget(self) -> None:
        with self._lock:
            self._log.clear()

    def let_go(self) -> None:
        """Whoever hangs or is held goes free, also one whose request has come, but who is not yet where it waits."""
        with self._lock:
            self.releases += 1
        self.mood.release()

    def wait_for_release(self, releases: int) -> None:
        """Hold the calling thread until there are more releases than these, or for as long as is sensible."""
        end = time.monotonic() + _HOLD_S
        while self.releases == releases and time.monotonic() < end:
            self.mood.wait_for_release(_LOOK_AGAIN_S)

    def page(self, name: str, wants_json: bool) -> bytes:
        """The page of a project, or with an empty name the list; a KeyError if there is no such project."""
        form = "json" if wants_json else "html"
        key = (name, form)
        if key not in self._pages:
            self._pages[key] = self._page(name, wants_json)
        return self._pages[key]

    def _page(self, name: str, wants_json: bool) -> bytes:
        if not name:
            every = self.universe.projects.values()
            return listings.json_list(every) if wants_json else listings.html_list(every)
        archives = self.universe.archives(name)
        project = self.universe.projects[name]
        if wants_json:
            return listings.json_page(project, archives, self.base)
        return listings.html_page(project, archives, sidecars=self.variant == "json")


class Connection(BaseHTTPRequestHandler):
    """One client's connection, in a thread of its own."""

    index: ClassVar[Index]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    _greeted = False
    _line: dict[str, Any]
    _rule: Misbehaviour = USUAL
    _releases: int = 0

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name of the method overridden
        """Nothing: the log that tests read is kept in `Index`."""

    def do_DELETE(self) -> None:
        self._line = {"sent": 0}
        if self.path == "/_log":
            self.index.forget()
            return self._send(200, b"")
        return self._send(405, b"")

    def do_POST(self) -> None:
        self._line = {"sent": 0}
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/_behave":
            self.index.mood.set(json.loads(body))
            self.index.let_go()
        elif self.path == "/_release":
            self.index.let_go()
        else:
            return self._send(404, b"")
        return self._send(200, b"")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self._line = {"sent": 0}
        if self.path == "/_log":
            return self._send(200, self.index.told(), {"Content-Type": "application/json"})
        path = unquote(urlsplit(self.path).path)
        self._line = self.index.note(
            method=self.command, path=path, headers={name.lower(): text for name, text in self.headers.items()}, sent=0
        )
        mood = self.index.mood
        time.sleep(mood.round_trip_s * (1 if self._greeted else 2))
        self._greeted = True
        self._releases = self.index.releases
        self._rule = rule = mood.towards(self.command, path)
        match rule.do:
            case "status":
                return self._send(rule.value, b"a bad day", rule.headers)
            case "absent":
                return self._send(404, b"no such thing")
            case "hang":
                return self._vanish(after_release=True)
            case "redirect-loop":
                return self._send(302, b"", {"Location": self.path})
        if path.startswith("/simple/"):
            return self._answer_page(path.removeprefix("/simple/").strip("/"))
        if path.startswith("/files/"):
            return self._answer_file(path.rpartition("/")[2])
        return self._send(404, b"no such thing")

    # -- pages --------------------------------------------------------------------------------------------------

    def _answer_page(self, name: str) -> None:
        rich = self.index.variant == "json"
        renewal = next(self.index.renewals) if self._rule.do == "renewed" else 0
        wants_json = rich and listings.JSON_TYPE in self.headers.get("Accept", "")
        wants_json = wants_json and not (self._rule.value and renewal % 2)
        try:
            body = self.index.page(name, wants_json)
        except KeyError:
            if canonicalize_name(name) in self.index.universe.projects:
                return self._send(301, b"", {"Location": f"/simple/{canonicalize_name(name)}/"})
            return self._send(404, b"no such project")
        if renewal:
            body = renewed_page(name, renewal, body, wants_json)
        headers = {"Content-Type": listings.JSON_TYPE if wants_json else listings.HTML_TYPE}
        if rich:
            etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            headers |= {"ETag": etag, "Cache-Control": f"max-age={self.index.max_age_s}, public", "Vary": "Accept"}
            headers["X-PyPI-Last-Serial"] = "1000"
            if self.headers.get("If-None-Match") == etag:
                return self._send(304, b"", headers)
        if self._rule.do == "gzip-bomb":
            return self._send(200, bomb(self._rule.value), headers | {"Content-Encoding": "gzip"})
        body = spoiled_page(self._rule, body, wants_json)
        if rich and "gzip" in self.headers.get("Accept-Encoding", "") and len(body) > 500:
            body = gzip.compress(body, 1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        return self._send(200, body, headers)

    # -- files --------------------------------------------------------------------------------------------------

    def _answer_file(self, filename: str) -> None:
        try:
            archive = self.index.universe.archive(filename.removesuffix(".metadata"))
        except KeyError:
            return self._send(404, b"no such file")
        if filename.endswith(".metadata"):
            if archive.metadata is None or self.index.variant == "html":
                return self._send(404, b"no such file")
            return self._send(200, archive.metadata, {"Content-Type": "application/octet-stream"})
        headers = {"Content-Type": "application/octet-stream"}
        if self.index.variant == "json":
            headers["ETag"] = f'"{archive.hashes["md5"]}"'
            headers["Last-Modified"] = formatdate(1577836800, usegmt=True)
        start, stop, status = 0, archive.size_bytes, 200
        if self._rule.do != "whole":
            headers["Accept-Ranges"] = "bytes"
            asked = _asked_range(self.headers.get("Range"), archive.size_bytes)
            if asked and self.headers.get("If-Range", headers.get("ETag")) == headers.get("ETag"):
                start, stop = asked
                if start >= stop:
                    return self._send(416, b"", {"Content-Range": f"bytes */{archive.size_bytes}"})
                status = 206
                headers["Content-Range"] = f"bytes {start}-{stop - 1}/{archive.size_bytes}"
        if self._rule.do == "wrong":
            return self._send_file(status, headers, spoiled_file(archive.path.read_bytes()), start, stop)
        with archive.path.open("rb") as file:
            return self._send_file(status, headers, file, start, stop)

    # -- bytes --------------------------------------------------------------------------------------------------

    def _send(self, status: int, body: bytes, headers: Any = ()) -> None:
        self._send_file(status, dict(headers), io.BytesIO(body), 0, len(body))

    def _send_file(self, status: int, headers: dict[str, str], file: BinaryIO, start: int, stop: int) -> None:
        rule, self._rule = self._rule, USUAL
        self._line["status"] = status
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        if rule.do == "excess":
            self.send_header("Connection", "close")
        elif status != 304:
            self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        if self.command == "HEAD" or status == 304:
            return
        match rule.do:
            case "half":
                self._copy(file, start, start + (stop - start) // 2)
                self._vanish()
            case "hold":
                self._copy(file, start, start + rule.value)
                self.index.wait_for_release(self._releases)
                self._copy(file, start + rule.value, stop)
            case "drip":
                for at in range(start, stop):
                    self._copy(file, at, at + 1)
                    time.sleep(1 / rule.value)
            case "excess":
                self._copy(file, start, stop)
                self._write(b"x" * 100_000)
            case _:
                self._copy(file, start, stop)

    def _copy(self, file: BinaryIO, start: int, stop: int) -> None:
        self.wfile.flush()
        if isinstance(file, io.BytesIO):
            self._pass(stop - start)
            self._write(file.getbuffer()[start:stop])
            return
        most_bytes = _PIECE_BYTES if self.index.mood.link.bandwidth_bytes else 1 << 20
        while start < stop:
            self._pass(min(stop - start, most_bytes))
            sent = self.connection.sendfile(file, start, min(stop - start, most_bytes))
            start += sent
            self._count(sent)

    def _pass(self, size_bytes: int) -> None:
        """Hold the thread for as long as the link takes for so many bytes, and all that are before them."""
        now = time.monotonic()
        if (until := self.index.mood.link.carried_at(size_bytes, now)) > now:
            time.sleep(until - now)

    def _write(self, data: bytes | memoryview) -> None:
        self.wfile.write(data)
        self.wfile.flush()
        self._count(len(data))

    def _count(self, size_bytes: int) -> None:
        self._line["sent"] += size_bytes

    def _vanish(self, after_release: bool = False) -> None:
        if after_release:
            self.index.wait_for_release(self._releases)
        self.close_connection = True

    def handle(self) -> None:
        """As inherited; a client that leaves in the middle is no event."""
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True

    def finish(self) -> None:
        """As inherited; what can no longer be flushed is let go."""
        try:
            super().finish()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


class Server(ThreadingHTTPServer):
    """Listens with room for many connections at once."""

    request_queue_size = 512
    daemon_threads = True


def _asked_range(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """`start, stop` of a single byte range (RFC 9110 section 14.1.2), or None where there is none to be honoured."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", header or "")
    if found is None or found.group() == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        return max(0, size_bytes - int(last)), size_bytes
    return int(first), min(size_bytes, int(last) + 1) if last else size_bytes


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--variant", choices=["html", "json"], default="json")
    parser.add_argument("--max-age", type=int, default=600)
    parser.add_argument("--folder", type=Path, help="where archives are made and kept; a temporary one by default")
    parser.add_argument("--big-bytes", type=int, default=Sizes().big)
    parser.add_argument("--giant-bytes", type=int, default=Sizes().giant)
    parser.add_argument("--ancient-files", type=int, default=Sizes().ancient_files)
    parser.add_argument("--listed-files", type=int, nargs="*", default=(), help="pages of so many files besides")
    parser.add_argument("--wheels", type=int, default=0, help="so many projects of one wheel besides")
    parser.add_argument("--rooted", type=int, default=0, help="1: file URLs in JSON do not name the host")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sizes = Sizes(
            big=chosen.big_bytes,
            giant=chosen.giant_bytes,
            ancient_files=chosen.ancient_files,
            listed_files=tuple(chosen.listed_files),
            wheels=chosen.wheels,
        )
        universe = Universe(folder=chosen.folder or Path(scratch), sizes=sizes)
        Connection.index = Index(universe=universe, variant=chosen.variant, max_age_s=chosen.max_age)
        with Server(("127.0.0.1", chosen.port), Connection) as server:
            url = f"http://127.0.0.1:{server.server_port}"
            Connection.index.base = "" if chosen.rooted else url
            print(f"{url}/", flush=True)
            server.serve_forever()


if __name__ == "__main__":
    main()
