"""Options that several commands share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tiercache.config import Config

_CONFIG_HELP = "The configuration file. Default: $TIERCACHE_CONFIG, else ~/.config/tiercache/tiers.yaml if it is there."

config_option = click.option("--config", "-c", metavar="FILE", help=_CONFIG_HELP)
long_config_option = click.option("--config", metavar="FILE", help=_CONFIG_HELP)


def configuration(given: str | None) -> Config:
    """The configuration that a node started now with `--config GIVEN` would have.  Raises ConfigInvalid."""
    from tiercache.commands.tiers_file import find_tiers_file, load_tiers_file

    return load_tiers_file(find_tiers_file(given, os.environ), os.environ)
