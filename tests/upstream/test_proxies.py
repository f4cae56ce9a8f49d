"""Which proxy, if any, the usual variables mean for a host."""

import pytest

from tiercache.errors import ConfigInvalid
from tiercache.upstream.proxies import proxies_from
from tiercache.upstream.target import Target


def proxy_url(environment: dict[str, str], url: str) -> str | None:
    proxy = proxies_from(environment).proxy_for(Target.parse(url).host)
    return None if proxy is None else str(proxy.host)


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "https://a.example", None),
        ({"HTTP_PROXY": "http://p.example:3128"}, "http://a.example", "http://p.example:3128"),
        ({"HTTP_PROXY": "http://p.example:3128"}, "https://a.example", None),
        ({"https_proxy": "p.example:3128"}, "https://a.example", "http://p.example:3128"),
        ({"https_proxy": "https://p.example"}, "https://a.example", "https://p.example"),
        ({"ALL_PROXY": "http://p.example:1"}, "https://a.example", "http://p.example:1"),
        (
            {"ALL_PROXY": "http://p.example:1", "http_proxy": "http://q.example:2"},
            "http://a.example",
            "http://q.example:2",
        ),
        (
            {"HTTP_PROXY": "http://p.example:1", "http_proxy": "http://q.example:2"},
            "http://a.example",
            "http://q.example:2",
        ),
        ({"HTTP_PROXY": ""}, "http://a.example", None),
    ],
)
def test_the_scheme_of_what_is_asked_chooses_the_proxy(
    environment: dict[str, str], url: str, proxy: str | None
) -> None:
    assert proxy_url(environment, url) == proxy


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("*", "http://a.example", True),
        ("a.example", "http://a.example", True),
        ("a.example", "http://A.example", True),
        ("a.example", "http://b.a.example", True),
        ("a.example", "http://ba.example", False),
        (".a.example", "http://b.a.example", True),
        ("*.a.example", "http://b.a.example", True),
        ("x.example, a.example", "http://a.example", True),
        ("a.example:81", "http://a.example:81", True),
        ("a.example:81", "http://a.example", False),
        ("10.0.0.0/8", "http://10.1.2.3", True),
        ("10.0.0.0/8", "http://11.1.2.3", False),
        ("127.0.0.1", "http://127.0.0.1:8141", True),
        ("127.0.0.1:8141", "http://127.0.0.1:8141", True),
        ("::1", "http://[::1]:8141", True),
        ("[::1]", "http://[::1]:8141", True),
        ("", "http://a.example", False),
        (",", "http://a.example", False),
        (".", "http://a.example", False),
    ],
)
def test_no_proxy_names_the_hosts_that_are_asked_directly(no_proxy: str, url: str, direct: bool) -> None:
    environment = {"http_proxy": "http://p.example:3128", "NO_PROXY": no_proxy}
    assert (proxy_url(environment, url) is None) is direct


def test_a_proxys_credentials_are_sent_but_never_shown() -> None:
    proxies = proxies_from({"HTTP_PROXY": "http://alice:s3cret@p.example:3128"})
    proxy = proxies.proxy_for(Target.parse("http://a.example").host)
    assert proxy is not None
    assert proxy.authorization == "Basic YWxpY2U6czNjcmV0"
    assert not any(word in repr(proxies) for word in ("s3cret", "YWxpY2U6"))


@pytest.mark.parametrize("url", ["socks5://u:s3cret@p.example:1080", "http://u:s3cret@p.example:port"])
def test_a_proxy_that_is_not_spoken_is_refused_by_the_name_of_its_variable(url: str) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        proxies_from({"HTTPS_PROXY": url})
    assert [problem.place for problem in refused.value.problems] == ["HTTPS_PROXY"]
    assert "s3cret" not in str(refused.value)
