"""What a job of a CI system may do with the token that it was given: what its publisher may, and no more."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from attrs import define, field

from tests.doubles.minting_node import PUBLISHERS, MintingNode, trusting
from tests.doubles.uploads import MULTIPART, Made, form_of, made
from tests.doubles.wire import Reply
from tiercache.simple.names import normalise

PRIVATE = PUBLISHERS + "  users: {ann: {token: {env: LONG_TOKEN}}}\n  grants: [{who: [ann], may: [read]}]\n"
WHEEL = made()
OTHERS = made(name="numpy")


@define
class Job:
    """A job of acme/tools, with the token that it was given."""

    node: MintingNode = field(factory=lambda: MintingNode(config=trusting(PRIVATE)))
    token: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.token = self.node.minted()

    def ask(self, method: str, path: str, body: bytes = b"", **fields: str) -> Reply:
        credentials = b64encode(f"__token__:{self.token}".encode()).decode()
        connection = self.node.wire.connect()
        assert connection is not None
        connection.ask(method, path, {"Authorization": f"Basic {credentials}", **fields}, body)
        self.node.http.settle()
        return connection.reply(method)

    def publish(self, archive: Made) -> Reply:
        return self.ask("POST", "/legacy/", form_of(archive), **MULTIPART)


@pytest.fixture
def job() -> Job:
    return Job()


def test_job_publishes_what_its_publisher_may_and_the_audit_trail_names_it(job: Job) -> None:
    assert job.publish(WHEEL).status == 200
    acts = job.node.catalogue.acts(normalise("acme-tools"), None, 10)
    assert [(act.by, act.filename) for act in acts] == [("token run 314159 of ci:acme/tools", WHEEL.filename)]


def test_job_publishes_nothing_else(job: Job) -> None:
    refused = job.publish(OTHERS)
    assert (refused.status, b"may not publish" in refused.body) == (403, True)
    assert job.node.catalogue.acts(normalise("numpy"), None, 10) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/simple/acme-tools/"),
        ("GET", "/simple/"),
        ("GET", "/local/"),
        ("GET", "/api/v1/node"),
        ("PUT", "/api/v1/offline"),
        ("GET", "/api/v1/reservations"),
    ],
)
def test_job_may_do_nothing_else(job: Job, method: str, path: str) -> None:
    assert job.ask(method, path).status in (401, 403)


def test_job_issues_no_tokens_and_sees_none_but_its_own(job: Job) -> None:
    wanted = json.dumps({"name": "more", "may": ["publish"]}).encode()
    assert job.ask("POST", "/api/v1/tokens", wanted).status == 403
    job.node.minted(run_id="2")
    seen = json.loads(job.ask("GET", "/api/v1/tokens").body)["tokens"]
    assert [(one["name"], one["owner"], one["kind"]) for one in seen] == [("run 314159", "ci:acme/tools", "publisher")]


def test_token_is_worth_nothing_after_its_lifetime(job: Job) -> None:
    job.node.http.clock.rightNow += 899
    assert job.publish(WHEEL).status == 200
    job.node.http.clock.rightNow += 1
    assert job.publish(made(version="2.0")).status == 401


def test_token_outlives_a_restart_of_the_node(job: Job) -> None:
    job.node.begin()
    assert job.publish(WHEEL).status == 200


@pytest.mark.parametrize(
    "changed",
    [
        PRIVATE.partition("  trusted-publishers:")[0] + "  users: {}\n",
        PRIVATE.replace('projects: ["acme-*"]', 'projects: ["acme-lib"]'),
        PRIVATE.replace('projects: ["acme-*"]', 'projects: ["acme-*"], may: [read]'),
    ],
    ids=["no publisher", "other projects", "less rights"],
)
def test_token_is_worth_nothing_once_nobody_is_trusted_with_that_any_more(job: Job, changed: str) -> None:
    job.node.config = trusting(changed)
    job.node.begin()
    assert job.publish(WHEEL).status == 401


def test_token_of_the_operator_for_it_may_revoke_it(job: Job) -> None:
    shown = {"Authorization": "Bearer control"}
    (listed,) = json.loads(job.node.wire.get("/api/v1/tokens", shown).body)["tokens"]
    assert job.node.wire.get(f"/api/v1/tokens/{listed['id']}", shown, method="DELETE").status == 200
    assert job.publish(WHEEL).status == 401
