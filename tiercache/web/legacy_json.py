"""`/pypi/<project>/json`: the JSON API from before the Simple API had JSON, for tools that still ask it.

Made from the project's page, and from the core metadata of its newest file where that can be had; what neither says
is null or empty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

import msgspec
from attrs import define, field, frozen
from packaging.metadata import RawMetadata, parse_email
from packaging.utils import canonicalize_version
from packaging.version import InvalidVersion, Version
from twisted.web.server import Request

from tiercache.cache.pages import Pages, ShownPage
from tiercache.cache.sidecars import Sidecars
from tiercache.errors import ProjectAbsent, TiercacheError
from tiercache.interfaces import Pool
from tiercache.policy.entry import Ask
from tiercache.policy.freshness import stated_age, stated_lifetime
from tiercache.simple.model import File, Page
from tiercache.simple.names import FilenameKind, identity_of, normalise, parse_filename, version_in
from tiercache.web.answer import JSON, Answer, moved
from tiercache.web.conditional import etag_matches
from tiercache.web.host import base_url
from tiercache.web.request import ask_of, field_of, with_query

_PACKAGE_TYPES = {FilenameKind.WHEEL: "bdist_wheel", FilenameKind.SDIST: "sdist", FilenameKind.EGG: "bdist_egg"}

LARGE_PAGE_FILES = 1000  # more than these are encoded off the reactor thread


@frozen(kw_only=True)
class Release:
    """The files of one version, spelt as the first of them spells it; None is the release of what has no files."""

    version: str | None
    files: list[File] = field(factory=list)

    @property
    def parsed(self) -> Version | None:
        """The version by PEP 440, or None if it is none."""
        try:
            return Version(self.version or "")
        except InvalidVersion:
            return None

    @property
    def rank(self) -> tuple[bool, bool, tuple[bool, Version, str]]:
        """Greatest for the newest final release that is not yanked; else what is not yanked; else the newest."""
        parsed = self.parsed
        is_final = parsed is not None and not parsed.is_prerelease
        return any(not file.yanked for file in self.files), is_final, _age(self)


@define(kw_only=True)
class LegacyJson:
    """The two routes.  Their URLs are absolute: below `public_url`, else where the client believes this node to be."""

    _pages: Pages
    _sidecars: Sidecars
    _pool: Pool
    _public_url: str | None
    _client_max_age_s: float

    async def project(self, request: Request, project: str) -> Answer:
        """A project: its newest release, and the files of all."""
        name = normalise(project)
        if name != project:
            return moved(with_query(f"../{name}/json", request))
        ask = ask_of(request, local=False)
        shown = await self._pages.shown(name, ask)
        releases = _releases(shown.page)
        newest = max(releases, key=lambda release: release.rank, default=None)
        return await self._answer(request, shown, ask, newest, releases)

    async def release(self, request: Request, project: str, version: str) -> Answer:
        """One release."""
        name = normalise(project)
        if name != project:
            return moved(with_query(f"../../{name}/{quote(version, safe='')}/json", request))
        ask = ask_of(request, local=False)
        shown = await self._pages.shown(name, ask)
        for release in _releases(shown.page):
            if canonicalize_version(release.version or "") == canonicalize_version(version):
                return await self._answer(request, shown, ask, release, None)
        raise ProjectAbsent(project=f"{name} {version}")

    async def _answer(
        self,
        request: Request,
        shown: ShownPage,
        ask: Ask,
        release: Release | None,
        releases: list[Release] | None,
    ) -> Answer:
        base = base_url(request, self._public_url)
        release = release or Release(version=None)
        metadata = await self._metadata(release.files, ask)

        def encoded() -> bytes:
            def listed(some: Iterable[File]) -> list[dict[str, Any]]:
                return [
                    _file(file, f"{base}files/{identity_of(file).segment}/{quote(file.filename, safe='')}")
                    for file in some
                ]

            value: dict[str, Any] = {
                "info": _project(shown.project, release, metadata, base),
                "last_serial": shown.serial,
                "urls": listed(release.files),
                "vulnerabilities": [],
            }
            if releases is not None:
                value["releases"] = {each.version: listed(each.files) for each in sorted(releases, key=_age)}
            return msgspec.json.encode(value)

        listed_files = sum(len(each.files) for each in releases or [release])
        body = await self._pool(encoded) if listed_files > LARGE_PAGE_FILES else encoded()
        headers = {
            "ETag": f'"{hashlib.sha256(body).hexdigest()}"',
            "Cache-Control": stated_lifetime(self._client_max_age_s, 0.0, None),
            "Age": str(stated_age(shown.age_s)),
        }
        if shown.serial is not None:
            headers["X-PyPI-Last-Serial"] = str(shown.serial)
        if self._public_url is None:
            headers["Vary"] = "Host"
        if etag_matches(field_of(request, "if-none-match"), headers["ETag"]):
            return Answer(status=304, headers=headers, outcome=shown.outcome)
        return Answer(headers={**headers, "Content-Type": JSON}, body=body, outcome=shown.outcome)

    async def _metadata(self, files: Iterable[File], ask: Ask) -> RawMetadata:
        for file in sorted(files, key=lambda file: (not file.filename.endswith(".whl"), file.filename)):
            if file.core_metadata is False or (file.core_metadata is None and not file.filename.endswith(".whl")):
                continue
            try:
                shown = await self._sidecars.sidecar(identity_of(file), file.filename, ask)
            except TiercacheError:
                return RawMetadata()  # the page alone is an answer
            return parse_email(shown.data)[0]
        return RawMetadata()


def _releases(page: Page) -> list[Release]:
    """The files by version; a file whose name tells none is in no release, nor is any of a quarantined project."""
    releases: dict[str, Release] = {}
    if page.status is not None and page.status.status == "quarantined":  # PEP 792
        return []
    for file in page.files:
        version = version_in(file.filename, page.project)
        if version is not None:
            key = canonicalize_version(version)
            releases.setdefault(key, Release(version=version)).files.append(file)
    return list(releases.values())


def _age(release: Release) -> tuple[bool, Version, str]:
    """Older releases first, and before them what has no version by PEP 440."""
    parsed = release.parsed
    return parsed is not None, parsed or Version("0"), release.version or ""


def _project(name: str, release: Release, metadata: RawMetadata, base: str) -> dict[str, Any]:
    text: Callable[[str], Any] = metadata.get
    files = release.files
    yanked = bool(files) and all(file.yanked for file in files)
    reasons = [file.yanked for file in files if isinstance(file.yanked, str) and file.yanked]
    simple = f"{base}simple/{name}/"
    return {
        "author": text("author"),
        "author_email": text("author_email"),
        "bugtrack_url": None,
        "classifiers": text("classifiers") or [],
        "description": text("description"),
        "description_content_type": text("description_content_type"),
        "docs_url": None,
        "download_url": text("download_url"),
        "downloads": {"last_day": -1, "last_month": -1, "last_week": -1},
        "dynamic": text("dynamic"),
        "home_page": text("home_page"),
        "keywords": ",".join(text("keywords") or []) or None,
        "license": text("license"),
        "license_expression": text("license_expression"),
        "license_files": text("license_files"),
        "maintainer": text("maintainer"),
        "maintainer_email": text("maintainer_email"),
        "name": text("name") or name,
        "package_url": simple,
        "platform": ",".join(text("platforms") or []) or None,
        "project_url": simple,
        "project_urls": text("project_urls") or None,
        "provides_extra": text("provides_extra"),
        "release_url": simple,
        "requires_dist": text("requires_dist"),
        "requires_python": text("requires_python")
        or next((f.requires_python for f in files if f.requires_python), None),
        "summary": text("summary"),
        "version": release.version,
        "yanked": yanked,
        "yanked_reason": reasons[0] if yanked and reasons else None,
    }


def _file(file: File, url: str) -> dict[str, Any]:
    kind = parse_filename(file.filename).kind
    uploaded = file.upload_time
    return {
        "comment_text": None,
        "digests": dict(file.hashes),
        "downloads": -1,
        "filename": file.filename,
        "has_sig": bool(file.gpg_sig),
        "md5_digest": file.hashes.get("md5"),
        "packagetype": _PACKAGE_TYPES.get(kind, "bdist_dumb"),
        "python_version": _python_of(file.filename, kind),
        "requires_python": file.requires_python,
        "size": file.size,
        "upload_time": uploaded[:19] if uploaded else None,
        "upload_time_iso_8601": uploaded,
        "url": url,
        "yanked": bool(file.yanked),
        "yanked_reason": file.yanked if isinstance(file.yanked, str) and file.yanked else None,
    }


def _python_of(filename: str, kind: FilenameKind) -> str:
    match kind:
        case FilenameKind.SDIST:
            return "source"
        case FilenameKind.WHEEL if filename.count("-") >= 4:
            return filename.split("-")[-3]
        case _:
            return "any"
