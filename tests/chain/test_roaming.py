"""A laptop that leaves the office network and comes back: no error for any client, no waiting for what is down."""

from __future__ import annotations

import pytest

from tests.doubles.chain_of_nodes import FILES, ORIGIN, ChainOfNodes, JoinedNode, whole_or_part
from tests.doubles.tier_http import JSON_TYPE, http_answer
from tests.doubles.wire import Connection

ACCEPT = {"Accept": JSON_TYPE}
PATIENCE_S = 0.5
FIRST_BYTE_S = 10.0
PROBE_EVERY_S = 10.0
CONTENT = bytes(range(256)) * 2000


def archive(project: str) -> tuple[str, bytes]:
    return f"{project}-1.0.tar.gz", b"archive of " + project.encode()


def network() -> tuple[ChainOfNodes, JoinedNode, JoinedNode]:
    chain = ChainOfNodes()
    office, laptop = chain.node("office", ORIGIN), chain.node("laptop", "office", ORIGIN)
    for number in range(40):
        chain.lists(f"cold-{number}", archive(f"cold_{number}"))
    for name in ("warm", "numpy"):
        chain.lists(name, archive(name))
        assert laptop.page(name).status == 200
    chain.advance(1)
    return chain, office, laptop


def waited_s(chain: ChainOfNodes, client: Connection, longest_s: float) -> float:
    """How long a client waits for its answer, which is no error; at most so long."""
    passed = 0.0
    while not client.received:
        assert passed < longest_s, f"no answer after {passed} s"
        chain.advance(0.25)
        passed += 0.25
    assert client.reply().status == 200, client.reply().headers
    return passed


def ask(node: JoinedNode, project: str) -> Connection:
    return node.begin(f"/simple/{project}/", ACCEPT)


def state(node: JoinedNode) -> str:
    return next(link.state for link in node.parts.chain.links() if link.name == "office")


@pytest.mark.parametrize("leaves", ["silently", "refused"])
def test_a_laptop_that_leaves_gives_its_clients_no_error_and_waits_for_the_office_no_longer_than_it_must(
    leaves: str,
) -> None:
    chain, _, laptop = network()
    chain.advance(601)  # all that is stored is stale by now
    chain.unplug("office") if leaves == "silently" else chain.cut("office")
    if leaves == "refused":
        chain.drop_connections()
    waits = []
    for number in range(8):
        assert waited_s(chain, ask(laptop, "warm"), PATIENCE_S) <= PATIENCE_S
        waits.append(waited_s(chain, ask(laptop, f"cold-{number}"), FIRST_BYTE_S))
    assert state(laptop) == "down"
    assert waits[3:] == [0.0] * 5  # known to be down: nobody waits for it any more
    assert sum(waits) <= 3 * FIRST_BYTE_S
    assert waited_s(chain, ask(laptop, "warm"), PATIENCE_S) == 0.0


def test_many_clients_at_the_moment_of_leaving_wait_for_one_deadline_together() -> None:
    chain, _, laptop = network()
    chain.unplug("office")
    clients = [ask(laptop, f"cold-{number}") for number in range(40)]
    chain.advance(FIRST_BYTE_S)
    for client in clients:
        assert client.received
        assert client.reply().status == 200
    assert state(laptop) == "down"


def test_a_laptop_that_comes_back_asks_the_office_again_at_once_and_gives_no_error_meanwhile() -> None:
    chain, office, laptop = network()
    chain.unplug("office")
    for number in range(3):
        waited_s(chain, ask(laptop, f"cold-{number}"), FIRST_BYTE_S)
    assert state(laptop) == "down"
    while_away = laptop.page("cold-10")
    assert while_away.status == 200
    assert "office" not in while_away.headers["cache-status"]

    chain.join("office")
    for _ in range(int(PROBE_EVERY_S + FIRST_BYTE_S)):  # a probe that was sent before still waits for its deadline
        assert waited_s(chain, ask(laptop, "warm"), PATIENCE_S) <= PATIENCE_S
        chain.advance(1)
    assert state(laptop) == "up"
    before = len(office.received)
    restored = laptop.page("cold-10")  # within its lifetime: but not from where it belongs
    assert restored.status == 200
    assert "office" in restored.headers["cache-status"]
    assert len(office.received) == before + 1
    again = laptop.page("cold-10")
    assert again.headers["cache-status"].startswith("laptop; hit")
    assert len(office.received) == before + 1


