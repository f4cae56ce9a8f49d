"""The one exception tree: everything that tiercache foresees going wrong."""

from tiercache.errors.prefetch import *  # noqa: F403  # all of it, by design
from tiercache.errors.tree import *  # noqa: F403  # all of it, by design
from tiercache.errors.uploads import *  # noqa: F403  # all of it, by design
