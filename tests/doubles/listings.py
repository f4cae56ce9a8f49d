"""Project pages as a fake index writes them: plain HTML like an old mirror's, and JSON (PEP 691, 700, 714).

Written apart from `tiercache.simple` on purpose: a mistake there must not be mirrored here.
"""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Iterable
from urllib.parse import quote

from packaging.utils import canonicalize_name

from tests.doubles.distributions import Archive
from tests.doubles.universe import Project

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "text/html; charset=utf-8"


def file_path(archive: Archive) -> str:
    """Where the index serves an archive, from the root of the host."""
    spread = archive.hashes["blake2b"]
    return f"/files/{spread[:2]}/{spread[2:10]}/{quote(archive.filename)}"


def html_page(project: Project, archives: Iterable[Archive], sidecars: bool) -> bytes:
    """The page of PEP 503, with the sidecars' digests (PEP 714) if `sidecars`; URLs relative to the page."""
    lines = ["<!DOCTYPE html>", "<html><head>", '<meta name="pypi:repository-version" content="1.0">']
    lines += [f"<title>Links for {project.name}</title></head><body>", f"<h1>Links for {project.name}</h1>"]
    for archive in archives:
        fragment = "".join(f"#{name}={archive.hashes[name]}" for name in project.digests[:1])
        attributes = {"href": f"../..{file_path(archive)}{fragment}"}
        if archive.release.requires_python:
            attributes["data-requires-python"] = archive.release.requires_python
        if archive.release.yanked:
            attributes["data-yanked"] = "" if archive.release.yanked is True else archive.release.yanked
        if sidecars and archive.metadata is not None:
            digest = f"sha256={hashlib.sha256(archive.metadata).hexdigest()}"
            attributes |= {"data-core-metadata": digest, "data-dist-info-metadata": digest}
        spelled = " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes.items())
        lines.append(f"<a {spelled}>{html.escape(archive.filename)}</a><br>")
    return "\n".join([*lines, "</body></html>", ""]).encode()


def json_page(project: Project, archives: Iterable[Archive], base: str) -> bytes:
    """The page of api-version 1.1; file URLs are absolute, below `base` (scheme and host)."""
    files = []
    for archive in archives:
        file: dict[str, object] = {
            "filename": archive.filename,
            "url": base + file_path(archive),
            "hashes": {name: archive.hashes[name] for name in project.digests},
            "size": archive.size_bytes,
            "upload-time": archive.release.uploaded,
            "yanked": archive.release.yanked,
        }
        if archive.release.requires_python:
            file["requires-python"] = archive.release.requires_python
        if archive.metadata is not None:
            file["core-metadata"] = {"sha256": hashlib.sha256(archive.metadata).hexdigest()}
        files.append(file)
    versions = list(dict.fromkeys(release.version for release in project.releases))
    page = {"meta": {"api-version": "1.1"}, "name": canonicalize_name(project.name), "versions": versions}
    return json.dumps(page | {"files": files}).encode()


def html_list(projects: Iterable[Project]) -> bytes:
    """The project list of PEP 503."""
    links = "\n".join(f'<a href="{html.escape(one.name)}/">{html.escape(one.name)}</a>' for one in projects)
    return f"<!DOCTYPE html>\n<html><body>\n{links}\n</body></html>\n".encode()


def json_list(projects: Iterable[Project]) -> bytes:
    """The project list of PEP 691."""
    named = [{"name": canonicalize_name(one.name)} for one in projects]
    return json.dumps({"meta": {"api-version": "1.1"}, "projects": named}).encode()
