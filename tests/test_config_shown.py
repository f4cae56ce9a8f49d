"""A configuration as text again."""

from __future__ import annotations

import yaml
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.surroundings import load
from tiercache.config import (
    AccessConfig,
    Config,
    NodeConfig,
    Secret,
    StoreConfig,
    TierConfig,
    UserConfig,
    UserPassword,
    shown_config,
)
from tiercache.policy.breaker import BreakerRules
from tiercache.policy.freshness import FreshnessRules
from tiercache.policy.selection import ProjectRule

durations = st.integers(min_value=1, max_value=86_400_000).map(lambda milliseconds: milliseconds / 1000)
sizes = st.integers(min_value=1, max_value=2**50)
names = st.from_regex(r"[a-z]([a-z0-9._-]{0,10}[a-z0-9])?", fullmatch=True)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
paths = texts.map(lambda text: f"/{text}")
secrets = st.none() | st.just(Secret("***"))


@st.composite
def configs(draw: st.DrawFn) -> Config:
    tiers = tuple(
        TierConfig(
            name=name,
            url=f"https://index-{number}.example/simple/",
            kind=draw(st.sampled_from([None, "origin", "parent"])),
            timeout_s=86400.0,
            silence_timeout_s=draw(durations),
            token=draw(secrets),
            ca=draw(st.none() | paths),
            max_page_bytes=draw(sizes),
            max_file_bytes=draw(st.none() | sizes),
        )
        for number, name in enumerate(draw(st.lists(names, unique=True, max_size=3)))
        if name not in ("here", "nowhere")
    )
    return Config(
        source="tiers.yaml",
        node=NodeConfig(name=draw(names), workers=draw(st.integers(1, 64)), stop_timeout_s=draw(durations)),
        store=StoreConfig(path=draw(paths), budget_bytes=draw(st.none() | sizes)),
        tiers=tiers,
        projects=tuple(ProjectRule(match=(f"{tier.name}-*",), tiers=(tier.name,)) for tier in tiers),
        freshness=FreshnessRules(page_s=draw(durations), patience_s=draw(durations)),
        breaker=BreakerRules(failures=draw(st.integers(1, 9)), probe_every_s=draw(durations)),
        offline=draw(st.booleans()),
    )


@given(configs())
def test_shown_configuration_loads_as_the_same_again(config: Config) -> None:
    assert load(shown_config(config)) == config


def test_secrets_are_masked() -> None:
    config = load(
        "tiers:\n"
        "- {url: 'https://ann:s3cret-1@a.example/'}\n"
        "- {url: 'https://b.example/', user: ann, password: s3cret-2}\n"
        "- {url: 'https://c.example/', token: {env: TOKEN}}\n"
    )
    shown = shown_config(config)
    assert "s3cret" not in shown
    assert "t0ken" not in shown
    url, user, token = load(shown).tiers
    assert (url.user, url.password, url.url) == ("ann", Secret("***"), "https://a.example/")
    assert (user.user, user.password) == ("ann", Secret("***"))
    assert token.token == Secret("***")


def test_defaults_are_shown_with_their_units() -> None:
    shown = shown_config(load("")).splitlines()
    assert shown[0] == "# in effect, from tiers.yaml"
    for line in (
        "  budget: 20GiB",
        "  patience: 500ms",
        "  stale-if-error: 30d",
        "- url: pypi",
        "  max-file: none",
        "offline: false",
    ):
        assert line in shown


def test_secrets_of_a_user_are_masked() -> None:
    password = UserPassword(secret=Secret("$argon2id$s3cret"), is_hashed=True)
    users = {"ann": UserConfig(password=password, token=Secret("s3cret-token"), groups=("release",))}
    shown = shown_config(evolve(load(""), access=AccessConfig(users=users)))
    assert "s3cret" not in shown
    assert yaml.safe_load(shown)["access"]["users"] == {
        "ann": {"password": "***", "token": "***", "groups": ["release"]}
    }


def test_dollar_is_shown_so_that_it_stays_one() -> None:
    config = load("store: {path: '/srv/$${HOME}'}")
    assert "$${HOME}" in shown_config(config)
    assert load(shown_config(config)).store.path == "/srv/${HOME}"
