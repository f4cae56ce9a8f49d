"""Project pages in HTML (PEP 503, 592, 629, 658, 714, 740, 792) to values.

Any HTML is read, however malformed, as browsers read it; links that are no distribution files are dropped.  What has
no such link at all is an empty project only if it looks like one: a login page is not an empty project.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from tiercache.errors import PageUnusable
from tiercache.simple.file_fields import read_core_metadata, read_fragment, read_upload_time
from tiercache.simple.links import Links, UnusableLink, filename_in, shown_link
from tiercache.simple.model import File, Page, ProjectName, ProjectStatus
from tiercache.simple.names import is_distribution
from tiercache.simple.parsed import Dropped, Parsed, checked_api_version

MAX_OPEN_ELEMENTS = 1_000
"""How many elements of one kind may be open at once: the parser's time grows with the square of the depth."""

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_SERIAL = re.compile(rb"<!--\s*SERIAL\s+(\d{1,18})\s*-->\s*\Z")
_TAG = re.compile(rb"<(/?)([A-Za-z][A-Za-z0-9]*)")
# Elements that hold nothing, or that the next of their kind closes: many of them open are no depth.
_FLAT = frozenset(
    b"a area base br col dd dt hr img input li link meta option p script style tbody td th thead title tr wbr".split()
)
_SIZE = re.compile(r"\d{1,18}", re.ASCII)
_LOOKS_LIKE_AN_INDEX = re.compile(r"\blinks for\b|\bindex of\b|\bsimple index\b|\bdirectory listing\b", re.IGNORECASE)
# What a page that wants something of a person has, and a list of files has not.
_FOR_PEOPLE = "form, input, iframe, frameset, script, meta[http-equiv=refresh i]"


def parse_html(text: bytes, *, url: str, project: ProjectName, content_charset: str | None = None) -> Parsed:
    """Read a project page; `url` is the page's own, `content_charset` the charset of its Content-Type, if any.

    Raises PageUnusable for what is no HTML or no project page, or is of a greater major repository-version.
    """
    decoded = _decoded(text, content_charset)
    try:
        tree = LexborHTMLParser(decoded)
    except (SelectolaxError, ValueError):
        raise PageUnusable(reason="it is no HTML") from None
    meta = _read_meta(tree)
    api_version = checked_api_version(meta.get("pypi:repository-version", "1.0"))  # PEP 629
    files, dropped, listed = _read_files(tree, Links(base=_base(tree, url)))
    if not listed and "pypi:repository-version" not in meta and not _is_empty_listing(tree, decoded, project):
        raise PageUnusable(reason="it lists no files, and does not look like the page of a project without any")
    serial = _SERIAL.search(text[-200:])
    page = Page(project=project, files=files, status=_read_status(meta))
    return Parsed(
        page=page, dropped=dropped, serial=None if serial is None else int(serial[1]), api_version=api_version
    )


def _decoded(text: bytes, charset: str | None) -> bytes:
    """The page in UTF-8, if it is text and its elements are not too deep."""
    charset = next((encoding for mark, encoding in _MARKS if text.startswith(mark)), charset)
    name = _codec(charset)
    if name not in (None, "utf-8", "ascii"):
        text = text.decode(name, "replace").encode()
    elif not _is_utf8(text):
        text = text.decode("cp1252", "replace").encode()  # as browsers read what declares nothing, or wrongly
    if b"\0" in text:
        raise PageUnusable(reason="it is no text")
    still_open: Counter[bytes] = Counter()
    for match in _TAG.finditer(text):
        tag = match[2].lower()
        if tag in _FLAT:
            continue
        still_open[tag] += -1 if match[1] else 1
        if still_open[tag] > MAX_OPEN_ELEMENTS:
            raise PageUnusable(reason="its elements are nested too deeply")
    return text


def _codec(charset: str | None) -> str | None:
    """The name of the codec of a charset that pages may be in; None for none and for any other."""
    if charset is None:
        return None
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        return None
    return name if name in ("utf-8", "ascii", "utf-16") or name.startswith(("iso8859", "cp125")) else None


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _base(tree: LexborHTMLParser, url: str) -> str:
    node = tree.css_first("base[href]")
    if node is None:
        return url
    try:
        return Links(base=url).resolve(node.attributes["href"] or "")[0]
    except UnusableLink:
        return url


