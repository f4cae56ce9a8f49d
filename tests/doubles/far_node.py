"""A `Parent` that talks to `TierHttp`, and what a node would answer it."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from typing import Any

from tests.doubles.far_index import BASE, far_index
from tests.doubles.tier_http import Received, TierHttp, chunked_answer, http_answer
from tiercache.interfaces import Tier
from tiercache.upstream.parent import Parent
from tiercache.wire import EVENT_STREAM, FEATURES, NDJSON

ROOT = BASE.removesuffix("simple/")
API = f"{ROOT}api/v1/"
PAGES = f"POST {API}pages"
NODE = f"GET {API}node"
CHANGES = f"GET {API}changes"
RESERVED = f"GET {API}reserved"

NODE_ID = "00000000000000aa"
EPOCH = "e1"


def far_node(http: TierHttp, *, kind: str = "parent", gather_s: float = 0.0, **differently: Any) -> Parent:
    """A tier that may be a node; asks gather until the next turn."""
    index = far_index(http, tier=Tier(name="office", kind=kind), **differently)
    return Parent(index=index, root_url=ROOT, gather_s=gather_s)


def said_of_itself(**differently: Any) -> bytes:
    """The answer to `GET /node`."""
    state = {"name": "office", "id": NODE_ID, "version": "1.0", "features": list(FEATURES), "epoch": EPOCH, "serial": 7}
    return http_answer(200, json.dumps(state | differently).encode(), {"Content-Type": "application/json"})


def page_json(project: str, *urls: str, **more: Any) -> dict[str, Any]:
    """A page as it stands in a line."""
    files = [{"filename": url.rpartition("/")[2], "url": url, "hashes": {}, "size": 3} for url in urls]
    return {"meta": {"api-version": "1.1"}, "name": project, "versions": ["1.0"], "files": files} | more


def line(project: str, **differently: Any) -> bytes:
    """A line with a page, or whatever it is said to be, without its end."""
    told: dict[str, Any] = {"name": project, "status": "page", "epoch": EPOCH, "at": 7, "etag": f'"{project}-1"'}
    if differently.get("status", "page") == "page":
        told["page"] = page_json(project, f"../../files/{project}-1.0.tar.gz")
    return json.dumps(told | differently).encode()


def lines_answer(*lines: bytes, gzipped: bool = False, end: bytes = b"\n", **headers: str) -> bytes:
    """An answer to `POST /pages`, a chunk for each line."""
    named = {"Content-Type": NDJSON} | {name.replace("_", "-"): value for name, value in headers.items()}
    if gzipped:
        named["Content-Encoding"] = "gzip"
        return chunked_answer(gzip.compress(b"".join(one + end for one in lines)), headers=named)
    return chunked_answer(*(one + end for one in lines), headers=named)


def head_of_lines(**headers: str) -> bytes:
    """The head of such an answer, whose chunks are still to come."""
    named = {"Content-Type": NDJSON, "Transfer-Encoding": "chunked"}
    return http_answer(200, headers=named | {name.replace("_", "-"): v for name, v in headers.items()}, length=None)


def head_of_feed() -> bytes:
    """The head of a feed, whose events are still to come."""
    return http_answer(200, headers={"Content-Type": EVENT_STREAM, "Transfer-Encoding": "chunked"}, length=None)


def chunk(data: bytes) -> bytes:
    """One chunk more; b"" is the end."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(name: str, id_: str, data: Any) -> bytes:
    """One event of a feed."""
    return f"event: {name}\nid: {id_}\ndata: {json.dumps(data)}\n\n".encode()


def change_event(serial: int, project: str = "numpy", epoch: str = EPOCH, **more: Any) -> bytes:
    """A change."""
    told = {"serial": serial, "project": project, "what": "page", "at": 1.0, "origin": f"{epoch}:{serial}"}
    return event("change", f"{epoch}:{serial}", told | more)


def wanted(request: Received) -> list[str]:
    """The projects that a `POST /pages` asks for."""
    return [one["name"] for one in json.loads(request.body)["projects"]]


def answering(**differently: Any) -> Callable[[Received], bytes]:
    """A node that has every project it is asked for."""

    def answer(request: Received) -> bytes:
        return lines_answer(*(line(project, **differently) for project in wanted(request)))

    return answer


def sha256_of(text: str) -> str:
    """The digest of a sidecar."""
    return hashlib.sha256(text.encode()).hexdigest()
