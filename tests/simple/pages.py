"""Hypothesis strategies for pages: any value that the model allows, and those that the parsers themselves make."""

from __future__ import annotations

from hypothesis import strategies as st

from tiercache.simple.digests import HEX_LENGTHS
from tiercache.simple.model import File, Page, ProjectName, ProjectStatus

TEXT = st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
EXTRA = st.dictionaries(TEXT, JSON, max_size=3)
ANY_FILE = st.builds(
    File,
    filename=TEXT,
    url=TEXT,
    hashes=st.dictionaries(st.sampled_from(sorted(HEX_LENGTHS)) | TEXT, TEXT, max_size=3),
    requires_python=st.none() | TEXT,
    core_metadata=st.none() | st.booleans() | st.dictionaries(TEXT, TEXT, max_size=2),
    gpg_sig=st.none() | st.booleans(),
    yanked=st.booleans() | TEXT,
    size=st.none() | st.integers(0, 2**70),
    upload_time=st.none() | TEXT,
    provenance=st.none() | TEXT,
    extra=EXTRA,
)
STATUSES = st.builds(ProjectStatus, status=TEXT, reason=st.none() | TEXT)
ANY_PAGE = st.builds(
    Page,
    project=TEXT.map(ProjectName),
    files=st.lists(ANY_FILE, max_size=3).map(tuple),
    versions=st.none() | st.lists(TEXT, max_size=3).map(tuple),
    status=st.none() | STATUSES,
    meta_extra=EXTRA,
    extra=EXTRA,
)


def digests(algorithms: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    """One well-formed digest by its name."""
    return algorithms.flatmap(
        lambda name: st.text("0123456789abcdef", min_size=HEX_LENGTHS[name], max_size=HEX_LENGTHS[name]).map(
            lambda value: {name: value}
        )
    )


# No NUL, which HTML cannot carry; and no text that is empty, which HTML cannot tell from none.
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
_TIMES = st.datetimes().map(lambda time: time.replace(microsecond=0, fold=0).isoformat() + "Z")
_STEMS = st.text("abcdefghijklmnopqrstuvwxyz0123456789_+%&'\"<> é", min_size=1, max_size=12).map("x{}y".format)
_WRITTEN = st.sampled_from(sorted(HEX_LENGTHS.keys() - {"blake2b_256"}))  # which JSON cannot carry to every client
_NONE: dict[str, str] = {}
_DIGESTS = st.just(_NONE) | digests(_WRITTEN)
_KEYS = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=8).map("x-{}".format)

PARSED_FILE = st.builds(
    File,
    filename=st.tuples(_STEMS, st.sampled_from(["-1.0.tar.gz", "-1.0-py3-none-any.whl", "-2.zip"])).map("".join),
    url=st.just("https://tier.example/f"),
    hashes=_DIGESTS,
    requires_python=st.none() | WORDS,
    core_metadata=st.none() | st.booleans() | digests(_WRITTEN),
    gpg_sig=st.none() | st.booleans(),
    yanked=st.booleans() | WORDS,
    size=st.none() | st.integers(0, 2**50),
    upload_time=st.none() | _TIMES,
    provenance=st.none() | st.just("https://tier.example/p"),
    extra=st.dictionaries(_KEYS, JSON, max_size=2),
)
PARSED_PAGE = st.builds(
    Page,
    project=st.just(ProjectName("some-project")),
    files=st.lists(PARSED_FILE, max_size=4, unique_by=lambda file: file.filename).map(tuple),
    versions=st.none() | st.lists(WORDS, max_size=3).map(tuple),
    status=st.none()
    | st.builds(
        ProjectStatus,
        status=st.sampled_from(["active", "archived", "deprecated", "of-the-future"]),
        reason=st.none() | st.text("abc <>&\"'é", min_size=1).map(str.strip).filter(bool),
    ),
    meta_extra=st.dictionaries(_KEYS, JSON, max_size=2),
    extra=st.dictionaries(_KEYS, JSON, max_size=2),
)
