"""What a cold resolution costs a child in requests, when its parent is warm: both ends of `POST /pages` are real."""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import urljoin

from tests.doubles.chain_of_nodes import ORIGIN, ChainOfNodes, JoinedNode
from tests.doubles.small_node import wheel
from tests.doubles.tier_http import JSON_TYPE

PROJECTS = tuple(f"project{number}" for number in range(60))


def metadata(project: str) -> bytes:
    return f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n".encode()


def two() -> tuple[ChainOfNodes, JoinedNode, JoinedNode]:
    """A laptop in front of an office that has resolved all projects before."""
    chain = ChainOfNodes()
    office = chain.node("office", ORIGIN)
    laptop = chain.node("laptop", "office")
    for project in PROJECTS:
        chain.lists(project, (f"{project}-1.0-py3-none-any.whl", wheel(project, "1.0", metadata(project))))
    resolve(chain, office, [[project] for project in PROJECTS])
    office.received.clear()
    chain.index.requests.clear()
    return chain, office, laptop


def resolve(chain: ChainOfNodes, node: JoinedNode, waves: Iterable[Iterable[str]]) -> None:
    """Ask as a resolver does: the pages of a wave at the same moment, then the metadata of each newest wheel."""
    for wave in waves:
        asked = {project: node.send(f"/simple/{project}/", {"Accept": JSON_TYPE}) for project in wave}
        chain.settle()
        sidecars = {}
        for project, connection in asked.items():
            reply = connection.reply()
            assert reply.status == 200, reply
            (file,) = json.loads(reply.body)["files"]
            sidecars[project] = node.send(urljoin(f"/simple/{project}/", file["url"]) + ".metadata")
        chain.settle()
        for project, connection in sidecars.items():
            assert connection.reply().body == metadata(project)


def asked(node: JoinedNode) -> list[str]:
    return [f"{request.method} {request.path}" for request in node.received]


def test_a_cold_resolution_of_60_projects_at_once_costs_a_child_two_requests() -> None:
    chain, office, laptop = two()
    resolve(chain, laptop, [PROJECTS])
    assert asked(office) == ["POST /api/v1/pages"] * 2
    assert chain.index.requests == []


def test_a_cold_resolution_of_60_projects_in_six_waves_costs_a_child_twelve_requests() -> None:
    chain, office, laptop = two()
    resolve(chain, laptop, [PROJECTS[at : at + 10] for at in range(0, 60, 10)])
    assert asked(office) == ["POST /api/v1/pages"] * 12
    assert chain.index.requests == []


def test_a_cold_resolution_one_after_the_other_costs_a_child_no_request_for_metadata() -> None:
    chain, office, laptop = two()
    resolve(chain, laptop, [[project] for project in PROJECTS])
    assert asked(office) == ["POST /api/v1/pages"] * 60
    assert chain.index.requests == []


def test_a_second_resolution_costs_nothing() -> None:
    chain, office, laptop = two()
    for _ in range(2):
        resolve(chain, laptop, [PROJECTS])
    assert len(office.received) == 2


def test_a_cold_node_in_between_costs_its_parent_three_requests_and_sidecars_come_through_it() -> None:
    chain, office, laptop = two()
    desk = chain.node("desk", "laptop")
    resolve(chain, desk, [PROJECTS])
    assert asked(laptop) == ["POST /api/v1/pages"] * 2
    assert asked(office) == ["POST /api/v1/pages"] * 3  # a node works at 50 lines of one request at a time
    assert chain.index.requests == []


def test_pages_that_did_not_change_come_as_lines_without_a_page() -> None:
    chain, office, laptop = two()
    resolve(chain, laptop, [PROJECTS])
    chain.advance(600)
    for project in PROJECTS:
        laptop.send(f"/simple/{project}/", {"Accept": JSON_TYPE, "Cache-Control": "no-cache"})
    chain.settle()
    assert len(office.received) == 4
    assert chain.index_requests(PROJECTS[0]) == 1


def test_an_absent_project_does_not_hold_up_the_others() -> None:
    chain, office, laptop = two()
    asked_for = [*PROJECTS[:5], "nobody-has-this", *PROJECTS[5:10]]
    replies = [laptop.send(f"/simple/{project}/", {"Accept": JSON_TYPE}) for project in asked_for]
    chain.settle()
    assert [reply.reply().status for reply in replies] == [200] * 5 + [404] + [200] * 5
    assert asked(office) == ["POST /api/v1/pages"] * 2
