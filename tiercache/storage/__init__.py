"""Where a node keeps files and knowledge: an edge, known to `tiercache.node` only through `tiercache.interfaces`."""
