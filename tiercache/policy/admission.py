"""Which hosts a tier's page may send this node to.

An index that lies could list files on `http://169.254.169.254/` or on the owner's own printer.  Here stands what can
be told from text alone; the edge that resolves names asks `address_is_public` about each address it gets.  What the
files themselves may send clients to is `direct_urls`'s affair.
"""

from __future__ import annotations

import re
import unicodedata
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: how IPv4 looks from a network that has none
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_UNFIT_IN_HOST = re.compile(r"[\x00-\x20\x7f%/\\?#@<>^`{|}\"]")
# What IDNA (UTS 46) leaves out of a name as if it were not there: soft hyphen, joiners, variation selectors.
_UNSEEN = re.compile("[\u00ad\u034f\u180b-\u180f\u200b-\u200d\u2060\u2064\ufe00-\ufe0f\ufeff]")
_UNFIT_IN_URL = re.compile(r"[\x00-\x20\x7f\\]")


def address_is_public(ip: str) -> bool:
    """Whether an address, as a resolver gives it, is one of the Internet's; False for what is no address."""
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    return _is_public(address)


def host_is_public(host: str) -> bool:
    """Whether a URL's host may be one of the Internet's: False for `localhost` and for every private address.

    Addresses are recognised in each form that some resolver takes (`127.1`, `0x7f000001`, `2130706433`,
    `0177.0.0.1`, `[::ffff:127.0.0.1]`, full-width digits).  A name is taken for public until it is resolved.
    """
    name = _canonical(host)
    if not name or _UNFIT_IN_HOST.search(name.partition("%")[0] if ":" in name else name):
        return False
    if ":" in name:
        return address_is_public(name)
    labels = name.split(".")
    if "" in labels or labels[-1] == "localhost":  # RFC 6761 §6.3
        return False
    if _NUMBER.fullmatch(labels[-1]):  # as browsers tell: a name whose last label is a number is an address or wrong
        address = _ipv4(labels)
        return address is not None and _is_public(address)
    return True


def file_url_admitted(url: str, *, tier_hosts: frozenset[str], declared: tuple[str, ...]) -> bool:
    """Whether a file's URL, as a tier lists it, may be fetched at all.

    Over http and https only.  `tier_hosts` (the tier's own) and `declared` (its `files-from`: exact, or `*.suffix`
    for every name below) may be private; any other host has to be public.
    """
    if _UNFIT_IN_URL.search(url):  # parsers differ about these, and so about the host
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # the port, too, raises if it is none
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"} or not host or parts.netloc.count("@") > 1:
        return False
    name = _canonical(host)
    if name in {_canonical(own) for own in tier_hosts}:
        return True
    return any(_declares(pattern, name) for pattern in declared) or host_is_public(name)


def _declares(pattern: str, name: str) -> bool:
    if pattern.startswith("*."):
        return name.endswith("." + _canonical(pattern[2:]))
    return name == _canonical(pattern)


def _canonical(host: str) -> str:
    """One spelling for each host: what IDNA makes of wide digits and dots, lower case, no brackets, no final dot."""
    name = unicodedata.normalize("NFKC", _UNSEEN.sub("", host)).replace("\u3002", ".").lower()
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    return name.removesuffix(".")


def _ipv4(labels: list[str]) -> IPv4Address | None:
    """The address that `inet_aton` reads: one to four numbers, hexadecimal, octal or decimal; None if there is none."""
    if len(labels) > 4 or not all(_NUMBER.fullmatch(label) and len(label) <= 16 for label in labels):
        return None
    try:
        *heads, last = [_number(label) for label in labels]
    except ValueError:  # an 8 or 9 in an octal number
        return None
    if any(part > 255 for part in heads) or last >= 256 ** (4 - len(heads)):
        return None
    return IPv4Address(sum(part << 8 * (3 - place) for place, part in enumerate(heads)) + last)


def _number(label: str) -> int:
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8 if label.startswith("0") else 10)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved
