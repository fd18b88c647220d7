"""Certificates with which the processes of one installation know one another."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from distributed.security import Security

from lse.errors import FailedPreconditionError

__all__ = ["Certificates"]

# Made anew at each start, so neither a wrong clock nor a long run makes them invalid.
_FROM, _UNTIL = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Certificates:
    """Folder of ``ca.pem``, ``cert.pem`` and ``key.pem``: a process proves itself, and asks others to, with these.

    Attributes
    ----------
    folder
        The folder.
    """

    folder: Path

    @property
    def authority(self) -> Path:
        """Certificate of the authority that others must be signed by, PEM."""
        return self.folder / "ca.pem"

    @property
    def certificate(self) -> Path:
        """Certificate of this process, PEM."""
        return self.folder / "cert.pem"

    @property
    def key(self) -> Path:
        """Private key of this process, PEM."""
        return self.folder / "key.pem"

    def checked(self) -> Certificates:
        """These, all there.

        Raises
        ------
        FailedPreconditionError
            If a file is missing.
        """
        for path in (self.authority, self.certificate, self.key):
            if not path.is_file():
                raise FailedPreconditionError(
                    f"There is no {path.name} in {self.folder}: a folder of certificates has ca.pem, cert.pem and "
                    "key.pem.",
                    reason="CERTIFICATES_MISSING",
                    folder=self.folder,
                )
        return self

    def dask(self) -> Security:
        """Their use by Dask: everything is encrypted, and both sides prove themselves."""
        files = {
            f"tls_{role}_{kind}": str(path)
            for role in ("client", "scheduler", "worker")
            for kind, path in (("cert", self.certificate), ("key", self.key))
        }
        return Security(tls_ca_file=str(self.checked().authority), require_encryption=True, **files)

    @classmethod
    def make(cls, folder: Path) -> Certificates:
        """New certificates of this machine alone, its own authority, in a folder that only its owner can read."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Latent Space Explorer")])
        at_home = [x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")]
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), _FROM, _UNTIL)
            .add_extension(x509.SubjectAlternativeName(at_home), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        folder.mkdir(mode=0o700, exist_ok=True)
        made = cls(folder)
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        for path, content in ((made.authority, pem), (made.certificate, pem), (made.key, private)):
            path.unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
        return made
