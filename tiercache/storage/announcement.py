"""What a running node leaves in its store for its owner's commands: where it is, and the word that it trusts.

Who may read the file may switch the node; it is readable by the owner only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from tiercache.storage.root import meaning


def announce(root: Path, *, urls: Iterable[str], token: str) -> Path:
    """Write `running.json` into the store at `root`, and return its path.  Raises StoreFull, StoreUnusable."""
    path = root / "running.json"
    text = json.dumps({"pid": os.getpid(), "urls": [*urls], "token": token})
    beside = path.with_suffix(".new")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        beside.replace(path)
    except OSError as error:
        raise meaning(root, error) from error
    return path
