"""`/simple/` and `/local/`: negotiation, validators, encodings, redirects, kept renderings."""

from __future__ import annotations

import gzip
import json
from urllib.parse import urljoin, urlsplit

import pytest
from twisted.internet.defer import Deferred

from tests.doubles.shelves import file_of, page_of
from tests.web.node import JSON, WebNode
from tiercache.cache.look import LARGE_PAGE_FILES
from tiercache.errors import NoTierAnswered, NotStored, PageUnusable
from tiercache.policy.cache_status import Outcome
from tiercache.web.site import Presence

PIP = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
POETRY = "application/vnd.pypi.simple.v1+json, */*;q=0.1"
WHEEL = file_of("numpy-2.0-py3-none-any.whl")


def node_with_numpy(**more: object) -> WebNode:
    node = WebNode()
    node.pages.put(page_of("numpy", WHEEL), local=True, **more)
    return node


# -- what is sent -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", [PIP, POETRY, JSON])
def test_clients_that_speak_json_get_json_and_not_html(accept: str) -> None:
    """Mistake 2 of protocol.md: q-values ignored."""
    reply = node_with_numpy().get("/simple/numpy/", {"Accept": accept})
    assert reply.status == 200
    assert reply.headers["content-type"] == JSON
    assert json.loads(reply.body)["name"] == "numpy"


