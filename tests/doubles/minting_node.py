"""A whole node in memory that trusts jobs of a CI system, in front of that system as it is on the network."""

from __future__ import annotations

import json
from typing import Any

from attrs import define, evolve, field

from tests.doubles.issuer import URL, SmallIssuer
from tests.doubles.now import at_once
from tests.doubles.small_node import CONFIG
from tests.doubles.surroundings import load
from tests.doubles.tier_http import TierHttp
from tests.doubles.wire import Reply, Wire
from tiercache.config import Config
from tiercache.interfaces import Tier
from tiercache.node import assemble
from tiercache.policy.retry import RetryRules
from tiercache.served import root_of
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_files import MemoryFiles
from tiercache.upstream.issuer import DEADLINES, Issuer
from tiercache.upstream.reach import Reach
from tiercache.upstream.requests import Requests
from tiercache.upstream.target import Target
from tiercache.web.limits import limits_of

BEGAN = 1_800_000_000

PUBLISHERS = """
node: {public-url: "https://packages.example/"}
access:
  trusted-publishers:
    - {issuer: "https://ci.example", claims: {repository: acme/*, environment: release}, projects: ["acme-*"]}
"""


def trusting(text: str = PUBLISHERS) -> Config:
    """A node's configuration that has this to say of who may do what."""
    loaded = load(text, hostname="here")
    return evolve(CONFIG, node=loaded.node, access=loaded.access)


def issuer_over(http: TierHttp, url: str = URL) -> Issuer:
    """The issuer, as a node asks it."""
    requests = Requests(
        tier=Tier(name=url, kind="issuer"),
        agent=http.agent,
        clock=http.clock,
        now=http.clock.seconds,
        jitter=lambda: 0.0,
        reach=Reach(own=Target.parse(url).host.name),
        deadlines=DEADLINES,
        retries=RetryRules(attempts=2),
    )
    return Issuer(url=url, requests=requests, pool=at_once)


@define(kw_only=True)
class MintingNode:
    """`ci` signs, and is asked for its keys over `http`; `catalogue` may be that of another, which ran before."""

    config: Config = field(factory=trusting)
    http: TierHttp = field(factory=TierHttp)
    catalogue: MemoryCatalogue = field(factory=MemoryCatalogue)
    ci: SmallIssuer = field(init=False)
    wire: Wire = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.http.clock.rightNow = max(self.http.clock.rightNow, float(BEGAN))
        self.ci = SmallIssuer(now=self.http.clock.seconds)
        self.ci.serve(self.http)
        self.begin()

    def begin(self) -> None:
        """Start, with what the catalogue holds."""
        clock = self.http.clock
        parts = assemble(
            self.config,
            files=MemoryFiles(),
            catalogue=self.catalogue,
            upstreams=[],
            issuers=lambda: [issuer_over(self.http)],
            clock=clock,
            now=clock.seconds,
            pool=at_once,
        )
        root = root_of(self.config, parts, clock=clock, pool=at_once, token="control", not_ready=lambda: None)
        self.wire = Wire.to(root, limits_of(self.config), clock)

    def mint(self, token: object) -> Reply:
        """What a client is told that shows this token."""
        return self.post(json.dumps({"token": token}).encode())

    def post(self, body: bytes) -> Reply:
        """What a client is told that sends this."""
        connection = self.wire.connect()
        assert connection is not None
        connection.ask("POST", "/_/oidc/mint-token", {"Content-Type": "application/json"}, body)
        self.http.settle()
        return connection.reply("POST")

    def minted(self, **claims: Any) -> str:
        """The token that a job gets of which the CI system claims this."""
        reply = self.mint(self.ci.token(**claims))
        assert reply.status == 200, reply
        text: str = json.loads(reply.body)["token"]
        return text