def _read_meta(tree: LexborHTMLParser) -> dict[str, str]:
    """The `pypi:` meta elements: the first of each name."""
    meta: dict[str, str] = {}
    for node in tree.css("meta[name]"):
        attributes = node.attributes
        name = (attributes.get("name") or "").strip().lower()
        if name.startswith("pypi:"):
            meta.setdefault(name, (attributes.get("content") or "").strip())
    return meta


def _read_status(meta: dict[str, str]) -> ProjectStatus | None:
    status = meta.get("pypi:project-status")
    if not status:
        return None
    return ProjectStatus(status=status, reason=meta.get("pypi:project-status-reason") or None)


def _read_files(tree: LexborHTMLParser, links: Links) -> tuple[tuple[File, ...], tuple[Dropped, ...], bool]:
    """The files, what was dropped, and whether there was any link to something like a distribution file."""
    files: dict[str, File] = {}
    dropped: list[Dropped] = []
    listed = False
    for attributes in _links(tree):
        link = attributes["href"] or ""
        listed = listed or is_distribution(re.split(r"[?#]", link, maxsplit=1)[0].rstrip())
        try:
            file = _read_file(attributes, links)
        except UnusableLink as error:
            dropped.append(Dropped(what=shown_link(link), reason=str(error)))
            continue
        if file.filename in files:
            dropped.append(Dropped(what=file.filename, reason="the page lists that filename before"))
            continue
        files[file.filename] = file
    return tuple(files.values()), tuple(dropped), listed


def _links(tree: LexborHTMLParser) -> Iterator[dict[str, str | None]]:
    """The attributes of each link; one node at a time, since a list of thousands is the garbage collector's to see."""
    for node in () if tree.root is None else tree.root.traverse():
        if node.tag == "a" and "href" in (attributes := node.attributes):
            yield attributes


def _read_file(attributes: dict[str, str | None], links: Links) -> File:
    url, fragment = links.resolve(attributes["href"] or "")
    filename = filename_in(url)
    if not is_distribution(filename):
        raise UnusableLink("it is no distribution file")
    try:
        hashes = read_fragment(fragment)
    except ValueError as error:
        raise UnusableLink(str(error)) from None
    get = attributes.get
    size = (get("data-size") or "").strip()
    return File(
        filename=filename,
        url=url,
        hashes=hashes,
        requires_python=get("data-requires-python") or None,
        core_metadata=_read_core_metadata(attributes),
        gpg_sig={"true": True, "false": False}.get((get("data-gpg-sig") or "").strip().lower()),
        yanked=(get("data-yanked") or True) if "data-yanked" in attributes else False,  # PEP 592: its presence counts
        size=int(size) if _SIZE.fullmatch(size) else None,
        upload_time=read_upload_time(get("data-upload-time") or ""),
        provenance=_read_provenance(get("data-provenance"), links),
    )


def _read_core_metadata(attributes: dict[str, str | None]) -> Mapping[str, str] | bool | None:
    given = attributes.get("data-core-metadata")  # PEP 714: the new name before the old
    if given is None:
        given = attributes.get("data-dist-info-metadata")
    given = (given or "").strip()
    match given.lower():
        case "true" | "false" as word:
            return read_core_metadata(word == "true")
        case word if "=" in word:
            name, _, value = word.partition("=")
            return read_core_metadata({name: value})
        case _:
            return None


def _read_provenance(given: str | None, links: Links) -> str | None:
    if not given:
        return None
    try:
        return links.resolve(given)[0]
    except UnusableLink:
        return None  # the file is as good without


def _is_empty_listing(tree: LexborHTMLParser, text: bytes, project: ProjectName) -> bool:
    """Whether a page without files is a project's all the same: it says so in its title or heading, or nothing."""
    if _TAG.search(text) is None and b"<!" not in text:
        return False
    if tree.css_first(_FOR_PEOPLE) is not None:
        return False
    headings = [node.text(strip=True) for node in tree.css("title, h1")]
    for heading in headings:
        if _LOOKS_LIKE_AN_INDEX.search(heading) or re.sub(r"[-_.]+", "-", heading).lower() == project:
            return True
    body = tree.body
    return not any(headings) and (body is None or not body.text(strip=True))
