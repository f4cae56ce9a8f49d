"""A `SimpleIndex` that talks to `TierHttp`: what nearly every test of `tiercache/upstream/` begins with."""

from __future__ import annotations

import json
from typing import Any

from tests.doubles.now import at_once
from tests.doubles.tier_http import JSON_TYPE, TierHttp, http_answer
from tiercache.interfaces import Tier
from tiercache.simple.model import File, ProjectName
from tiercache.upstream.simple_index import SimpleIndex

BASE = "https://index.example/simple/"
PAGE = f"{BASE}numpy/"
NUMPY = ProjectName("numpy")
NOW = 1_800_000_000.0


def far_index(http: TierHttp, **differently: Any) -> SimpleIndex:
    """An index whose clock is the test's, and whose retries wait for nothing."""
    settings: dict[str, Any] = {
        "tier": Tier(name="office", kind="origin"),
        "base_url": BASE,
        "agent": http.agent,
        "clock": http.clock,
        "now": lambda: NOW + http.clock.seconds(),
        "jitter": lambda: 0.0,
        "pool": at_once,
    }
    return SimpleIndex(**(settings | differently))


def listed(url: str = "https://files.example/numpy-1.0-py3-none-any.whl", **more: Any) -> File:
    """A file as a page lists it."""
    return File(filename=url.partition("?")[0].rpartition("/")[2], url=url, **more)


def json_page(*urls: str, **more: Any) -> bytes:
    """A project page in JSON that lists files at these URLs."""
    files = [{"filename": url.rpartition("/")[2], "url": url, "hashes": {}, "size": 3} for url in urls]
    page = {"meta": {"api-version": "1.1"}, "name": "numpy", "versions": ["1.0"], "files": files}
    return json.dumps(page | more).encode()


def json_answer(*urls: str, **headers: str) -> bytes:
    """The answer that such a page comes in."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return http_answer(200, json_page(*urls), {"Content-Type": JSON_TYPE, **named})
