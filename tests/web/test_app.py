"""The site as a whole: methods, paths, health, the page for people, the switch, the last resort."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve
from twisted.logger import LogLevel, globalLogPublisher

from tests.doubles.held_pool import HeldPool
from tests.doubles.shelves import file_of, page_of
from tests.doubles.wire import HOST, Connection, Reply
from tests.web.node import TOKEN, WebNode
from tiercache.simple.model import ProjectStatus
from tiercache.web.host import is_host
from tiercache.web.site import Presence

PATHS = [
    "/",
    "/simple/",
    "/simple/numpy/",
    "/simple/numpy",
    "/local/",
    "/local/numpy/",
    f"/files/{'0' * 64}/a.whl",
    f"/local/files/{'0' * 64}/a.whl",
    "/packages/source/a/a/a-1.tar.gz",
    "/pypi/numpy/json",
    "/pypi/numpy/1.0/json",
    "/healthz",
    "/readyz",
]


# -- methods and paths --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "BREW"])
@pytest.mark.parametrize("path", PATHS)
def test_wrong_method_is_405_with_what_is_allowed(path: str, method: str) -> None:
    """Mistake 27 of protocol.md: a POST that answers 200."""
    reply = WebNode().request(method, path, body=b"x=y")
    assert reply.status == 405
    assert reply.headers["allow"] == "GET, HEAD, OPTIONS"
    assert reply.headers["content-length"] == str(len(reply.body))


@pytest.mark.parametrize("path", PATHS)
def test_options_tells_the_methods(path: str) -> None:
    reply = WebNode().request("OPTIONS", path)
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/simple/numpy/extra",
        "/files/",
        "/files/x",
        "/files/a/b/c",
        "/healthz/",
        "/api/v1/",
        "/pypi/numpy",
        "/pypi/numpy/1.0/2.0/json",
        "/%00",
        "/simple%2Fnumpy/",
        "/.git/config",
    ],
)
def test_wrong_path_is_404_for_every_method(path: str, method: str) -> None:
    """Mistake 27 of protocol.md: a wrong path that answers 200."""
    reply = WebNode().request(method, path)
    assert reply.status == 404
    if path.startswith("/api/") and method != "HEAD":
        assert reply.headers["content-type"] == "application/problem+json"
        assert json.loads(reply.body)["status"] == 404


@pytest.mark.parametrize(
    "host",
    ["", "a b", "evil.example/x", "a..b", "x" * 64 + ".example", "user@node.example", "node:99999", "[::1", "a,b"],
)
def test_host_that_is_none_is_400(host: str) -> None:
    assert WebNode().get("/simple/", {"Host": host}).status == 400
    assert not is_host(host)


@pytest.mark.parametrize("host", ["node.example", "node.example:8141", "127.0.0.1:1", "[::1]:80", "localhost", "a_b."])
def test_host_that_is_one_is_taken(host: str) -> None:
    assert is_host(host)
    assert WebNode().get("/simple/", {"Host": host}).status == 200


def test_missing_host_is_400_in_http_1_1_and_allowed_in_1_0() -> None:
    node = WebNode()
    for version, status in (("1.1", 400), ("1.0", 200)):
        connection = node.wire.connect()
        connection.send(f"GET /simple/ HTTP/{version}\r\n\r\n".encode())
        assert connection.reply().status == status


def test_two_hosts_are_400() -> None:
    connection = WebNode().wire.connect()
    connection.send(b"GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n")
    assert connection.reply().status == 400


def test_absolute_form_is_understood_and_its_authority_is_the_host() -> None:
    node = WebNode()
    assert node.get("http://other.example:81/simple/?a=b").status == 200
    assert b"http://other.example:81/simple/" in node.get("http://other.example:81").body
    assert node.get("http://user:secret@other.example/simple/").status == 400
    assert node.request("CONNECT", "other.example:443").status == 400


AT_ONCE = [
    *PATHS,
    "/simple",
    "/local",
    "/local/numpy",
    "/local/nowhere/",
    "/simple/numpy/extra",
    "/simple/?format=nonsense",
    "/simple/Num.Py/",
    "/simple/a%20b/",
    "/files/",
    "/files/nothing/a.whl",
    "/local/files/",
    "/healthz/extra",
    "/readyzzz",
]


def fields_of(reply: Reply) -> dict[str, str]:
    return {name: value for name, value in reply.headers.items() if name != "date"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", AT_ONCE)
def test_what_is_there_at_once_answers_as_the_whole_does(path: str, method: str) -> None:
    node, whole = WebNode(), WebNode()
    for one in (node, whole):
        one.pages.put(page_of("numpy", file_of("numpy-1.0.tar.gz")))
    front: Any = whole.wire.site.resource
    front.application._at_once = front.application.whole
    first, second = node.request(method, path), whole.request(method, path)
    assert (first.status, first.body, fields_of(first)) == (second.status, second.body, fields_of(second))


def test_the_whole_is_put_together_once_when_it_is_first_needed() -> None:
    node = WebNode()
    made: list[object] = []
    front: Any = node.wire.site.resource
    routes = front.application._everything._routes
    front.application._everything._routes = lambda: made.append(1) or routes()
    assert node.get("/simple/numpy/").status == 404
    assert node.get("/readyz").status == 200
    assert made == []
    assert node.get("/").status == 200
    assert node.request("POST", "/simple/numpy/").status == 405
    assert made == [1]


FOR_NODES = [
    ("GET", "/api/v1/node"),
    ("HEAD", "/api/v1/node"),
    ("GET", "/api/v1/reserved"),
    ("GET", "/api/v1/changes"),
    ("POST", "/api/v1/pages"),
    ("GET", "/api/v1/files/none"),
    ("GET", f"/api/v1/files/{'0' * 64}"),
    ("GET", "/api/v1/files/"),
]


@pytest.mark.parametrize(("method", "path"), FOR_NODES)
def test_what_other_nodes_ask_for_is_answered_as_by_the_whole(method: str, path: str) -> None:
    node, whole = WebNode(), WebNode()
    front: Any = whole.wire.site.resource
    front.application._for_nodes = front.application._everything
    body = b'{"projects": [{"name": "numpy"}]}' if method == "POST" else b""
    first, second = node.request(method, path, body=body), whole.request(method, path, body=body)
    assert (first.status, first.body, fields_of(first)) == (second.status, second.body, fields_of(second))


@pytest.mark.parametrize(("method", "path"), FOR_NODES)
def test_what_other_nodes_ask_for_is_loaded_without_the_rest(method: str, path: str) -> None:
    node = WebNode()
    made: list[object] = []
    front: Any = node.wire.site.resource
    front.application._everything._routes = lambda: made.append(1) or []
    node.request(method, path, body=b'{"projects": []}')
    assert made == []


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("path", ["/api/v1/node", "/api/v1/files/none"])
def test_other_methods_find_what_they_found(method: str, path: str) -> None:
    assert WebNode().request(method, path).status == (204 if method == "OPTIONS" else 405)


def test_pages_for_nodes_are_asked_for_by_post_alone() -> None:
    assert WebNode().get("/api/v1/pages").status == 405


def test_routes_for_nodes_are_made_once_for_all_stages() -> None:
    node = WebNode()
    front: Any = node.wire.site.resource
    assert node.get("/readyz").status == 200
    made: list[object] = []
    routes = front.application._for_nodes._routes
    front.application._for_nodes._routes = lambda: made.append(routes()) or made[-1]
    assert node.get("/api/v1/node").status == 200
    node.load()
    paths = [str(rule) for rule in front.application.whole._app.url_map.iter_rules()]
    assert len(made) == 1
    assert paths.count("/api/v1/node") == 1


@pytest.fixture
def loading() -> tuple[WebNode, HeldPool]:
    """A node of which what is seldom asked for is loaded when the pool goes on."""
    node, pool = WebNode(), HeldPool()
    front: Any = node.wire.site.resource
    front.application._everything._load = lambda: pool(lambda: None)
    front.application._everything._pool = pool
    return node, pool


def asking(node: WebNode, method: str, path: str) -> Connection:
    connection = node.wire.connect()
    assert connection is not None
    connection.send(f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    return connection


def test_pages_are_answered_while_the_rest_is_loaded(loading: tuple[WebNode, HeldPool]) -> None:
    node, pool = loading
    first, second = asking(node, "GET", "/"), asking(node, "POST", "/simple/numpy/")
    while pool.held:
        assert first.received == second.received == b""
        assert node.get("/readyz").status == 200
        pool.go_on()
    assert (first.reply().status, second.reply().status) == (200, 405)
    assert node.get("/").status == 200


def test_client_that_leaves_while_the_rest_is_loaded_is_forgotten(loading: tuple[WebNode, HeldPool]) -> None:
    node, pool = loading
    asking(node, "GET", "/").leave()
    later = asking(node, "GET", "/")
    assert pool.held == 1, "it is loaded once"
    pool.go_on()
    pool.go_on()
    assert later.reply().status == 200


def test_what_cannot_be_loaded_is_tried_again(loading: tuple[WebNode, HeldPool]) -> None:
    node, pool = loading
    front: Any = node.wire.site.resource
    load, front.application._everything._load = front.application._everything._load, lambda: pool(int, "no module")
    first = asking(node, "GET", "/")
    pool.go_on()
    assert first.reply().status == 500
    front.application._everything._load = load
    second = asking(node, "GET", "/")
    pool.go_on()
    pool.go_on()
    assert second.reply().status == 200


def test_asterisk_is_for_options_alone() -> None:
    node = WebNode()
    assert node.request("OPTIONS", "*").status == 204
    assert node.get("*").status == 404
    assert node.get("*").headers["server"] == "tiercache"


def test_responses_say_nothing_of_what_runs_here() -> None:
    for path in ("/", "/nowhere", "/simple/numpy/", "/simple/%00/"):
        assert WebNode().get(path).headers["server"] == "tiercache"


def test_last_resort_tells_the_log_all_and_the_client_nothing() -> None:
    node = WebNode()
    node.pages.raising = RuntimeError("the secret of the trade")
    events: list[dict[str, object]] = []
    globalLogPublisher.addObserver(events.append)
    try:
        reply = node.get("/simple/numpy/")
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert reply.status == 500
    assert b"secret" not in reply.body
    assert b"Traceback" not in reply.body
    failures = [event["log_failure"] for event in events if event["log_level"] is LogLevel.critical]
    assert [str(failure.value) for failure in failures] == ["the secret of the trade"]


# -- health and the page for people -------------------------------------------------------------------------------


def test_health_is_200_while_the_process_serves_and_ready_only_while_it_should_be_asked() -> None:
    node = WebNode()
    assert node.get("/healthz").status == node.get("/readyz").status == 200
    node.not_ready.append("the node is stopping")
    assert node.get("/healthz").status == 200
    reply = node.get("/readyz")
    assert reply.status == 503
    assert b"stopping" in reply.body
    assert "retry-after" in reply.headers


def test_page_for_people_points_pip_and_uv_at_the_address_that_the_client_used() -> None:
    text = WebNode().get("/", {"Host": "cache.office.example:8141"}).body.decode()
    assert "index-url = http://cache.office.example:8141/simple/" in text
    assert 'url = "http://cache.office.example:8141/simple/"' in text
    assert "laptop" in text
    assert "1.2.3" in text
    assert 'href="simple/"' in text
    assert 'href="local/"' in text


def test_page_for_people_believes_the_configured_address_and_escapes_names() -> None:
    presence = Presence(node_name="<b>&", version="1", control_token="t", public_url="https://p.example/x?a&b")
    text = WebNode(presence=presence).get("/", {"Host": "evil.example"}).body.decode()
    assert "evil.example" not in text
    assert "<b>" not in text
    assert "&lt;b&gt;&amp;" in text
    assert "https://p.example/x?a&amp;b/simple/" in text


# -- the switch ---------------------------------------------------------------------------------------------------

BEARER = {"Authorization": f"Bearer {TOKEN}"}


def test_switch_is_shown_to_anyone_and_set_with_the_token() -> None:
    node = WebNode()
    assert json.loads(node.get("/api/v1/offline").body) == {"offline": False}
    for wanted in (True, False):
        body = json.dumps({"offline": wanted}).encode()
        reply = node.request("PUT", "/api/v1/offline", BEARER, body)
        assert (reply.status, json.loads(reply.body)) == (200, {"offline": wanted})
        assert node.switch.is_offline is wanted


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, "Bearer \xff"],
)
def test_switch_is_not_set_without_the_token(authorization: str | None) -> None:
    node = WebNode()
    headers = {} if authorization is None else {"Authorization": authorization}
    reply = node.request("PUT", "/api/v1/offline", headers, b'{"offline": true}')
    assert reply.status == 401
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert reply.headers["content-type"] == "application/problem+json"
    assert json.loads(reply.body)["status"] == 401
    assert node.switch.is_offline is False


def test_no_token_at_all_opens_nothing() -> None:
    node = WebNode(presence=Presence(node_name="laptop", version="1", control_token=""))
    for authorization in ("Bearer ", "Bearer"):
        reply = node.request("PUT", "/api/v1/offline", {"Authorization": authorization}, b'{"offline": true}')
        assert reply.status == 401


@pytest.mark.parametrize(
    "body",
    [b"", b"offline", b"{}", b'{"offline": 1}', b'{"offline": "on"}', b"[true]", b'{"offline": true, "x": 1}', b"\xff"],
)
def test_switch_refuses_what_it_does_not_understand(body: bytes) -> None:
    node = WebNode()
    reply = node.request("PUT", "/api/v1/offline", BEARER, body)
    assert (reply.status, reply.headers["content-type"]) == (400, "application/problem+json")
    assert node.switch.is_offline is False


def test_other_methods_on_the_switch_are_405() -> None:
    reply = WebNode().request("POST", "/api/v1/offline", BEARER, b"{}")
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD, OPTIONS, PUT")
    assert json.loads(reply.body)["title"] == "Method Not Allowed"


# -- the older JSON API -------------------------------------------------------------------------------------------

METADATA = b"""Metadata-Version: 2.4
Name: NumPy
Version: 2.0
Summary: Arrays
Author: Somebody
Keywords: arrays,numbers
Classifier: Topic :: Scientific
Project-URL: Home, https://numpy.example/
Requires-Dist: other>=1
Requires-Python: >=3.9

