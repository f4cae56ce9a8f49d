"""Everything that is wrong in a tiers.yaml is told at once, with its place."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.doubles.surroundings import ENVIRON, load
from tiercache.config.publishers import OF_EVERYBODYS_JOBS
from tiercache.errors import ConfigInvalid


def problems(text: str, environ: Mapping[str, str] = ENVIRON) -> list[str]:
    """Each problem of a text, as people read it."""
    with pytest.raises(ConfigInvalid) as caught:
        load(text, environ)
    return [str(problem) for problem in caught.value.problems]


TIER = "tiers:\n  - {{url: 'https://a.example/', {}}}\n"

WRONG: list[tuple[str, str]] = [
    # the text
    ("node: [", "file (line 1): is not YAML: "),
    ("node: {}\n\tstore: {}", "file (line 2): is not YAML: found character '\\t'"),
    ("a: 1\n---\nb: 2", "file (line 2): is not YAML: but found another document"),
    ("node: x\x00", "file (line 1): is not YAML: special characters are not allowed"),
    ("- a\n- b", "file (line 1): needs keys with values: node, store, tiers"),
    ("hello", "file (line 1): needs keys with values"),
    ("node: {workers: 1}\n\nnode: {workers: 1}", "node (line 3): stands here twice, first on line 1"),
    ("node:\n  name: a\n  name: b", "node.name (line 3): stands here twice, first on line 2"),
    ("tiers:\n- url: pypi\n  url: pypi", "tiers[0].url (line 3): stands here twice, first on line 2"),
    ("? [a]\n: 1", "file (line 1): has a key that is not text"),
    ("node: &a {name: *a}", "node.name (line 1): contains itself"),
    ("node: {name: !x y}", "node.name (line 1): has the tag !x"),
    ("node: {workers: !!int x}", "node.workers (line 1): is not of the type int"),
    ("[" * 5000, "file"),
    # keys
    ("teirs: []", "teirs (line 1): is no key that a node knows; did you mean tiers?"),
    ("1: x", "1 (line 1): is no key that a node knows"),
    ("on: x", "on (line 1): is no key that a node knows"),
    ("node:\n  worker: 2", "node.worker (line 2): is no key that a node knows; did you mean workers?"),
    ("node:\n  zzz:", "node.zzz (line 2): is no key that a node knows"),
    ("node: {budget: 1GiB}", "node.budget (line 1): is no key that a node knows; it belongs under store"),
    ("node: {offline: true}", "node.offline (line 1): is no key that a node knows; it belongs at the top"),
    ("breaker: {longest: 1s}", "breaker.longest (line 1): is no key that a node knows"),
    (
        "tiers:\n- url: pypi\n  timout: 3s",
        "tiers[0].timout (line 3): is no key that a node knows; did you mean timeout?",
    ),
    ("tiers:\n- name: a", "tiers[0].url (line 2): is needed"),
    ("projects:\n- match: [a]", "projects[0].tiers (line 2): is needed"),
    # shapes
    ("node: laptop", "node (line 1): needs keys with values"),
    ("store: []", "store (line 1): needs keys with values"),
    ("tiers: pypi", "tiers (line 1): needs a list"),
    ("tiers: {url: pypi}", "tiers (line 1): needs a list"),
    ("tiers: [pypi]", "tiers[0] (line 1): needs keys with values"),
    ("tiers:\n-\n", "tiers[0] (line 2): needs keys with values"),
    ("offline: maybe", "offline (line 1): needs to be true or false"),
    ("offline: 1", "offline (line 1): needs to be true or false"),
    ("prefetch: {read-ahead: 'no'}", "prefetch.read-ahead (line 1): needs to be true or false"),
    ("prefetch: {bandwidth: 65535B}", "prefetch.bandwidth (line 1): is less than 64KiB"),
    ("prefetch: {bandwidth: 10}", "prefetch.bandwidth (line 1): 10 needs a unit"),
    ("prefetch: {keep-warm: uv.lock}", "prefetch.keep-warm (line 1): needs a list"),
    ("prefetch: {keep-warm: [uv.lock]}", "prefetch.keep-warm[0] (line 1): 'uv.lock' is no absolute path of a file"),
    ("prefetch: {keep-warm: ['ftp://a.example/x']}", "prefetch.keep-warm[0] (line 1): 'ftp://a.example/x' is no"),
    (
        "prefetch: {keep-warm: ['https://me:secret@a.example/x']}",
        "prefetch.keep-warm[0] (line 1): needs to be a URL without credentials",
    ),
    ("prefetch: {keep-warm-every: 0s}", "prefetch.keep-warm-every (line 1): needs to be longer than nothing"),
    ("store: {path: 5}", "store.path (line 1): needs to be text: put it in quotes"),
    ("store: {path: [a]}", "store.path (line 1): needs to be text"),
    ("store: {path: ''}", "store.path (line 1): is empty"),
    # node
    ("node: {name: a b}", "node.name (line 1): 'a b' is no name"),
    ("node: {name: 'a\"b'}", "node.name (line 1): 'a\"b' is no name"),
    (f"node: {{name: {'x' * 65}}}", f"node.name (line 1): '{'x' * 65}' is no name"),
    ("node: {listen: 'tcp:8141'}", "node.listen (line 1): needs a list"),
    ("node: {listen: []}", "node.listen (line 1): is empty"),
    ("node: {listen: ['8141']}", "node.listen[0] (line 1): '8141' is no endpoint"),
    ("node: {listen: [8141]}", "node.listen[0] (line 1): needs to be text: put it in quotes"),
    ("node: {workers: 0}", "node.workers (line 1): needs to be a whole number, 1 or more"),
    ("node: {workers: -1}", "node.workers (line 1): needs to be a whole number"),
    ("node: {workers: 1.5}", "node.workers (line 1): needs to be a whole number"),
    ("node: {workers: true}", "node.workers (line 1): needs to be a whole number"),
    ("node: {workers: '2'}", "node.workers (line 1): needs to be a whole number"),
    ("node: {max-connections: 0}", "node.max-connections (line 1): needs to be a whole number"),
    ("node: {idle-timeout: 5}", "node.idle-timeout (line 1): 5 needs a unit, as in 10s"),
    ("node: {idle-timeout: '5'}", "node.idle-timeout (line 1): '5' needs a unit: w, d, h, m, s, ms"),
    ("node: {idle-timeout: 0s}", "node.idle-timeout (line 1): needs to be longer than nothing"),
    ("node: {stop-timeout: -1s}", "node.stop-timeout (line 1): '-1s' is not a duration"),
    ("node: {write-timeout: 25h}", "node.write-timeout (line 1): is longer than 1d"),
    ("node: {public-url: packages.example}", "node.public-url (line 1): is no http or https URL"),
    ("node: {public-url: 'https://u:p@a.example/'}", "node.public-url (line 1): needs to be a URL without credentials"),
    # store
    ("store: {files: s3://bucket/prefix}", "store.files (line 1): files in an object store (s3://...): this version"),
    ("store: {catalogue: 'postgresql://h/d'}", "store.catalogue (line 1): a catalogue in PostgreSQL (postgresql://"),
    ("store: {files: foler}", "store.files (line 1): 'foler' is none of folder, memory; did you mean folder?"),
    ("store: {budget: 20}", "store.budget (line 1): 20 needs a unit, as in 20GiB"),
    ("store: {budget: 0B}", "store.budget (line 1): needs to be more than nothing (`none` is no limit)"),
    ("publish: {max-size: none}", "publish.max-size (line 1): 'none' is not a size"),
    # tiers
    (TIER.format("name: here"), "tiers[0].name (line 2): 'here' means something else"),
    (TIER.format("kind: partner"), "tiers[0].kind (line 2): 'partner' is none of origin, parent, sibling"),
    (TIER.format("kind: sibling, public: true"), "tiers[0].public (line 2): means nothing here"),
    (TIER.format("public: 'no'"), "tiers[0].public (line 2): needs to be true or false"),
    ("admission: {direct-urls: forbid}", "admission.direct-urls (line 1): 'forbid' is none of refuse, warn, allow"),
    ("admission: {direct-url: refuse}", "admission.direct-url (line 1): is no key that a node knows"),
    ("admission: refuse", "admission (line 1): needs keys with values"),
    (TIER.format("timeout: 0s"), "tiers[0].timeout (line 2): needs to be longer than nothing"),
    (TIER.format("connect-timeout: 0ms"), "tiers[0].connect-timeout (line 2): needs to be longer than nothing"),
    (TIER.format("user: ann"), "tiers[0].user (line 2): needs a password beside it"),
    (TIER.format("password: s3cret"), "tiers[0].password (line 2): needs a user beside it"),
    (TIER.format("user: ann, password: s3cret, token: t"), "tiers[0].token (line 2): stands beside a user or password"),
    (TIER.format("token: t, password: s3cret"), "tiers[0].token (line 2): stands beside a user or password"),
    (TIER.format("token: ''"), "tiers[0].token (line 2): is empty"),
    (TIER.format("token: 12345"), "tiers[0].token (line 2): needs to be text in quotes, or {env: NAME}"),
    (TIER.format("token: {env: NOPE}"), "tiers[0].token (line 2): needs the variable NOPE, which is not set"),
    (TIER.format("token: {env: EMPTY}"), "tiers[0].token (line 2): is empty where it is to be read from"),
    (TIER.format("token: {file: /nope}"), "tiers[0].token (line 2): cannot be read from /nope: No such file"),
    (TIER.format("token: {file: /run/binary}"), "tiers[0].token (line 2): cannot be read from /run/binary: it is not"),
    (TIER.format("token: {file: /run/empty}"), "tiers[0].token (line 2): is empty where it is to be read from"),
    (TIER.format("token: {vault: x}"), "tiers[0].token (line 2): needs to be text in quotes, or {env: NAME}"),
    (TIER.format("token: {env: TOKEN, file: /x}"), "tiers[0].token (line 2): needs to be text in quotes"),
    (TIER.format("token: {env: 5}"), "tiers[0].token (line 2): needs to be text in quotes"),
    (
        TIER.format("files-from: [https://x.example/]"),
        "tiers[0].files-from[0] (line 2): 'https://x.example/' is no host",
    ),
    ("tiers: [{url: 'ftp://a.example/'}]", "tiers[0].url (line 1): is no http or https URL, and not the word pypi"),
    ("tiers: [{url: PyPI}]", "tiers[0].url (line 1): is no http or https URL, and not the word pypi"),
    ("tiers: [{url: 'https://a.example/?x=1'}]", "tiers[0].url (line 1): needs to be a URL without query"),
    ("tiers: [{url: 'https://a.example/#x'}]", "tiers[0].url (line 1): needs to be a URL without query"),
    ("tiers: [{url: 'https://u:s3cret@a.example/', token: t}]", "tiers[0].url (line 1): has credentials in it"),
    ("tiers: [{url: pypi, kind: parent}]", "tiers[0].kind (line 1): the word pypi is an index"),
    ("tiers: [{url: 'http://localhost:8141/'}]", "tiers[0].url (line 1): leads back to this node itself"),
    ("tiers:\n- {url: pypi}\n- {url: pypi}", "tiers[1].name (line 3): 'pypi' is the name of tiers[0] already"),
    # what belongs together
    (
        "projects:\n- {match: [a], tiers: [pypy]}",
        "projects[0].tiers[0] (line 2): 'pypy' is the name of no tier; did you mean pypi?",
    ),
    ("projects: [{match: [], tiers: []}]", "projects[0].match (line 1): is empty"),
    ("projects: [{match: ['a b'], tiers: []}]", "projects[0].match[0] (line 1): 'a b' is no pattern"),
    ("projects: [{match: ['*', '!a'], tiers: []}]", "projects[0].match[1] (line 1): '!a' is no pattern"),
    ("publish: {to: office}", "publish.to (line 1): 'office' is the name of no tier"),
    ("publish: {to: pypi}", "publish.to (line 1): 'pypi' needs a publish-url: nobody said where it takes uploads"),
    (
        TIER.format("name: a") + "publish: {to: a}",
        "publish.to (line 3): 'a' needs `kind: parent` if it is a node, or else a publish-url",
    ),
    (
        TIER.format("name: a, kind: sibling") + "publish: {to: a}",
        "publish.to (line 3): 'a' is a sibling, which is asked for files only",
    ),
    (TIER.format("publish-url: pypi"), "tiers[0].publish-url (line 2): is no http or https URL"),
    (
        TIER.format("publish-url: 'https://u:s3cret@a.example/'"),
        "tiers[0].publish-url (line 2): has credentials in it: uploads carry those of who uploads",
    ),
    (TIER.format("publish-url: 'https://a.example/?x'"), "tiers[0].publish-url (line 2): needs to be a URL without"),
    (TIER.format("publish-url: 'http://localhost:8141/'"), "tiers[0].publish-url (line 2): leads back to this node"),
    ("publish: {directories: /srv}", "publish.directories (line 1): needs a list"),
    ("publish: {directories: [srv]}", "publish.directories[0] (line 1): 'srv' is no absolute path of a folder"),
    ("publish: {directories: [/a, /a/]}", "publish.directories[1] (line 1): is the folder of publish.directories[0]"),
    (
        "store: {path: /var/t}\npublish: {directories: [/var/t/files]}",
        "publish.directories[0] (line 2): is within the node's own store",
    ),
    ("store: {path: /var/t}\npublish: {directories: [/var/t]}", "publish.directories[0] (line 2): is within the node"),
    ("store: {path: /var/t}\npublish: {directories: [/]}", "publish.directories[0] (line 2): is within the node's own"),
    ("freshness: {patience: 11s}", "freshness.patience (line 1): is longer than the timeout of every tier"),
    ("freshness: {page: 40000d}", "freshness.page (line 1): is longer than 36525d"),
    # variables
    ("store: {path: '${NOPE}/x'}", "store.path (line 1): needs the variable NOPE, which is not set"),
    ("store: {path: '${}'}", "store.path (line 1): has a '${' that is not '${NAME}'"),
    ("store: {path: '${HOME'}", "store.path (line 1): has a '${' that is not '${NAME}'"),
    # access
    ("access: {users: {ann: {password: s3cret}}}", "access.users.ann.password (line 1): needs the argon2 hash of a"),
    ("access: {users: {ann: {hash: x}}}", "access.users.ann.hash (line 1): is no key that a node knows"),
    ("access: {users: {ann: s3cret}}", "access.users.ann (line 1): needs keys with values"),
    ("freshness: {removed: hidden}", "freshness.removed (line 1): 'hidden' is none of hide, keep, warn"),
    ("access: {users: [ann]}", "access.users (line 1): needs a user's name for each key"),
    ("access: {grants: [{may: [read]}]}", "access.grants[0].who (line 1): is needed"),
    ("access: {grants: [{who: [anyone], may: [raed]}]}", "access.grants[0].may[0] (line 1): 'raed' is none of read,"),
    ("access: {grants: [{who: [bob], may: [read]}]}", "access.grants[0].who[0] (line 1): 'bob' is no user"),
    ("access: {grants: [{who: [anyone], may: [read], project: [a]}]}", "did you mean projects?"),
]


@pytest.mark.parametrize(("text", "problem"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_told_with_its_place(text: str, problem: str) -> None:
    found = problems(text)
    assert any(problem in one for one in found), found
    assert not any("s3cret" in one for one in found)


def test_every_problem_is_told_at_once_in_the_order_of_the_file() -> None:
    found = problems(
        """
