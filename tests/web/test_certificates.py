"""Certificates that are renewed under a node that runs: handshakes in memory, with the files as they are on a disk."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
from attrs import define
from cryptography.hazmat.primitives.asymmetric import dsa, ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import load_pem_x509_certificate
from OpenSSL import SSL
from twisted.logger import LogEvent, capturedLogs

from tests.doubles.certificates import Authority
from tiercache.config.addresses import TlsFiles
from tiercache.web.certificates import MOST_BYTES, Certificates

COMPANY = Authority("the company")


def serial(pem: bytes) -> int:
    return load_pem_x509_certificate(pem).serial_number


@define
class Handshake:
    """A client and a server joined in memory."""

    client: SSL.Connection
    server: SSL.Connection

    @classmethod
    def with_(cls, certificates: Certificates, versions: tuple[int, int] | None = None) -> Handshake:
        """A handshake that has ended; `versions`: the least and the newest that the client speaks."""
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        if versions is not None:
            context.set_min_proto_version(versions[0])
            context.set_max_proto_version(versions[1])
            context.set_cipher_list(b"ALL:@SECLEVEL=0")
        client = SSL.Connection(context, None)
        client.set_connect_state()
        server = certificates.serverConnectionForTLS(cast("Any", None))
        server.set_accept_state()
        made = cls(client, server)
        for _ in range(4):
            for one in (client, server):
                with suppress(SSL.WantReadError):
                    one.do_handshake()
                made.carry()
        return made

    def carry(self) -> None:
        """Bring to each what the other has sent."""
        for sender, taker in ((self.client, self.server), (self.server, self.client)):
            with suppress(SSL.WantReadError):
                while data := sender.bio_read(65536):
                    taker.bio_write(data)

    @property
    def serial(self) -> int:
        """The number of the certificate that the client was shown."""
        shown = self.client.get_peer_certificate()
        assert shown is not None
        return int(shown.get_serial_number())

    def says(self, data: bytes) -> bytes:
        """What the client receives if the server sends this."""
        self.server.send(data)
        self.carry()
        return bytes(self.client.recv(65536))


@define
class Folder:
    """A folder with a certificate and its key, as something else renews them."""

    path: Path
    events: Sequence[LogEvent]

    @property
    def warnings(self) -> list[str]:
        """What an operator is told."""
        mine = (event for event in self.events if event["log_namespace"] == "tiercache.web.certificates")
        return [event["error"] for event in mine if event["log_level"].name == "warn"]

    @property
    def files(self) -> TlsFiles:
        return TlsFiles(private_key=str(self.path / "key.pem"), certificate=str(self.path / "certificate.pem"))

    def write(self, name: str, content: bytes) -> None:
        """Write beside, and rename."""
        (self.path / "beside").write_bytes(content)
        (self.path / "beside").replace(self.path / name)

    def renew(self) -> int:
        """Put another pair there, and return the certificate's number."""
        certificate, key = COMPANY.pair("node.example")
        self.write("certificate.pem", certificate)
        self.write("key.pem", key)
        return serial(certificate)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with capturedLogs() as events:
        yield Folder(tmp_path, events)


def test_certificate_is_shown(folder: Folder) -> None:
    number = folder.renew()
    certificates = Certificates.at(folder.files)
    assert Handshake.with_(certificates).serial == number
    assert Handshake.with_(certificates).serial == number


def test_renewed_certificate_is_seen_by_the_next_connection_and_the_open_one_goes_on(folder: Folder) -> None:
    first = folder.renew()
    certificates = Certificates.at(folder.files)
    is_open = Handshake.with_(certificates)
    second = folder.renew()
    assert Handshake.with_(certificates).serial == second
    assert is_open.serial == first
    assert is_open.says(b"still here") == b"still here"
    assert folder.warnings == []


def test_files_that_are_written_in_place_are_seen_as_well(folder: Folder) -> None:
    folder.renew()
    certificates = Certificates.at(folder.files)
    certificate, key = COMPANY.pair("node.example")
    (folder.path / "certificate.pem").write_bytes(certificate)
    (folder.path / "key.pem").write_bytes(key)
    assert Handshake.with_(certificates).serial == serial(certificate)


def test_links_that_lead_elsewhere_are_seen_as_well(folder: Folder) -> None:
    for number in ("1", "2"):
        (folder.path / number).mkdir()
    links = {name: folder.path / name for name in ("certificate.pem", "key.pem")}
    numbers = []
    for number in ("1", "2"):
        certificate, key = COMPANY.pair("node.example")
        (folder.path / number / "certificate.pem").write_bytes(certificate)
        (folder.path / number / "key.pem").write_bytes(key)
        numbers.append(serial(certificate))
    for name, link in links.items():
        link.symlink_to(folder.path / "1" / name)
    certificates = Certificates.at(folder.files)
    assert Handshake.with_(certificates).serial == numbers[0]
    for name, link in links.items():
        link.unlink()
        link.symlink_to(folder.path / "2" / name)
    assert Handshake.with_(certificates).serial == numbers[1]


# -- renewals that go wrong, or are under way -------------------------------------------------------------------


