"""The text of tiers.yaml becomes values, with the defaults for what it does not say."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.doubles.surroundings import load
from tiercache.access.principals import Principal
from tiercache.config import (
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
    UserConfig,
    UserPassword,
)
from tiercache.config.accounts import accounts_of, groups_of, permissions_of
from tiercache.config.publishers import audience_of, publishers_of
from tiercache.policy.breaker import BreakerRules
from tiercache.policy.freshness import FreshnessRules
from tiercache.policy.selection import ProjectRule
from tiercache.simple.names import normalise


@pytest.mark.parametrize(
    "text", ["", "\n", "# nothing\n", "---\n", "{}", "node:\ntiers:\nstore:\nfreshness:\n", "null"]
)
def test_empty_file_is_complete(text: str) -> None:
    assert load(text) == Config(
        source="tiers.yaml",
        node=NodeConfig(name="laptop"),
        store=StoreConfig(path="/home/ann/.local/share/tiercache"),
    )


def test_defaults_are_those_of_the_design() -> None:
    config = load("")
    assert config.tiers == (TierConfig(name="pypi", kind="origin", url="pypi"),)
    assert config.node.listen == ("tcp:8141:interface=127.0.0.1",)
    assert config.store.budget_bytes == 20 * 1024**3
    assert (config.tiers[0].timeout_s, config.tiers[0].connect_timeout_s, config.tiers[0].silence_timeout_s) == (
        10,
        3,
        30,
    )
    assert config.freshness == FreshnessRules(
        page_s=600, absent_s=60, stale_if_error_s=30 * 86400, patience_s=0.5, client_max_age_s=0
    )
    assert config.breaker == BreakerRules(failures=3, probe_every_s=10)
    assert config.admission == AdmissionConfig(direct_urls="refuse")
    assert config.publish == PublishConfig(to="here", directories=(), max_size_bytes=1024**3)
    assert config.prefetch == PrefetchConfig(concurrency=8, read_ahead=True)
    assert config.access == AccessConfig()
    assert config.offline is False
    assert config.not_in_force() == ()


def test_every_section_of_the_design_is_understood() -> None:
    config = load(
        """
node:
  name: desk
  listen: ["tcp:8141:interface=127.0.0.1", "unix:/run/t.sock"]
  workers: 4
  public-url: https://packages.example/x
  stop-timeout: 0s
  idle-timeout: 5s
  write-timeout: 1h
  max-connections: 50
store: {path: ~/store, files: memory, catalogue: memory, budget: none}
tiers:
  - {name: office, kind: parent, url: "http://office.example:8141/", user: ann, password: {file: /run/password}}
  - {url: "https://index.example/simple/", token: {env: TOKEN}, ca: ~/ca.pem, client-certificate: /c.pem,
     files-from: [Files.Example, "*.cdn.example"], timeout: 2s, connect-timeout: 500ms, silence-timeout: 1m,
     max-page: 1MiB, max-file: 2GiB, public: false, publish-url: "https://upload.example/legacy/"}
  - {name: public, url: pypi}
projects:
  - {match: ["acme-*"], tiers: [office]}
  - {match: ["*"], tiers: [office, public], merge: false, also-upstream: []}
freshness: {page: 1h, absent: 0s, stale-if-error: 100d, patience: 1s, client-max-age: 5s, removed: keep}
breaker: {failures: 1, probe-every: 1m}
admission: {direct-urls: warn}
publish: {to: office, directories: [~/dist], max-size: 10MB}
prefetch:
  concurrency: 2
  bandwidth: 64KiB
  keep-warm: [~/uv.lock, "https://a.example/requirements.txt?ref=main"]
  keep-warm-every: 7d
  read-ahead: false
access:
  users:
    ann: {password: "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2g", groups: [release]}
    bob: {password: {env: TOKEN}, token: {env: LONG_TOKEN}}
  htpasswd: ~/password
  grants: [{who: [ann, "@release", 10.1.0.0/16], may: [read, publish], projects: ["acme-*"]}]
  trusted-proxies: [127.0.0.0/8, 10.1.2.3]
