"""The client: where a request comes from, behind proxies that are trusted, and whether from this very machine.

What a field such as X-Forwarded-For says anybody may write; it is believed from `trusted` addresses alone.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from attrs import frozen
from twisted.web.server import Request

from tiercache.access.principals import Address, Network, address_of
from tiercache.web.host import stated_host
from tiercache.web.request import field_of

SIGNS_OF_A_PROXY = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


@frozen(kw_only=True)
class Clients:
    """Tells clients from the proxies that stand in front of the node; `public_url` is where these have it."""

    trusted: tuple[Network, ...] = ()
    public_url: str | None = None

    def address(self, request: Request) -> Address | None:
        """Where a request comes from: the right-most address that no trusted proxy is at; None where unknown."""
        peer = address_of(getattr(request.getClientAddress(), "host", None))
        return self.address_behind(peer, field_of(request, "x-forwarded-for"))

    def address_behind(self, peer: Address | None, forwarded: str | None) -> Address | None:
        """The same of a peer that sends `forwarded` as X-Forwarded-For."""
        address = peer
        if not self._is_trusted(address):
            return address
        for line in reversed((forwarded or "").split(",")):
            said = line.strip()
            if not said:
                continue
            address = _forwarded(said)
            if not self._is_trusted(address):
                break
        return address

    def is_local(self, request: Request) -> bool:
        """Whether a request comes from a program of this machine, as far as that can be told.

        Not if it shows that it came through a proxy that is not trusted, or was made by a web page of another site, or
        was sent to a name that is not this machine's: a page whose name was made to lead here may send anything.
        """
        peer = address_of(getattr(request.getClientAddress(), "host", None))
        if peer is None or not peer.is_loopback:
            return False
        is_told = self._is_trusted(peer) and field_of(request, "x-forwarded-for") is not None
        if is_told:
            address = self.address(request)
            if address is None or not address.is_loopback:
                return False
        elif self._is_behind_a_proxy or _shows_a_proxy(request):
            return False
        return not self.is_cross_site(request) and self._is_sent_to_this_machine(request, is_told=is_told)

    def is_cross_site(self, request: Request) -> bool:
        """Whether a browser says that a page of another site has made the request (Fetch Metadata, RFC 6454)."""
        if (field_of(request, "sec-fetch-site") or "none").strip().lower() not in ("none", "same-origin"):
            return True
        origin = field_of(request, "origin")
        if origin is None:
            return False
        shown = _authority(origin)
        # A proxy may have taken the TLS off, so that of the two schemes nothing is known here.
        if shown is None or shown not in (
            *_with_either_scheme(stated_host(request)),
            None if self.public_url is None else _authority(self.public_url),
        ):
            return True
        # Who shows credentials has them for this very name.  Else it may be a page whose name was made to lead here.
        return field_of(request, "authorization") is None and not self._is_own_name(shown[0])

    @property
    def _is_behind_a_proxy(self) -> bool:
        """Whether what comes from loopback may have come from anywhere, without a sign of it."""
        return self._public_name is not None and not self.trusted and not _is_loopback_host(self._public_name)

    def _is_sent_to_this_machine(self, request: Request, *, is_told: bool) -> bool:
        """Whether it names this machine; as the public does only where a proxy tells that it comes from here."""
        host = stated_host(request)
        if host is None:
            return False
        name = urlsplit(f"//{host}").hostname
        return _is_loopback_host(name) or (is_told and name is not None and name == self._public_name)

    def _is_own_name(self, name: str) -> bool:
        """Whether a name leads here by nobody's doing but the operator's."""
        return address_of(name) is not None or _is_loopback_host(name) or name == self._public_name

    @property
    def _public_name(self) -> str | None:
        return None if self.public_url is None else urlsplit(self.public_url).hostname

    def _is_trusted(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self.trusted)


def _shows_a_proxy(request: Request) -> bool:
    # Of what speaks HTTP today, proxies alone speak its first version.
    return request.clientproto != b"HTTP/1.1" or any(field_of(request, name) is not None for name in SIGNS_OF_A_PROXY)


def _forwarded(said: str) -> Address | None:
    """An address as it stands in X-Forwarded-For: some proxies add the port."""
    if said.startswith("["):
        return address_of(said[1:].partition("]")[0])
    name, _, _port = said.partition(":") if said.count(":") == 1 else (said, "", "")
    return address_of(name)


def _authority(url: str) -> tuple[str, int] | None:
    """Host and port of an http or https URL or origin."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return parts.hostname, port or (443 if parts.scheme == "https" else 80)


def _with_either_scheme(host: str | None) -> tuple[tuple[str, int] | None, ...]:
    return () if host is None else (_authority(f"http://{host}"), _authority(f"https://{host}"))


def _is_loopback_host(name: str | None) -> bool:
    address = address_of(name)
    if address is not None:
        return address.is_loopback
    return name is not None and (name == "localhost" or name.endswith(".localhost"))
