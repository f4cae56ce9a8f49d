"""Admission: which files of the tiers this node gives out, by what `policy.direct_urls` finds in their core metadata.

A verdict is kept beside the sidecar that it is of, whatever the rule and whosever the file is: either may be another
tomorrow.  It is acted on where something is given out: `showing` asks for a page, `files` for a file or its sidecar.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256

import msgspec
from attrs import define, evolve, field, frozen
from msgspec.structs import replace
from packaging.utils import canonicalize_version
from twisted.logger import Logger

from tiercache.cache.journal import Journal
from tiercache.cache.kept import Kept
from tiercache.cache.knowledge import Changed
from tiercache.cache.owners import owners_of
from tiercache.cache.unawaited import let_go_on
from tiercache.errors import FileRefused, StoreFailed
from tiercache.interfaces import DIRECT_URLS, Attachment, FileRecord, ICatalogue, NewChange
from tiercache.policy import direct_urls
from tiercache.policy.direct_urls import DirectUrls, direct_url_requirements, is_private, told
from tiercache.policy.news import PAGE
from tiercache.policy.selection import HERE
from tiercache.simple.model import File, FileIdentity, Page, ProjectName
from tiercache.simple.names import identity_of, version_in
from tiercache.stats import Stats

log = Logger()

KEPT_TOLD = 10_000
"""How many files it is remembered of that the log has told of them."""

UNREADABLE = ("what cannot be read any more",)
"""The requirements of a verdict that the store has lost the text of: there were some."""


@frozen(kw_only=True)
class Whose:
    """Which tier lists each file that is shown: `home` those of `page`, but for what that says was listed by others;
    of what is not on it the records tell."""

    page: Page | None
    home: str
    records: Collection[FileRecord] = ()

    def tiers(self) -> set[str]:
        """All of them."""
        others = self.page.listed_by.values() if self.page is not None else ()
        return {self.home, *others, *(record.tier for record in self.records)}

    def by_filename(self) -> Mapping[str, str]:
        """The tier of each file."""
        found = {record.listing.filename: record.tier for record in self.records}
        if self.page is not None:
            listed_by = self.page.listed_by
            found.update({file.filename: listed_by.get(file.filename, self.home) for file in self.page.files})
        return found


@define(kw_only=True)
class Admission:
    """The rule of a node.  `stated_public`: what its owner says of each tier, None where nothing.

    `changed` is told of the projects whose pages show something else from now on, or whose files are given out or not.
    """

    _catalogue: ICatalogue
    _journal: Journal
    _changed: Changed
    _stats: Stats
    _rule: DirectUrls
    _stated_public: Mapping[str, bool | None]
    _told: Kept[tuple[str, str], bool] = field(factory=lambda: Kept(limit=KEPT_TOLD, weigh=lambda told: 1), init=False)

    # -- verdicts ---------------------------------------------------------------------------------------------

    def note(self, project: ProjectName, names: Iterable[FileIdentity], metadata: bytes | None) -> None:
        """Keep the verdict on a file that goes by these names, by its core metadata; None says that it has none.

        To be called before the metadata itself is kept, so that no page shows the one without the other.
        """
        self.note_requirements(project, names, direct_url_requirements(metadata) if metadata is not None else ())

    def note_requirements(
        self, project: ProjectName, names: Iterable[FileIdentity], requirements: tuple[str, ...]
    ) -> None:
        """The same, of what was found in it."""
        data = msgspec.json.encode(requirements) if requirements else None
        is_news = False

        def not_kept(error: StoreFailed) -> None:
            log.warn("a verdict on a file of {project} is not kept: {error}", project=project, error=error)

        names = tuple(dict.fromkeys(names))
        for name in names:
            kept = self._catalogue.attachment(name, DIRECT_URLS)
            if data is None and kept is not None:
                let_go_on(self._catalogue.forget_attachment(name, DIRECT_URLS), not_kept)
                is_news = True
            elif data is not None and (kept is None or kept.data != data):
                digest = sha256(data).hexdigest()
                verdict = Attachment(identity=name, project=project, kind=DIRECT_URLS, sha256=digest, data=data)
                let_go_on(self._catalogue.store_attachment(verdict), not_kept)
                is_news = True
        if is_news:
            self._changed(project, *owners_of(names, self._catalogue))
        # Nodes below may have a page that shows what this one hides, or the other way round.
        if is_news and self._rule != "allow" and self._catalogue.entry(project) is not None:
            let_go_on(self._journal.append([NewChange(project=project, what=PAGE)]), not_kept)

    def verdict(self, names: Iterable[FileIdentity]) -> tuple[str, ...]:
        """The requirements with URLs that a file is known to have."""
        for name in names:
            kept = self._catalogue.attachment(name, DIRECT_URLS)
            if kept is not None:
                return _requirements(kept.data)
        return ()

    # -- what is given out ------------------------------------------------------------------------------------

    def is_strict_with(self, file: File, tier: str) -> bool:
        """Whether a file, as `tier` lists it, is not to be given out should it turn out to need direct URLs."""
        return self._rule == "refuse" and not is_private(file, tier, self._stated_public)

    def refusal(self, requirements: tuple[str, ...], project: ProjectName, file: File, tier: str) -> FileRefused | None:
        """Why a file with these requirements, as `tier` lists it, is not given out; None if it is."""
        if not requirements or is_private(file, tier, self._stated_public):
            return None
        self._tell(project, file, tier, requirements)
        if self._rule != "refuse":
            return None
        self._stats.direct_urls_refused += 1
        reason = (
            f"it requires {told(requirements)}, and a file of a public tier ({tier}) may not send its users to "
            "addresses that no index vouches for. `admission: {direct-urls: allow}` in the configuration of this "
            "node would let it pass, and so would `public: false` at that tier"
        )
        return FileRefused(filename=file.filename, reason=reason)

    def admitted(self, page: Page, whose: Whose) -> Page:
        """A page, as it is shown, without the files that are not given out; what is private is marked as such, and so
        is what is shown although it needs direct URLs."""
        verdicts = self._catalogue.attachment_digests(page.project, DIRECT_URLS)
        if not verdicts and not any(self._is_special(tier) for tier in whose.tiers()):
            return page  # as nearly all are, and some list thousands of files
        tiers = whose.by_filename()
        files: list[File] = []
        for file in page.files:
            tier = tiers.get(file.filename, whose.home)
            requirements = self.verdict(name for name in _names(file) if name in verdicts) if verdicts else ()
            if is_private(file, tier, self._stated_public):
                files.append(_marked(file, direct_urls.PRIVATE, True))
                continue
            if requirements and self._rule != "allow":
                self._tell(page.project, file, tier, requirements)
                if self._rule == "refuse":
                    continue
                file = _marked(file, direct_urls.DIRECT_URLS, list(requirements))
            files.append(_without(file, direct_urls.PRIVATE))
        shown = evolve(page, files=tuple(files))
        return shown if len(files) == len(page.files) else evolve(shown, versions=_versions_left(page, shown))

    def _is_special(self, tier: str) -> bool:
        return tier == HERE or self._stated_public.get(tier) is not None

    def _tell(self, project: ProjectName, file: File, tier: str, requirements: tuple[str, ...]) -> None:
        """Tell the operator of a public file that needs direct URLs, once."""
        key = (project, identity_of(file).segment)
        if self._rule == "allow" or self._told.get(key):
            return
        self._told.put(key, True)
        self._stats.direct_urls_warned += self._rule == "warn"
        log.warn(
            "{filename} of tier {tier} requires {requirements}: it is {what}",
            filename=file.filename,
            tier=tier,
            requirements=told(requirements),
            what="hidden and refused" if self._rule == "refuse" else "shown all the same",
        )


def _requirements(data: bytes | None) -> tuple[str, ...]:
    try:
        return msgspec.json.decode(data or b"", type=tuple[str, ...]) or UNREADABLE
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return UNREADABLE


def _names(file: File) -> list[FileIdentity]:
    return [identity_of(file), *(FileIdentity(name, value) for name, value in file.hashes.items())]


def _marked(file: File, key: str, value: object) -> File:
    return file if file.extra.get(key) == value else replace(file, extra={**file.extra, key: value})


def _without(file: File, key: str) -> File:
    if key not in file.extra:
        return file
    return replace(file, extra={other: value for other, value in file.extra.items() if other != key})


def _versions_left(page: Page, shown: Page) -> tuple[str, ...] | None:
    """The versions of a page (PEP 700) without those that have lost all of their files."""
    if page.versions is None:
        return None
    gone = _versions_of(page) - _versions_of(shown)
    return tuple(version for version in page.versions if canonicalize_version(version) not in gone)


def _versions_of(page: Page) -> set[str]:
    versions = (version_in(file.filename, page.project) for file in page.files)
    return {canonicalize_version(version) for version in versions if version is not None}