offline: true
"""
    )
    assert config == Config(
        source="tiers.yaml",
        node=NodeConfig(
            name="desk",
            listen=("tcp:8141:interface=127.0.0.1", "unix:/run/t.sock"),
            workers=4,
            public_url="https://packages.example/x/",
            stop_timeout_s=0,
            idle_timeout_s=5,
            write_timeout_s=3600,
            max_connections=50,
        ),
        store=StoreConfig(path="/home/ann/store", files="memory", catalogue="memory", budget_bytes=None),
        tiers=(
            TierConfig(
                name="office",
                kind="parent",
                url="http://office.example:8141/",
                user="ann",
                password=Secret("pass word "),
            ),
            TierConfig(
                name="index.example:443",
                kind=None,
                url="https://index.example/simple/",
                token=Secret("t0ken"),
                ca="/home/ann/ca.pem",
                client_certificate="/c.pem",
                files_from=("files.example", "*.cdn.example"),
                timeout_s=2,
                connect_timeout_s=0.5,
                silence_timeout_s=60,
                max_page_bytes=1024**2,
                max_file_bytes=2 * 1024**3,
                publish_url="https://upload.example/legacy/",
                public=False,
            ),
            TierConfig(name="public", kind="origin", url="pypi"),
        ),
        projects=(
            ProjectRule(match=("acme-*",), tiers=("office",)),
            ProjectRule(match=("*",), tiers=("office", "public")),
        ),
        freshness=FreshnessRules(
            page_s=3600, absent_s=0, stale_if_error_s=100 * 86400, patience_s=1, client_max_age_s=5, removed="keep"
        ),
        breaker=BreakerRules(failures=1, probe_every_s=60),
        admission=AdmissionConfig(direct_urls="warn"),
        publish=PublishConfig(to="office", directories=("/home/ann/dist",), max_size_bytes=10**7),
        prefetch=PrefetchConfig(
            concurrency=2,
            bandwidth_bytes=64 * 1024,
            keep_warm=("/home/ann/uv.lock", "https://a.example/requirements.txt?ref=main"),
            keep_warm_every_s=7 * 86400,
            read_ahead=False,
        ),
        access=AccessConfig(
            users={
                "ann": UserConfig(
                    password=UserPassword(
                        secret=Secret("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2g"), is_hashed=True
                    ),
                    groups=("release",),
                ),
                "bob": UserConfig(
                    password=UserPassword(secret=Secret("t0ken"), is_hashed=False), token=Secret("0123456789abcdef")
                ),
            },
            htpasswd="/home/ann/password",
            grants=(
                GrantConfig(who=("ann", "@release", "10.1.0.0/16"), may=("read", "publish"), projects=("acme-*",)),
            ),
            trusted_proxies=("127.0.0.0/8", "10.1.2.3"),
        ),
        offline=True,
    )
    assert [str(note).partition(":")[0] for note in config.not_in_force()] == ["node.workers"]


def test_no_tiers_at_all_is_a_node_that_has_what_it_has() -> None:
    assert load("tiers: []").tiers == ()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("pypi", "pypi"),
        ("http://Office.example/", "office.example:80"),
        ("https://office.example/simple/", "office.example:443"),
        ("https://u:p@office.example:8141/", "office.example:8141"),
        ("http://[fd00::1]:8141/", "[fd00::1]:8141"),
    ],
)
def test_tier_without_a_name_is_called_by_its_host_and_port(url: str, name: str) -> None:
    assert load(f'tiers: [{{url: "{url}"}}]').tiers[0].name == name


@pytest.mark.parametrize(
    ("hostname", "name"),
    [
        ("laptop", "laptop"),
        ("Ann's Mac.local", "Ann-s-Mac.local"),
        ("", "tiercache"),
        ("…", "tiercache"),
        ("x" * 70, "x" * 64),
    ],
)
def test_node_without_a_name_is_called_by_its_host(hostname: str, name: str) -> None:
    assert load("node: {workers: 1}", hostname=hostname).node.name == name
    assert load(f"node: {{name: {name}}}").node.name == name


def test_credentials_in_a_url_become_the_tier_s_own_and_leave_the_url() -> None:
    (tier,) = load('tiers: [{url: "https://ann:s3%40cret@index.example/simple/"}]').tiers
    assert (tier.url, tier.user) == ("https://index.example/simple/", "ann")
    assert tier.password == Secret("s3@cret")
    (tier,) = load('tiers: [{url: "https://t0ken@index.example/simple/"}]').tiers
    assert (tier.url, tier.user, tier.password) == ("https://index.example/simple/", "t0ken", None)


def test_secret_is_shown_by_nobody_but_itself() -> None:
    secret = Secret("s3cret")
    config = load("tiers: [{url: 'https://a.example/', user: u, password: s3cret}]")
    assert config.tiers[0].password == secret
    assert secret.reveal() == "s3cret"
    assert f"{secret} {secret!r} {config!r}".count("s3cret") == 0
    assert str(secret) == repr(secret) == "***"


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("~/store", "/home/ann/store"),
        ("'~'", "/home/ann"),
        ("/srv/~x", "/srv/~x"),
        ("~ann/x", "~ann/x"),
        ("/srv/${OFFICE}/x", "/srv/office.example/x"),
        ("${HOME}${HOME}", "/home/ann/home/ann"),
        ("/srv/$$x/$y", "/srv/$x/$y"),
        ("/srv/$${HOME}", "/srv/${HOME}"),
        ("/srv/${EMPTY}x", "/srv/x"),
        ("2024-01-01", "2024-01-01"),
    ],
)
def test_home_and_variables_stand_for_what_they_are(said: str, path: str) -> None:
    assert load(f"store:\n  path: {said}\n").store.path == path


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        ("plain", "plain"),
        ("'${TOKEN}-${OFFICE}'", "t0ken-office.example"),
        ("'a$$b'", "a$b"),
        ("'~/x'", "~/x"),
        ("{env: TOKEN}", "t0ken"),
        ("{file: /run/password}", "pass word "),
        ("{file: ~/password}", "fr0m-home"),
        ("{file: '${HOME}/password'}", "fr0m-home"),
    ],
)
def test_secret_is_text_or_stands_elsewhere(said: str, secret: str) -> None:
    (tier,) = load(f'tiers: [{{url: "https://a.example/", token: {said}}}]').tiers
    assert tier.token == Secret(secret)


def test_anchors_of_yaml_may_be_used() -> None:
    config = load(
        "tiers:\n- {url: 'http://a.example/', name: a}\n"
        "projects:\n- {match: &m [x], tiers: [a]}\n- {match: *m, tiers: []}\n"
    )
    assert config.projects[1].match == ("x",)


def test_what_access_says_becomes_what_the_guard_works_with() -> None:
    access = load(
        """