nod: 1
node:
  workers: 0
  listen:
    - "tcp:8141:interface=::1"
    - "tcp:8141:interface=127.0.0.1"
    - 8141
tiers:
  - {name: a, url: "ftp://u:s3cret@x/"}
  - {name: a, url: "http://localhost:8141/", timeout: 3}
projects:
  - {match: [x], tiers: [b]}
freshness: {page: soon}
offline: maybe
"""
    )
    assert [one.partition(":")[0] for one in found] == [
        "nod (line 2)",
        "node.workers (line 4)",
        "node.listen[0] (line 6)",
        "node.listen[2] (line 8)",
        "tiers[0].url (line 10)",
        "tiers[1].timeout (line 11)",
        "tiers[1].name (line 11)",
        "projects[0].tiers[0] (line 13)",
        "freshness.page (line 14)",
        "offline (line 15)",
    ]


def test_flaw_in_one_tier_does_not_hide_that_a_rule_names_no_tier() -> None:
    text = "tiers:\n- {name: a, url: nowhere}\nprojects:\n- {match: [x], tiers: [a, b]}\n"
    assert [one.partition(":")[0] for one in problems(text)] == [
        "tiers[0].url (line 2)",
        "projects[0].tiers[1] (line 4)",
    ]


def test_tier_whose_name_is_unknown_may_be_the_one_that_a_rule_means() -> None:
    text = "tiers:\n- {url: nowhere}\nprojects:\n- {match: [x], tiers: [b]}\n"
    assert [one.partition(":")[0] for one in problems(text)] == ["tiers[0].url (line 2)"]


def test_other_node_on_this_machine_may_be_a_tier() -> None:
    tier = "tiers: [{url: 'http://127.0.0.1:8142/'}]\nnode: {listen: ['%s']}\n"
    assert load(tier % "tcp:8141:interface=127.0.0.1").tiers
    assert load(tier % "systemd:domain=INET:index=0").tiers  # which port that is, is not told
    assert problems(tier % "tcp:8142") == ["tiers[0].url (line 1): leads back to this node itself"]


def test_home_that_is_not_known_is_a_problem_where_it_is_needed() -> None:
    assert problems("", {}) == ["store.path: '~/.local/share/tiercache' needs the variable HOME, which is not set"]
    assert load("store: {path: /srv/store}", {}).store.path == "/srv/store"


@pytest.mark.parametrize(
    ("edge", "beyond"),
    [
        ("freshness: {patience: 10s}", "freshness: {patience: 10001ms}"),
        ("node: {write-timeout: 1d}", "node: {write-timeout: 86401s}"),
        ("freshness: {stale-if-error: 36525d}", "freshness: {stale-if-error: 876601h}"),
        ("node: {max-connections: 1000000}", "node: {max-connections: 1000001}"),
        ("store: {budget: 1B}", "store: {budget: 0B}"),
        ("tiers: [{url: pypi, timeout: 1ms}]", "tiers: [{url: pypi, timeout: 0ms}]"),
        (f"node: {{name: {'x' * 64}}}", f"node: {{name: {'x' * 65}}}"),
    ],
)
def test_limits_hold_to_the_last_unit(edge: str, beyond: str) -> None:
    assert load(edge)
    assert len(problems(beyond)) == 1


def test_patience_is_measured_against_the_slowest_tier() -> None:
    quick, slow = "{name: a, url: 'http://a.example/', timeout: 300ms}", "{url: pypi}"
    assert load(f"tiers: [{quick}]").freshness.patience_s == 0.5  # not stated: nobody meant anything by it
    assert load(f"tiers: [{quick}, {slow}]\nfreshness: {{patience: 500ms}}")
    assert len(problems(f"tiers: [{quick}]\nfreshness: {{patience: 500ms}}")) == 1


# -- who may do what --------------------------------------------------------------------------------------------

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2g"
READ = "grants: [{who: [anyone], may: [read]}]"


@pytest.mark.parametrize(
    ("access", "problem"),
    [
        (f"users: {{a: {{password: '{HASH}'}}}}", "access.users (line 1): needs grants beside it: without any, anyone"),
        ("htpasswd: /run/password", "access.htpasswd (line 1): needs grants beside it: without any, anyone may read"),
        ("htpasswd: /nope, " + READ, "access.htpasswd (line 1): cannot be read from /nope: No such file"),
        (
            "htpasswd: /run/binary, " + READ,
            "access.htpasswd (line 1): cannot be read from /run/binary: it is not UTF-8",
        ),
        ("grants: [{who: [anyone], may: [publish]}]", "access.grants (line 1): let nobody read"),
        ("users: {a: {groups: [x]}}, " + READ, "access.users.a (line 1): needs a password or a token"),
        ("users: {a: {}}, " + READ, "access.users.a (line 1): needs a password or a token"),
        (
            "users: {a: {password: '$2y$05$c29tZXNhbHQ'}}, " + READ,
            "access.users.a.password (line 1): needs the argon2 hash",
        ),
        (
            "users: {a: {password: '$argon2id$s3cret'}}, " + READ,
            "access.users.a.password (line 1): needs the argon2 hash",
        ),
        (
            "users: {a: {token: s3cret-s3cret12}}, " + READ,
            "access.users.a.token (line 1): needs 16 characters at least",
        ),
        ("users: {a: {token: 's3cret s3cret s3cret'}}, " + READ, "access.users.a.token (line 1): needs 16 characters"),
        (
            "users: {a: {token: {env: LONG_TOKEN}}, b: {token: {env: LONG_TOKEN}}}, " + READ,
            "access.users.b.token (line 1): is the token of a already",
        ),
        ("trusted-proxies: [10.1.2.3/16]", "access.trusted-proxies[0] (line 1): '10.1.2.3/16' is no network"),
        ("trusted-proxies: [127.0.0.1, localhost]", "access.trusted-proxies[1] (line 1): 'localhost' is no network"),
        ("users: {operator: {token: {env: LONG_TOKEN}}}, " + READ, "access.users.operator (line 1): 'operator' is no"),
        ("users: {anyone: {token: {env: LONG_TOKEN}}}, " + READ, "access.users.anyone (line 1): 'anyone' is no name"),
        ("users: {__token__: {token: {env: LONG_TOKEN}}}, " + READ, "'__token__' is no name of a user"),
        ("users: {'@a': {token: {env: LONG_TOKEN}}}, " + READ, "'@a' is no name of a user"),
        ("users: {'a:b': {token: {env: LONG_TOKEN}}}, " + READ, "'a:b' is no name of a user"),
        ("users: {10.1.2.3: {token: {env: LONG_TOKEN}}}, " + READ, "'10.1.2.3' is no name of a user"),
        (
            "users: {a: {token: {env: LONG_TOKEN}, groups: ['@x']}}, " + READ,
            "access.users.a.groups[0] (line 1): '@x' is",
        ),
        ("users: {a: {token: {env: LONG_TOKEN}, group: [x]}}, " + READ, "did you mean groups?"),
        (
            "users: {a: {token: {env: LONG_TOKEN}, groups: [release]}}, grants: [{who: ['@relaese'], may: [read]}]",
            "access.grants[0].who[0] (line 1): '@relaese' is a group that no user is in",
        ),
        ("grants: [{who: [10.1.2.3/16], may: [read]}]", "access.grants[0].who[0] (line 1): '10.1.2.3/16' is no user"),
        ("grants: [{who: [anyone], may: [read], projects: []}]", "access.grants[0].projects (line 1): is empty"),
        ("grants: [{who: [anyone], may: [read], projects: ['!a']}]", "access.grants[0].projects (line 1): is empty"),
        ("grants: [{who: [anyone], may: [read], projects: ['*', '!!a']}]", "'!!a' is no pattern of project names"),
        ("grants: [{who: [anyone], may: [read], projects: ['*', '!']}]", "'!' is no pattern of project names"),
    ],
)
def test_what_is_wrong_with_access_is_told(access: str, problem: str) -> None:
    found = problems(f"access: {{{access}}}")
    assert any(problem in one for one in found), found
    assert not any("s3cret" in one for one in found)


def test_token_is_long_enough_at_sixteen_characters() -> None:
    assert load("access: {users: {a: {token: s3cret-s3cret123}}, " + READ + "}").access.users["a"].token
    assert len(problems("access: {users: {a: {token: s3cret-s3cret12}}, " + READ + "}")) == 1


def test_user_of_an_htpasswd_file_may_be_granted_what_he_is_not_named_for() -> None:
    config = load("access: {htpasswd: /run/password, grants: [{who: [carol], may: [read]}]}")
    assert config.access.htpasswd == "/run/password"


# -- what this version does not do ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("node: {workers: 2}", []),
        ("{node: {workers: 2}, store: {files: memory, catalogue: memory}}", ["node.workers"]),
        ("node: {workers: 1}", []),
        ("tiers: [{url: 'http://a.example/', kind: sibling}]", []),
        ("tiers: [{url: 'http://a.example/', kind: parent, client-certificate: /c.pem}]", []),
        ("tiers: [{url: 'http://a.example/'}]", []),
        ("projects: [{match: [a], tiers: [pypi], merge: true, also-upstream: [pypi]}]", []),
        ("freshness: {removed: warn}", []),
        ("access: {" + READ + "}", []),
        ("access: {grants: [{who: [anyone], may: [read, publish, manage, administer]}]}", []),
        ("access: {grants: [{who: [anyone], may: [read, prefetch]}]}", []),
        ("publish: {directories: [/srv/dist]}", []),
        ("publish: {to: nowhere}", []),
        ("prefetch: {concurrency: 9}", []),
        ("prefetch: {read-ahead: false, read-ahead-files: 1MiB}", []),
    ],
)
def test_what_is_not_in_force_is_told(text: str, notes: list[str]) -> None:
    assert [note.place for note in load(text).not_in_force()] == notes


# -- jobs of CI systems -----------------------------------------------------------------------------------------

JOB = "issuer: 'https://ci.example', claims: {repository: acme/*}, projects: [acme-*]"
PUBLISHER = "access.trusted-publishers[0]"


@pytest.mark.parametrize(
    ("publisher", "problem"),
    [
        (JOB.replace("issuer: 'https://ci.example', ", ""), f"{PUBLISHER}.issuer (line 1): is needed"),
        (JOB.replace("claims: {repository: acme/*}, ", ""), f"{PUBLISHER}.claims (line 1): is needed"),
        (JOB.replace(", projects: [acme-*]", ""), f"{PUBLISHER}.projects (line 1): is needed"),
        (JOB.replace("https://ci.example", "ci.example"), f"{PUBLISHER}.issuer (line 1): is no http or https URL"),
        (JOB.replace("https:", "http:"), f"{PUBLISHER}.issuer (line 1): needs to be an https URL"),
        (JOB.replace("https://ci.example", "http://127.0.0.1.example"), "needs to be an https URL"),
        (JOB.replace("https://", "https://ann:s3cret@"), "needs to be a URL without credentials, query and fragment"),
        (JOB.replace("ci.example", "ci.example?x"), "needs to be a URL without credentials, query and fragment"),
        (JOB.replace("{repository: acme/*}", "{}"), f"{PUBLISHER}.claims (line 1): needs a claim's name"),
        (JOB.replace("{repository: acme/*}", "[acme/*]"), f"{PUBLISHER}.claims (line 1): needs a claim's name"),
        (JOB.replace("acme/*}", "5}"), f"{PUBLISHER}.claims.repository (line 1): needs to be text: put it in quotes"),
        (JOB.replace("acme/*}", "'**'}"), f"{PUBLISHER}.claims (line 1): say nothing"),
        (JOB.replace("acme/*}", "'*', ref: '**'}"), f"{PUBLISHER}.claims (line 1): say nothing"),
        (JOB.replace("[acme-*]", "[]"), f"{PUBLISHER}.projects (line 1): is empty"),
        (JOB + ", may: [administer]", f"{PUBLISHER}.may[0] (line 1): 'administer' is none of read, publish, manage"),
        (JOB + ", lifetime: 15", f"{PUBLISHER}.lifetime (line 1): 15 needs a unit"),
        (JOB + ", lifetime: 0s", f"{PUBLISHER}.lifetime (line 1): needs to be longer than nothing"),
        (JOB + ", lifetime: 25h", f"{PUBLISHER}.lifetime (line 1): is longer than 1d"),
        (JOB + ", audience: ''", f"{PUBLISHER}.audience (line 1): is empty"),
        (JOB + ", claim: {a: b}", f"{PUBLISHER}.claim (line 1): is no key that a node knows; did you mean claims?"),
    ],
)
def test_what_is_wrong_with_a_trusted_publisher_is_told(publisher: str, problem: str) -> None:
    assert load(f"access: {{trusted-publishers: [{{{JOB}}}]}}")
    found = problems(f"access: {{trusted-publishers: [{{{publisher}}}]}}")
    assert len(found) == 1, found
    assert problem in found[0]


@pytest.mark.parametrize("host", OF_EVERYBODYS_JOBS)
def test_issuer_that_signs_for_everybody_is_trusted_with_somebodys_jobs_only(host: str) -> None:
    whose = OF_EVERYBODYS_JOBS[host][0]

    def job(claims: str) -> str:
        return f"access: {{trusted-publishers: [{{issuer: 'https://{host}', claims: {claims}, projects: [acme-*]}}]}}"

    assert load(job(f"{{{whose}: acme/*}}"))
    for claims in ("{environment: release}", f"{{{whose}: '**/tools'}}", f"{{{whose}: '?**', environment: release}}"):
        (problem,) = problems(job(claims))
        assert f"do not say whose job it is, as {whose} does" in problem


def test_two_audiences_are_one_too_many() -> None:
    jobs = f"[{{{JOB}, audience: a}}, {{{JOB}}}, {{{JOB}, audience: b}}]"
    (problem,) = problems(f"access: {{trusted-publishers: {jobs}}}")
    assert problem.startswith("access.trusted-publishers[2].audience (line 1): is not that of")


@pytest.mark.parametrize("issuer", ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080/ci"])
def test_issuer_on_this_very_machine_needs_no_tls(issuer: str) -> None:
    job = JOB.replace("https://ci.example", issuer)
    assert load(f"access: {{trusted-publishers: [{{{job}}}]}}").access.trusted_publishers[0].issuer == issuer