def test_a_browser_gets_html() -> None:
    reply = node_with_numpy().get("/simple/numpy/", {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"})
    assert reply.headers["content-type"].split(";")[0] == "text/html"
    assert b"numpy-2.0-py3-none-any.whl" in reply.body


def test_format_parameter_beats_the_accept_field() -> None:
    reply = node_with_numpy().get(f"/simple/numpy/?format={JSON}", {"Accept": "text/html"})
    assert reply.headers["content-type"] == JSON


def test_nothing_acceptable_is_406() -> None:
    for path in ("/simple/numpy/", "/simple/", "/local/"):
        reply = node_with_numpy().get(path, {"Accept": "application/vnd.pypi.simple.v2+json"})
        assert reply.status == 406
        assert reply.headers["vary"] == "Accept, Accept-Encoding"


def test_page_carries_validator_lifetime_age_serial_and_cache_status() -> None:
    """Mistakes 3 and 21 of protocol.md: no ETag or Cache-Control, and a dropped Age."""
    outcome = Outcome(fwd="stale", fwd_status=304, stored=True, ttl_s=600.0)
    node = node_with_numpy(age_s=12.7, serial=987, outcome=outcome)
    reply = node.get("/simple/numpy/", {"Accept": JSON})
    assert reply.headers["etag"].startswith('"')
    assert reply.headers["cache-control"] == "max-age=0, s-maxage=612, must-revalidate"
    assert reply.headers["age"] == "13"  # rounded up, or a chain of nodes would gain by rounding
    assert reply.headers["x-pypi-last-serial"] == "987"
    assert reply.headers["vary"] == "Accept, Accept-Encoding"
    assert reply.headers["cache-status"] == "laptop; fwd=stale; fwd-status=304; stored; ttl=600"
    assert reply.headers["content-length"] == str(len(reply.body))
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "twisted" not in reply.headers["server"].lower()


def test_lifetime_for_clients_is_the_configured_one() -> None:
    presence = Presence(node_name="laptop", version="1", control_token="t", client_max_age_s=30.0)
    node = WebNode(presence=presence)
    node.pages.put(page_of("numpy", WHEEL))
    assert node.get("/simple/numpy/").headers["cache-control"] == "max-age=30, s-maxage=600, must-revalidate"


@pytest.mark.parametrize("root", ["/simple/", "/local/"])
@pytest.mark.parametrize("accept", [JSON, "text/html"])
def test_file_urls_are_relative_and_lead_to_the_file_below_the_same_root(root: str, accept: str) -> None:
    """Mistake 19 of protocol.md: absolute URLs from a wrong Host.  Mistake 25: `/local` that goes upstream."""
    name = "odd name+1.0%.tar.gz"
    odd = file_of(name)
    node = WebNode()
    node.pages.put(page_of("odd", odd), local=True)
    segment = node.files.put(name, b"bytes")
    reply = node.get(f"{root}odd/", {"Accept": accept, "Host": "evil.example"})
    text = reply.body.decode()
    assert "evil.example" not in text
    url = json.loads(text)["files"][0]["url"] if accept == JSON else text.split('href="')[1].split('"')[0]
    where = urlsplit(urljoin(f"http://behind.proxy.example{root}odd/", url.split("#")[0]))
    assert where.path.startswith(f"/files/{segment}/" if root == "/simple/" else f"/local/files/{segment}/")
    assert node.get(where.path).body == b"bytes"
    assert node.files.asked[-1][2].local is (root == "/local/")


def test_project_lists_name_what_is_known_and_what_is_stored() -> None:
    node = node_with_numpy()
    node.pages.put(page_of("elsewhere"))
    reply = node.get("/simple/", {"Accept": JSON})
    assert [project["name"] for project in json.loads(reply.body)["projects"]] == ["elsewhere", "numpy"]
    assert reply.headers["etag"]
    assert node.get("/simple/", {"Accept": JSON, "If-None-Match": reply.headers["etag"]}).status == 304
    local = node.get("/local/", {"Accept": JSON})
    assert [project["name"] for project in json.loads(local.body)["projects"]] == ["numpy"]
    assert b"numpy/" in node.get("/local/").body


# -- validators ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', '"a,b" ,{},"c"', "*", 'W/"x",W/{}'])
def test_not_modified_repeats_the_validator_and_what_else_a_200_has(form: str) -> None:
    """Mistake 4 of protocol.md: a 304 without its ETag."""
    node = node_with_numpy(serial=5, age_s=3.0)
    whole = node.get("/simple/numpy/", {"Accept": JSON})
    reply = node.get("/simple/numpy/", {"Accept": JSON, "If-None-Match": form.format(whole.headers["etag"])})
    assert reply.status == 304
    assert reply.body == b""
    for name in ("etag", "cache-control", "vary", "cache-status", "x-pypi-last-serial", "age"):
        assert reply.headers[name] == whole.headers[name]
    assert "content-type" not in reply.headers
    assert "content-length" not in reply.headers


def test_another_tag_or_a_changed_page_is_sent_whole() -> None:
    node = node_with_numpy()
    old = node.get("/simple/numpy/", {"Accept": JSON}).headers["etag"]
    assert node.get("/simple/numpy/", {"Accept": JSON, "If-None-Match": '"other"'}).status == 200
    node.pages.put(page_of("numpy", WHEEL, file_of("numpy-2.1.tar.gz")), version="2")
    reply = node.get("/simple/numpy/", {"Accept": JSON, "If-None-Match": old})
    assert reply.status == 200
    assert b"numpy-2.1.tar.gz" in reply.body


def test_each_representation_has_its_own_tag_and_equal_pages_have_equal_ones() -> None:
    wishes = [
        {"Accept": accept, "Accept-Encoding": encoding}
        for accept in (JSON, "text/html")
        for encoding in ("identity", "gzip")
    ]
    tags = [node_with_numpy().get("/simple/numpy/", wish).headers["etag"] for wish in wishes]
    again = [node_with_numpy().get("/simple/numpy/", wish).headers["etag"] for wish in wishes]
    assert len(set(tags)) == 4
    assert tags == again


# -- encodings and kept renderings --------------------------------------------------------------------------------


def test_gzip_is_sent_to_who_asks_and_is_the_same_page() -> None:
    node = node_with_numpy()
    plain = node.get("/simple/numpy/", {"Accept": JSON})
    packed = node.get("/simple/numpy/", {"Accept": JSON, "Accept-Encoding": "gzip, deflate, zstd"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["content-length"] == str(len(packed.body))
    assert gzip.decompress(packed.body) == plain.body


def test_large_page_is_rendered_in_the_pool_and_once_only() -> None:
    node = WebNode()
    files = [file_of(f"big-{n}.tar.gz") for n in range(LARGE_PAGE_FILES + 1)]
    node.pages.put(page_of("big", *files))
    for _ in range(3):
        reply = node.get("/simple/big/", {"Accept": JSON, "Accept-Encoding": "gzip"})
        assert len(json.loads(gzip.decompress(reply.body))["files"]) == len(files)
    assert node.pool.ran == 2, "it is put together, and rendered"
    node.pages.put(page_of("big", *files[1:]), version="2")
    node.get("/simple/big/", {"Accept": JSON, "Accept-Encoding": "gzip"})
    assert node.pool.ran == 2, "a page of 200 files is rendered inline"


def test_rendering_of_a_page_shown_from_the_store_is_not_sent_once_tiers_may_be_asked() -> None:
    node = node_with_numpy()
    node.switch.is_offline = True
    node.pages.put(page_of("numpy"), local=True)
    assert json.loads(node.get("/simple/numpy/", {"Accept": JSON}).body)["files"] == []
    node.switch.is_offline = False
    node.pages.put(page_of("numpy", WHEEL), local=True)
    assert len(json.loads(node.get("/simple/numpy/", {"Accept": JSON}).body)["files"]) == 1


# -- names and redirects ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/simple", "simple/"),
        ("/local?x=1", "local/?x=1"),
        ("/simple/numpy", "numpy/"),
        ("/simple/Num_Py", "num-py/"),
        ("/simple/Num.Py/", "../num-py/"),
        ("/simple/Num__Py/?format=text/html", "../num-py/?format=text/html"),
        ("/local/NumPy?a=b&c=%2F", "numpy/?a=b&c=%2F"),
        ("/pypi/NumPy/json", "../numpy/json"),
        ("/pypi/NumPy/1.0/json", "../../numpy/1.0/json"),
    ],
)
def test_other_spellings_are_redirected_relatively_whatever_the_host(path: str, location: str) -> None:
    reply = WebNode().get(path, {"Host": "evil.example"})
    assert reply.status == 308
    assert reply.headers["location"] == location
    assert b"evil" not in reply.body


@pytest.mark.parametrize(
    "path",
    [
        "/simple/%20/",
        "/simple/-/",
        "/simple/a%00b/",
        "/simple/../",
        "/simple/..%2f..%2fetc/",
        "/simple/%2e%2e/",
        "/simple/a%2Fb/",
        "/simple/numpy/extra",
        "/simple/numpy/extra/",
        "/simple//",
        "//simple/",
        "/simple/%FF/",
        "/simple/a%5Cb/",
        "/simple/n%C3%BCm/",
    ],
)
def test_names_that_are_no_names_are_404(path: str) -> None:
    node = node_with_numpy()
    reply = node.get(path)
    assert reply.status == 404
    assert node.pages.asked == []
    assert node.files.asked == []


# -- what the client allows, and what can go wrong ----------------------------------------------------------------


def test_wishes_of_the_client_reach_the_cache() -> None:
    node = node_with_numpy()
    node.get("/simple/numpy/", {"Cache-Control": "no-cache"})
    node.get("/simple/numpy/", {"Cache-Control": "max-age=0"})
    node.get("/simple/numpy/", {"Pragma": "no-cache"})
    node.get("/simple/numpy/", {"Cache-Control": "only-if-cached"})
    node.get("/local/numpy/")
    asks = [ask for _, ask in node.pages.asked]
    assert [ask.no_cache for ask in asks] == [True, False, True, False, False]
    assert asks[1].max_age_s == 0
    assert asks[3].only_if_cached
    assert [ask.local for ask in asks] == [False, False, False, False, True]


def test_unknown_project_is_404_and_says_so_to_people() -> None:
    """Mistake 11 of protocol.md: an unknown project answered by an empty 200, or 5xx."""
    reply = WebNode().get("/simple/nowhere/", {"Accept": JSON})
    assert reply.status == 404
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert b"nowhere" in reply.body


def test_not_stored_is_504_to_who_forbade_forwarding_and_else_404() -> None:
    node = WebNode()
    node.pages.raising = NotStored(subject="Project numpy")
    assert node.get("/simple/numpy/", {"Cache-Control": "only-if-cached"}).status == 504
    assert node.get("/simple/numpy/").status == 404
    assert node.get("/local/numpy/", {"Cache-Control": "only-if-cached"}).status == 404


def test_silent_tiers_are_503_with_retry_after_and_never_404() -> None:
    """Mistake 23 of protocol.md: an outage answered as 404."""
    node = WebNode()
    node.pages.raising = NoTierAnswered(subject="Project numpy", reason="timed out", retry_after_s=29.2)
    reply = node.get("/simple/numpy/")
    assert (reply.status, reply.headers["retry-after"]) == (503, "30")
    node.pages.raising = NoTierAnswered(subject="Project numpy", reason="timed out")
    assert int(node.get("/simple/numpy/").headers["retry-after"]) >= 1


def test_unusable_page_is_502() -> None:
    node = WebNode()
    node.pages.raising = PageUnusable(reason="neither HTML nor JSON")
    assert node.get("/simple/numpy/").status == 502


def test_client_that_leaves_cancels_the_wait_for_its_page_and_nothing_else() -> None:
    node = node_with_numpy()
    left: list[str] = []
    node.pages.waiting = Deferred(lambda _: left.append("cancelled"))
    connection = node.wire.connect()
    connection.ask("GET", "/simple/numpy/")
    connection.leave()
    assert left == ["cancelled"]
    node.pages.waiting = None
    assert node.get("/simple/numpy/").status == 200


def test_head_has_the_fields_of_get_and_no_body() -> None:
    """Mistake 9 of protocol.md: HEAD without Content-Length."""
    node = node_with_numpy(serial=3)
    for path in ("/simple/numpy/", "/simple/", "/", "/healthz", "/simple/nowhere/", "/simple/NumPy/"):
        got, head = node.get(path), node.head(path)
        assert head.body == b""
        assert head.status == got.status
        assert head.headers == got.headers | {"date": head.headers["date"]}
        assert head.headers["content-length"] == str(len(got.body))