access:
  users:
    ann: {password: "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2g", groups: [release]}
    bob: {password: {env: TOKEN}, token: {env: LONG_TOKEN}}
  grants:
    - {who: [anyone], may: [read], projects: ["numpy"]}
    - {who: ["@release"], may: [read], projects: ["Acme_*"]}
"""
    ).access
    accounts = accounts_of(access)
    assert accounts["ann"].password_hash is not None
    assert (accounts["ann"].password, accounts["ann"].token) == (None, None)
    assert (accounts["bob"].password_hash, accounts["bob"].password) == (None, "t0ken")
    assert accounts["bob"].token == "0123456789abcdef"
    permissions = permissions_of(access)
    ann = Principal(user="ann", groups=accounts["ann"].groups)
    assert normalise("acme-tools") in permissions.scope(ann, "read")
    assert normalise("acme-tools") not in permissions.read_by_anyone
    assert normalise("numpy") in permissions.read_by_anyone
    assert permissions_of(load("").access).read_by_anyone.is_all


PUBLISHERS = """
access:
  trusted-publishers:
    - issuer: https://ci.example
      claims: {repository: acme/*, environment: release}
      projects: ["acme-*"]
    - issuer: https://other.example/
      claims: {project_path: acme/tools}
      projects: ["tools"]
      may: [publish, manage]
      audience: packages
      lifetime: 5m
      ca: ~/ca.pem
"""


def test_what_is_said_of_trusted_publishers_becomes_what_tokens_are_measured_by() -> None:
    access = load(PUBLISHERS).access
    ours, other = publishers_of(access)
    assert ours.includes("https://ci.example", {"repository": "acme/tools", "environment": "release"})
    assert (ours.may, ours.lifetime_s) == (frozenset({"publish"}), 900.0)
    assert normalise("Acme_Tools") in ours.projects
    assert (other.may, other.lifetime_s) == (frozenset({"publish", "manage"}), 300.0)
    assert [one.ca for one in access.trusted_publishers] == [None, "/home/ann/ca.pem"]


def test_audience_is_the_configured_one_else_the_public_url_else_the_name() -> None:
    plain = PUBLISHERS.replace("audience: packages", "may: [publish]", 1).replace("may: [publish, manage]", "", 1)
    public = "node: {public-url: 'https://packages.example'}\n"

    def audience(text: str) -> str:
        config = load(text)
        return audience_of(config.access, config.node)

    assert audience(public + PUBLISHERS) == "packages"
    assert audience(public + plain) == "https://packages.example/"
    assert audience(plain) == "laptop"


def test_a_user_is_in_the_groups_that_the_configuration_says_and_may_stand_in_htpasswd_alone() -> None:
    access = load(
        "access:\n"
        "  users: {alice: {token: 0123456789abcdef0123456789abcdef, groups: [release]}}\n"
        "  grants: [{who: [anyone], may: [read]}]\n"
    ).access
    assert [groups_of(access, user) for user in ("alice", "bob")] == [frozenset({"release"}), None]
    assert groups_of(evolve(access, htpasswd="/etc/htpasswd"), "bob") == frozenset()
