"""What a configuration says, as frozen values: one class for each section of `tiers.yaml`.

An attribute's name is its key's with underscores and the unit: `stop_timeout_s` is `stop-timeout`, `budget_bytes` is
`budget`.  The defaults of the file are the defaults here.  How text becomes these values is in `tiercache.config.load`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal
from urllib.parse import urlsplit

from attrs import field, frozen

from tiercache.access.permissions import Permission
from tiercache.errors import Problem
from tiercache.policy.breaker import BreakerRules
from tiercache.policy.direct_urls import DirectUrls
from tiercache.policy.freshness import FreshnessRules
from tiercache.policy.selection import ProjectRule

PUBLIC_INDEX = "pypi"
"""The word that stands for the public index where a tier's url is wanted."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


@frozen(repr=False)
class Secret:
    """A password, token or hash: nothing shows it by accident."""

    _text: str

    def reveal(self) -> str:
        """The secret itself, for the one place that sends or compares it."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__


@frozen(kw_only=True)
class NodeConfig:
    """This process.

    `name`: how the node is called in Cache-Status.  `listen`: Twisted endpoint descriptions.  `public_url`: the
    node's root as clients see it behind a reverse proxy, ending in a slash.  `stop_timeout_s`: what downloads under
    way are given at a stop.  `idle_timeout_s`: for a request's head to end, and between requests.
    `write_timeout_s`: how long a client may take nothing of its answer.
    """

    name: str
    listen: tuple[str, ...] = ("tcp:8141:interface=127.0.0.1",)
    workers: int = 1
    public_url: str | None = None
    stop_timeout_s: float = 30.0
    idle_timeout_s: float = 60.0
    write_timeout_s: float = 120.0
    max_connections: int = 1000


@frozen(kw_only=True)
class StoreConfig:
    """Where things are kept: `budget_bytes` of cached files at most, or None for no limit."""

    path: str = "~/.local/share/tiercache"
    files: Literal["folder", "memory"] = "folder"
    catalogue: Literal["embedded", "memory"] = "embedded"
    budget_bytes: int | None = 20 * 1024**3


@frozen(kw_only=True)
class TierConfig:
    """One next hop.

    `url`: http or https, without credentials, or `PUBLIC_INDEX`.  `kind` None: to be found out by asking.
    `timeout_s`: to the first byte of an answer; `silence_timeout_s`: between two chunks of one.  `ca` and
    `client_certificate` are paths of PEM files.  `files_from`: further hosts that its files may come from.
    `max_page_bytes`, `max_file_bytes`: more is not read; None for no limit.  `publish_url`: where it takes the legacy
    upload form; None for where a node does, or nowhere.  `public`: whether its files are the public's, whom nobody here
    vouches for; None: those of an origin are, of a parent's those that it does not call private.
    """

    url: str
    name: str = field()
    kind: Literal["origin", "parent", "sibling"] | None = field()
    timeout_s: float = 10.0
    connect_timeout_s: float = 3.0
    silence_timeout_s: float = 30.0
    public: bool | None = None
    user: str | None = None
    password: Secret | None = None
    token: Secret | None = None
    ca: str | None = None
    client_certificate: str | None = None
    files_from: tuple[str, ...] = ()
    max_page_bytes: int = 32 * 1024**2
    max_file_bytes: int | None = None
    publish_url: str | None = None

    @property
    def takes_uploads(self) -> bool:
        """Whether it is known where uploads can be handed on to it."""
        return self.publish_url is not None or self.kind == "parent"

    @name.default
    def _host_and_port(self) -> str:
        parts = urlsplit(self.url)
        if self.url == PUBLIC_INDEX or parts.hostname is None:
            return self.url
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return f"{host}:{_DEFAULT_PORTS.get(parts.scheme, 0) if parts.port is None else parts.port}"

    @kind.default
    def _kind_of_the_word(self) -> Literal["origin"] | None:
        return "origin" if self.url == PUBLIC_INDEX else None


@frozen(kw_only=True)
class AdmissionConfig:
    """What is given out of what the tiers have: `direct_urls` of public files that need others by direct URLs."""

    direct_urls: DirectUrls = "refuse"


@frozen(kw_only=True)
class PublishConfig:
    """What becomes of an upload: `to` is `here`, `nowhere`, or the name of a tier that it is handed on to.

    `directories`: absolute paths of the folders whose files are hosted as they lie there.
    `keep_deleted_s`: how long what is deleted here may be restored.
    """

    to: str = "here"
    directories: tuple[str, ...] = ()
    max_size_bytes: int = 1024**3
    keep_deleted_s: float = 7 * 86400.0


@frozen(kw_only=True)
class PrefetchConfig:
    """How many files are fetched at once before they are asked for, and whether to guess at them.

    `bandwidth_bytes`: what all prefetches together take of the tiers in a second, None for what there is.
    `keep_warm`: files, or URLs of files, whose requirements are kept ready; looked at anew each `keep_warm_every_s`.
    `read_ahead_files_bytes`: the largest file that is fetched on a guess.
    """

    concurrency: int = 8
    bandwidth_bytes: int | None = None
    keep_warm: tuple[str, ...] = ()
    keep_warm_every_s: float = 6 * 3600.0
    read_ahead: bool = True
    read_ahead_files_bytes: int = 8 * 1024 * 1024


@frozen(kw_only=True)
class UserPassword:
    """A password: a hash if it stood in the file itself, plain text if it came from elsewhere."""

    secret: Secret
    is_hashed: bool


@frozen(kw_only=True)
class UserConfig:
    """One user: what they show is their `password` or their `token`, or stands in the htpasswd file."""

    password: UserPassword | None = None
    token: Secret | None = None
    groups: tuple[str, ...] = ()


@frozen(kw_only=True)
class GrantConfig:
    """`who` (anyone, users, @groups, networks) `may` do what with the projects that match."""

    who: tuple[str, ...]
    may: tuple[Permission, ...]
    projects: tuple[str, ...] = ("*",)


@frozen(kw_only=True)
class TrustedPublisherConfig:
    """A job of a CI system: whoever shows an identity token of `issuer` that says `claims` of it, by their names.

    `audience`: for whom the token has to be, None for this node's public URL, else its name.  `projects` are those that
    it `may` do that with, for `lifetime_s`.  `ca`: the path of a PEM file by which to trust the issuer.
    """

    issuer: str
    claims: Mapping[str, str]
    projects: tuple[str, ...]
    may: tuple[Literal["read", "publish", "manage"], ...] = ("publish",)
    audience: str | None = None
    lifetime_s: float = 900.0
    ca: str | None = None


@frozen(kw_only=True)
class AccessConfig:
    """Who may do what: users by name, `htpasswd` the path of a file with more of them, grants, and jobs of CI systems.

    `trusted_proxies`: the networks that are believed to say in X-Forwarded-For for whom they ask.
    """

    users: Mapping[str, UserConfig] = field(factory=dict)
    htpasswd: str | None = None
    grants: tuple[GrantConfig, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    trusted_publishers: tuple[TrustedPublisherConfig, ...] = ()


@frozen(kw_only=True)
class Config:
    """A whole configuration; `source` says where it was read, for people.  `offline`: no tier is ever asked."""

    source: str
    node: NodeConfig
    store: StoreConfig = StoreConfig()
    tiers: tuple[TierConfig, ...] = (TierConfig(url=PUBLIC_INDEX),)
    projects: tuple[ProjectRule, ...] = ()
    freshness: FreshnessRules = field(factory=FreshnessRules)
    breaker: BreakerRules = field(factory=BreakerRules)
    admission: AdmissionConfig = AdmissionConfig()
    publish: PublishConfig = PublishConfig()
    prefetch: PrefetchConfig = PrefetchConfig()
    access: AccessConfig = AccessConfig()
    offline: bool = False

    def not_in_force(self) -> tuple[Problem, ...]:
        """What this version reads but does not do yet, and can well go without: nobody relies on it as a guard."""
        return tuple(Problem(place=place, what=what) for place, what in self._not_in_force())

    def _not_in_force(self) -> Iterator[tuple[str, str]]:
        if self.node.workers > 1 and self.store.files == "memory":
            yield "node.workers", "a node with its files in memory runs as one process, since no other sees them"
