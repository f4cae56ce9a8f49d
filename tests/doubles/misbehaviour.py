"""The bad days of a fake index: which requests it answers badly, how often, and with what."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from threading import Condition
from typing import Any, BinaryIO

from attrs import define, field, frozen

from tests.doubles.link import Link

WORDS = frozenset(
    {
        "usual",  # nothing amiss
        "status",  # `value` as status, with `headers`
        "hang",  # nothing is said until released
        "hold",  # `value` bytes of the body, then nothing until released
        "drip",  # the body at `value` bytes a second
        "half",  # half of the body, then the connection ends
        "excess",  # more bytes than the page said, without a length
        "wrong",  # one byte of the body is another
        "garbage",  # a page that is no page, under its usual content type
        "whole",  # a Range is ignored
        "absent",  # 404
        "redirect-loop",
        "gzip-bomb",  # `value` bytes of nothing much, gzipped
        "large",  # a valid page, blown up to `value` bytes
        "scripts",  # the page with links of schemes that are no place for a file
        "renewed",  # a valid page that lists one more file than usual, each time another; `value` 1: 2nd in HTML
    }
)


@frozen(kw_only=True)
class Misbehaviour:
    """What is done to requests whose path matches the glob `match` (and whose method is in `methods`).

    `times`: to so many of them, None for all.
    """

    do: str
    match: str = "*"
    methods: tuple[str, ...] = ("GET", "HEAD")
    value: int = 0
    headers: Mapping[str, str] = field(factory=dict)
    times: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.do not in WORDS:
            raise ValueError(f"{self.do!r} is none of {sorted(WORDS)}")


USUAL = Misbehaviour(do="usual")


@define(kw_only=True)
class Mood:
    """What the index does at present; shared by the threads of its connections.

    `round_trip_s`: so long every exchange, and every new connection, takes longer.  `link`: what all bodies go through.
    """

    round_trip_s: float = 0.0
    link: Link = field(factory=Link)
    _rules: list[tuple[Misbehaviour, list[int]]] = field(init=False, factory=list)
    _released: int = field(init=False, default=0)
    _changed: Condition = field(init=False, factory=Condition)

    def set(self, document: Mapping[str, Any]) -> None:
        """Replace everything; who is held goes free.

        As `{"round_trip_ms": 0, "bandwidth_bytes": 0, "rules": [{"do": …, "match": …}, …]}`.
        """
        rules = [
            Misbehaviour(**{**rule, "methods": tuple(rule.get("methods", ("GET", "HEAD")))})
            for rule in document.get("rules", ())
        ]
        with self._changed:
            self.round_trip_s = document.get("round_trip_ms", 0) / 1000
            self.link = Link(bandwidth_bytes=document.get("bandwidth_bytes", 0))
            self._rules = [(rule, [0]) for rule in rules]
        self.release()

    def release(self) -> None:
        """Let everyone go who hangs or is held now."""
        with self._changed:
            self._released += 1
            self._changed.notify_all()

    def wait_for_release(self, timeout_s: float) -> None:
        """Hold the calling thread until `release`, or the time is up."""
        with self._changed:
            seen = self._released
            self._changed.wait_for(lambda: self._released != seen, timeout=timeout_s)

    def towards(self, method: str, path: str) -> Misbehaviour:
        """The first rule for this request that is not used up; it counts as used.  Without one, the usual."""
        with self._changed:
            for rule, used in self._rules:
                if (
                    method in rule.methods
                    and fnmatchcase(path, rule.match)
                    and (rule.times is None or used[0] < rule.times)
                ):
                    used[0] += 1
                    return rule
        return USUAL


def spoiled_page(rule: Misbehaviour, body: bytes, is_json: bool) -> bytes:
    """The page as the rule has it, if it is a rule about pages."""
    match rule.do:
        case "garbage":
            return b"\x00\xff{]<<<not a page" * 40
        case "large" if is_json:
            return body.replace(b'"meta"', b" " * rule.value + b'"meta"', 1)
        case "large":
            return body.replace(b"<body>", b"<body><!--" + b" " * rule.value + b"-->")
        case "scripts":
            return _with_scripts(body, is_json)
    return body


def _with_scripts(body: bytes, is_json: bool) -> bytes:
    bad = [f"{scheme}/tc_bad-{at}.0-py3-none-any.whl" for at, scheme in enumerate(("javascript:", "data:,", "file://"))]
    if not is_json:
        links = "".join(f'<a href="{url}">{url.rpartition("/")[2]}</a>' for url in bad)
        return body.replace(b"</body>", links.encode() + b"</body>")
    page = json.loads(body)
    page["files"] += [{"filename": url.rpartition("/")[2], "url": url, "hashes": {}, "size": 1} for url in bad]
    return json.dumps(page).encode()


def renewed_page(project: str, number: int, body: bytes, is_json: bool) -> bytes:
    """The page of a project with one more file, which is on none of another number."""
    filename = f"{project.replace('-', '_')}-9999.{number}-py3-none-any.whl"
    if not is_json:
        return body.replace(b"</body>", f'<a href="../../files/{filename}">{filename}</a></body>'.encode())
    file = {"filename": filename, "url": f"/files/{filename}", "hashes": {}, "size": 1}
    return body.replace(b'"files": [', b'"files": [' + json.dumps(file).encode() + b", ", 1)


def spoiled_file(data: bytes) -> BinaryIO:
    """The file with another bit in its middle."""
    middle = len(data) // 2
    return io.BytesIO(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])


@cache
def bomb(size_bytes: int) -> bytes:
    """So many bytes of white space, gzipped to a thousandth."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9, mtime=0) as file:
        for _ in range(0, size_bytes, 1 << 20):
            file.write(b" " * (1 << 20))
    return packed.getvalue()
