"""Prefetches through three nodes joined in memory: each file crosses each link once, and all of it is at hand then."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

import pytest

from tests.doubles.chain_of_nodes import FILES, ORIGIN, ChainOfNodes, JoinedNode, whole_or_part
from tests.doubles.small_node import sdist, wheel
from tests.doubles.tier_http import http_answer
from tiercache.config import AccessConfig, GrantConfig
from tiercache.interfaces import METADATA
from tiercache.policy.selection import ProjectRule
from tiercache.prefetch.carrying_out import AGAIN_AFTER_S
from tiercache.simple.model import FileIdentity

PREFETCH = "/api/v1/prefetch"
ANYONE_PREFETCHES = AccessConfig(grants=(GrantConfig(who=("anyone",), may=("read", "prefetch"), projects=("*",)),))


def metadata(name: str, version: str, *requires: str) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    return "\n".join([*lines, *(f"Requires-Dist: {one}" for one in requires), ""]).encode()


def wheel_file(name: str, *requires: str, version: str = "1.0", filler: int = 100_000) -> tuple[str, bytes]:
    return f"{name}-{version}-py3-none-any.whl", wheel(name, version, metadata(name, version, *requires), filler=filler)


APP = wheel_file("app", "numpy>=1", 'windows-only; sys_platform == "win32"')
NUMPY = wheel_file("numpy", "zoo")
ZOO = wheel_file("zoo")
NEEDED = {APP[0], NUMPY[0], ZOO[0]}


def three(**config: Any) -> tuple[ChainOfNodes, list[JoinedNode]]:
    """An index, and private, office and laptop one behind the other; anyone may prefetch."""
    config = {"access": ANYONE_PREFETCHES, **config}
    chain = ChainOfNodes()
    nodes = [
        chain.node("private", ORIGIN, **config),
        chain.node("office", "private", **config),
        chain.node("laptop", "office", **config),
    ]
    chain.lists("app", APP)
    chain.lists("numpy", NUMPY)
    chain.lists("zoo", ZOO, wheel_file("zoo", version="0.1"))
    return chain, nodes


def submit(node: JoinedNode, *requirements: str, **wanted: Any) -> str:
    """The path of a job for these requirements, which may be over already."""
    text = "\n".join(requirements)
    body = {"documents": [{"name": "requirements.txt", "text": text}]} if text else {}
    reply = node.get(
        PREFETCH, {"Content-Type": "application/json"}, method="POST", body=json.dumps(body | wanted).encode()
    )
    assert reply.status == 202, reply.body
    node.chain.settle()
    return reply.headers["location"]


def state_of(node: JoinedNode, job: str) -> dict[str, Any]:
    reply = node.get(job)
    assert reply.status == 200
    return dict(json.loads(reply.body))


def ended(node: JoinedNode, job: str, within_s: float = 60.0) -> dict[str, Any]:
    """The job once it is over."""
    while (state := state_of(node, job))["phase"] not in ("done", "failed", "cancelled"):
        assert within_s > 0, state
        node.chain.pass_time(0.5)
        within_s -= 0.5
    return state


def rest(nodes: list[JoinedNode], seconds: float = 5.0) -> None:
    """Let all nodes come to rest."""
    nodes[0].chain.pass_time(seconds)


def file_requests(node: JoinedNode) -> Counter[str]:
    """How often each file (not its metadata) was asked of a node by another, or a client."""
    paths = [request.path for request in node.received if request.path.startswith("/files/")]
    return Counter(path.rpartition("/")[2] for path in paths if not path.endswith(".metadata"))


def index_file_requests(chain: ChainOfNodes) -> Counter[str]:
    """The same of the index; some bytes of a wheel, from which its metadata is made, are not the file."""
    asked = [one for one in chain.index.requests if one.url.startswith(FILES) and one.method == "GET"]
    return Counter(one.url.removeprefix(FILES) for one in asked if "range" not in one.headers)


def gives_instead(chain: ChainOfNodes, file: tuple[str, bytes], answer: bytes) -> None:
    """Let the index give this when the whole of a file is asked for; parts of it, as for its metadata, are right."""
    right = whole_or_part(file[1])
    chain.index.on(f"GET {FILES}{file[0]}", lambda request: right(request) if "range" in request.headers else answer)


def stored(node: JoinedNode) -> set[str]:
    return {record.listing.filename for record in node.catalogue.all_files()}


def outcomes(state: dict[str, Any]) -> dict[str, str]:
    return {file["filename"]: file["outcome"] for file in state["files"]}


def test_what_requirements_need_is_at_hand_at_every_tier() -> None:
    chain, nodes = three()
    state = ended(nodes[-1], submit(nodes[-1], "app"))
    assert (state["phase"], state["reason"]) == ("done", None)
    assert outcomes(state) == dict.fromkeys(NEEDED, "fetched")
    assert state["report"]["ready"]
    rest(nodes)
    assert [stored(node) for node in nodes] == [NEEDED] * 3
    chain.cut(ORIGIN)
    chain.cut("office")
    for filename, path in {
        name: path for project in ("app", "numpy", "zoo") for name, path in nodes[-1].files_of(project).items()
    }.items():
        if filename in NEEDED:
            assert nodes[-1].get(path).status == 200


def test_each_file_crosses_each_link_once() -> None:
    chain, nodes = three()
    ended(nodes[-1], submit(nodes[-1], "app"))
    rest(nodes)
    once = Counter(NEEDED)
    assert file_requests(nodes[-1]) == Counter()
    assert file_requests(nodes[1]) == once
    assert file_requests(nodes[0]) == once
    assert index_file_requests(chain) == once


def test_a_job_is_passed_to_the_parent_and_on_to_its_parent() -> None:
    _chain, nodes = three()
    state = ended(nodes[-1], submit(nodes[-1], "app"))
    rest(nodes)
    assert list(state["handed_on"]) == ["office"]
    assert state["handed_on"]["office"].startswith("taken: ")
    assert [len([one for one in node.received if (one.method, one.path) == ("POST", PREFETCH)]) for node in nodes] == [
        1,
        1,
        1,
    ]
    (above,) = nodes[0].parts.prefetching.jobs.all()
    assert (above.phase, above.files_done, dict(above.handed_on)) == ("done", 3, {})


def test_two_jobs_below_for_the_same_are_one_job_above_while_it_is_not_over() -> None:
    chain, nodes = three()
    office = nodes[1]
    chain.node("desk", "office", access=ANYONE_PREFETCHES)
    for node in (nodes[-1], chain.nodes["desk"]):
        ended(node, submit(node, "app"))
    rest(nodes)
    assert file_requests(nodes[0]) == Counter(NEEDED)
    assert all(state.phase == "done" for state in office.parts.prefetching.jobs.all())


def test_a_parent_that_lets_nobody_prefetch_is_noted_and_gives_files_as_to_any_client() -> None:
    chain = ChainOfNodes()
    office = chain.node("office", ORIGIN)
    laptop = chain.node("laptop", "office", access=ANYONE_PREFETCHES)
    chain.lists("zoo", ZOO)
    state = ended(laptop, submit(laptop, "zoo"))
    assert (state["phase"], state["report"]["ready"]) == ("done", True)
    assert "403" in state["handed_on"]["office"] or "401" in state["handed_on"]["office"]
    assert file_requests(office) == Counter([ZOO[0]])


def test_a_file_with_wrong_bytes_at_the_top_fails_alone_at_every_tier() -> None:
    chain, nodes = three()
    gives_instead(chain, ZOO, http_answer(200, b"x" * len(ZOO[1])))
    state = ended(nodes[-1], submit(nodes[-1], "app"), within_s=300)
    assert outcomes(state)[ZOO[0]] == "failed"
    assert outcomes(state)[NUMPY[0]] == "fetched"
    assert not state["report"]["ready"]
    rest(nodes)
    assert all(stored(node) == NEEDED - {ZOO[0]} for node in nodes)


def test_a_tier_that_dies_half_way_is_gone_on_with_once_it_is_back() -> None:
    chain, nodes = three()
    half = len(ZOO[1]) // 2
    gives_instead(chain, ZOO, http_answer(200, length=len(ZOO[1])) + ZOO[1][:half])
    job = submit(nodes[-1], "app")
    chain.cut("private")
    chain.end_connections_to("private")
    chain.pass_time(1)
    assert state_of(nodes[-1], job)["phase"] == "fetching"
    chain.lists("zoo", ZOO, wheel_file("zoo", version="0.1"))
    for wire in list(chain.index.wires):
        wire.hang_up()
    chain.join("private")
    state = ended(nodes[-1], job, within_s=sum(AGAIN_AFTER_S) + 10)
    assert (state["phase"], state["files_done"], state["report"]["ready"]) == ("done", 3, True)


def test_of_two_nodes_that_are_each_others_parents_each_brings_in_what_it_was_asked_for() -> None:
    chain = ChainOfNodes()
    left = chain.node("left", "right", ORIGIN, access=ANYONE_PREFETCHES)
    right = chain.node("right", "left", ORIGIN, access=ANYONE_PREFETCHES)
    chain.lists("zoo", ZOO)
    state = ended(left, submit(left, "zoo"), within_s=200)
    assert (state["phase"], state["files_done"]) == ("done", 1)
    rest([left, right], 150)
    assert all(one.phase == "done" for node in (left, right) for one in node.parts.prefetching.jobs.all())
    assert len(right.parts.prefetching.jobs.all()) <= 1
    assert len(left.parts.prefetching.jobs.all()) == 1
    assert index_file_requests(chain)[ZOO[0]] <= 2


def test_a_ring_of_three_comes_to_an_end() -> None:
    chain = ChainOfNodes()
    names = ["a", "b", "c"]
    nodes = [
        chain.node(name, names[(number + 1) % 3], ORIGIN, access=ANYONE_PREFETCHES) for number, name in enumerate(names)
    ]
    chain.lists("zoo", ZOO)
    state = ended(nodes[0], submit(nodes[0], "zoo"), within_s=300)
    assert state["files_done"] == 1
    rest(nodes, 200)
    assert [len(node.parts.prefetching.jobs.all()) <= 1 for node in nodes] == [True] * 3


def test_a_node_that_starts_anew_goes_on_with_its_job() -> None:
    chain, nodes = three()
    laptop = nodes[-1]
    gives_instead(chain, ZOO, http_answer(200, length=len(ZOO[1])) + ZOO[1][:1000])
    job = submit(laptop, "app")
    assert state_of(laptop, job)["phase"] == "fetching"
    laptop.stop()
    chain.index.result(laptop.parts.files.stop())
    laptop.start()
    chain.lists("zoo", ZOO, wheel_file("zoo", version="0.1"))
    for wire in list(chain.index.wires):
        wire.hang_up()
    state = ended(laptop, job, within_s=200)
    assert (state["phase"], state["files_done"], state["report"]["ready"]) == ("done", 3, True)
    assert len([one for one in nodes[1].received if (one.method, one.path) == ("POST", PREFETCH)]) == 1


def test_a_private_project_comes_from_the_tier_that_hosts_it_and_the_rest_from_the_index() -> None:
    rules = (ProjectRule(match=("acme-*",), tiers=("office",)), ProjectRule(match=("*",), tiers=(ORIGIN,)))
    chain = ChainOfNodes()
    office = chain.node("office", ORIGIN, access=ANYONE_PREFETCHES)
    laptop = chain.node("laptop", "office", ORIGIN, access=ANYONE_PREFETCHES, projects=rules)
    chain.lists("zoo", ZOO)
    private = wheel_file("acme_tools", "zoo")
    office.host("acme-tools", *private)
    state = ended(laptop, submit(laptop, "acme-tools"))
    assert outcomes(state) == {private[0]: "fetched", ZOO[0]: "fetched"}
    assert file_requests(office) == Counter([private[0]])
    assert chain.index_requests("acme-tools") == 0
    assert stored(office) == {private[0]}


def test_a_lock_with_urls_of_elsewhere_is_served_by_the_tiers_by_digest() -> None:
    chain, nodes = three()
    digest = hashlib.sha256(ZOO[1]).hexdigest()
    lock = f"""lock-version = "1.0"
