"""Take the CAs of RDS from AWS' bundle, one file a region: ``python -m ops.rds_roots BUNDLE``.

For a region that RDS came to after the files were made, or when AWS has changed a CA. The bundle
is https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem, which the layer does not
carry whole: libpq reads the file for each connection, and a server of one region has no business
with another's CA.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from stacks.assets import ROOT

FOLDER = ROOT / "layers/tillgate/python/tillgate/adapters/postgres/roots"
SUMS = "SHA256SUMS"
# Not those of AWS' own trials (Beta, Preview), nor of 2019, which have expired.
_NAME = re.compile(r"Amazon RDS (?P<region>[a-z]{2}(?:-[a-z]+)+-\d) Root CA (RSA|ECC)\d+ G\d+")


class BundleError(ValueError):
    """The file holds no CA of RDS."""


def by_region(bundle: bytes, *, now: datetime) -> dict[str, bytes]:
    """Give each region's CAs that are valid now, as PEM. Raises BundleError."""
    found: dict[str, list[x509.Certificate]] = defaultdict(list)
    for certificate in x509.load_pem_x509_certificates(bundle):
        [common_name] = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        named = _NAME.fullmatch(str(common_name.value))
        if named is None or certificate.not_valid_after_utc <= now:
            continue
        certificate.verify_directly_issued_by(certificate)
        found[named["region"]].append(certificate)
    if not found:
        raise BundleError("there is no CA of RDS in it")
    return {region: _pem(certificates) for region, certificates in found.items()}


def write(files: dict[str, bytes], folder: Path) -> None:
    """Write the regions' files, and the checksums of all that lie there."""
    for region, pem in files.items():
        (folder / f"{region}.pem").write_bytes(pem)
    (folder / SUMS).write_text(sums(folder))


def sums(folder: Path) -> str:
    """Give the checksums as ``sha256sum *.pem`` does."""
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(folder.glob("*.pem"))
    )


def _pem(certificates: list[x509.Certificate]) -> bytes:
    ordered = sorted(certificates, key=lambda one: one.subject.rfc4514_string())
    return b"".join(one.public_bytes(Encoding.PEM) for one in ordered)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("bundle", type=Path)
    bundle: Path = parser.parse_args().bundle
    try:
        files = by_region(bundle.read_bytes(), now=datetime.now(UTC))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{bundle}: {error}\n")
        return 1
    write(files, FOLDER)
    print(f"{len(files)} regions: {', '.join(sorted(files))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
