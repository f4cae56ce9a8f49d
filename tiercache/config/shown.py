"""A configuration as text again: every value in effect, secrets masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from tiercache.config.keys import INNER, LISTS, SECTIONS, TOP, keys_of
from tiercache.config.units import duration_text, size_text
from tiercache.config.values import Config, Secret, UserPassword

_SECTION_CLASSES = (*SECTIONS.values(), *LISTS.values(), *INNER.values())


def shown_config(config: Config) -> str:
    """The YAML of a configuration, defaults included; what is not set and has no default is left out.

    It loads as the same configuration again, but for its secrets, which are `***`; those of users, which have a form
    of their own, have to be put in their places first.
    """
    shown = {top: _plain(getattr(config, top)) for top in TOP}
    text: str = yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=120)
    return f"# in effect, from {config.source}\n{text}"


def _plain(value: Any) -> Any:
    match value:
        case Secret():
            return str(value)
        case UserPassword(secret=secret):
            return str(secret)
        case _ if isinstance(value, _SECTION_CLASSES):
            return _plain_section(value)
        case tuple():
            return [_plain(one) for one in value]
        case Mapping():
            return {name: _plain(one) for name, one in value.items()}
        case str():
            return value.replace("$", "$$")
    return value


def _plain_section(section: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, key in keys_of(type(section)).items():
        value = getattr(section, name)
        if key.unit == "bytes":
            plain[key.word] = "none" if value is None else size_text(value)
        elif key.unit == "s":
            plain[key.word] = duration_text(value)
        elif value is not None:
            plain[key.word] = _plain(value)
    return plain
