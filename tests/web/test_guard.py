"""Who may read what, for whoever may read nothing, something, and everything.  All routes: `test_every_route`."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from argon2 import PasswordHasher
from attrs import frozen
from twisted.web.server import Request
from twisted.web.test.requesthelper import DummyChannel

from tests.doubles.shelves import MemoryBody, file_of, page_of
from tests.doubles.wire import Reply
from tests.web.node import JSON, TOKEN, WebNode
from tiercache.access.accounts import Account, Accounts
from tiercache.access.permissions import Grant, Permissions
from tiercache.access.principals import Who
from tiercache.errors import NoTierAnswered
from tiercache.simple.names import normalise
from tiercache.simple.patterns import ProjectPatterns
from tiercache.web.guard import DIGEST, FILENAME, PLAIN, PROJECT
from tiercache.web.site import Presence
from tiercache.web.visitor import may_read, readable

PASSWORD = "s3cret"
ACCOUNTS = Accounts(
    accounts={
        user: Account(
            user=user,
            groups=frozenset(groups),
            password_hash=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD),
            token=f"token-of-{user}",
        )
        for user, groups in (("alice", ["staff"]), ("bob", []), ("nemo", []))
    }
)


def basic(user: str, password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


NOBODY: dict[str, str] = {}
ALICE, BOB, NEMO = basic("alice"), basic("bob"), basic("nemo")  # reads acme-*; reads numpy alone; may read nothing
WRONG = basic("alice", "wrong")
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}


def grant(who: list[str], projects: list[str]) -> Grant:
    return Grant(who=tuple(map(Who.parse, who)), may=frozenset(["read"]), projects=ProjectPatterns(tuple(projects)))


PRIVATE = Permissions(grants=(grant(["@staff"], ["acme-*", "numpy"]), grant(["bob"], ["numpy"])))
"""Nobody reads anything without saying who they are."""

MIXED = Permissions(grants=(grant(["anyone"], ["numpy", "acme"]), grant(["@staff"], ["acme-*"])))
"""Some of it is for anyone."""


@frozen(kw_only=True)
class Stocked:
    """A node that has `acme-tools` and `numpy`, and where their files are."""

    node: WebNode
    acme: str
    numpy: str


def stocked(permissions: Permissions) -> Stocked:
    node = WebNode(permissions=permissions, accounts=ACCOUNTS)
    segments = {}
    for project, filename in (("acme-tools", "acme_tools-1.0-py3-none-any.whl"), ("numpy", "numpy-1.0.tar.gz")):
        content = f"the bytes of {filename}".encode()
        segments[project] = node.files.put(filename, content)
        node.sidecars.sidecars[filename] = b"Name: it"
        node.sidecars.provenances[filename] = b"{}"
        node.pages.put(page_of(project, file_of(filename, content)), local=True)
    return Stocked(node=node, acme=segments["acme-tools"], numpy=segments["numpy"])


# -- every route ------------------------------------------------------------------------------------------------

ACME_WHEEL = "acme_tools-1.0-py3-none-any.whl"

OF_ACME = [
    "/simple/acme-tools",
    "/simple/acme-tools/",
    "/local/acme-tools",
    "/local/acme-tools/",
    f"/files/{{acme}}/{ACME_WHEEL}",
    f"/files/{{acme}}/{ACME_WHEEL}.metadata",
    f"/files/{{acme}}/{ACME_WHEEL}.provenance",
    f"/local/files/{{acme}}/{ACME_WHEEL}",
    f"/local/files/{{acme}}/{ACME_WHEEL}.metadata",
    f"/packages/py3/a/acme-tools/{ACME_WHEEL}",
    f"/packages/py3/a/acme-tools/{ACME_WHEEL}.metadata",
    "/pypi/acme-tools/json",
    "/pypi/acme-tools/1.0/json",
]
"""What is there of a project that only some may read."""

OF_ALL = [
    "/simple",
    "/simple/",
    "/local",
    "/local/",
    "/api/v1/node",
    "/api/v1/reserved",
    "/api/v1/changes",
    "/api/v1/openapi.json",
    "/api/v1/offline",
    "POST /api/v1/pages",
    "/api/v1/files/{acme}",
]
"""What is about no project in particular."""

OPEN = ["/", "/healthz", "/readyz"]
"""What is for whoever comes."""

OPERATED = ["PUT /api/v1/offline", "/api/v1/reservations", "DELETE /api/v1/reservations/acme-tools"]
"""What takes the control token, and no grant gives."""


def ask(stock: Stocked, what: str, headers: dict[str, str], **more: str) -> Reply:
    verb, _, path = what.rpartition(" ")
    fields = {**headers, **more}
    body = b""
    if verb == "POST":
        body = json.dumps({"projects": [{"name": "acme-tools"}, {"name": "numpy"}]}).encode()
        fields["Content-Type"] = "application/json"
    return stock.node.request(verb or "GET", path.format(acme=stock.acme, numpy=stock.numpy), fields, body)


def test_the_guard_knows_each_parameter_of_each_route() -> None:
    known = {PROJECT, FILENAME, DIGEST, *PLAIN}
    front: Any = stocked(PRIVATE).node.wire.site.resource
    rules = front.application.whole._app.url_map.iter_rules()
    assert {argument for rule in rules for argument in rule.arguments} == known


@pytest.mark.parametrize("what", OF_ACME)
def test_what_a_project_has_is_for_who_may_read_it(what: str) -> None:
    stock = stocked(PRIVATE)
    assert ask(stock, what, ALICE).status in (200, 308)
    assert ask(stock, what, OPERATOR).status in (200, 308)
    for headers in (NOBODY, WRONG, basic("mallory"), {"Authorization": "nonsense"}):
        refused = ask(stock, what, headers)
        assert refused.status == 401
        assert refused.headers["www-authenticate"].startswith('Basic realm="')
        assert b"acme" not in refused.body
    for headers in (BOB, NEMO):
        refused = ask(stock, what, headers)
        assert refused.status == 403
        assert "www-authenticate" not in refused.headers
    assert ask(stocked(Permissions()), what, NOBODY).status in (200, 308)


@pytest.mark.parametrize("what", OF_ALL)
def test_what_is_about_no_project_is_for_who_may_read_anything(what: str) -> None:
    stock = stocked(PRIVATE)
    for headers in (ALICE, OPERATOR):
        assert ask(stock, what, headers).status in (200, 308)
    assert ask(stock, what, BOB).status == (
        404 if "/files/" in what else 200 if what != "/simple" and what != "/local" else 308
    )
    for headers in (NOBODY, WRONG):
        assert ask(stock, what, headers).status == 401
    assert ask(stock, what, NEMO).status == 403
    assert ask(stocked(Permissions()), what, NOBODY).status in (200, 308)


@pytest.mark.parametrize("what", OPEN)
def test_what_is_open_asks_nobody_for_anything(what: str) -> None:
    assert ask(stocked(PRIVATE), what, NOBODY).status == 200


@pytest.mark.parametrize("what", OPERATED)
@pytest.mark.parametrize("permissions", [PRIVATE, Permissions()], ids=["granted", "open"])
def test_no_grant_operates_a_node(what: str, permissions: Permissions) -> None:
    for headers in (NOBODY, ALICE, WRONG, {"Authorization": "Bearer token-of-alice"}):
        refused = ask(stocked(permissions), what, headers)
        assert refused.status == 401
        assert refused.headers["www-authenticate"] == 'Bearer realm="tiercache"'
    assert ask(stocked(permissions), what, OPERATOR).status in (200, 400, 404)  # let through, and then not understood


@pytest.mark.parametrize("what", [path for path in OF_ACME if not path.startswith("/simple/acme-tools/")])
def test_what_may_not_be_read_looks_the_same_whether_it_is_there_or_not(what: str) -> None:
    there, missing = (
        stocked(PRIVATE),
        Stocked(node=WebNode(permissions=PRIVATE, accounts=ACCOUNTS), acme="0" * 64, numpy="0" * 64),
    )
    for headers in (NOBODY, BOB, NEMO, WRONG):
        with_it, without_it = ask(there, what, headers), ask(missing, what, headers)
        assert with_it == without_it
        assert missing.node.pages.asked == there.node.pages.asked == []
        assert missing.node.files.asked == there.node.files.asked == []


def test_node_without_a_control_token_is_operated_by_nobody() -> None:
    node = WebNode(presence=Presence(node_name="laptop", version="1", control_token=""))
    for headers in (NOBODY, basic("__token__", ""), basic("", ""), {"Authorization": "Bearer "}):
        assert node.request("PUT", "/api/v1/offline", headers, b'{"offline": true}').status == 401


# -- what shows what --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/simple/", "/local/"])
def test_list_has_what_the_reader_may_read_and_nothing_else(path: str) -> None:
    stock = stocked(MIXED)

    def names(headers: dict[str, str]) -> list[str]:
        return [
            project["name"] for project in json.loads(ask(stock, path, {**headers, "Accept": JSON}).body)["projects"]
        ]

    assert names(NOBODY) == names(BOB) == ["numpy"]
    assert names(ALICE) == names(OPERATOR) == ["acme-tools", "numpy"]


def test_lines_of_many_pages_say_which_may_not_be_read() -> None:
    lines = [json.loads(line) for line in ask(stocked(PRIVATE), "POST /api/v1/pages", BOB).body.splitlines()]
    assert {line["name"]: line["status"] for line in lines} == {"acme-tools": "forbidden", "numpy": "page"}


def test_file_by_digest_is_hidden_as_if_it_were_not_there() -> None:
    stock = stocked(PRIVATE)
    hidden, missing = ask(stock, "/api/v1/files/{acme}", BOB), ask(stock, f"/api/v1/files/{'0' * 64}", BOB)
    assert hidden.status == missing.status == 404
    assert hidden.body.replace(stock.acme.encode(), b"") == missing.body.replace(b"0" * 64, b"")
    insisting = {**BOB, "Cache-Control": "only-if-cached"}
    assert ask(stock, "/api/v1/files/{acme}", insisting).status == 504
    assert stock.node.files.closed == 2  # nothing is left open


@pytest.mark.parametrize("suffix", ["", ".metadata", ".provenance"])
def test_digest_of_a_hidden_file_under_the_name_of_another_gives_nothing(suffix: str) -> None:
    stock = stocked(PRIVATE)
    reply = ask(stock, f"/files/{{acme}}/numpy-9.9-py3-none-any.whl{suffix}", BOB)
    assert reply.status == 404


# -- files whose name may be that of several projects -----------------------------------------------------------


def with_sdist(permissions: Permissions) -> tuple[Stocked, str]:
    stock = stocked(permissions)
    return stock, stock.node.files.put("acme-tools-1.0.tar.gz", b"an archive")


def test_sdist_whose_name_could_be_of_a_shorter_project_is_readable_if_its_own_is() -> None:
    stock, segment = with_sdist(PRIVATE)
    assert ask(stock, f"/files/{segment}/acme-tools-1.0.tar.gz", ALICE).status == 200


@pytest.mark.parametrize(("headers", "status"), [(NOBODY, 401), (BOB, 404)])
def test_sdist_that_a_shorter_name_would_let_through_is_hidden(headers: dict[str, str], status: int) -> None:
    stock, segment = with_sdist(MIXED)  # where anyone reads `acme`
    hidden = ask(stock, f"/files/{segment}/acme-tools-1.0.tar.gz", headers)
    missing = ask(stocked(MIXED), f"/files/{segment}/acme-tools-1.0.tar.gz", headers)
    assert hidden.status == status
    assert hidden == missing
    assert [body.closed for body in stock.node.files.bodies] in ([], [1])
    assert ask(stock, f"/files/{segment}/acme-tools-1.0.tar.gz", ALICE).status == 200


def test_hidden_file_without_a_sidecar_looks_as_if_there_were_no_file() -> None:
    stock, _ = with_sdist(MIXED)
    path = "/packages/source/a/acme-tools/acme-tools-1.0.tar.gz.metadata"
    assert ask(stock, path, ALICE).status == 404
    for headers in (NOBODY, BOB):
        assert ask(stock, path, headers) == ask(stocked(MIXED), path, headers)


@pytest.mark.parametrize(("headers", "status"), [(ALICE, 200), (BOB, 404), (NOBODY, 404), (WRONG, 404)])
def test_file_of_a_private_project_under_a_name_that_anyone_may_read_is_the_private_projects(
    headers: dict[str, str], status: int
) -> None:
    stock = stocked(MIXED)
    stock.node.files.projects["numpy-7.0.tar.gz"] = normalise("acme-tools")
    segment = stock.node.files.put("numpy-7.0.tar.gz", b"private")
    reply = ask(stock, f"/files/{segment}/numpy-7.0.tar.gz", headers)
    assert reply.status == status
    if status == 404:
        assert reply == ask(stocked(MIXED), f"/files/{segment}/numpy-7.0.tar.gz", headers)
    else:
        assert reply.headers["cache-control"].startswith("private")


@pytest.mark.parametrize("headers", [{"Range": "bytes=0-1"}, {"Range": "bytes=99-"}, {"If-None-Match": "*"}])
def test_no_part_validator_or_length_of_a_hidden_file_is_told(headers: dict[str, str]) -> None:
    stock, segment = with_sdist(MIXED)
    for verb in ("GET", "HEAD"):
        reply = stock.node.request(verb, f"/files/{segment}/acme-tools-1.0.tar.gz", {**BOB, **headers})
        assert reply.status == 404
        assert "content-range" not in reply.headers
        assert "etag" not in reply.headers


def test_outage_is_told_as_an_outage_to_who_may_read() -> None:
    stock, segment = with_sdist(PRIVATE)
    stock.node.files.raising = NoTierAnswered(subject="it", reason="refused")
    assert ask(stock, f"/files/{segment}/acme-tools-1.0.tar.gz", ALICE).status == 503
    assert ask(stock, f"/files/{segment}/acme-tools-1.0.tar.gz", NOBODY).status == 401


def test_cold_body_of_a_hidden_file_is_let_go() -> None:
    stock = stocked(MIXED)
    body = MemoryBody(b"half", is_whole=False)
    segment = stock.node.files.put_cold("acme-tools-2.0.tar.gz", body, 10)
    assert ask(stock, f"/files/{segment}/acme-tools-2.0.tar.gz", BOB).status == 404
    assert body.closed == 1


def test_file_whose_name_tells_no_project_is_hidden_from_who_may_not_read_all() -> None:
    stock = stocked(MIXED)
    segment = stock.node.files.put("odd.bin", b"odd")
    assert ask(stock, f"/files/{segment}/odd.bin", NOBODY).status == 401
    assert ask(stock, f"/files/{segment}/odd.bin", ALICE).status == 404
    assert ask(stock, f"/files/{segment}/odd.bin", OPERATOR).status == 200


# -- caches -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", [*OF_ACME, "/simple/", "/local/", "/api/v1/files/{acme}"])
def test_what_not_everyone_may_read_is_for_no_shared_cache(what: str) -> None:
    stock = stocked(PRIVATE)
    stated = ask(stock, what, ALICE).headers.get("cache-control", "")
    assert "private" in stated or "no-store" in stated
    assert "public" not in stated
    assert "s-maxage" not in stated


def test_what_everyone_may_read_may_be_kept_by_everyone() -> None:
    stock = stocked(MIXED)
    page, file = ask(stock, "/simple/numpy/", ALICE), ask(stock, "/files/{numpy}/numpy-1.0.tar.gz", ALICE)
    assert "s-maxage" in page.headers["cache-control"]
    assert file.headers["cache-control"].startswith("public")


def test_immutable_files_stay_so_for_the_reader_alone() -> None:
    stated = ask(stocked(PRIVATE), f"/files/{{acme}}/{ACME_WHEEL}", ALICE).headers["cache-control"]
    assert stated == "private, max-age=31536000, immutable"


@pytest.mark.parametrize("what", [path for path in OF_ACME if path.endswith(("/", ".whl", "metadata", "json"))])
def test_no_rendering_and_no_304_is_given_past_the_guard(what: str) -> None:
    stock = stocked(PRIVATE)
    etag = ask(stock, what, ALICE).headers["etag"]
    assert ask(stock, what, ALICE, **{"If-None-Match": etag}).status == 304
    for headers, status in ((NOBODY, 401), (BOB, 403)):
        for match in (etag, "*"):
            refused = ask(stock, what, headers, **{"If-None-Match": match})
            assert refused.status == status
            assert "etag" not in refused.headers


# -- who it is --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer token-of-alice"},
        basic("__token__", "token-of-alice"),
        basic("alice", "token-of-alice"),
        basic("token-of-alice", ""),
    ],
)
def test_token_is_as_good_as_a_password_and_costs_no_check(headers: dict[str, str]) -> None:
    stock = stocked(PRIVATE)
    assert ask(stock, "/simple/acme-tools/", headers).status == 200
    assert stock.node.pool.ran == 0


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": "Bearer token-of-alic"}, basic("bob", "token-of-alice"), {"Authorization": "Bearer"}],
)
def test_wrong_token_is_nobodys(headers: dict[str, str]) -> None:
    assert ask(stocked(PRIVATE), "/simple/acme-tools/", headers).status == 401


def test_network_is_that_of_the_connection_and_nothing_that_a_request_says() -> None:
    """Issue 4: X-Forwarded-For is believed from nobody yet."""
    here, elsewhere = grant(["192.0.2.0/24"], ["*"]), grant(["10.0.0.0/8"], ["*"])
    claims = {"X-Forwarded-For": "10.1.2.3", "Forwarded": "for=10.1.2.3", "X-Real-IP": "10.1.2.3"}
    assert ask(stocked(Permissions(grants=(here,))), "/simple/acme-tools/", NOBODY).status == 200
    assert ask(stocked(Permissions(grants=(elsewhere,))), "/simple/acme-tools/", claims).status == 401


def test_what_anyone_may_read_costs_no_check_whatever_is_shown() -> None:
    stock = stocked(MIXED)
    for headers in (ALICE, WRONG, {"Authorization": "nonsense"}):
        assert ask(stock, "/simple/numpy/", headers).status == 200
        assert ask(stock, "/files/{numpy}/numpy-1.0.tar.gz", headers).status == 200
    assert stock.node.pool.ran == 0


def test_node_without_grants_looks_at_no_credentials() -> None:
    stock = stocked(Permissions())
    stock.node.load()
    assert stock.node.get("/api/v1/openapi.json").status == 200  # which is made by the pool, once
    before = stock.node.pool.ran
    for what in (*OF_ACME, *OF_ALL):
        assert ask(stock, what, WRONG).status in (200, 308)
    assert stock.node.pool.ran == before


def test_problem_of_the_api_is_told_in_its_form() -> None:
    for headers, status in ((NOBODY, 401), (NEMO, 403)):
        refused = ask(stocked(PRIVATE), "/api/v1/node", headers)
        assert refused.headers["content-type"] == "application/problem+json"
        assert json.loads(refused.body)["status"] == status


def test_who_has_passed_no_guard_may_read_nothing() -> None:
    request = Request(DummyChannel(), False)
    assert readable(request).is_empty
    assert not may_read(request, normalise("numpy"))
