"""The statements of an SQL catalogue, in the words of SQLAlchemy Core: the one place where they are written.

A node does not load this room, nor SQLAlchemy, and starts the sooner for it: it runs what has been made of this for
SQLite (`tiercache.storage.sqlite`).  Whoever changes a statement makes that anew, which a test holds:
`python -m tiercache.storage.core && ruff format`.  Every name in capitals that holds a statement is made one there.
"""
