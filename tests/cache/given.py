"""What the tests of this room begin from: a wheel with its sidecar, and contents large and small."""

from __future__ import annotations

from tests.doubles.now import result_of
from tests.doubles.small_node import ANY, SmallNode, wheel
from tests.doubles.upstream import ScriptedUpstream
from tiercache.cache.sidecars import ShownAttachment
from tiercache.policy.entry import Ask
from tiercache.simple.model import File
from tiercache.simple.names import identity_of

CONTENT = bytes(range(256)) * 1024  # 256 KiB
SMALL = b"small" * 100

METADATA = b"Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n"
WHEEL = wheel("pkg", "1.0", METADATA)
LARGE_WHEEL = wheel("pkg", "1.0", METADATA, filler=300_000)
FILENAME = "pkg-1.0-py3-none-any.whl"


def sidecar(node: SmallNode, file: File, ask: Ask = ANY) -> ShownAttachment:
    return result_of(node.parts.sidecars.sidecar(identity_of(file), file.filename, ask))


def asked(tier: ScriptedUpstream, *kinds: str) -> list[tuple[str, ...]]:
    return [words for words in tier.asked if words[0] in kinds]


def advertised(node: SmallNode, ask: Ask = ANY) -> object:
    (file,) = result_of(node.page("pkg", ask)).files
    return file.core_metadata
