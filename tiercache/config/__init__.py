"""Configuration: the text of `tiers.yaml` becomes one frozen `Config`, or every problem at once.

Pure: the environment, the files that secrets stand in and the host's name are handed in.  No other room sees YAML or
the environment.  Which file is read, and when, is `tiercache.commands`.
"""

from tiercache.config.load import load_config
from tiercache.config.shown import shown_config
from tiercache.config.values import (
    PUBLIC_INDEX,
    AccessConfig,
    AdmissionConfig,
    Config,
    GrantConfig,
    NodeConfig,
    PrefetchConfig,
    PublishConfig,
    Secret,
    StoreConfig,
    TierConfig,
    TrustedPublisherConfig,
    UserConfig,
    UserPassword,
)

__all__ = [
    "PUBLIC_INDEX",
    "AccessConfig",
    "AdmissionConfig",
    "Config",
    "GrantConfig",
    "NodeConfig",
    "PrefetchConfig",
    "PublishConfig",
    "Secret",
    "StoreConfig",
    "TierConfig",
    "TrustedPublisherConfig",
    "UserConfig",
    "UserPassword",
    "load_config",
    "shown_config",
]
