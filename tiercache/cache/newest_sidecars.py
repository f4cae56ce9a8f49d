"""The sidecars that go along with a page: those that a resolver is likely to ask for next, where they are stored.

No tier is asked on their account, and none is made.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define
from packaging.version import InvalidVersion, Version

from tiercache.errors import InvalidName
from tiercache.interfaces import METADATA, ICatalogue
from tiercache.simple.model import File, Page
from tiercache.simple.names import identity_of, parse_filename

MOST_BYTES = 1024 * 1024
"""Of all sidecars that go along with one page."""


@define(kw_only=True)
class NewestSidecars:
    """Chooses among what the catalogue has."""

    _catalogue: ICatalogue

    def of(self, page: Page, releases: int, first: File | None = None) -> Mapping[str, str]:
        """Core metadata as text, by its SHA-256, of a page's newest releases: `releases` of them at most; and of
        `first`, whichever release that is of.

        `page` is as it is shown here.  Each digest comes once, however many files have it.
        """
        if releases <= 0:
            return {}
        stored = self._catalogue.attachment_digests(page.project, METADATA)
        digests = {*stored.values()}
        chosen: dict[str, str] = {}
        left_bytes = MOST_BYTES
        ahead = [] if first is None else [first]
        has_more = any(_told(file) in digests and _told(file) != _told(first) for file in page.files)
        # To look through the releases is dear, and of most projects one sidecar is stored.
        for file in (*ahead, *_of_newest(page, releases)) if has_more or first is None else ahead:
            told = _told(file)
            if told is None or told in chosen:
                continue
            text = self._text(file, told) if told in digests else None
            if text is not None and len(text) <= left_bytes:
                chosen[told] = text
                left_bytes -= len(text)
        return chosen

    def _text(self, file: File, sha256: str) -> str | None:
        names = [identity_of(file)]
        kept = self._catalogue.file(names[0])
        if kept is not None:
            names += kept.identities
        for name in names:
            attachment = self._catalogue.attachment(name, METADATA)
            if attachment is not None and attachment.data is not None and attachment.sha256 == sha256:
                try:
                    return attachment.data.decode()
                except UnicodeDecodeError:
                    return None
        return None


def _told(file: File | None) -> str | None:
    """The digest that the page gives of a file's sidecar."""
    return file.core_metadata.get("sha256") if file is not None and isinstance(file.core_metadata, Mapping) else None


def _of_newest(page: Page, releases: int) -> list[File]:
    """The files of the newest releases, the newest first; what is final and not yanked goes before what is."""
    by_release: dict[tuple[bool, Version], list[File]] = {}
    for file in page.files:
        try:
            version = Version(parse_filename(file.filename, page.project).version or "")
        except (InvalidName, InvalidVersion):
            continue
        by_release.setdefault((not file.yanked and not version.is_prerelease, version), []).append(file)
    newest = sorted(by_release, reverse=True)[:releases]
    return [file for release in newest for file in by_release[release]]
