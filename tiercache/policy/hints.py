"""What is known of the use that a page is wanted for.  It changes no answer, only what may come along with it.

A client's wish is in `entry.Ask`; a hint is this node's guess of what it asks for next, which nobody has to heed.
"""

from __future__ import annotations

from attrs import frozen


@frozen(kw_only=True)
class Environment:
    """What a client installs for: a Python as `3.12` or `3.12.4`, a platform in the words of uv's `--python-platform`.

    An empty `platform`: not known.
    """

    python: str
    platform: str = ""


@frozen(kw_only=True)
class Hints:
    """`specifier`: which releases will do (PEP 440), empty for any; `extras`: which of the project's are wanted too.

    `neighbours`: how many pages of what it needs may come along unasked, 0 for none.
    """

    environment: Environment | None = None
    specifier: str = ""
    extras: tuple[str, ...] = ()
    neighbours: int = 0


NO_HINTS = Hints()
