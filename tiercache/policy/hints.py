"""What is known of the use that a page is wanted for.  It changes no answer, only what may come along with it.

A client's wish is in `entry.Ask`; a hint is this node's guess of what it asks for next, which nobody has to heed.
"""

from __future__ import annotations

from attrs import frozen


@frozen(kw_only=True)
class Hints:
    """`python` as `3.12` or `3.12.4`, `platform` in the words of uv's `--python-platform`: what the client installs
    for, empty where that is not known; `universal`: it resolves for every platform beside.

    `specifier`: which releases will do (PEP 440), empty for any; `extras`: which of the project's are wanted too.
    `neighbours`: how many pages of what it needs may come along unasked, 0 for none.
    """

    python: str = ""
    platform: str = ""
    universal: bool = False
    specifier: str = ""
    extras: tuple[str, ...] = ()
    neighbours: int = 0


NO_HINTS = Hints()
