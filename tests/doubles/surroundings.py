"""A machine as a configuration sees it: variables, files with secrets, a host's name."""

from __future__ import annotations

from collections.abc import Mapping

from tiercache.config import Config, load_config

ENVIRON = {
    "HOME": "/home/ann",
    "OFFICE": "office.example",
    "EMPTY": "",
    "TOKEN": "t0ken",
    "LONG_TOKEN": "0123456789abcdef",
}
FILES = {"/run/password": "pass word \n", "/home/ann/password": "fr0m-home\r\n", "/run/empty": "\n"}


def load(text: str, environ: Mapping[str, str] = ENVIRON, hostname: str = "laptop") -> Config:
    return load_config(text, source="tiers.yaml", environ=environ, read_file=read_file, hostname=hostname)


def read_file(path: str) -> str:
    if path == "/run/binary":
        return b"\xff".decode()
    if path not in FILES:
        raise FileNotFoundError(2, "No such file or directory")
    return FILES[path]
