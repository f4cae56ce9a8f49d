"""What the configuration of publishing says together with that of the tiers and of the store."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from tiercache.config.structure import Flaw
from tiercache.config.values import PublishConfig, StoreConfig, TierConfig


def target_flaws(publish: PublishConfig, tiers: Sequence[TierConfig | None]) -> Iterator[Flaw]:
    """What is wrong with the tier that uploads are to be handed on to; that there is one is known elsewhere."""
    for tier in tiers:
        if tier is not None and tier.name == publish.to and not tier.takes_uploads:
            if tier.kind == "sibling":
                what = f"{tier.name!r} is a sibling, which is asked for files only: uploads go to a parent or an origin"
            elif tier.kind is None:
                what = (
                    f"{tier.name!r} needs `kind: parent` if it is a node, or else a publish-url: where it takes uploads"
                )
            else:
                what = f"{tier.name!r} needs a publish-url: nobody said where it takes uploads"
            yield "publish.to", what


def folder_flaws(publish: PublishConfig, store: StoreConfig | None) -> Iterator[Flaw]:
    """What is wrong with the folders of files to be hosted, as far as their names tell."""
    seen: dict[str, int] = {}
    kept = None if store is None else posixpath.normpath(store.path)
    for index, folder in enumerate(publish.directories):
        place, path = f"publish.directories[{index}]", posixpath.normpath(folder)
        if seen.setdefault(path, index) != index:
            yield place, f"is the folder of publish.directories[{seen[path]}] already"
        if kept is not None and (_is_within(path, kept) or _is_within(kept, path)):
            yield place, "is within the node's own store, or has it within: what is hosted has a place of its own there"


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
