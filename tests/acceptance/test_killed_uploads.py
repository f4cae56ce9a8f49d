"""Uploads from many clients while their node is killed again and again: what was acknowledged is there, whole and once.

`--uploads 1000` is the whole of it.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

import pytest
from attrs import define, field

from tests.acceptance.conftest import IndexStarter, NodeStarter
from tests.doubles.fetching import answer_of, connect
from tests.doubles.processes import RunningNode, wait_until
from tests.doubles.uploads import MULTIPART, Made, form_of, made

CLIENTS = 8
PROJECTS = ("acme-one", "acme-two", "acme-three")
KILLED_EVERY = 20
"""Of so many acknowledged uploads."""

TRIES = 100
JSON_TYPE = "application/vnd.pypi.simple.v1+json"
OURS = [{"match": ["acme-*"], "tiers": []}]


def archives(count: int) -> Iterator[Made]:
    """Wheels and sdists of many sizes, by turns of one project and another."""
    sizes = random.Random("sizes")
    for number in range(count):
        yield made(
            PROJECTS[number % len(PROJECTS)],
            version=f"1.{number}",
            kind="sdist" if number % 5 == 4 else "wheel",
            filler_bytes=0 if number % 5 == 4 else sizes.choice((0, 10_000, 100_000, 400_000)),
        )


@define(kw_only=True)
class Clients:
    """They upload; `acknowledged` is what they were told is published, and `tried` all that they sent any of."""

    node: RunningNode
    acknowledged: list[Made] = field(factory=list)
    tried: list[Made] = field(factory=list)
    may_kill: Event = field(factory=Event)
    is_up: Event = field(factory=Event)
    lock: Lock = field(factory=Lock)

    def upload(self, archive: Made, seed: int) -> None:
        """Until it is acknowledged; or, now and then, until it has failed once."""
        gives_up = random.Random(seed).random() < 0.2
        with self.lock:
            self.tried.append(archive)
        for _ in range(TRIES):
            assert self.is_up.wait(timeout=300)
            status = self.send(archive)
            if status == 200:
                with self.lock:
                    self.acknowledged.append(archive)
                    if len(self.acknowledged) % KILLED_EVERY == 0:
                        self.may_kill.set()
                return
            assert status in (None, 503), f"{archive.filename}: {status}"
            if gives_up:
                return
        raise AssertionError(f"{archive.filename} was not published in {TRIES} tries")

    def send(self, archive: Made) -> int | None:
        """The status, or None where the node went meanwhile.  The body goes in pieces, so that some are under way."""
        body = form_of(archive)
        connection, path = connect(f"{self.node.url}legacy/")
        try:
            connection.putrequest("POST", path)
            for name, value in {**MULTIPART, "Content-Length": str(len(body))}.items():
                connection.putheader(name, value)
            connection.endheaders()
            for start in range(0, len(body), 16_384):
                connection.send(body[start : start + 16_384])
            return answer_of(connection.getresponse()).status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


def pages(node: RunningNode) -> dict[str, dict[str, str]]:
    """By filename, the digest of every file that is listed, and where it is."""
    found: dict[str, dict[str, str]] = {}
    for project in PROJECTS:
        page = node.get(f"simple/{project}/", Accept=JSON_TYPE)
        assert page.status == 200
        files = json.loads(page.body)["files"]
        assert [count for count in Counter(file["filename"] for file in files).values() if count > 1] == []
        for file in files:
            assert file["filename"] not in found
            found[file["filename"]] = {"sha256": file["hashes"]["sha256"], "size": file["size"]}
    return found


def assert_intact(node: RunningNode, clients: Clients) -> None:
    """What was acknowledged is there; what is there is whole; and nothing is there that nobody sent."""
    sent = {archive.filename: archive for archive in clients.tried}
    listed = pages(node)
    assert {archive.filename for archive in clients.acknowledged} <= set(listed)
    for filename, told in listed.items():
        content = node.get(f"files/{told['sha256']}/{filename}").body
        assert (told["sha256"], told["size"]) == (sent[filename].sha256, len(sent[filename].content))
        assert hashlib.sha256(content).hexdigest() == told["sha256"]
        if filename.endswith(".whl"):
            assert node.get(f"files/{told['sha256']}/{filename}.metadata").status == 200


@pytest.mark.parametrize("is_known", [False, True], ids=["new names", "names that are hosted already"])
def test_uploads_that_were_acknowledged_outlive_every_kill(
    is_known: bool, request: pytest.FixtureRequest, fake_index: IndexStarter, node_of: NodeStarter
) -> None:
    count = request.config.getoption("--uploads") // 2
    node = node_of(fake_index(), projects=OURS)
    clients = Clients(node=node)
    if is_known:
        for project in PROJECTS:
            first = made(project, version="0.1")
            clients.tried.append(first)
            assert clients.send(first) == 200
    clients.is_up.set()
    kills = 0
    with ThreadPoolExecutor(CLIENTS) as threads:
        uploads = [threads.submit(clients.upload, archive, seed) for seed, archive in enumerate(archives(count))]
        while not all(upload.done() for upload in uploads):
            if not clients.may_kill.wait(timeout=1):
                continue
            clients.may_kill.clear()
            clients.is_up.clear()
            node.kill()
            kills += 1
            node.start_again()
            clients.is_up.set()
        for upload in uploads:
            upload.result()
    assert kills >= count // KILLED_EVERY // 2, "what is acknowledged while it starts counts for the same kill"
    assert len(clients.acknowledged) >= count // 2

    assert_intact(node, clients)
    node.kill()
    node.start_again()
    assert_intact(node, clients)
    wait_until(lambda: not any((node.store / "partial").iterdir()), what="the end of what was interrupted")
    checked = node.run("fsck")
    assert checked.returncode == 0, checked.stdout + checked.stderr
