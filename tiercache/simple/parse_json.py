"""Project pages in JSON (PEP 691, 700, 714, 740, 792) to values.

What is wrong with one file costs that file; what is wrong with the page as a whole makes it unusable.  Unknown keys
are kept, except those that begin with an underscore: they are the sending server's own (PEP 691), and their one use
here is `_last-serial`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from tiercache.errors import InvalidName, PageUnusable
from tiercache.simple.digests import read_digests
from tiercache.simple.file_fields import read_core_metadata, read_fragment, read_upload_time
from tiercache.simple.links import Links, UnusableLink, shown_link
from tiercache.simple.model import File, Page, ProjectName, ProjectStatus
from tiercache.simple.names import checked_filename, normalise
from tiercache.simple.parsed import Dropped, Parsed, checked_api_version
from tiercache.simple.pieces import fields_of, is_array, values_of

MAX_EXTRA_DEPTH = 32
"""How deep the value of an unknown key may be nested and still be kept: it is written again, and deeper."""

_PAGE_KEYS = frozenset({"meta", "name", "files", "versions", "project-status"})
_META_KEYS = frozenset({"api-version"})
_CORE_METADATA_KEYS = ("core-metadata", "data-dist-info-metadata", "dist-info-metadata")  # PEP 714, best first
_FILE_KEYS = frozenset(
    {
        "filename",
        "url",
        "hashes",
        "requires-python",
        "gpg-sig",
        "yanked",
        "size",
        "upload-time",
        "provenance",
        *_CORE_METADATA_KEYS,
    }
)


class _Malformed(ValueError):
    """A value of the wrong type; the message says which."""


def parse_json(data: bytes, *, url: str, project: ProjectName) -> Parsed:
    """Read a project page; `url` is the page's own, against which its links resolve.

    Raises PageUnusable for what is no JSON, no project page, another project's, or of a greater major api-version.
    """
    text = data.removeprefix(b"\xef\xbb\xbf")
    with _told_as_unusable():
        try:
            fields = fields_of(text)
        except msgspec.ValidationError:
            return read_json(msgspec.json.decode(text), url=url, project=project)
        files = fields.pop("files", None)
        top: dict[str, Any] = {key: msgspec.json.decode(value) for key, value in fields.items()}
        if files is not None:
            top["files"] = values_of(files) if is_array(files) else msgspec.json.decode(files)
        return read_json(top, url=url, project=project)


def read_json(top: Any, *, url: str, project: ProjectName) -> Parsed:
    """The same, from JSON that is decoded already; its files may be an iterator."""
    if not isinstance(top, dict):
        raise PageUnusable(reason="it is no JSON object")
    meta = top.get("meta", {})
    files = top.get("files")
    if not isinstance(meta, dict) or not isinstance(meta.get("api-version", "1.0"), str):
        raise PageUnusable(reason="its meta is malformed")
    api_version = checked_api_version(meta.get("api-version", "1.0"))  # before all else: a 2.0 may look quite different
    if not isinstance(files, list | Iterator):
        raise PageUnusable(reason="it has no list of files")
    _check_name(top.get("name"), project)
    kept, dropped = _read_files(files, url)
    page = Page(
        project=project,
        files=kept,
        versions=_read_versions(top.get("versions")),
        status=_read_status(top.get("project-status")),
        meta_extra=_unknown(meta, _META_KEYS),
        extra=_unknown(top, _PAGE_KEYS),
    )
    return Parsed(page=page, dropped=dropped, serial=_read_serial(meta.get("_last-serial")), api_version=api_version)


@contextmanager
def _told_as_unusable() -> Iterator[None]:
    try:
        yield
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise PageUnusable(reason="it is no JSON") from None
    except RecursionError:
        raise PageUnusable(reason="its JSON is nested too deeply") from None


def _check_name(name: object, project: ProjectName) -> None:
    if not isinstance(name, str):
        raise PageUnusable(reason="it names no project")
    try:
        same = normalise(name) == project
    except InvalidName:
        same = False
    if not same:
        raise PageUnusable(reason=f"it is the page of {name[:100]!r}, not of {project}")


def _read_versions(given: object) -> tuple[str, ...] | None:
    if given is None:
        return None
    if not isinstance(given, list) or not all(isinstance(version, str) for version in given):
        raise PageUnusable(reason="its versions are no list of texts")
    return tuple(given)


def _read_status(given: object) -> ProjectStatus | None:
    # A quarantine must not be lost to a typing error: what cannot be read makes the page unusable.
    match given:
        case None:
            return None
        case {"status": str(status), "reason": str(reason)}:
            return ProjectStatus(status=status, reason=reason)
        case {"status": str(status), "reason": None}:
            return ProjectStatus(status=status)
        case {"status": str(status), **rest} if "reason" not in rest:
            return ProjectStatus(status=status)
        case _:
            raise PageUnusable(reason="its project-status is malformed")


def _read_serial(given: object) -> int | None:
    return given if type(given) is int and given >= 0 else None


def _read_files(given: Iterable[Any], url: str) -> tuple[tuple[File, ...], tuple[Dropped, ...]]:
    links = Links(base=url)
    files: dict[str, File] = {}
    dropped: list[Dropped] = []
    for item in given:
        try:
            file = _read_file(item, links)
        except (_Malformed, UnusableLink) as error:
            dropped.append(Dropped(what=_shown(item), reason=str(error)))
            continue
        if file.filename in files:
            dropped.append(Dropped(what=file.filename, reason="the page lists that filename before"))
            continue
        files[file.filename] = file
    return tuple(files.values()), tuple(dropped)


def _read_file(item: object, links: Links) -> File:
    if not isinstance(item, dict):
        raise _Malformed("it is no JSON object")
    get = item.get
    filename, link = get("filename"), get("url")
    if not isinstance(filename, str) or not isinstance(link, str):
        raise _Malformed("its filename or url is missing or no text")
    try:
        checked_filename(filename)
    except InvalidName:
        raise _Malformed("its filename is none") from None
    requires_python, upload_time, provenance = get("requires-python"), get("upload-time"), get("provenance")
    for key, text in (("requires-python", requires_python), ("upload-time", upload_time), ("provenance", provenance)):
        if text is not None and not isinstance(text, str):
            raise _Malformed(f"its {key} is no text")
    size, gpg_sig, yanked = get("size"), get("gpg-sig"), get("yanked")
    if size is not None and (type(size) is not int or size < 0):
        raise _Malformed("its size is no number of bytes")
    if gpg_sig is not None and not isinstance(gpg_sig, bool):
        raise _Malformed("its gpg-sig is neither true nor false")
    if yanked is not None and not isinstance(yanked, bool | str):
        raise _Malformed("its yanked is neither a reason nor true or false")
    url, fragment = links.resolve(link)
    return File(
        filename=filename,
        url=url,
        hashes=_read_hashes(get("hashes"), fragment),
        requires_python=requires_python or None,
        core_metadata=_read_core_metadata(item),
        gpg_sig=gpg_sig,
        yanked=yanked or False,  # PEP 691: a truthy value means yanked
        size=size,
        upload_time=None if upload_time is None else read_upload_time(upload_time),
        provenance=_read_provenance(provenance, links),
        extra=_unknown(item, _FILE_KEYS),
    )


def _read_hashes(given: object, fragment: str) -> dict[str, str]:
    if given is None:
        given = {}
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise _Malformed("its hashes are no texts by name")
    try:
        digests = read_digests(given)
        return {**read_fragment(fragment), **digests} if fragment else digests
    except ValueError as error:
        raise _Malformed(str(error)) from None


def _read_core_metadata(item: Mapping[str, Any]) -> Mapping[str, str] | bool | None:
    given = next((item[key] for key in _CORE_METADATA_KEYS if item.get(key) is not None), None)
    if given is None:
        return None
    if isinstance(given, bool) or (isinstance(given, dict) and all(isinstance(text, str) for text in given.values())):
        return read_core_metadata(given)
    raise _Malformed("its core-metadata is neither true, false nor digests by name")


def _read_provenance(given: str | None, links: Links) -> str | None:
    if not given:
        return None
    try:
        return links.resolve(given)[0]
    except UnusableLink:
        return None  # the file is as good without


def _unknown(given: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    if given.keys() <= known:
        return {}
    return {
        key: value
        for key, value in given.items()
        if key not in known and not key.startswith("_") and _is_shallow(value, MAX_EXTRA_DEPTH)
    }


def _is_shallow(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        return depth > 0 and all(_is_shallow(inner, depth - 1) for inner in value.values())
    if isinstance(value, list):
        return depth > 0 and all(_is_shallow(inner, depth - 1) for inner in value)
    return True


def _shown(item: object) -> str:
    if isinstance(item, dict):
        for key in ("filename", "url"):
            if isinstance(item.get(key), str) and item[key]:
                return shown_link(item[key])
    return "an entry without a name"
