"""Looks for bytes to which the front answers otherwise than the stock channel does, with atheris.

`python -m tests.web.hot.fuzz -max_total_time=60`; the other options are libFuzzer's.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris
from twisted.logger import globalLogBeginner

with atheris.instrument_imports(include=["tiercache.web.hot", "tiercache.web.channel"]):
    from tests.web.hot.oracle import one_input, seeds


def fuzz(arguments: list[str]) -> None:
    """Look until told to stop, or until something is found: it is written to a file, and the status is not 0."""
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds()):
            (Path(corpus) / str(number)).write_bytes(seed)
        atheris.Setup([*arguments, "-max_len=4096", corpus], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    fuzz(sys.argv)
