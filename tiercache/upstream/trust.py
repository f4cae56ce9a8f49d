"""Whom TLS trusts, and who it says that we are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen
from OpenSSL.crypto import Error as CryptoError
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import (
    Certificate,
    PrivateCertificate,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.web.client import HostnameCachingHTTPSPolicy
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from tiercache.errors import ConfigInvalid, Problem

BUNDLE_VARIABLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""The variables that name a bundle of certificates, in the order in which pip heeds them."""

TrustRoot = Any
"""What `optionsForClientTLS` takes as such; Twisted's interface for it has no public name."""

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def ca_bundle(configured: Path | None, environment: Mapping[str, str]) -> Path | None:
    """The bundle to trust instead of the platform's: the configured one, else what a variable names, else None."""
    if configured is not None:
        return configured
    named = next((environment[name] for name in BUNDLE_VARIABLES if environment.get(name)), None)
    return None if named is None else Path(named)


def trusted(bundle: Path | None) -> TrustRoot:
    """A trust root: the certificates of a PEM file or of all files of a folder, without either the platform's.

    Blocking.  Raises ConfigInvalid where it cannot be read or holds no certificate.
    """
    if bundle is None:
        return platformTrust()
    try:
        files = sorted(path for path in bundle.iterdir() if path.is_file()) if bundle.is_dir() else [bundle]
        blocks = dict.fromkeys(block for path in files for block in _CERTIFICATE.findall(path.read_bytes()))
        certificates = [Certificate.loadPEM(block) for block in blocks]
    except (OSError, ValueError, CryptoError) as error:
        raise _invalid(bundle, f"it cannot be read: {type(error).__name__}") from error
    if not certificates:
        raise _invalid(bundle, "it holds no certificate")
    return trustRootFromCertificates(certificates)


def client_certificate(pem: Path) -> PrivateCertificate:
    """A certificate with its key, both in one PEM file.  Blocking.  Raises ConfigInvalid."""
    try:
        found: PrivateCertificate = PrivateCertificate.loadPEM(pem.read_bytes())
    except (OSError, ValueError, CryptoError) as error:
        raise _invalid(pem, f"it is no certificate with its key: {type(error).__name__}") from error
    return found


def https_policy(trust: TrustRoot, *, certificate: PrivateCertificate | None = None, own: str = "") -> IPolicyForHTTPS:
    """How to speak TLS; `certificate` is shown to the host `own` alone, as all credentials are.

    Contexts are kept: to make one from a whole bundle takes longer than to ask a question.
    """
    return HostnameCachingHTTPSPolicy(_Policy(trust=trust, certificate=certificate, own=own))


@implementer(IPolicyForHTTPS)
@frozen(kw_only=True)
class _Policy:
    trust: TrustRoot
    certificate: PrivateCertificate | None = field(repr=False)
    own: str

    def creatorForNetloc(self, hostname: bytes, port: int) -> IOpenSSLClientConnectionCreator:  # noqa: N802 -- Twisted's name
        name = hostname.decode("ascii")
        return optionsForClientTLS(
            name,
            trustRoot=self.trust,
            clientCertificate=self.certificate if name == self.own else None,
        )


def _invalid(path: Path, what: str) -> ConfigInvalid:
    return ConfigInvalid(source="of TLS", problems=(Problem(place=str(path), what=what),))