created-by = "a tool"
[[packages]]
name = "zoo"
version = "1.0"
[[packages.wheels]]
name = "{ZOO[0]}"
url = "https://evil.example/{ZOO[0]}"
hashes = {{ sha256 = "{digest}" }}
"""
    state = ended(nodes[-1], submit(nodes[-1], documents=[{"name": "pylock.toml", "text": lock}]))
    assert outcomes(state) == {ZOO[0]: "fetched"}
    assert state["report"]["ready"]
    assert not [line for line in chain.index.asked() if "evil.example" in line]


def test_a_lock_with_a_wrong_digest_is_not_ready() -> None:
    _chain, nodes = three()
    lock = f"""lock-version = "1.0"
created-by = "a tool"
[[packages]]
name = "zoo"
version = "1.0"
[[packages.wheels]]
name = "{ZOO[0]}"
url = "https://files.example/{ZOO[0]}"
hashes = {{ sha256 = "{"0" * 64}" }}
"""
    state = ended(nodes[-1], submit(nodes[-1], documents=[{"name": "pylock.toml", "text": lock}]), within_s=200)
    assert state["phase"] in ("done", "failed")
    assert not (state["report"] or {"ready": False})["ready"]
    assert all(stored(node) == set() for node in nodes)


def test_what_cannot_be_met_together_fails_with_the_words_of_the_resolver() -> None:
    _chain, nodes = three()
    state = ended(nodes[-1], submit(nodes[-1], "app", "zoo>=2"))
    assert state["phase"] == "failed"
    assert "zoo" in state["reason"]


@pytest.mark.parametrize(
    "requirement",
    [
        "-e .",
        "file:///etc/passwd",
        "zoo @ https://evil.example/zoo.whl",
        "-r other.txt",
        "--index-url https://evil.example/",
    ],
)
def test_what_is_not_taken_is_listed_and_the_rest_comes(requirement: str) -> None:
    chain, nodes = three()
    state = ended(nodes[-1], submit(nodes[-1], requirement, "zoo"))
    assert [one["line"] for one in state["unparseable"]] == [1]
    assert outcomes(state) == {ZOO[0]: "fetched"}
    assert not [line for line in chain.index.asked() if "evil.example" in line]


def test_the_metadata_of_newer_releases_is_here_that_an_installer_looks_at_before_it_takes_an_older_one() -> None:
    chain, nodes = three()
    needy = wheel_file("needy", "zoo<1")
    chain.lists("needy", needy)
    old, zoo = wheel_file("zoo", version="0.1"), ZOO
    # The resolver in memory never goes back, so it is told at once what uv would find out.
    state = ended(nodes[-1], submit(nodes[-1], "needy", "zoo<1"))
    assert outcomes(state) == {needy[0]: "fetched", old[0]: "fetched"}
    path = nodes[-1].files_of("zoo")[zoo[0]]
    chain.cut(ORIGIN)
    chain.cut("office")
    assert nodes[-1].get(f"{path}.metadata").body == metadata("zoo", "1.0")
    assert zoo[0] not in stored(nodes[-1])


def test_of_what_is_pinned_nothing_newer_is_looked_at() -> None:
    _chain, nodes = three()
    ended(nodes[-1], submit(nodes[-1], "zoo==0.1"))
    newer = FileIdentity("sha256", hashlib.sha256(ZOO[1]).hexdigest())
    assert [node.catalogue.attachment(newer, METADATA) for node in nodes] == [None] * 3


def test_sdists_come_with_what_builds_them() -> None:
    chain = ChainOfNodes()
    laptop = chain.node("laptop", ORIGIN, access=ANYONE_PREFETCHES)
    pyproject = b'[build-system]\nrequires = ["builder"]\n'
    source = (
        "source-1.0.tar.gz",
        sdist("source", "1.0", metadata("source", "1.0"), before=[("pyproject.toml", pyproject)]),
    )
    builder = wheel_file("builder")
    wheeled = wheel_file("source")
    chain.lists("source", source, wheeled)
    chain.lists("builder", builder)
    state = ended(laptop, submit(laptop, "source", sdists=True, build_requirements=True))
    assert state["phase"] == "done"
    assert set(outcomes(state)) == {source[0], wheeled[0], builder[0]}
    assert stored(laptop) == {source[0], wheeled[0], builder[0]}


def test_two_hundred_files_come_through_three_tiers_each_once() -> None:
    chain, nodes = three()
    projects = [wheel_file(f"part{number}", filler=1000) for number in range(200)]
    for number, content in enumerate(projects):
        chain.lists(f"part{number}", content)
    state = ended(nodes[-1], submit(nodes[-1], *(f"part{number}" for number in range(200))))
    assert (state["files_done"], state["report"]["ready"]) == (200, True)
    rest(nodes)
    once = Counter(name for name, _ in projects)
    assert file_requests(nodes[0]) == file_requests(nodes[1]) == once
    assert index_file_requests(chain) == once
