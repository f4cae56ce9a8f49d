"""Direct-URL dependencies through three nodes: each keeps its own clients from those of public files, and no node
keeps anybody from those of a project that is hosted above."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.doubles.chain_of_nodes import BASE, FILES, ORIGIN, ChainOfNodes, JoinedNode
from tests.doubles.small_node import sha256, wheel
from tests.doubles.tier_http import JSON_TYPE, http_answer
from tiercache.config import AdmissionConfig, TierConfig
from tiercache.policy.selection import ProjectRule

NEEDED = "evil @ https://elsewhere.example/evil-1.0-py3-none-any.whl"
GOOD_NAME, EVIL_NAME = "acme-1.0-py3-none-any.whl", "acme-2.0-py3-none-any.whl"
GOOD = wheel("acme", "1.0", b"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
EVIL_METADATA = f"Metadata-Version: 2.1\nName: acme\nVersion: 2.0\nRequires-Dist: {NEEDED}\n".encode()
EVIL = wheel("acme", "2.0", EVIL_METADATA, filler=200_000)
EVIL_PATH = f"/files/{sha256(EVIL)}/{EVIL_NAME}"
ALLOW = AdmissionConfig(direct_urls="allow")
WARN = AdmissionConfig(direct_urls="warn")
NAMES = ("server", "office", "laptop")


def three(*, public: bool = True, **admissions: AdmissionConfig) -> tuple[ChainOfNodes, list[JoinedNode]]:
    """Server, office and laptop, one in front of the next, and the index behind the server; `public`: whether it is."""
    chain = ChainOfNodes()
    above = (ORIGIN, *NAMES)
    nodes = []
    for tier, name in zip(above, NAMES, strict=False):
        config: dict[str, Any] = {"admission": admissions[name]} if name in admissions else {}
        if tier == ORIGIN and not public:
            config["tiers"] = (TierConfig(name=ORIGIN, url=BASE, public=False),)
        nodes.append(chain.node(name, tier, **config))
    chain.lists("acme", (GOOD_NAME, GOOD), (EVIL_NAME, EVIL))
    return chain, nodes


def shown(node: JoinedNode, **headers: str) -> list[str]:
    return [file["filename"] for file in json.loads(node.page("acme", headers).body)["files"]]


def assert_refused(node: JoinedNode, *, knows: bool = True) -> None:
    """By every way to it, with the requirement in what is said; and on no page.

    `knows`: it has found out by itself.  One that was only told is given pages without the file from then on, and so
    may come not to know of the file at all.
    """
    ways = (EVIL_PATH, f"{EVIL_PATH}.metadata", f"/local{EVIL_PATH}", f"/packages/py3/a/acme/{EVIL_NAME}")
    for path in ways:
        reply = node.get(path)
        if reply.status == 404 and (path.startswith("/local") or not knows):
            continue  # not stored here, which is all that /local/ says; or on no page
        assert (path, reply.status) == (path, 403)
        assert NEEDED in reply.body.decode()
        assert "admission: {direct-urls: allow}" in reply.body.decode()
        assert reply.headers["cache-status"].endswith("detail=not-admitted")
    if knows:
        assert node.get(EVIL_PATH, method="HEAD").status == 403
    assert node.get(EVIL_PATH, {"Range": "bytes=-1000"}).status in ((403,) if knows else (403, 404))
    assert node.get(f"/api/v1/files/{sha256(EVIL)}").status == 404
    assert shown(node, **{"Cache-Control": "no-cache"}) == [GOOD_NAME]
    told = json.loads(node.get("/pypi/acme/json").body)
    assert (list(told["releases"]), told["info"]["version"]) == (["1.0"], "1.0")
    assert node.get("/pypi/acme/2.0/json").status == 404


def ask(node: JoinedNode, *names: str) -> list[dict[str, Any]]:
    """The lines of `POST /pages`."""
    body = json.dumps({"projects": [{"name": name} for name in names], "metadata": 5}).encode()
    reply = node.get("/api/v1/pages", {"Content-Type": "application/json"}, method="POST", body=body)
    return [json.loads(line) for line in reply.body.splitlines()]


@pytest.mark.parametrize("how", [".metadata", ""])
def test_a_public_file_with_a_direct_url_is_refused_and_hidden_at_every_node(how: str) -> None:
    chain, nodes = three()
    laptop = nodes[-1]
    assert shown(laptop) == [GOOD_NAME, EVIL_NAME]
    first = laptop.begin(EVIL_PATH + how)
    chain.advance(60.0)  # whoever was given a part of it is let wait for the rest
    reply = first.reply("GET") if how else None
    assert reply is None or reply.status == 403
    assert EVIL not in (first.received if isinstance(first.received, bytes) else b"")
    for node in reversed(nodes):
        assert_refused(node, knows=node is nodes[0])
    (line,) = ask(laptop, "acme")
    assert [file["filename"] for file in line["page"]["files"]] == [GOOD_NAME]
    assert EVIL_METADATA.decode() not in line["sidecars"].values()


def test_the_bottom_refuses_what_all_above_allow() -> None:
    chain, (server, office, laptop) = three(server=ALLOW, office=ALLOW)
    assert shown(laptop) == [GOOD_NAME, EVIL_NAME]
    assert laptop.get(f"{EVIL_PATH}.metadata").status == 403
    assert_refused(laptop)
    for node in (office, server):
        assert shown(node) == [GOOD_NAME, EVIL_NAME]
        assert node.get(f"{EVIL_PATH}.metadata").body == EVIL_METADATA
        assert node.get(EVIL_PATH).body == EVIL
    # The office has the sidecar by now, which goes along with its page: the laptop need not even be asked.
    fresh = chain.node("fresh", "office")
    assert shown(fresh) == [GOOD_NAME]


def test_the_bottom_tells_what_the_top_refuses() -> None:
    _, (server, office, laptop) = three(office=ALLOW, laptop=ALLOW)
    shown(laptop)
    reply = laptop.get(f"{EVIL_PATH}.metadata")
    assert reply.status == 403
    assert f"tier office says: tier server says: it requires {NEEDED}" in reply.body.decode()
    for node in (laptop, office, server):
        assert_refused(node, knows=node is server)


def test_a_warning_node_between_passes_it_on_with_its_mark_to_those_that_refuse_it() -> None:
    _, (server, office, laptop) = three(server=WARN, office=WARN)
    assert office.get(f"{EVIL_PATH}.metadata").status == 200
    marked = json.loads(office.page("acme").body)["files"][1]
    assert marked["_direct-urls"] == [NEEDED]
    assert laptop.get(f"{EVIL_PATH}.metadata").status == 403
    assert_refused(laptop)
    assert server.parts.stats.direct_urls_warned == office.parts.stats.direct_urls_warned == 1


def test_the_direct_urls_of_a_hosted_project_pass_at_every_node() -> None:
    _, nodes = three()
    nodes[0].host("acme", EVIL_NAME, EVIL)
    for node in reversed(nodes):
        (file,) = json.loads(node.page("acme").body)["files"]
        assert (file["filename"], file["_private"]) == (EVIL_NAME, True)
        assert node.get(f"{EVIL_PATH}.metadata").body == EVIL_METADATA
        assert node.get(EVIL_PATH).body == EVIL
        assert node.get(f"/local{EVIL_PATH}").body == EVIL
        told = json.loads(node.get("/local/acme/", {"Accept": JSON_TYPE}).body)["files"]
        assert [file["filename"] for file in told] == [EVIL_NAME]
        assert node.parts.stats.direct_urls_refused == 0


def test_so_do_those_of_an_index_that_is_stated_not_to_be_public() -> None:
    _, nodes = three(public=False)
    for node in reversed(nodes):
        assert node.get(f"{EVIL_PATH}.metadata").body == EVIL_METADATA
        assert node.get(EVIL_PATH).body == EVIL
        assert shown(node, **{"Cache-Control": "no-cache"}) == [GOOD_NAME, EVIL_NAME]


def test_of_a_page_that_is_made_of_both_only_the_public_files_are_refused_at_every_node() -> None:
    chain = ChainOfNodes()
    rule = ProjectRule(match=("acme",), tiers=(ORIGIN,), also_upstream=(ORIGIN,))
    server = chain.node("server", ORIGIN, projects=(rule,))
    office, laptop = chain.node("office", "server"), chain.node("laptop", "office")
    chain.lists("acme", (GOOD_NAME, GOOD), (EVIL_NAME, EVIL))
    own = wheel("acme", "3.0", EVIL_METADATA.replace(b"2.0", b"3.0"))
    own_name = "acme-3.0-py3-none-any.whl"
    server.host("acme", own_name, own)
    shown(laptop)
    for node in (laptop, office, server):
        # The nodes below have it from no page any more, once the server hides it.
        assert node.get(f"{EVIL_PATH}.metadata").status in ((403,) if node in (laptop, server) else (403, 404))
        assert node.get(EVIL_PATH).status in (403, 404)
        assert node.get(f"/files/{sha256(own)}/{own_name}").body == own
        assert shown(node, **{"Cache-Control": "no-cache"}) == [own_name, GOOD_NAME]


def test_an_index_that_calls_its_own_files_private_is_not_believed() -> None:
    chain, nodes = three()
    file = {"filename": EVIL_NAME, "url": FILES + EVIL_NAME, "hashes": {"sha256": sha256(EVIL)}, "_private": True}
    page = {"meta": {"api-version": "1.0", "_private": True}, "name": "acme", "files": [file]}
    chain.index.on(f"GET {BASE}acme/", http_answer(200, json.dumps(page).encode(), {"Content-Type": JSON_TYPE}))
    (listed,) = json.loads(nodes[-1].page("acme").body)["files"]
    assert "_private" not in listed
    for node in reversed(nodes):
        assert node.get(f"{EVIL_PATH}.metadata").status == 403


def test_those_who_follow_hear_at_once_that_a_page_hides_a_file_now() -> None:
    chain, (server, office, laptop) = three(laptop=ALLOW)
    for node in (server, office, laptop):
        node.follow()
    assert shown(laptop) == [GOOD_NAME, EVIL_NAME]
    assert server.get(f"{EVIL_PATH}.metadata").status == 403  # somebody else asks the server
    chain.advance(1.0)
    assert shown(laptop) == [GOOD_NAME]  # without having asked for anything but the page
    for node in (server, office, laptop):
        node.stop()


def test_another_way_to_the_same_file_is_judged_all_the_same() -> None:
    """The laptop has the index as a tier of its own, and gets from there what the office refuses: to refuse it too."""
    chain = ChainOfNodes()
    chain.node("office", ORIGIN)
    laptop = chain.node("laptop", "office", ORIGIN)
    chain.lists("acme", (GOOD_NAME, GOOD), (EVIL_NAME, EVIL))
    assert shown(laptop) == [GOOD_NAME, EVIL_NAME]
    assert laptop.get(f"{EVIL_PATH}.metadata").status == 403
    assert_refused(laptop)


def test_a_sibling_gives_out_nothing_that_it_refuses() -> None:
    chain = ChainOfNodes()
    desk = chain.node("desk", ORIGIN, admission=ALLOW)
    chain.lists("acme", (EVIL_NAME, EVIL))
    assert desk.get(desk.files_of("acme")[EVIL_NAME]).body == EVIL
    assert desk.get(f"/api/v1/files/{sha256(EVIL)}").status == 200
    strict = chain.node("strict", ORIGIN)
    strict.files, strict.catalogue = desk.files, desk.catalogue
    strict.start()
    assert strict.get(f"/api/v1/files/{sha256(EVIL)}").status == 404
    assert strict.get(f"/api/v1/files/{sha256(EVIL)}", {"Cache-Control": "only-if-cached"}).status == 504
