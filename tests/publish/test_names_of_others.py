"""Names that other tiers have: nothing is published under them here, unless a rule opens the name."""

from __future__ import annotations

import json

import pytest

from tests.doubles.chain_of_nodes import ORIGIN, ChainOfNodes
from tests.doubles.far_index import BASE
from tests.doubles.publishing import ACCESS, PublishingNode
from tests.doubles.tier_http import http_answer
from tests.doubles.uploads import made
from tests.doubles.wire import Reply
from tiercache.policy.selection import ProjectRule

OURS = made()
PUBLIC = ("acme_tools-9.9.tar.gz", b"public")


def publish(node: PublishingNode) -> Reply:
    """One upload, and whatever has to be asked for it."""
    return node.publish(OURS)


def ruled(*tiers: str, also: tuple[str, ...] = ()) -> dict[str, object]:
    return {"projects": (ProjectRule(match=("acme-*",), tiers=tiers, also_upstream=also),)}


def test_name_that_the_index_has_is_refused_with_a_clear_text() -> None:
    node = PublishingNode()
    node.chain.lists("acme-tools", PUBLIC)
    reply = publish(node)
    assert reply.status == 403, "a 409 would be skipped by twine --skip-existing"
    assert reply.body == (
        b"acme-tools is a project of tier origin, and is not published here too unless a rule opens the name.\n"
    )
    assert node.filenames() == [PUBLIC[0]]
    node.assert_holds()


def test_name_that_is_stored_from_the_index_is_refused_while_it_is_down() -> None:
    node = PublishingNode()
    node.chain.lists("acme-tools", PUBLIC)
    node.filenames()
    node.chain.cut(ORIGIN)
    assert publish(node).status == 403


def test_name_of_which_nothing_is_known_is_asked_for_and_published_if_it_is_free() -> None:
    node = PublishingNode()
    assert publish(node).status == 200
    assert node.chain.index_requests("acme-tools") == 1
    assert node.publish(made(version="2.0")).status == 200
    assert node.chain.index_requests("acme-tools") == 1, "it is hosted, and nobody is asked any more"


def test_name_that_was_free_is_asked_for_again_before_it_is_taken() -> None:
    node = PublishingNode()
    assert node.filenames() == 404
    node.chain.lists("acme-tools", PUBLIC)
    assert publish(node).status == 403


def test_name_that_the_index_had_once_is_free_again() -> None:
    node = PublishingNode()
    node.chain.lists("acme-tools", PUBLIC)
    node.filenames()
    node.chain.index.on(f"GET {BASE}acme-tools/", http_answer(404))
    assert publish(node).status == 200
    assert node.filenames() == [OURS.filename]


def test_name_of_which_nothing_is_known_is_not_taken_while_a_tier_says_nothing() -> None:
    node = PublishingNode()
    node.chain.cut(ORIGIN)
    reply = publish(node)
    assert reply.status == 503
    assert "retry-after" in reply.headers
    assert b"Whether acme-tools is another tier's project" in reply.body
    node.assert_holds()
    node.chain.join(ORIGIN)
    node.chain.advance(60)
    assert publish(node).status == 200


def test_offline_node_takes_no_new_name_and_new_versions_of_its_own() -> None:
    node = PublishingNode()
    assert publish(node).status == 200
    node.chain.index.result(node.node.parts.switch.set(True))
    assert node.publish(made("other")).status == 503
    assert node.publish(made(version="2.0")).status == 200


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("rules", [ruled(), ruled(ORIGIN, also=(ORIGIN,))], ids=["no tiers", "also-upstream"])
def test_a_rule_opens_a_name_without_asking_anybody(rules: dict[str, object], down: bool) -> None:
    node = PublishingNode(config=rules)
    node.chain.lists("acme-tools", PUBLIC)
    if down:
        node.chain.cut(ORIGIN)
    assert publish(node).status == 200
    assert node.chain.index_requests("acme-tools") == 0
    assert OURS.filename in node.filenames()  # type: ignore[operator]  # it is a list


def test_a_rule_that_leaves_the_name_to_a_private_tier_asks_that_one_alone() -> None:
    node = PublishingNode(tiers=("office", ORIGIN), config=ruled("office"))
    node.chain.node("office")
    node.chain.lists("acme-tools", PUBLIC)
    assert publish(node).status == 200
    assert node.chain.index_requests("acme-tools") == 0


def test_name_that_a_tier_announced_is_refused_whatever_the_outage() -> None:
    chain = ChainOfNodes()
    office = chain.node("office", ORIGIN, access=ACCESS)
    office.host("acme-tools", "acme_tools-1.0.tar.gz", b"the office's own")
    node = PublishingNode(chain=chain, tiers=("office", ORIGIN))
    for one in (office, node.node):
        one.follow()
    chain.settle()
    assert publish(node).status == 403
    office.stop()
    chain.cut("office")
    chain.drop_connections()
    assert publish(node).status == 403
    node.assert_holds()
    node.node.stop()


def test_what_is_hosted_takes_more_files_also_once_a_tier_has_a_project_of_that_name() -> None:
    node = PublishingNode()
    assert publish(node).status == 200
    node.chain.lists("acme-tools", PUBLIC)
    assert node.publish(made(version="2.0")).status == 200
    assert json.loads(node.node.page("acme-tools").body)["versions"] == ["1.0", "2.0"]
