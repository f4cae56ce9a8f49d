"""Addresses in a configuration: the endpoints that a node listens on, the URLs of others, and whether they are one.

Only their shape is known here: nothing is looked up, and nothing listens.
"""

from __future__ import annotations

import ipaddress
import re
from difflib import get_close_matches
from urllib.parse import SplitResult, unquote, urlsplit

from attrs import evolve, field, frozen

from tiercache.config.values import NodeConfig

DEFAULT_PORTS = {"http": 80, "https": 443}
ENDPOINTS = {
    "tcp": "tcp:8141:interface=127.0.0.1",
    "ssl": "ssl:8141:privateKey=key.pem:certKey=cert.pem",
    "unix": "unix:/run/tiercache.sock",
    "systemd": "systemd:domain=INET:index=0",
}
"""The kinds of endpoint, each with an example."""

_LOOPBACK = "loopback"
_UNESCAPED_COLON = re.compile(r"(?<!\\):")
_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?", re.IGNORECASE
)
# What an endpoint may be told, in the order in which it takes words without a name (twisted.internet.endpoints).
_PARAMETERS = {
    "tcp": ("port", "interface", "backlog"),
    "ssl": ("port", "privateKey", "certKey", "sslmethod", "interface", "backlog", "extraCertChain", "dhParameters"),
    "unix": ("address", "mode", "backlog", "lockfile"),
    "systemd": ("domain", "index", "name"),
}


@frozen(kw_only=True)
class TlsFiles:
    """The paths of what an endpoint speaks TLS with, each a PEM file: `chain` and `dh_parameters` None for none."""

    private_key: str
    certificate: str
    chain: str | None = None
    dh_parameters: str | None = None


