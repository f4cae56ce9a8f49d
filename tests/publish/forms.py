"""Upload forms as the clients send them, taken apart: which fields, in which order, and how they are spelt.

Each was written after the client's own source; real clients are in `tests/acceptance`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tiercache.publish.form import FilePart, Form, FormField

SHA256, BLAKE2B_256, BLAKE2B, MD5 = "a" * 64, "b" * 64, "c" * 128, "d" * 32
SDIST, WHEEL = "my_package-1.0.tar.gz", "my_package-1.0-py3-none-any.whl"

Fields = Sequence[tuple[str, str]]

TWINE: Fields = [
    ("metadata_version", "2.4"),
    ("name", "My-Package"),
    ("version", "1.0"),
    ("summary", "A package of ours"),
    ("description", "# My package\n\n\tdoes it.\n"),
    ("keywords", "one, two"),
    ("classifiers", "Private :: Do Not Upload"),
    ("classifiers", "Programming Language :: Python"),
    ("requires_dist", "attrs>=25.3"),
    ("requires_dist", 'colorama; sys_platform == "win32"'),
    ("requires_python", ">=3.11"),
    ("project_urls", "Home, https://my-package.example/"),
    ("license_file", "LICENSE"),
    ("pyversion", "py3"),
    ("filetype", "bdist_wheel"),
    ("sha256_digest", SHA256),
    ("blake2_256_digest", BLAKE2B_256),
    (":action", "file_upload"),
    ("protocol_version", "1"),
]

UV: Fields = [
    (":action", "file_upload"),
    ("sha256_digest", SHA256),
    ("blake2_256_digest", BLAKE2B_256),
    ("protocol_version", "1"),
    ("metadata_version", "2.3"),
    ("name", "my-package"),
    ("version", "1.0"),
    ("filetype", "bdist_wheel"),
    ("pyversion", "py3"),
    ("requires_python", ""),
    ("requires_dist", "attrs>=25.3"),
]

FLIT: Fields = [
    (":action", "file_upload"),
    ("name", "my_package"),
    ("version", "1.0"),
    ("metadata_version", "2.3"),
    ("summary", "A package of ours"),
    ("requires_dist", "attrs>=25.3"),
    ("requires_python", ">=3.11"),
    ("protocol_version", "1"),
    ("filetype", "sdist"),  # and no pyversion
    ("md5_digest", MD5),
    ("sha256_digest", SHA256),
]

POETRY: Fields = [
    ("md5_digest", MD5),
    ("sha256_digest", SHA256),
    ("blake2_256_digest", BLAKE2B_256),
    ("filetype", "sdist"),
    ("pyversion", "source"),
    ("metadata_version", "2.4"),
    ("name", "my-package"),
    ("version", "1.0"),
    ("keywords", "one, two"),
    ("project_urls", "Home, https://my-package.example/"),
    (":action", "file_upload"),
    ("protocol_version", "1"),
]

HATCH: Fields = [
    ("description", "A package of ours"),
    ("metadata_version", "2.4"),
    ("name", "my-package"),
    ("version", "1.0"),
    ("project_urls", "Home, https://my-package.example/"),
    ("filetype", "bdist_wheel"),
    ("pyversion", "py3"),
    (":action", "file_upload"),
    ("protocol_version", "1"),
    ("md5_digest", MD5),
    ("sha256_digest", SHA256),
    ("blake2_256_digest", BLAKE2B_256),
]

PDM: Fields = [
    ("name", "my-package"),
    ("version", "1.0"),
    ("filetype", "sdist"),
    ("pyversion", "source"),
    ("metadata_version", "2.1"),
    ("summary", "A package of ours"),
    ("home_page", ""),
    ("comment", ""),
    ("provides_extras", "all"),
    ("sha256_digest", SHA256),
    ("md5_digest", MD5),
    ("blake2_256_digest", BLAKE2B_256),
    (":action", "file_upload"),
    ("protocol_version", "1"),
]

SETUPTOOLS: Fields = [
    (":action", "file_upload"),
    ("protocol_version", "1"),
    ("name", "My.Package"),
    ("version", "1.0"),
    ("filetype", "sdist"),
    ("pyversion", ""),
    ("metadata_version", "1.0"),
    ("summary", "A package of ours"),
    ("author", "None"),
    ("license", "UNKNOWN"),
    ("keywords", "one"),
    ("keywords", "two"),
    ("platform", "any"),
    ("comment", ""),
    ("md5_digest", MD5),
    ("sha256_digest", SHA256),
    ("blake2_256_digest", BLAKE2B),  # all of it, under the name of half of it
]

CLIENTS: Mapping[str, Fields] = {
    "twine": TWINE,
    "uv": UV,
    "flit": FLIT,
    "poetry": POETRY,
    "hatch": HATCH,
    "pdm": PDM,
    "setuptools": SETUPTOOLS,
}


def form(
    fields: Iterable[tuple[str, str | bytes]] = TWINE,
    *,
    filename: str | None = WHEEL,
    without: str | None = None,
    **changed: str | bytes,
) -> Form:
    """A form of these fields and a file; `without` a field, and with others `changed` (`action` for `:action`)."""
    changed = {":action" if name == "action" else name: value for name, value in changed.items()}
    kept = [(name, value) for name, value in fields if name != without and name not in changed]
    files = () if filename is None else (FilePart(name="content", filename=filename),)
    return Form(
        fields=tuple(
            FormField(name=name, value=value if isinstance(value, bytes) else value.encode())
            for name, value in (*kept, *changed.items())
        ),
        files=files,
    )
