"""Which hosts a tier's pages may send this node to."""

import pytest

from tests.doubles.far_index import listed
from tiercache.upstream.reach import Reach


@pytest.mark.parametrize(
    ("name", "address", "admitted"),
    [
        ("files.example", "93.184.216.34", True),
        ("files.example", "2606:2800:220:1::1", True),
        ("files.example", "127.0.0.1", False),
        ("files.example", "169.254.169.254", False),
        ("files.example", "no address", False),
        ("index.example", "127.0.0.1", True),
        ("declared.example", "127.0.0.1", True),
        ("below.declared.example", "127.0.0.1", False),
        ("a.wide.example", "127.0.0.1", True),
        ("wide.example", "127.0.0.1", False),
        ("notwide.example", "127.0.0.1", False),
        ("files.example", "10.0.0.1", True),
        ("files.example", "10.0.0.2", False),
    ],
)
def test_private_addresses_are_for_the_tiers_own_host_and_declared_ones(
    name: str, address: str, admitted: bool
) -> None:
    reach = Reach(own="index.example", declared=("DECLARED.example", "*.wide.example"))
    assert reach.admits_address(name, address, frozenset({"10.0.0.1"})) is admitted


def test_files_are_split_by_whether_their_host_may_be_asked() -> None:
    good = [listed(f"https://files.example/a-{n}.tar.gz") for n in range(3)]
    own = listed("http://index.example:81/a-4.tar.gz")
    bad = [
        listed("http://127.0.0.1/a-5.tar.gz"),
        listed("https://files.example@127.0.0.1/a-6.tar.gz"),
        listed("https://127.0.0.1\\@files.example/a-7.tar.gz"),
        listed("ftp://files.example/a-8.tar.gz"),
        listed("a-9.tar.gz"),
    ]
    admitted, refused = Reach(own="index.example").split([*good, *bad, own])
    assert admitted == (*good, own)
    assert refused == tuple(bad)
