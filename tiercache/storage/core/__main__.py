"""Writes `tiercache.storage.sqlite` anew, after a statement or a table was changed."""

from __future__ import annotations

from pathlib import Path

from tiercache.storage.core.spelling import WRITTEN_FROM, spelled, spelled_schema

if __name__ == "__main__":
    folder = Path(__file__).parents[1] / "sqlite"
    for module in WRITTEN_FROM:
        (folder / f"{module.__name__.rpartition('.')[2]}.py").write_text(spelled(module), encoding="utf-8")
    (folder / "schema.py").write_text(spelled_schema(), encoding="utf-8")
