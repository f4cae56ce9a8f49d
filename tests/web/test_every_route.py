"""Every route of the site, for everybody: one line of `ROUTES` for each, and one column of `EXPECTED` for each of them.

To add a route, add its line: `"PUT /api/v1/<project>/thing": Line(MANAGE_ONE)`.  The open parts of its path are filled
from `PARTS`.  The node is a whole one, so that a route which is mounted anywhere and stands not here fails a test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from attrs import define, field, frozen

from tests.doubles.hosting import publish
from tests.doubles.now import at_once
from tests.doubles.small_node import SmallNode, sha256, wheel
from tests.doubles.uploads import MULTIPART, form, form_of, made
from tests.doubles.wire import Reply, Wire
from tiercache.config import (
    AccessConfig,
    Config,
    GrantConfig,
    NodeConfig,
    Secret,
    StoreConfig,
    TrustedPublisherConfig,
    UserConfig,
)
from tiercache.served import root_of

CONTROL = "the-control-token"
FILENAME = "acme_tools-1.0-py3-none-any.whl"
WHEEL = wheel("acme_tools", "1.0", b"Metadata-Version: 2.1\nName: acme-tools\nVersion: 1.0\n")

PARTS = {
    "project": "acme-tools",
    "version": "1.0",
    "filename": FILENAME,
    "sha256": sha256(WHEEL),
    "segment": sha256(WHEEL),
    "directories": "py3/a/acme-tools",
    "token": "nobodys",
    "job": "nobodys",
}
"""What stands in the open parts of paths: all of it is about the project `acme-tools`, which is hosted here."""

# -- who ----------------------------------------------------------------------------------------------------------

ROLES = ("reader", "publisher", "manager", "prefetcher", "administrator")
WHO = ("anonymous", "wrong", *ROLES, "operator", "elsewhere", "revoked")
"""`reader` to `administrator`: users who may do one thing, with acme-* alone (`administrator`: with all projects);
`wrong`: credentials that are nobody's; `elsewhere`: a token of a user who may do everything, for numpy alone;
`revoked`: one that was for everything."""


def token_of(user: str) -> str:
    return f"{user}-{user}-{user}-token"


CONFIG = Config(
    source="a test",
    node=NodeConfig(name="here"),
    store=StoreConfig(files="memory", catalogue="memory", budget_bytes=None),
    tiers=(),
    access=AccessConfig(
        users={user: UserConfig(token=Secret(token_of(user))) for user in (*ROLES, "boss")},
        grants=(
            GrantConfig(who=("reader",), may=("read",), projects=("acme-*",)),
            GrantConfig(who=("publisher",), may=("publish",), projects=("acme-*",)),
            GrantConfig(who=("manager",), may=("manage",), projects=("acme-*",)),
            GrantConfig(who=("prefetcher",), may=("prefetch",), projects=("acme-*",)),
            GrantConfig(who=("administrator",), may=("administer",), projects=("*",)),
            GrantConfig(who=("boss",), may=("read", "publish", "manage", "prefetch", "administer"), projects=("*",)),
        ),
        trusted_publishers=(
            TrustedPublisherConfig(issuer="https://ci.example", claims={"sub": "acme"}, projects=("acme-*",)),
        ),
    ),
)


@define
class Site:
    """A whole node that hosts `acme-tools`, over HTTP in memory."""

    config: Config = CONFIG
    node: SmallNode = field(init=False)
    wire: Wire = field(init=False)
    shown: dict[str, str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.node = SmallNode(upstreams=[], config=self.config)
        parts = self.node.parts
        publish(parts.hosted, parts.stored_files, "acme-tools", FILENAME, WHEEL)
        clock = self.node.clock
        resource = root_of(
            self.config, parts, clock=clock, pool=at_once, token=CONTROL, not_ready=lambda: None, node_id="here"
        )
        self.wire = Wire.to(resource, clock=clock)
        self.shown = {user: token_of(user) for user in ROLES}
        self.shown["operator"] = CONTROL
        if self.config.access.users:
            _, self.shown["elsewhere"] = self.issue(projects=["numpy"])
            token_id, self.shown["revoked"] = self.issue()
            assert self.ask("GET", "/api/v1/node", "revoked").status == 200
            assert self.ask("DELETE", f"/api/v1/tokens/{token_id}", "operator").status == 200

    def issue(self, **more: Any) -> tuple[str, str]:
        """A new token of the boss's for everything: its id, and its text."""
        wanted = {"name": "ci", "may": ["read", "publish", "manage", "prefetch", "administer"], "owner": "boss", **more}
        reply = self.ask("POST", "/api/v1/tokens", "operator", json.dumps(wanted).encode())
        told = json.loads(reply.body)
        return told["issued"]["id"], told["token"]

    def ask(self, method: str, path: str, who: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Reply:
        """One request; what never ends of itself is hung up on when its head is there."""
        fields = {"Content-Type": "application/json", **(headers or {})}
        if who in self.shown:
            fields["Authorization"] = f"Bearer {self.shown[who]}"
        elif who == "wrong":
            fields["Authorization"] = "Bearer nobodys-nobodys-nobodys"
        connection = self.wire.connect()
        assert connection is not None
        connection.ask(method, path, fields, body)
        reply = connection.reply(method)
        connection.leave()
        return reply

    def rules(self) -> Iterator[str]:
        """Every route that is mounted, as `GET /simple/<project>/`."""
        front: Any = self.wire.site.resource
        return (str(rule.endpoint) for rule in front.application.whole._app.url_map.iter_rules())


@cache
def shared_site() -> Site:
    """One for all requests that are not let through."""
    return Site()


# -- what is expected ---------------------------------------------------------------------------------------------

IN = "in"
"""Let through by the guard: the route has answered, whatever it thought of the request."""

REFUSED = dict.fromkeys(WHO, 403) | {"anonymous": 401, "wrong": 401, "revoked": 401, "operator": IN}


def for_(*who: str) -> dict[str, int | str]:
    """Let in are these and the operator; others are refused, or asked who they are."""
    return {**REFUSED, **dict.fromkeys(who, IN)}


OPEN = dict.fromkeys(WHO, IN)
READ_ONE = for_("reader")
READ_ANY = for_("reader", "elsewhere")  # which leaves out what they may not read
PUBLISH_ANY = for_("publisher", "elsewhere")  # which refuses itself what is not theirs: see `Line.then`
PUBLISH_ONE = for_("publisher")
MANAGE_ANY = for_("manager", "elsewhere")
MANAGE_ONE = for_("manager")
PREFETCH_ANY = for_("prefetcher", "elsewhere")
PREFETCH_ONE = for_("prefetcher")
ADMINISTER_ANY = for_("administrator", "elsewhere")
ADMINISTER_ONE = for_("administrator")
IDENTIFY = for_(*ROLES, "elsewhere")
OPERATE = dict.fromkeys(WHO, 401) | {"operator": IN}


@frozen
class Line:
    """`expected` is one of the above; `then` says who is answered otherwise than that says; `body` is sent."""

    expected: dict[str, int | str]
    body: bytes = b""
    headers: dict[str, str] = field(factory=dict)
    then: dict[str, int | str] = field(factory=dict)


KINDS = (
    *(OPEN, READ_ONE, READ_ANY, IDENTIFY, OPERATE),
    *(PUBLISH_ONE, PUBLISH_ANY, MANAGE_ONE, MANAGE_ANY),
    *(PREFETCH_ONE, PREFETCH_ANY, ADMINISTER_ONE, ADMINISTER_ANY),
)

ROUTES: dict[str, Line] = {
    "GET /": Line(OPEN),
    "GET /healthz": Line(OPEN),
    "GET /readyz": Line(OPEN),
    # for jobs of CI systems, which have nothing to show yet
    "GET /_/oidc/audience": Line(OPEN),
    "POST /_/oidc/mint-token": Line(OPEN, body=b"{}"),
    # pages, files and what belongs to them
    "GET /simple": Line(READ_ANY),
    "GET /simple/": Line(READ_ANY),
    "GET /simple/<project>": Line(READ_ONE),
    "GET /simple/<project>/": Line(READ_ONE),
    "GET /local": Line(READ_ANY),
    "GET /local/": Line(READ_ANY),
    "GET /local/<project>": Line(READ_ONE),
    "GET /local/<project>/": Line(READ_ONE),
    "GET /files/<segment>/<filename>": Line(READ_ONE),
    "GET /local/files/<segment>/<filename>": Line(READ_ONE),
    "GET /packages/<path:directories>/<filename>": Line(READ_ONE),
    "GET /pypi/<project>/json": Line(READ_ONE),
    "GET /pypi/<project>/<version>/json": Line(READ_ONE),
    # uploads: all of `acme-tools`, by their path or by the form in their body
    **dict.fromkeys(
        (f"POST {path}" for path in ("/", "/simple", "/simple/", "/legacy", "/legacy/")),
        Line(PUBLISH_ONE, body=form_of(made()), headers=MULTIPART),
    ),
    **dict.fromkeys(
        ("POST /uploadpackage", "POST /uploadpackage/"),
        Line(PUBLISH_ONE, body=form([], made().filename, made().content, "sdist"), headers=MULTIPART),
    ),
    "PUT /packages/<path:directories>/<filename>": Line(PUBLISH_ONE, body=WHEEL),
    # after publishing
    "GET /api/v1/projects/<project>": Line(READ_ONE),
    "GET /api/v1/projects/<project>/deleted": Line(MANAGE_ONE),
    "GET /api/v1/projects/<project>/acts": Line(MANAGE_ONE),
    "GET /api/v1/acts": Line(ADMINISTER_ANY),
    "PUT /api/v1/projects/<project>/status": Line(MANAGE_ONE, body=b'{"status": "archived"}'),
    "PUT /api/v1/projects/<project>/files/<filename>/yank": Line(MANAGE_ONE, body=b'{"reason": "broken"}'),
    "DELETE /api/v1/projects/<project>/files/<filename>/yank": Line(MANAGE_ONE),
    "DELETE /api/v1/projects/<project>": Line(MANAGE_ONE),
    "DELETE /api/v1/projects/<project>/releases/<version>": Line(MANAGE_ONE),
    "DELETE /api/v1/projects/<project>/files/<filename>": Line(MANAGE_ONE),
    "DELETE /api/v1/projects/<project>/name": Line(MANAGE_ONE),
    "POST /api/v1/projects/<project>/restore": Line(MANAGE_ONE, body=b"{}"),
    "POST /api/v1/promote": Line(
        MANAGE_ANY,
        body=b'{"project": "acme-tools", "version": "9", "to": "nowhere"}',
        then={"elsewhere": 403},
    ),
    # for other nodes
    "GET /api/v1/node": Line(READ_ANY),
    "GET /api/v1/reserved": Line(READ_ANY),
    "GET /api/v1/changes": Line(READ_ANY),
    "POST /api/v1/pages": Line(READ_ANY, body=b'{"projects": [{"name": "acme-tools"}]}'),
    "GET /api/v1/files/<sha256>": Line(READ_ANY, then={"elsewhere": 404}),  # hidden, as if it were not there
    "GET /api/v1/openapi.json": Line(READ_ANY),
    # before anybody asks: each sees their own jobs alone
    "POST /api/v1/prefetch": Line(
        PREFETCH_ANY, body=b'{"documents": [{"name": "requirements.txt", "text": "acme-tools"}]}'
    ),
    "GET /api/v1/prefetch": Line(PREFETCH_ANY),
    **dict.fromkeys(
        (f"GET /api/v1/prefetch/<job>{rest}" for rest in ("", "/events", "/report")),
        Line(PREFETCH_ANY),
    ),
    "DELETE /api/v1/prefetch/<job>": Line(PREFETCH_ANY),
    "POST /api/v1/ready": Line(PREFETCH_ANY, body=b"{}"),
    "POST /requirements.txt": Line(PREFETCH_ANY),
    # access
    "GET /api/v1/tokens": Line(IDENTIFY),
    "POST /api/v1/tokens": Line(IDENTIFY, body=b'{"name": "x", "may": ["read"]}', then={"elsewhere": 403}),
    "DELETE /api/v1/tokens/<token>": Line(IDENTIFY),
    # the operator's
    "GET /api/v1/offline": Line(READ_ANY),
    "PUT /api/v1/offline": Line(OPERATE, body=b'{"offline": true}'),
    "GET /api/v1/reservations": Line(OPERATE),
    "DELETE /api/v1/reservations/<project>": Line(OPERATE),
}

BESIDE: dict[str, str] = {
    "GET /files/<segment>/<filename>": ".metadata .provenance",
    "GET /local/files/<segment>/<filename>": ".metadata .provenance",
    "GET /packages/<path:directories>/<filename>": ".metadata .provenance",
}
"""What a path may end in beside, each to be judged alike."""


def path_of(route: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: PARTS[found[1]], route.partition(" ")[2])


def asked(site: Site, route: str, who: str, suffix: str = "", **headers: str) -> Reply:
    line = ROUTES[route]
    path = path_of(route) + suffix
    return site.ask(route.partition(" ")[0], path, who, line.body, {**line.headers, **headers})


def state_of(site: Site) -> object:
    """All that a request could change."""
    parts, catalogue = site.node.parts, site.node.catalogue
    tokens = [token.id for token in catalogue.tokens()]
    hosted = {project: catalogue.hosted(project) for project in catalogue.hosted_names()}
    jobs = [(job.id, job.phase) for job in parts.prefetching.jobs.all()]
    return parts.journal.position, tokens, hosted, sorted(site.node.files.all()), parts.switch.is_offline, jobs


def seen(reply: Reply) -> int | str:
    """The status of who was refused; of who was not, that they were let through."""
    return reply.status if reply.status in (401, 403, 429) or reply.status >= 500 else IN


def test_each_route_of_the_site_stands_in_this_table_and_no_other() -> None:
    assert sorted(ROUTES) == sorted(shared_site().rules())
    assert [route for route, line in ROUTES.items() if line.expected not in KINDS] == []


@pytest.mark.parametrize("route", ROUTES)
def test_route_is_for_whom_the_table_says(route: str) -> None:
    line = ROUTES[route]
    for who in WHO:
        expected = {**line.expected, **line.then}[who]
        is_refused = isinstance(expected, int) and expected != 404
        site = shared_site() if is_refused or route.startswith("GET") else Site()
        before = state_of(site)
        reply = asked(site, route, who)
        found = reply.status if expected == 404 else seen(reply)
        assert found == expected, f"{route} for {who}: {reply.status} {reply.body!r}"
        if reply.status == 401:
            assert reply.headers["www-authenticate"].startswith(("Basic", "Bearer"))
        if found != IN:
            assert b"acme" not in reply.body
            assert state_of(site) == before, f"{route} for {who}"


@pytest.mark.parametrize("route", [route for route in ROUTES if route.startswith("GET ")])
def test_head_is_for_whom_get_is(route: str) -> None:
    for who in WHO:
        head = shared_site().ask("HEAD", path_of(route), who)
        assert seen(head) == seen(asked(shared_site(), route, who)), who


@pytest.mark.parametrize("route", BESIDE)
def test_what_belongs_to_a_file_is_for_whom_the_file_is(route: str) -> None:
    for suffix in BESIDE[route].split():
        for who in WHO:
            reply = asked(shared_site(), route, who, suffix)
            assert seen(reply) == {**ROUTES[route].expected, **ROUTES[route].then}[who], f"{suffix} for {who}"


CHANGING = [route for route in ROUTES if not route.startswith("GET ")]


@pytest.mark.parametrize("route", CHANGING)
@pytest.mark.parametrize(
    "page", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}], ids=str
)
def test_nothing_changes_for_a_page_of_another_site_whoever_looks_at_it(route: str, page: dict[str, str]) -> None:
    """The browser of the operator sends what it remembers of them, and comes from their own machine."""
    for who in WHO:
        assert asked(shared_site(), route, who, **page).status == 403
    own = {"Origin": "http://node.example:8141", "Sec-Fetch-Site": "same-origin"}
    assert seen(asked(Site(), route, "operator", **own)) == IN