The long description.
"""
UPLOADED = "2026-01-02T03:04:05.678Z"


def node_with_releases() -> WebNode:
    node = WebNode()
    files = [
        file_of("numpy-1.0.tar.gz", requires_python=">=2.7"),
        file_of("numpy-2.0.tar.gz", upload_time=UPLOADED),
        file_of("numpy-2.0-py3-none-any.whl", core_metadata=True, upload_time=UPLOADED),
        file_of("numpy-2.1-py3-none-any.whl", yanked="broken"),
        file_of("numpy-3.0b1.tar.gz"),
        file_of("numpy.exe"),
    ]
    node.pages.put(page_of("numpy", *files), serial=77)
    node.sidecars.sidecars["numpy-2.0-py3-none-any.whl"] = METADATA
    return node


def test_older_json_tells_project_releases_and_newest_files() -> None:
    node = node_with_releases()
    reply = node.get("/pypi/numpy/json", {"Host": "node.example:81"})
    told = json.loads(reply.body)
    assert told["info"]["name"] == "NumPy"
    assert told["info"]["version"] == "2.0", "the newest that is neither yanked nor a pre-release"
    assert told["info"]["summary"] == "Arrays"
    assert told["info"]["requires_dist"] == ["other>=1"]
    assert told["info"]["keywords"] == "arrays,numbers"
    assert told["info"]["project_urls"] == {"Home": "https://numpy.example/"}
    assert told["info"]["description"].strip() == "The long description."
    assert list(told["releases"]) == ["1.0", "2.0", "2.1", "3.0b1"]
    assert [file["packagetype"] for file in told["urls"]] == ["sdist", "bdist_wheel"]
    wheel = told["urls"][1]
    assert wheel["url"] == f"http://node.example:81/files/{wheel['digests']['sha256']}/numpy-2.0-py3-none-any.whl"
    assert (wheel["python_version"], wheel["size"]) == ("py3", 5)
    assert (wheel["upload_time"], wheel["upload_time_iso_8601"]) == ("2026-01-02T03:04:05", UPLOADED)
    assert told["releases"]["2.1"][0]["yanked_reason"] == "broken"
    assert told["last_serial"] == 77
    assert reply.headers["x-pypi-last-serial"] == "77"
    assert (
        node.get("/pypi/numpy/json", {"Host": "node.example:81", "If-None-Match": reply.headers["etag"]}).status == 304
    )


def test_older_json_of_one_release_has_its_files_only() -> None:
    node = node_with_releases()
    told = json.loads(node.get("/pypi/numpy/2.0.0/json").body)
    assert told["info"]["version"] == "2.0"
    assert {file["filename"] for file in told["urls"]} == {"numpy-2.0.tar.gz", "numpy-2.0-py3-none-any.whl"}
    assert "releases" not in told
    yanked = json.loads(node.get("/pypi/numpy/2.1/json").body)
    assert (yanked["info"]["yanked"], yanked["info"]["yanked_reason"]) == (True, "broken")


def test_older_json_without_metadata_leaves_what_needs_it_empty() -> None:
    node = node_with_releases()
    told = json.loads(node.get("/pypi/numpy/1.0/json").body)["info"]
    assert (told["name"], told["summary"], told["requires_dist"]) == ("numpy", None, None)
    assert (told["classifiers"], told["requires_python"]) == ([], ">=2.7")
    assert node.sidecars.asked == [], "no sidecar is made for a file that has none"
    node.sidecars.sidecars.clear()
    assert json.loads(node.get("/pypi/numpy/json").body)["info"]["summary"] is None


@pytest.mark.parametrize(
    "path", ["/pypi/numpy/9.9/json", "/pypi/numpy/none/json", "/pypi/nowhere/json", "/pypi/-/json"]
)
def test_older_json_of_what_is_not_there_is_404(path: str) -> None:
    assert node_with_releases().get(path).status == 404


def test_older_json_of_a_project_without_files_is_no_error() -> None:
    node = WebNode()
    node.pages.put(page_of("empty"))
    told = json.loads(node.get("/pypi/empty/json").body)
    assert (told["info"]["version"], told["urls"], told["releases"]) == (None, [], {})


def test_older_json_of_a_quarantined_project_offers_no_file() -> None:
    node = WebNode()
    node.pages.put(evolve(page_of("bad", file_of("bad-1.tar.gz")), status=ProjectStatus(status="quarantined")))
    reply = node.get("/pypi/bad/json")
    assert reply.status == 200
    assert b"bad-1.tar.gz" not in reply.body
    assert node.get("/pypi/bad/1/json").status == 404


def test_older_json_has_the_configured_address_and_not_a_strangers() -> None:
    """Mistake 19 of protocol.md: absolute URLs built from the wrong Host behind a reverse proxy."""
    node = node_with_releases()
    presence = Presence(node_name="l", version="1", control_token="t", public_url="https://p.example")
    configured = WebNode(presence=presence, pages=node.pages, sidecars=node.sidecars)
    url = json.loads(configured.get("/pypi/numpy/json", {"Host": "evil.example"}).body)["urls"][0]["url"]
    assert url.startswith("https://p.example/files/")
    assert node.get("/pypi/numpy/json", {"Host": "evil.example/a"}).status == 400


def test_client_without_a_host_is_told_the_address_that_it_came_to() -> None:
    connection = WebNode().wire.connect()
    connection.send(b"GET / HTTP/1.0\r\n\r\n")
    assert b"http://127.0.0.1:8141/simple/" in connection.reply().body