def test_key_that_does_not_match_keeps_the_old_pair_until_it_does_and_is_told_once(folder: Folder) -> None:
    first = folder.renew()
    certificates = Certificates.at(folder.files)
    certificate, key = COMPANY.pair("node.example")
    folder.write("certificate.pem", certificate)
    assert [Handshake.with_(certificates).serial for _ in range(3)] == [first] * 3
    (told,) = folder.warnings
    assert "do not go together: key values mismatch" in told
    folder.write("key.pem", key)
    assert Handshake.with_(certificates).serial == serial(certificate)
    assert len(folder.warnings) == 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("certificate.pem", b"", "holds no certificate"),
        ("certificate.pem", COMPANY.pem[:200], "holds no certificate"),
        ("certificate.pem", b"\xff" * 100, "holds no certificate"),
        ("certificate.pem", COMPANY.pem.replace(b"A", b"!"), "holds no certificate"),
        ("certificate.pem", b" " * (MOST_BYTES + 1), "has more than"),
        ("certificate.pem", None, "No such file"),
        ("key.pem", b"", "holds no private key"),
        ("key.pem", COMPANY.pem, "holds no private key"),
        ("key.pem", COMPANY.pair("x")[1][:100], "holds no private key"),
        ("key.pem", None, "No such file"),
    ],
    ids=[
        "no chain",
        "half",
        "no text",
        "no base64",
        "too long",
        "gone",
        "no key",
        "no key in it",
        "half a key",
        "key gone",
    ],
)
def test_half_of_a_file_keeps_the_old_pair_and_is_told_once(
    folder: Folder, name: str, content: bytes | None, words: str
) -> None:
    first = folder.renew()
    certificates = Certificates.at(folder.files)
    if content is None:
        (folder.path / name).unlink()
    else:
        folder.write(name, content)
    assert [Handshake.with_(certificates).serial for _ in range(3)] == [first] * 3
    (told,) = folder.warnings
    assert words in told
    assert "PRIVATE KEY" not in told
    second = folder.renew()
    assert Handshake.with_(certificates).serial == second


def encrypted() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"s3cret"))


def of_no_kind_that_tls_has() -> bytes:
    return dsa.generate_private_key(1024).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("key", "words"), [(encrypted, "is encrypted"), (of_no_kind_that_tls_has, "is of no kind that TLS has")]
)
def test_key_that_cannot_be_used_asks_nobody_for_a_password(folder: Folder, key: Any, words: str) -> None:
    folder.renew()
    folder.write("key.pem", key())
    with pytest.raises(ValueError, match=words):
        Certificates.at(folder.files)


def test_files_that_were_only_touched_are_as_good_as_before(folder: Folder) -> None:
    number = folder.renew()
    certificates = Certificates.at(folder.files)
    os.utime(folder.path / "certificate.pem", (1, 1))
    assert Handshake.with_(certificates).serial == number
    assert folder.warnings == []


# -- what else the files say ------------------------------------------------------------------------------------


def test_certificates_behind_the_nodes_own_are_sent_along(folder: Folder) -> None:
    between = Authority("in between")
    certificate, key = between.pair("node.example")
    folder.write("certificate.pem", certificate + between.pem)
    folder.write("key.pem", key)
    chain = Handshake.with_(Certificates.at(folder.files)).client.get_peer_cert_chain()
    assert chain is not None
    assert [int(one.get_serial_number()) for one in chain] == [serial(certificate), serial(between.pem)]


def test_chain_in_a_file_of_its_own_is_sent_along_and_renewed(folder: Folder) -> None:
    folder.renew()
    folder.write("chain.pem", COMPANY.pem)
    files = folder.files
    with_chain = TlsFiles(
        private_key=files.private_key, certificate=files.certificate, chain=str(folder.path / "chain.pem")
    )
    certificates = Certificates.at(with_chain)
    other = Authority("another")
    folder.write("chain.pem", other.pem)
    chain = Handshake.with_(certificates).client.get_peer_cert_chain()
    assert chain is not None
    assert int(chain[1].get_serial_number()) == serial(other.pem)


def test_both_in_one_file_do(folder: Folder) -> None:
    pem = COMPANY.signed("node.example")
    for order in (pem, b"".join(reversed(COMPANY.pair("node.example")))):
        folder.write("both.pem", order)
        both = str(folder.path / "both.pem")
        certificates = Certificates.at(TlsFiles(private_key=both, certificate=both))
        assert Handshake.with_(certificates).serial


def test_relative_paths_are_those_of_the_start(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.renew()
    monkeypatch.chdir(folder.path)
    certificates = Certificates.at(TlsFiles(private_key="key.pem", certificate="certificate.pem"))
    monkeypatch.chdir("/")
    second = folder.renew()
    assert Handshake.with_(certificates).serial == second


# -- versions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "name"), [(SSL.TLS1_2_VERSION, "TLSv1.2"), (SSL.TLS1_3_VERSION, "TLSv1.3")])
def test_tls_from_version_1_2_on_is_spoken(folder: Folder, version: int, name: str) -> None:
    folder.renew()
    handshake = Handshake.with_(Certificates.at(folder.files), (version, version))
    assert handshake.client.get_protocol_version_name() == name
    assert handshake.says(b"x") == b"x"


@pytest.mark.parametrize("version", [SSL.TLS1_VERSION, SSL.TLS1_1_VERSION])
def test_older_versions_are_not(folder: Folder, version: int) -> None:
    folder.renew()
    with pytest.raises(SSL.Error, match="protocol"):
        Handshake.with_(Certificates.at(folder.files), (version, version))
