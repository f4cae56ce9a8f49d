"""The names that are reserved, as the operator of a node sees and releases them."""

from __future__ import annotations

import json
from typing import Any

from tests.doubles.now import result_of
from tests.web.node import TOKEN, WebNode
from tiercache.simple.names import normalise
from tiercache.wire import Reserved

OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
PATH = "/api/v1/reservations"


def node() -> WebNode:
    node = WebNode()
    said = Reserved(digest="", complete=True, names=("acme-private", "acme-tools"))
    result_of(node.names.heard("office", "epoch", said))
    node.names.begin_hosting(normalise("acme-tools"))
    return node


def shown(node: WebNode) -> Any:
    return json.loads(node.get(PATH, OPERATOR).body)


def test_names_are_shown_with_who_reserves_them() -> None:
    assert shown(node()) == {
        "complete": True,
        "names": [
            {"name": "acme-private", "hosted": False, "announced_by": ["office"]},
            {"name": "acme-tools", "hosted": True, "announced_by": ["office"]},
        ],
    }


def test_list_says_that_it_is_not_complete_while_a_parent_has_not_spoken() -> None:
    assert shown(WebNode()) == {"complete": False, "names": []}


def test_name_is_released_by_any_of_its_spellings() -> None:
    released = node()
    reply = released.request("DELETE", f"{PATH}/ACME_Private", OPERATOR)
    assert (reply.status, json.loads(reply.body)) == (
        200,
        {"name": "acme-private", "hosted": False, "announced_by": []},
    )
    assert [name["name"] for name in shown(released)["names"]] == ["acme-tools"]


def test_name_that_is_hosted_here_stays_reserved() -> None:
    kept = node()
    assert kept.request("DELETE", f"{PATH}/acme-tools", OPERATOR).status == 200  # what the office said of it is dropped
    assert kept.request("DELETE", f"{PATH}/acme-tools", OPERATOR).status == 409
    assert {"name": "acme-tools", "hosted": True, "announced_by": []} in shown(kept)["names"]


def test_name_that_nobody_reserves_is_told_as_such() -> None:
    assert node().request("DELETE", f"{PATH}/numpy", OPERATOR).status == 404
    assert node().request("DELETE", f"{PATH}/-", OPERATOR).status == 404
