"""What goes along with the pages that a node below asks for, and what a request for them may say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.doubles.application import metadata_of
from tests.doubles.shelves import SidecarShelf, file_of, page_of
from tests.doubles.small_node import sha256
from tests.doubles.wire import Connection
from tests.web.node import WebNode
from tiercache.cache.sidecars import ShownAttachment
from tiercache.interfaces import Attachment
from tiercache.policy.cache_status import Outcome
from tiercache.policy.entry import Ask
from tiercache.policy.hints import Hints
from tiercache.prefetch.neighbourhood import MOST_BYTES
from tiercache.prefetch.next_sidecar import LONGEST_WAIT_S, OFF_S
from tiercache.simple.model import File, FileIdentity
from tiercache.simple.names import identity_of
from tiercache.storage.memory import MemoryCatalogue

PATH = "/api/v1/pages"
JSON_BODY = {"Content-Type": "application/json"}
FROM_INDEX = Outcome(fwd="miss", tier="public", ttl_s=600.0)


class SlowSidecars(SidecarShelf):
    """Sidecars that are kept when they come; those on `hold` never do."""

    catalogue: MemoryCatalogue
    hold: bool = False

    async def sidecar(self, identity: FileIdentity, filename: str, ask: Ask) -> ShownAttachment:
        self.asked.append(("metadata", filename, identity, ask))
        if self.hold:
            await Deferred()
        data = self.sidecars[filename]
        keep(self.catalogue, identity, filename.partition("-")[0], data)
        return ShownAttachment(data=data, sha256=sha256(data), outcome=FROM_INDEX)


def keep(catalogue: MemoryCatalogue, identity: FileIdentity, project: str, data: bytes) -> None:
    attachment = Attachment(
        identity=identity,
        project=project,  # type: ignore[arg-type]  # a normalised name
        kind="metadata",
        sha256=sha256(data),
        data=data,
        made=False,
    )
    catalogue.store_attachment(attachment)


def node() -> WebNode:
    sidecars = SlowSidecars()
    made = WebNode(sidecars=sidecars)
    sidecars.catalogue = made.catalogue
    return made


def lists(node: WebNode, project: str, *requires: str, stored: bool = False, version: str = "1.0") -> File:
    """Let a node have the page of a project from an index, with a wheel whose sidecar is known to exist."""
    data = metadata_of(project, requires)
    filename = f"{project}-{version}-py3-none-any.whl"
    file = file_of(filename, core_metadata={"sha256": sha256(data)})
    node.sidecars.sidecars[filename] = data
    node.pages.put(page_of(project, file), outcome=FROM_INDEX)
    if stored:
        keep(node.catalogue, identity_of(file), project, data)
    return file


def asked(node: WebNode, *names: str, **more: Any) -> Connection:
    connection = node.wire.connect()
    assert connection is not None
    body = {"projects": [{"name": name} for name in names], "metadata": 3, **more}
    connection.ask("POST", PATH, JSON_BODY, json.dumps(body).encode())
    return connection


def lines(connection: Connection) -> list[dict[str, Any]]:
    reply = connection.reply()
    assert (reply.status, reply.is_complete) == (200, True)
    return [json.loads(line) for line in reply.body.splitlines()]


# -- the sidecar that is read next ----------------------------------------------------------------------------------


def test_a_cold_page_goes_out_with_the_sidecar_that_is_read_next() -> None:
    here = node()
    lists(here, "app")
    [line] = lines(asked(here, "app"))
    assert list(line["sidecars"].values()) == [metadata_of("app", []).decode()]


def test_a_page_waits_for_its_sidecar_no_longer_than_a_moment_and_the_next_ones_not_at_all() -> None:
    here = node()
    here.sidecars.hold = True
    for project in ("app", "lib"):
        lists(here, project)
    waiting = asked(here, "app")
    here.clock.advance(LONGEST_WAIT_S * 0.9)
    assert not waiting.received
    here.clock.advance(LONGEST_WAIT_S * 0.1)
    assert lines(waiting)[0]["sidecars"] == {}
    assert lines(asked(here, "lib"))[0]["sidecars"] == {}
    assert len(here.sidecars.asked) == 1
    here.clock.advance(OFF_S)
    again = asked(here, "lib")
    assert len(here.sidecars.asked) == 2
    here.clock.advance(LONGEST_WAIT_S)
    assert lines(again)[0]["status"] == "page"


def test_a_sidecar_that_cannot_be_had_costs_the_page_nothing() -> None:
    here = WebNode()
    file = file_of("app-1.0-py3-none-any.whl", core_metadata={"sha256": "0" * 64})
    here.pages.put(page_of("app", file), outcome=FROM_INDEX)
    [line] = lines(asked(here, "app"))
    assert (line["status"], line["sidecars"]) == ("page", {})
    assert len(here.sidecars.asked) == 1


@pytest.mark.parametrize("what", [{"metadata": 0}, {"projects": [{"name": "app", "etag": '"old"'}]}])
def test_no_sidecar_is_fetched_for_who_wants_none(what: dict[str, Any]) -> None:
    here = node()
    lists(here, "app")
    assert lines(asked(here, "app", **what))[0]["status"] == "page"
    assert here.sidecars.asked == []


def test_no_sidecar_is_fetched_of_a_file_whose_page_tells_of_none() -> None:
    here = node()
    here.pages.put(page_of("app", file_of("app-1.0-py3-none-any.whl")), outcome=FROM_INDEX)
    assert lines(asked(here, "app"))[0]["status"] == "page"
    assert here.sidecars.asked == []


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, "app-2.0-cp312-cp312-manylinux_2_17_x86_64.whl"),
        ({"environment": {"python": "3.12", "platform": "windows"}}, "app-2.0-cp312-cp312-win_amd64.whl"),
        ({"environment": {"python": "3.11", "platform": "linux"}}, "app-1.0-py3-none-any.whl"),
        ({"environment": {"python": "3.12", "platform": "amiga"}}, "app-2.0-cp312-cp312-manylinux_2_17_x86_64.whl"),
        ({"projects": [{"name": "app", "specifier": "<2"}]}, "app-1.0-py3-none-any.whl"),
        (
            {"projects": [{"name": "app", "specifier": "no specifier"}]},
            "app-2.0-cp312-cp312-manylinux_2_17_x86_64.whl",
        ),
    ],
)
def test_the_sidecar_is_that_of_the_best_file_for_who_installs(wanted: dict[str, Any], expected: str) -> None:
    here = node()
    names = (
        "app-1.0-py3-none-any.whl",
        "app-2.0-cp312-cp312-win_amd64.whl",
        "app-2.0-cp312-cp312-manylinux_2_17_x86_64.whl",
    )
    data = {name: metadata_of(name, []) for name in names}
    here.sidecars.sidecars.update(data)
    files = [file_of(name, core_metadata={"sha256": sha256(data[name])}) for name in names]
    here.pages.put(page_of("app", *files), outcome=FROM_INDEX)
    [line] = lines(asked(here, "app", **wanted))
    assert [filename for _, filename, _, _ in here.sidecars.asked] == [expected]
    assert list(line["sidecars"].values()) == [data[expected].decode()]


def test_what_a_page_is_wanted_for_is_told_to_who_is_asked_for_it() -> None:
    here = node()
    lists(here, "app")
    project = {"name": "app", "specifier": ">=1", "extras": ["all"]}
    environment = {"python": "3.12", "platform": "linux"}
    lines(asked(here, projects=[project], environment=environment, universal=True, neighbours=7))
    [(_, ask)] = here.pages.asked
    assert ask.hints == Hints(
        python="3.12", platform="linux", universal=True, specifier=">=1", extras=("all",), neighbours=7
    )


def test_a_page_is_told_whatever_stands_in_the_metadata_that_goes_along() -> None:
    here = node()
    lists(here, "app", 'odd; python_version ~= "3"', "lib", stored=True)
    lists(here, "lib", stored=True)
    found = lines(asked(here, "app", neighbours=10))
    assert [(line["name"], line["status"]) for line in found] == [("app", "page"), ("lib", "page")]


# -- neighbours -----------------------------------------------------------------------------------------------------


def test_a_line_tells_what_follows_it() -> None:
    here = node()
    lists(here, "app", "lib")
    lists(here, "lib")
    told = lines(asked(here, "app", neighbours=5))
    assert [(line["name"], line["follows"]) for line in told] == [("app", ["lib"]), ("lib", [])]


def test_what_there_is_no_room_for_is_told_not_to_be_sent() -> None:
    here = node()
    lists(here, "app", "big", "small")
    lists(here, "small")
    many = [file_of(f"big-{number}.0-{'x' * 100}.tar.gz") for number in range(MOST_BYTES // 300)]
    here.pages.put(page_of("big", *many), outcome=FROM_INDEX)
    told = {line["name"]: line for line in lines(asked(here, "app", neighbours=5))}
    assert (told["big"]["status"], told["big"]["reason"]) == ("unavailable", "not-sent")
    assert told["small"]["status"] == "page"


def test_what_was_asked_for_is_sent_whatever_its_size_and_does_not_follow_itself() -> None:
    here = node()
    lists(here, "app", "lib")
    lists(here, "lib", "app")
    told = lines(asked(here, "app", "lib", neighbours=5))
    assert [(line["name"], line["follows"]) for line in told] == [("app", []), ("lib", [])]


# -- bad requests ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        {"neighbours": -1},
        {"neighbours": 201},
        {"neighbours": 1.5},
        {"neighbours": "many"},
        {"environment": {"python": "2.7", "platform": "linux"}},
        {"environment": {"python": "3.12"}},
        {"environment": {"python": "3.12", "platform": "Linux; rm"}},
        {"environment": "linux"},
        {"universal": 1},
        {"projects": [{"name": "app", "specifier": "=" * 201}]},
        {"projects": [{"name": "app", "specifier": 3}]},
        {"projects": [{"name": "app", "extras": ["x"] * 21}]},
        {"projects": [{"name": "app", "extras": ["No Extra"]}]},
    ],
)
def test_hints_that_make_no_sense_are_refused(more: dict[str, Any]) -> None:
    here = node()
    lists(here, "app")
    assert asked(here, "app", **more).reply().status == 400