@frozen(kw_only=True)
class Endpoint:
    """A Twisted endpoint description, taken apart: `interface` None for every address, `port` None where unknown.

    `tls` None for one that does not speak it.
    """

    kind: str
    interface: str | None = None
    port: int | None = None
    backlog: int = 50
    tls: TlsFiles | None = None

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Take a description apart.  Raises ValueError, in words for people, where it is none."""
        kind, *rest = (re.sub(r"\\(.)", r"\1", part) for part in _UNESCAPED_COLON.split(text))
        if kind not in ENDPOINTS or not rest:
            meant = get_close_matches(kind, ENDPOINTS, n=1)
            example = ENDPOINTS[meant[0] if meant else "tcp"]
            raise ValueError(f"{text!r} is no endpoint ({', '.join(ENDPOINTS)}), such as {example}")
        told: dict[str, str] = {}
        plain = iter(_PARAMETERS[kind])
        for part in rest:
            name, equals, value = part.partition("=")
            if not equals:
                name, value = next(plain, ""), part
            elif name not in _PARAMETERS[kind]:
                raise ValueError(f"{text!r} tells a {kind} endpoint {name!r}, which it does not know")
            if not name or name in told:
                raise ValueError(f"{text!r} has a word too many: a colon inside a word, as in IPv6, is written '\\:'")
            told[name] = value
        return cls._of_kind(kind, text, told)

    @classmethod
    def _of_kind(cls, kind: str, text: str, told: dict[str, str]) -> Endpoint:
        match kind:
            case "tcp" | "ssl":
                port = told.get("port", "")
                if not re.fullmatch(r"[0-9]{1,5}", port, re.ASCII) or int(port) > 65535:
                    raise ValueError(f"{text!r} needs a port, as in {ENDPOINTS[kind]}")
                backlog = told.get("backlog", "50")
                if not re.fullmatch(r"[0-9]{1,6}", backlog, re.ASCII):
                    raise ValueError(f"{text!r} has a backlog that is no number")
                tls = _tls_files(text, told) if kind == "ssl" else None
                return cls(
                    kind=kind, interface=told.get("interface") or None, port=int(port), backlog=int(backlog), tls=tls
                )
            case "unix" if not told.get("address"):
                raise ValueError(f"{text!r} needs a path, as in {ENDPOINTS[kind]}")
            case "systemd" if not (told.get("domain") and (told.get("index") or told.get("name"))):
                raise ValueError(f"{text!r} needs a domain, and an index or a name, as in {ENDPOINTS[kind]}")
        return cls(kind=kind)


def _tls_files(text: str, told: dict[str, str]) -> TlsFiles:
    if "sslmethod" in told:
        raise ValueError(f"{text!r} chooses a version of TLS: 1.2 and newer are spoken, whatever the client has")
    private_key = told.get("privateKey") or "server.pem"  # twisted's default
    return TlsFiles(
        private_key=private_key,
        certificate=told.get("certKey") or private_key,
        chain=told.get("extraCertChain"),
        dh_parameters=told.get("dhParameters"),
    )


@frozen(kw_only=True)
class OwnAddresses:
    """Where a node is reached: `listen` and `public_url` of its configuration, and `hostname` of its machine."""

    listen: tuple[str, ...]
    public_url: str | None = None
    hostname: str | None = None

    @classmethod
    def of(cls, node: NodeConfig, hostname: str | None = None) -> OwnAddresses:
        """The addresses of a configured node."""
        return cls(listen=node.listen, public_url=node.public_url, hostname=hostname)

    def without_unknown_ports(self) -> OwnAddresses:
        """Only those that are told by the configuration alone, for whom a guess is not good enough."""
        return evolve(self, listen=tuple(one for one in self.listen if Endpoint.parse(one).port is not None))

    def include(self, url: str) -> bool:
        """Whether a URL leads to this node; what is no http(s) URL does not.

        Loopback addresses count as one (`localhost`, `127.0.0.1`, `[::1]`).  Where the port is not known, as with
        `systemd`, every loopback address may be this node, and counts as it.
        """
        try:
            parts = http_url(url)
        except ValueError:
            return False
        if self.public_url is not None:
            public = http_url(self.public_url)
            same_host = (_place(public), _port(public)) == (_place(parts), _port(parts))
            if same_host and f"{parts.path}/".startswith(public.path.rstrip("/") + "/"):
                return True
        return any(self._reaches(Endpoint.parse(listen), parts) for listen in self.listen)

    def _reaches(self, endpoint: Endpoint, parts: SplitResult) -> bool:
        place = _place(parts)
        if endpoint.kind == "unix":
            return False
        if endpoint.port is None:
            return place == _LOOPBACK
        if endpoint.port != _port(parts):
            return False
        is_here = (
            place == _LOOPBACK
            or place.startswith("127.")
            or (self.hostname is not None and place == self.hostname.lower())
        )
        if endpoint.interface is None or endpoint.interface in ("0.0.0.0", "::"):  # noqa: S104  # compared, not bound
            return is_here
        return place == _canonical(endpoint.interface)


@frozen(kw_only=True)
class SplitUrl:
    """A URL, and the credentials that stood in it."""

    url: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def http_url(text: str) -> SplitResult:
    """The parts of an http or https URL.  Raises ValueError, which never repeats it, where it is none."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  # asking is what checks it
    except ValueError:
        raise ValueError("is no URL") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError("is no http or https URL")
    if not parts.hostname or not is_host(parts.hostname):
        raise ValueError("is no URL with the name of a host")
    if any(character.isspace() or not character.isprintable() for character in text):
        raise ValueError("is no URL: it has spaces in it")
    return parts


def without_credentials(text: str) -> SplitUrl:
    """A URL and its credentials (RFC 3986 section 3.2.1) apart.  Raises ValueError as `http_url`."""
    parts = http_url(text)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return SplitUrl(
        url=bare,
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )


def is_host(text: str) -> bool:
    """Whether this is the name or the address (IPv6 without brackets) of a host, and nothing else."""
    if ":" in text:
        try:
            ipaddress.IPv6Address(text)
        except ValueError:
            return False
        return True
    try:
        return _HOST.fullmatch(text if text.isascii() else text.encode("idna").decode("ascii")) is not None
    except UnicodeError:
        return False


def is_loopback(host: str) -> bool:
    """Whether the name or address of a host, as a URL has it, means this machine itself."""
    return _canonical(host) == _LOOPBACK


def _port(parts: SplitResult) -> int:
    return DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port


def _place(parts: SplitResult) -> str:
    return _canonical(parts.hostname or "")


def _canonical(host: str) -> str:
    """A host's name or address in one spelling; the addresses that mean this machine itself are one."""
    name = host.lower().rstrip(".")
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return _LOOPBACK if name == "localhost" or name.endswith(".localhost") else name
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    # A connection to the unspecified address reaches this machine; 127.0.0.2 is for whoever listens there.
    if address.is_unspecified or str(address) in ("127.0.0.1", "::1"):
        return _LOOPBACK
    return str(address)
