"""Project pages and lists as bytes: JSON (PEP 691) and its rendering in HTML (PEP 503, 833).

The same page gives the same bytes, whatever the order of its mappings, so that its digest is a strong ETag.  URLs
are the caller's.  Two choices, made for the clients that there are:

* JSON says `core-metadata` only.  PEP 714 asks for that name, and every client that reads JSON sidecars from the
  public index today knows it; HTML carries the old name as well.
* `upload-time`, `versions` and `project-status` stand in a page of api-version 1.0 too (one with a file of unknown
  size: PEP 700 makes sizes mandatory from 1.1 on).  There they are keys that a client may ignore, and pip and uv,
  which look at no minor version, find in them what `--uploaded-prior-to` and `--exclude-newer` need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

import msgspec
from packaging.version import InvalidVersion, Version

from tiercache.simple.digests import fragment_digest, written_digests
from tiercache.simple.model import File, Page, ProjectName
from tiercache.simple.names import version_in

API_VERSION = "1.4"
API_VERSION_WITHOUT_SIZES = "1.0"

FileUrl = Callable[[File], str]
"""The URL of a file here, relative or absolute, quoted; its sidecar is at that + `.metadata`, its provenance at
that + `.provenance`."""

_ENCODER = msgspec.json.Encoder(order="sorted")


def api_version(page: Page) -> str:
    """The api-version that a page may claim: 1.4, or 1.0 if the size of any file that it offers is unknown."""
    return API_VERSION if all(file.size is not None for file in _offered(page)) else API_VERSION_WITHOUT_SIZES


def render_json(page: Page, *, file_url: FileUrl, serial: int | None = None) -> bytes:
    """A project page as `application/vnd.pypi.simple.v1+json`; `serial` becomes `_last-serial`."""
    detail: dict[str, Any] = {
        **page.extra,
        "meta": _meta(page.meta_extra, api_version(page), serial),
        "name": page.project,
        "files": [msgspec.Raw(_ENCODER.encode(_file_json(file, file_url(file)))) for file in _offered(page)],  # pieces
    }
    versions = _versions(page)
    if versions is not None:
        detail["versions"] = versions
    if page.status is not None:
        detail["project-status"] = {"status": page.status.status}
        if page.status.reason is not None:
            detail["project-status"]["reason"] = page.status.reason
    return _ENCODER.encode(detail)


def render_html(page: Page, *, file_url: FileUrl, serial: int | None = None) -> bytes:
    """A project page as `application/vnd.pypi.simple.v1+html`, in UTF-8; unknown keys have no place in it."""
    head = [_meta_html("pypi:repository-version", api_version(page))]
    if page.status is not None:
        head.append(_meta_html("pypi:project-status", page.status.status))
        if page.status.reason is not None:
            head.append(_meta_html("pypi:project-status-reason", page.status.reason))
    links = [_file_html(file, file_url(file)) for file in _offered(page)]
    return _document(f"Links for {page.project}", head, links, serial)


def render_project_list_json(names: Iterable[ProjectName], serial: int | None = None) -> bytes:
    """The project list in JSON, sorted by name."""
    projects = [{"name": name} for name in sorted(set(names))]
    return _ENCODER.encode({"meta": _meta({}, API_VERSION, serial), "projects": projects})


def render_project_list_html(names: Iterable[ProjectName], serial: int | None = None) -> bytes:
    """The project list in HTML, sorted by name; each link is relative to the list."""
    links = [f'<a href="{name}/">{name}</a>' for name in sorted(set(names))]
    return _document("Simple index", [_meta_html("pypi:repository-version", API_VERSION)], links, serial)


def _offered(page: Page) -> tuple[File, ...]:
    # PEP 792: a quarantined project offers no files.
    return () if page.status is not None and page.status.status == "quarantined" else page.files


def _meta(extra: Mapping[str, Any], version: str, serial: int | None) -> dict[str, Any]:
    meta = {**extra, "api-version": version}
    if serial is not None:
        meta["_last-serial"] = serial
    return meta


def _versions(page: Page) -> list[str] | None:
    """As the tier listed them; else those of the files if the page has to have some, the oldest first."""
    if page.versions is not None:
        return list(page.versions)
    offered = _offered(page)
    if any(file.size is None for file in offered):
        return None
    found = {version for file in offered if (version := version_in(file.filename, page.project)) is not None}
    return sorted(found, key=_by_age)


def _by_age(version: str) -> tuple[bool, Version, str]:
    try:
        return True, Version(version), version
    except InvalidVersion:
        return False, Version("0"), version


def _file_json(file: File, url: str) -> dict[str, Any]:
    # uv refuses a whole page for a null where it looks for a value, so what is not known is not said.
    item: dict[str, Any] = {
        **file.extra,
        "filename": file.filename,
        "hashes": written_digests(file.hashes),
        "url": url,
    }
    core_metadata = _core_metadata_json(file.core_metadata)
    if core_metadata is not None:
        item["core-metadata"] = core_metadata
    if file.requires_python is not None:
        item["requires-python"] = file.requires_python
    if file.gpg_sig is not None:
        item["gpg-sig"] = file.gpg_sig
    if file.yanked is not False:
        item["yanked"] = file.yanked or True
    if file.size is not None:
        item["size"] = file.size
    if file.upload_time is not None:
        item["upload-time"] = file.upload_time
    if file.provenance is not None:
        item["provenance"] = f"{url}.provenance"
    return item


def _core_metadata_json(given: Mapping[str, str] | bool | None) -> dict[str, str] | bool | None:
    return given if given is None or isinstance(given, bool) else written_digests(given) or True


def _file_html(file: File, url: str) -> str:
    digest = fragment_digest(file.hashes)
    attributes = [("href", f"{url}#{digest}" if digest else url)]
    if file.requires_python is not None:
        attributes.append(("data-requires-python", file.requires_python))
    # pip takes any value but "true" and a digest for "there is one", "false" too: no sidecar is told by no attribute.
    if file.core_metadata is not None and file.core_metadata is not False:
        told = "true" if file.core_metadata is True else fragment_digest(file.core_metadata) or "true"
        attributes += [("data-core-metadata", told), ("data-dist-info-metadata", told)]  # PEP 714
    if file.gpg_sig is not None:
        attributes.append(("data-gpg-sig", "true" if file.gpg_sig else "false"))
    if file.yanked is not False:
        attributes.append(("data-yanked", file.yanked if isinstance(file.yanked, str) else ""))
    if file.provenance is not None:
        attributes.append(("data-provenance", f"{url}.provenance"))
    # Not of any standard, but uv reads them, and so does a node that has only HTML to read.
    if file.size is not None:
        attributes.append(("data-size", str(file.size)))
    if file.upload_time is not None:
        attributes.append(("data-upload-time", file.upload_time))
    written = " ".join(f'{name}="{_escaped(value)}"' for name, value in attributes)
    return f"<a {written}>{_escaped(file.filename)}</a>"


def _meta_html(name: str, content: str) -> str:
    return f'<meta name="{name}" content="{_escaped(content)}">'


def _document(title: str, head: list[str], links: list[str], serial: int | None) -> bytes:
    lines = [
        "<!DOCTYPE html>",
        "<html>",
        "<head>",
        '<meta charset="utf-8">',
        *head,
        f"<title>{_escaped(title)}</title>",
        "</head>",
        "<body>",
        f"<h1>{_escaped(title)}</h1>",
        *(f"{link}<br>" for link in links),
        "</body>",
        "</html>",
    ]
    if serial is not None:
        lines.append(f"<!--SERIAL {serial}-->")  # as the public index and its mirrors end their pages
    return ("\n".join(lines) + "\n").encode()


def _escaped(text: str) -> str:
    # A parser reads CR as LF, and gives up on NUL, unless they are escaped or gone.
    return escape(text, quote=True).replace("\r", "&#13;").replace("\0", "\ufffd")