def test_a_laptop_that_comes_and_goes_all_day_gives_no_error() -> None:
    chain, _, laptop = network()
    number = 0
    for _ in range(5):
        chain.unplug("office")
        for _ in range(4):
            waited_s(chain, ask(laptop, f"cold-{number}"), FIRST_BYTE_S)
            waited_s(chain, ask(laptop, "warm"), PATIENCE_S)
            number += 1
            chain.advance(7)
        chain.join("office")
        for _ in range(4):
            waited_s(chain, ask(laptop, f"cold-{number}"), FIRST_BYTE_S)
            waited_s(chain, ask(laptop, "warm"), PATIENCE_S)
            number += 1
            chain.advance(7)


def test_a_laptop_in_front_of_the_office_alone_serves_what_it_has_and_says_when_to_ask_again_for_the_rest() -> None:
    chain = ChainOfNodes()
    chain.node("office", ORIGIN)
    laptop = chain.node("laptop", "office")
    chain.lists("warm", archive("warm"))
    path = laptop.files_of("warm")["warm-1.0.tar.gz"]
    laptop.get(path)
    chain.advance(601)
    chain.unplug("office")
    for _ in range(5):
        waited_s(chain, ask(laptop, "warm"), PATIENCE_S)
        assert laptop.get(path).body == archive("warm")[1]
        client = ask(laptop, "cold")
        chain.advance(FIRST_BYTE_S)
        reply = client.reply()
        assert reply.status == 503
        assert int(reply.headers["retry-after"]) >= 1
    assert state(laptop) == "down"
    assert laptop.page("cold").status == 503  # at once
    chain.join("office")
    chain.advance(PROBE_EVERY_S + FIRST_BYTE_S)
    chain.advance(PROBE_EVERY_S)
    assert laptop.page("cold").status == 404


def test_a_download_that_is_under_way_when_the_laptop_leaves_goes_on_from_elsewhere() -> None:
    chain, _, laptop = network()
    chain.lists("large", ("large-1.0.tar.gz", CONTENT))
    path = laptop.files_of("large")["large-1.0.tar.gz"]
    half = len(CONTENT) // 2
    address = f"GET {FILES}large-1.0.tar.gz"
    chain.index.on(address, http_answer(200, length=len(CONTENT)) + CONTENT[:half], whole_or_part(CONTENT))
    client = laptop.begin(path)
    assert len(client.received) >= half - 64 * 1024
    chain.unplug("office")
    chain.advance(30)  # the silence timeout
    chain.advance(FIRST_BYTE_S)  # and it is asked for the rest once more
    assert client.reply().body == CONTENT
    last = chain.index.requests[-1]
    assert last.headers["range"].startswith("bytes=")
    assert last.headers["cdn-loop"] == laptop.node_id


def test_an_office_whose_news_comes_again_is_asked_again_whatever_has_become_of_old_connections() -> None:
    """Connections that died without a word are noticed one by one: the feed's first, then those that are in store."""
    chain = ChainOfNodes()
    office, laptop = chain.node("office"), chain.node("laptop", "office")
    laptop.follow()
    office.host("acme", "acme-1.0.tar.gz", b"1")
    assert list(laptop.files_of("acme")) == ["acme-1.0.tar.gz"]
    chain.unplug("office")
    chain.pass_time(30.0)
    chain.join("office")
    office.host("acme", "acme-1.1.tar.gz", b"2")
    chain.pass_time(26.0)  # the feed has been begun anew; a probe still waits on a connection that is dead
    assert state(laptop) == "up"
    assert len(laptop.files_of("acme")) == 2
    laptop.stop()
