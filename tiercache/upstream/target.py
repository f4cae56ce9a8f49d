"""Where a request goes: a URL taken apart once, into the host that is spoken to and what is asked of it.

A host is scheme, name and port together: the border that credentials do not cross.  What may be asked of which host
is decided elsewhere.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote, unquote, urljoin, urlsplit

from attrs import evolve, field, frozen

from tiercache.simple.remembered import remembered

LONGEST_REMEMBERED = 1024
"""Of a URL or a name, in characters."""

DEFAULT_PORTS = {"http": 80, "https": 443}

_SEGMENT = re.compile(r"[a-z0-9-]+/")
_FOLDER = re.compile(r"/(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*")
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?\Z")
# What may stand in a path or query as it is (RFC 3986 section 3.3, 3.4); `%` too, as it begins what is encoded already.
_KEPT = "%/:=&?~+!$,;'@()*[]|"


@frozen(kw_only=True)
class Host:
    """Scheme, name (lower-case, ASCII; IPv6 without brackets) and port: an origin in the sense of RFC 6454."""

    scheme: str
    name: str
    port: int

    @property
    def bracketed_name(self) -> str:
        """The name as it stands in a URL."""
        return f"[{self.name}]" if ":" in self.name else self.name

    @property
    def authority(self) -> str:
        """Name and port as they stand in a URL: without the port where that is the scheme's own."""
        return self.bracketed_name if self.port == DEFAULT_PORTS[self.scheme] else f"{self.bracketed_name}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


@frozen(kw_only=True)
class Target:
    """One URL to ask: `path` is the origin-form (path and query, percent-encoded).  The fragment is gone.

    `user` and `password` are the URL's userinfo, kept out of `url` and of the repr.
    """

    host: Host
    path: str
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @staticmethod
    def parse(url: str) -> Target:
        """Take a URL apart.  Raises ValueError, which never repeats the URL, where it is no http(s) URL."""
        return _parsed(url)

    @property
    def url(self) -> str:
        """The URL that is asked, without userinfo and fragment."""
        return f"{self.host}{self.path}"

    @property
    def shown(self) -> str:
        """The URL as people may see it: the query may be a signature, so it is left out as well."""
        return self.url.partition("?")[0]

    def join(self, reference: str) -> Target:
        """What a relative or absolute reference means here (RFC 3986 section 5).  Raises ValueError as `parse`.

        Userinfo is not inherited, and userinfo in the reference is not taken: a tier does not choose credentials.
        """
        if _SEGMENT.fullmatch(reference) and _FOLDER.fullmatch(self.path):  # a project's page, nearly always
            return evolve(self.bare(), path=self.path + reference)
        try:
            joined = urljoin(self.url, reference)
        except ValueError:
            raise ValueError("it is no URL") from None
        return Target.parse(joined).bare()

    @property
    def filename(self) -> str:
        """The last part of the path."""
        return unquote(self.path.partition("?")[0].rpartition("/")[2])

    def bare(self) -> Target:
        """The same without userinfo."""
        return self if self.user is None and self.password is None else evolve(self, user=None, password=None)

    def with_suffix(self, suffix: str) -> Target:
        """The same with a suffix to the path, before any query: where the sidecar of a file is (PEP 658)."""
        path, mark, query = self.path.partition("?")
        return evolve(self, path=path + suffix + mark + query)


@remembered(most=256, longest=LONGEST_REMEMBERED)
def _parsed(url: str) -> Target:
    """What is asked is taken apart here, and again by what connects; and a sidecar stands beside its file."""
    try:
        parts = urlsplit(url)
        name, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("it is no URL") from None
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise ValueError("it is no http or https URL")
    path = quote(parts.path or "/", safe=_KEPT)
    if parts.query:
        path += "?" + quote(parts.query, safe=_KEPT)
    return Target(
        host=Host(scheme=scheme, name=_ascii_name(name), port=DEFAULT_PORTS[scheme] if port is None else port),
        path=path,
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )


def host_of(url: str) -> Host:
    """The host of a `Target`'s URL."""
    scheme, _, rest = url.partition("://")
    return Target.parse(f"{scheme}://{rest.partition('/')[0]}/").host


@remembered(most=256, longest=LONGEST_REMEMBERED)
def _ascii_name(name: str) -> str:
    """A host's name as it is looked up: an address as it is, a name in its ASCII form (RFC 5891)."""
    if ":" in name:
        try:
            return str(ipaddress.IPv6Address(name))
        except ValueError:
            raise ValueError("its host is no name") from None
    try:
        ascii_name = name.encode("ascii" if name.isascii() else "idna").decode("ascii").lower()
    except UnicodeError:
        raise ValueError("its host is no name") from None
    if not _NAME.match(ascii_name) or len(ascii_name) > 253:
        raise ValueError("its host is no name")
    return ascii_name
