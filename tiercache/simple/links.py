"""The links of a page: made absolute, cleaned, and refused unless they lead to an http or https URL.

Which hosts may be asked is not decided here but where the asking is done.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urljoin, urlsplit

from attrs import define, field

from tiercache.errors import InvalidName
from tiercache.simple.names import checked_filename

_ORIGIN = re.compile(r"(https?)://([^/?#\\]*)", re.IGNORECASE)
_LEGAL = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?\[\]]|%[0-9A-Fa-f]{2})*")  # RFC 3986 §3.3, §3.4
_LEGAL_NETLOC = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@%\[\]]+")
# A relative path that needs no care: some steps up, then plain segments.
_PLAIN = re.compile(r"((?:\.\./)*)[A-Za-z0-9_~][^:?#\\]*")
_SURROUNDING = "".join(map(chr, range(0x21)))  # C0 controls and space, as browsers strip them


class UnusableLink(ValueError):
    """A link that is not followed; its message says why, in words that go after "dropped:"."""


@define(kw_only=True)
class Links:
    """Resolves the links of one page against its base URL."""

    base: str
    # Pages have thousands of links, on one or two origins and below one or two folders.
    _origins: dict[str, str | UnusableLink] = field(factory=dict, init=False)
    _above: dict[str, str] = field(factory=dict, init=False)

    def resolve(self, link: str) -> tuple[str, str]:
        """The absolute http or https URL of a link, without its fragment; and the fragment, or "".

        Characters that no URL may hold are percent-encoded.  Raises UnusableLink.
        """
        text = link.strip(_SURROUNDING)
        if "\t" in text or "\n" in text or "\r" in text:
            text = text.replace("\t", "").replace("\n", "").replace("\r", "")
        text, _, fragment = text.partition("#")
        if not text:
            raise UnusableLink("it leads to the page itself")
        match = _ORIGIN.match(text)
        if match is None:
            text = self._joined(text)
            match = _ORIGIN.match(text)
            if match is None:
                raise UnusableLink("it is no http or https URL")
        rest = text[match.end() :]
        if rest[:1] == "\\":  # browsers take it for a slash, others for part of the host
            raise UnusableLink("its host or port is malformed")
        if _LEGAL.fullmatch(rest) is None:
            rest = quote(rest.encode("utf-8", "replace"), safe="-._~!$&'()*+,;=:@/?[]%")
            rest = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", rest)
        return self._origin(match[0]) + (rest or "/"), fragment

    def _joined(self, text: str) -> str:
        plain = _PLAIN.fullmatch(text)
        try:
            if plain is None or "/." in text.removeprefix(plain[1]) or "//" in text:
                return urljoin(self.base, text)
            if (above := self._above.get(plain[1])) is None:
                above = self._above[plain[1]] = urljoin(self.base, plain[1] or ".")
        except ValueError:
            raise UnusableLink("it is no URL") from None
        return above + text[plain.end(1) :]

    def _origin(self, text: str) -> str:
        known = self._origins.get(text)
        if known is None:
            try:
                known = _checked_origin(text)
            except UnusableLink as error:
                known = error
            self._origins[text] = known
        if isinstance(known, UnusableLink):
            raise known
        return known


def _checked_origin(text: str) -> str:
    scheme, _, netloc = text.partition("://")
    try:
        parts = urlsplit(text)
        legal = bool(_LEGAL_NETLOC.fullmatch(netloc)) and bool(parts.hostname) and parts.port != 0
    except ValueError:
        legal = False
    if not legal:
        raise UnusableLink("its host or port is malformed")
    return f"{scheme.lower()}://{netloc}"


def filename_in(url: str) -> str:
    """The filename that a URL's last path segment spells; raises UnusableLink if it is not one."""
    path = url.partition("?")[0]
    segment = path[path.rfind("/") + 1 :]
    try:
        return checked_filename(unquote(segment, errors="strict") if "%" in segment else segment)
    except (UnicodeDecodeError, InvalidName):
        raise UnusableLink("its last segment is no filename") from None


def shown_link(link: str) -> str:
    """A link as it may stand in a log: without userinfo, query and fragment, and not long."""
    text = re.split(r"[?#]", link, maxsplit=1)[0]
    text = re.sub(r"//[^/\\]*@", "//", text)
    return "".join(character if character.isprintable() else "\ufffd" for character in text[:120])
