"""What a server answers to a single request, looked at before it is put under load."""

from __future__ import annotations

import json
import re
from urllib.parse import urldefrag, urljoin

from benchmarks.exchanges import ACCEPTS
from tests.doubles.fetching import Answer, fetch


def file_url(simple: str, project: str) -> str:
    """Where a server has the only wheel of a project, from its page in whatever syntax it has."""
    url = f"{simple}{project}/"
    page = fetch(url, headers={"Accept": f"{ACCEPTS['JSON']}, text/html;q=0.1"})
    assert page.status == 200, f"{url}: {page}"
    return urljoin(url, wheel_on(page))


def wheel_on(page: Answer) -> str:
    """The URL of the first wheel on a project page, without its fragment."""
    if is_json(page):
        urls = [str(file["url"]) for file in json.loads(page.body)["files"]]
    else:
        urls = re.findall(r'href="([^"]+)"', page.body.decode())
    return next(plain for plain in (urldefrag(url).url for url in urls) if plain.endswith(".whl"))


def is_json(answer: Answer) -> bool:
    return "json" in answer.headers.get("content-type", "")


def unlike(answer: Answer, syntax: str, packed: bool) -> str:
    """Why a page is not what was asked for, in a few words; empty if it is."""
    if answer.status != 200:
        return f"answers {answer.status}"
    if (syntax == "JSON") != is_json(answer):
        return f"no {syntax}"
    if packed and answer.headers.get("content-encoding") != "gzip":
        return "no gzip"
    return ""


def validator(answer: Answer) -> dict[str, str]:
    """The header by which a client asks whether its copy is still good; empty if the answer gives nothing to ask by."""
    if etag := answer.headers.get("etag"):
        return {"If-None-Match": etag}
    if modified := answer.headers.get("last-modified"):
        return {"If-Modified-Since": modified}
    return {}
