"""Writes `tiercache.storage.sqlite` anew, after a statement was changed."""

from __future__ import annotations

from pathlib import Path

from tiercache.storage.core.spelling import WRITTEN_FROM, spelled

if __name__ == "__main__":
    folder = Path(__file__).parents[1] / "sqlite"
    for module in WRITTEN_FROM:
        (folder / f"{module.__name__.rpartition('.')[2]}.py").write_text(spelled(module), encoding="utf-8")
