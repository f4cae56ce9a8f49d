"""Publishing: what an upload says, what its archive says, and whether the two agree."""
