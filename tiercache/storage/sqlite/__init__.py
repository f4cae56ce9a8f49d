"""The statements of an SQL catalogue as SQLite is told them, made of `tiercache.storage.core`."""
