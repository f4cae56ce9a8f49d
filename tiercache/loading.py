"""Loading modules while clients are answered: what comes with them is not looked through for garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage is collected meanwhile; what is there then stays, where what a start made was told to (`gc.freeze`).

    A hundred modules make so many objects, all to stay, that the collector would go through all of them, and hold up
    whoever is answered for 30 ms.  From any thread; for who comes while another loads it makes no difference.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        if gc.get_freeze_count():
            gc.freeze()
