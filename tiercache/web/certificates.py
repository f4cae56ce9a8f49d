"""The certificate by which a node shows who it is: read from its files, and again when they have changed.

A connection keeps what it began with; the next one gets what is there by then.  Files that cannot be used (a key that
does not belong to the certificate, one that is half written) change nothing, which is told once.
"""

from __future__ import annotations

from pathlib import Path

from attrs import define, field, frozen
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates
from OpenSSL import SSL
from OpenSSL.crypto import X509, PKey
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import CertificateOptions, DiffieHellmanParameters, TLSVersion
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.filepath import FilePath
from zope.interface import implementer

from tiercache.config.addresses import TlsFiles

MOST_BYTES = 1024 * 1024
"""Of each file."""

log = Logger()

Stamp = tuple[int, int, int, int] | None
"""What tells that a file is not what it was; None where there is none."""


@frozen
class _Pem:
    """The files of an endpoint, at absolute paths: a daemon may be elsewhere when it reads them again."""

    key: Path
    certificate: Path
    chain: Path | None
    dh_parameters: Path | None

    @property
    def stamps(self) -> tuple[Stamp, ...]:
        """What they are now."""
        paths = (self.key, self.certificate, self.chain, self.dh_parameters)
        return tuple(_stamp(path) for path in paths if path is not None)

    def context(self) -> SSL.Context:
        """What they say.  Raises OSError, ValueError."""
        found = _certificates(self.certificate)
        chain = [*found[1:], *(() if self.chain is None else _certificates(self.chain))]
        dh_parameters = None
        if self.dh_parameters is not None:
            dh_parameters = DiffieHellmanParameters.fromFile(FilePath(str(self.dh_parameters)))
        options = CertificateOptions(
            privateKey=_private_key(self.key),
            certificate=found[0],
            extraCertChain=chain,
            dhParameters=dh_parameters,
            raiseMinimumTo=TLSVersion.TLSv1_2,
        )
        try:
            context: SSL.Context = options.getContext()
        except SSL.Error as error:  # such as: key values mismatch
            words = str(error.args[0][-1][-1]) if error.args and error.args[0] else "OpenSSL does not say why"
            raise ValueError(f"{self.certificate} and {self.key} do not go together: {words}") from None
        return context


@implementer(IOpenSSLServerConnectionCreator)
@define(kw_only=True, eq=False)
class Certificates:
    """What makes the connections of an endpoint that speaks TLS.

    The files are looked at for each connection, on the reactor's thread: to ask the system about them takes a
    thousandth of what a handshake takes, and they are read only when they have changed.
    """

    _pem: _Pem
    _seen: tuple[Stamp, ...]
    _context: SSL.Context = field(repr=False)

    @classmethod
    def at(cls, files: TlsFiles) -> Certificates:
        """Those in these files.  Blocking.  Raises OSError, ValueError where they cannot be used."""
        pem = _Pem(
            Path(files.private_key).absolute(),
            Path(files.certificate).absolute(),
            None if files.chain is None else Path(files.chain).absolute(),
            None if files.dh_parameters is None else Path(files.dh_parameters).absolute(),
        )
        seen = pem.stamps  # before they are read: what changes meanwhile is read again
        return cls(pem=pem, seen=seen, context=pem.context())

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:  # noqa: N802, N803 -- Twisted's names
        """See `IOpenSSLServerConnectionCreator`."""
        self._look()
        return SSL.Connection(self._context, None)

    def _look(self) -> None:
        now = self._pem.stamps
        if now == self._seen:
            return
        self._seen = now
        try:
            self._context = self._pem.context()
        except (OSError, ValueError) as error:
            log.warn(
                "the certificate in {path} has changed, and cannot be used: {error}; that of before stays",
                path=str(self._pem.certificate),
                error=str(error),
            )
        else:
            log.info("the certificate in {path} is a new one", path=str(self._pem.certificate))


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev)


def _certificates(path: Path) -> list[X509]:
    """Every certificate of a file: the node's own first, and those between it and what clients trust."""
    text = _bytes(path)
    try:
        return [X509.from_cryptography(one) for one in load_pem_x509_certificates(text)]
    except ValueError:
        raise ValueError(f"{path} holds no certificate") from None


def _private_key(path: Path) -> PKey:
    text = _bytes(path)
    try:
        # Not by OpenSSL's own reader, which would ask for the password of an encrypted key at a terminal, and wait.
        key = load_pem_private_key(text, password=None)
    except TypeError:
        raise ValueError(f"the key in {path} is encrypted") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(f"{path} holds no private key") from None
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey | Ed448PrivateKey):
        raise ValueError(f"the key in {path} is of no kind that TLS has")
    return PKey.from_cryptography_key(key)


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"{path} has more than {MOST_BYTES} bytes")
    return data