@pytest.mark.parametrize("route", ROUTES)
def test_addresses_and_hosts_that_a_request_states_open_nothing(route: str) -> None:
    claims = {
        "X-Forwarded-For": "127.0.0.1",
        "Forwarded": "for=127.0.0.1",
        "X-Real-IP": "127.0.0.1",
        "Host": "localhost",
        "X-Forwarded-Host": "localhost",
        "X-Original-URL": "/healthz",
        "X-HTTP-Method-Override": "GET",
    }
    expected = ROUTES[route].expected["anonymous"]
    assert seen(asked(shared_site(), route, "anonymous", **claims)) == expected


# -- a node without grants ----------------------------------------------------------------------------------------

OPEN_CONFIG = Config(source="a test", node=NodeConfig(name="here"), store=CONFIG.store, tiers=())
READING = [route for route, line in ROUTES.items() if line.expected in (OPEN, READ_ONE, READ_ANY)]
FOR_THE_OWN_MACHINE = [
    route for route, line in ROUTES.items() if line.expected not in (OPEN, READ_ONE, READ_ANY, IDENTIFY, OPERATE)
]


def at(peer: str) -> Site:
    site = Site(config=OPEN_CONFIG)
    site.wire.peer = peer
    return site


@pytest.mark.parametrize("route", READING)
def test_without_grants_anyone_reads(route: str) -> None:
    for who in ("anonymous", "wrong"):
        assert seen(asked(at("192.0.2.7"), route, who)) == IN


@pytest.mark.parametrize("route", [route for route in ROUTES if route not in READING])
def test_without_grants_the_own_machine_may_do_the_rest_and_nobody_else(route: str) -> None:
    is_granted = route in FOR_THE_OWN_MACHINE
    here = {"Host": "localhost:8141"}
    assert seen(asked(at("127.0.0.1"), route, "anonymous", **here)) == (IN if is_granted else 401)
    assert seen(asked(at("192.0.2.7"), route, "anonymous", **here)) == 401
    for shown in (
        {"Host": "rebound.example"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 proxy"},
    ):
        assert seen(asked(at("127.0.0.1"), route, "anonymous", **{**here, **shown})) == 401, shown
    for page in ({"Origin": "http://localhost:3000"}, {"Sec-Fetch-Site": "cross-site"}):
        refused = 403 if not route.startswith("GET ") else 401
        assert seen(asked(at("127.0.0.1"), route, "anonymous", **{**here, **page})) == refused, page
