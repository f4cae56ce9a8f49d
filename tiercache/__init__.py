"""tiercache: a cache for Python packages that forms chains.

Read `tiercache.node` first: it names every part and tells how a request travels.
"""

__version__ = "0.1.0"
