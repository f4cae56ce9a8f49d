"""Where uploads and documents go: known before a body is read, since these bodies are taken in while they come."""

from __future__ import annotations

from tiercache.wire import ROOT
from tiercache.wire.prefetch import PREFETCH, READY

FORM_PATHS = ("/legacy", "/legacy/", "/simple", "/simple/", "/")
"""Of the form that twine, uv, flit, poetry and setuptools send; without a slash where somebody configured that."""

SDIST_PATHS = ("/uploadpackage", "/uploadpackage/")
"""Of pypicache's form."""

FILE_PATH = "/packages/<path:directories>/<filename>"
"""Of a file that is put as it is."""

REQUIREMENTS_PATH = "/requirements.txt"
"""Of requirements, in pypicache's form."""

DOCUMENT_PATHS = (f"/{ROOT}{PREFETCH}", f"/{ROOT}{READY}", REQUIREMENTS_PATH)
"""Of what is to be prefetched."""

_POSTED = frozenset(path.encode() for path in (*FORM_PATHS, *SDIST_PATHS, *DOCUMENT_PATHS))


def is_upload(method: bytes, target: bytes) -> bool:
    """Whether a request's method and target, as they came, are those of an upload, or of documents.

    One that is written in another way (with what need not be encoded encoded) has its body limited as any other.
    """
    path = target.partition(b"?")[0]
    scheme, separator, rest = path.partition(b"://")
    if separator and scheme.lower() in (b"http", b"https"):  # RFC 9112 section 3.2.2
        path = b"/" + rest.partition(b"/")[2]
    return (method == b"POST" and path in _POSTED) or (method == b"PUT" and path.startswith(b"/packages/"))
