"""What a connection's URL must ask of the server, and the CAs that come with us."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from psycopg.conninfo import conninfo_to_dict

from ops.rds_roots import FOLDER, SUMS, BundleError, by_region, sums
from tests.certificates import Authority
from tillgate.adapters.postgres.conninfo import owner_access, role_url
from tillgate.adapters.postgres.trust import ROOTS
from tillgate.domain.errors import SecretUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

CLUSTER = "tillgate.cluster-c0ffee.eu-west-1.rds.amazonaws.com"
PROXY = "tillgate.proxy-c0ffee.eu-west-1.rds.amazonaws.com"
# Nobody is to learn of it on the day.
NOTICE = timedelta(days=365)


def asked(url: str) -> Mapping[str, object]:
    return conninfo_to_dict(owner_access(url).whole_url())


def rds(host: str) -> str:
    parts = {"username": "o", "password": "p", "host": host, "port": 5432, "dbname": "tillgate"}
    return json.dumps(parts)


def test_aurora_is_verified_by_its_region_s_cas() -> None:
    told = asked(rds(CLUSTER))

    assert told["sslmode"] == "verify-full"
    assert told["sslrootcert"] == str(ROOTS / "eu-west-1.pem")
    assert told["gssencmode"] == "disable"


@pytest.mark.parametrize(
    ("host", "file"),
    [
        (PROXY, "proxy.pem"),
        ("read.endpoint.proxy-c0ffee.us-east-1.rds.amazonaws.com", "proxy.pem"),
        ("db.c0ffee.us-east-1.rds.amazonaws.com", "us-east-1.pem"),
        ("DB.c0ffee.US-EAST-1.RDS.amazonaws.com", "us-east-1.pem"),
        # Not its label, but part of a name that somebody chose.
        ("proxy-x.c0ffee.us-east-1.rds.amazonaws.com", "us-east-1.pem"),
    ],
)
def test_a_server_of_rds_is_known_by_its_name(host: str, file: str) -> None:
    assert asked(f"postgresql://o:p@{host}/x")["sslrootcert"] == str(ROOTS / file)


@pytest.mark.parametrize("tail", ["", "?sslmode=verify-full", "?sslrootcert=system"])
def test_any_other_server_is_verified_by_public_cas(tail: str) -> None:
    told = asked(f"postgresql://o:p@db.example.com/x{tail}")

    assert told["sslmode"] == "verify-full"
    assert told["sslrootcert"] == ssl.get_default_verify_paths().cafile


def test_a_name_that_only_ends_like_rds_s_is_any_other_server() -> None:
    url = "postgresql://o:p@evil-rds.amazonaws.com.example.com/x"
    assert asked(url)["sslrootcert"] == ssl.get_default_verify_paths().cafile


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca"])
@pytest.mark.parametrize(
    "host", ["db.example.com", CLUSTER, "10.0.0.7", "localhost,db.example.com"]
)
def test_less_than_all_of_it_is_refused(host: str, mode: str) -> None:
    with pytest.raises(SecretUnavailableError, match=f"sslmode={mode}.*say sslmode=verify-full"):
        owner_access(f"postgresql://o:p@{host}/x?sslmode={mode}")


@pytest.mark.parametrize(
    ("tail", "sentence"),
    [
        ("sslrootcert=/etc/ca.pem", "names a file in sslrootcert"),
        ("ssl_min_protocol_version=TLSv1", "TLS below 1.2"),
        ("ssl_min_protocol_version=TLSv1.1", "TLS below 1.2"),
        ("sslcert=/x", "may not have sslcert"),
        ("service=x", "may not have service"),
    ],
)
def test_what_functions_have_no_file_for_is_refused(tail: str, sentence: str) -> None:
    with pytest.raises(SecretUnavailableError, match=sentence):
        owner_access(f"postgresql://o:p@db.example.com/x?{tail}")


@pytest.mark.parametrize("tail", ["", "?sslmode=disable"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "%2Ftmp%2Fsocket", ""])
def test_a_server_on_this_machine_proves_nothing(host: str, tail: str) -> None:
    assert "sslrootcert" not in asked(f"postgresql://o:p@{host}/x{tail}")


@pytest.mark.parametrize("addresses", ["10.0.0.7", "127.0.0.1,10.0.0.7"])
def test_an_address_elsewhere_is_not_here_by_its_name(addresses: str) -> None:
    with pytest.raises(SecretUnavailableError, match="sslmode=disable"):
        owner_access(f"postgresql://o:p@localhost/x?hostaddr={addresses}&sslmode=disable")


def test_a_region_that_no_ca_is_known_for_is_named() -> None:
    with pytest.raises(SecretUnavailableError, match=r"for xx-north-9: see ops/rds_roots\.py"):
        owner_access(rds("t.cluster-c0ffee.xx-north-9.rds.amazonaws.com"))


def test_hosts_of_different_cas_are_refused() -> None:
    with pytest.raises(SecretUnavailableError, match="different CAs"):
        owner_access(f"postgresql://o:p@{CLUSTER},db.example.com/x")


def test_a_ca_of_the_operator_s_goes_into_each_role_s_secret(tmp_path: Path) -> None:
    ca = Authority(tmp_path).pem.decode()
    secret = json.dumps({"url": "postgresql://o:p@db.example.com/x", "ca": ca})

    completed = owner_access(secret).of_role("tillgate_ingest", "pw")

    assert completed["ca"] == ca
    assert "sslrootcert" not in completed["url"]
    told = conninfo_to_dict(role_url(json.dumps(completed)))
    assert (told["user"], told["sslmode"]) == ("tillgate_ingest", "verify-full")
    file = Path(str(told["sslrootcert"]))
    assert file.read_text() == ca
    assert file.stat().st_mode & 0o077 == 0
    # One file, however often the secret is read; and again, should it have gone.
    assert role_url(json.dumps(completed)).endswith(file.name)
    file.unlink()
    assert Path(str(conninfo_to_dict(role_url(json.dumps(completed)))["sslrootcert"])).exists()


@pytest.mark.parametrize("ca", ["", "not one", "-----BEGIN CERTIFICATE-----\nMIIB\n"])
def test_a_ca_that_is_none_is_refused(ca: str) -> None:
    secret = json.dumps({"url": "postgresql://o:p@db.example.com/x", "ca": ca})
    with pytest.raises(SecretUnavailableError, match="ca is no certificate"):
        owner_access(secret)


def test_a_ca_and_a_file_of_them_is_one_too_many(tmp_path: Path) -> None:
    url = "postgresql://o:p@db.example.com/x?sslrootcert=system"
    secret = json.dumps({"url": url, "ca": Authority(tmp_path).pem.decode()})
    with pytest.raises(SecretUnavailableError, match="a ca, and an sslrootcert too"):
        owner_access(secret)


def certificates(path: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(path.read_bytes())


def test_the_cas_that_come_with_us_are_those_that_were_checked() -> None:
    assert (FOLDER / SUMS).read_text() == sums(FOLDER)
    assert FOLDER == ROOTS
    assert len(list(ROOTS.glob("*.pem"))) == 28


@pytest.mark.parametrize("path", sorted(ROOTS.glob("*.pem")), ids=lambda path: path.stem)
def test_each_ca_is_one_and_serves_for_another_year(path: Path) -> None:
    found = certificates(path)

    assert len(found) == (4 if path.stem == "proxy" else 3)
    for one in found:
        one.verify_directly_issued_by(one)
        assert one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        assert one.not_valid_after_utc - datetime.now(UTC) > NOTICE
        names = one.subject.rfc4514_string()
        assert path.stem == "proxy" or f"CN=Amazon RDS {path.stem} Root CA " in names


def test_the_proxy_s_cas_are_among_those_that_browsers_trust() -> None:
    public = (files("certifi") / "cacert.pem").read_text()
    ours = (ROOTS / "proxy.pem").read_text().split("-----BEGIN CERTIFICATE-----")[1:]

    assert len(ours) == 4
    assert all(one in public for one in ours)


def test_a_bundle_of_aws_makes_the_same_files() -> None:
    whole = b"".join(path.read_bytes() for path in sorted(ROOTS.glob("*.pem"), reverse=True))
    made = by_region(whole, now=datetime.now(UTC))

    assert made == {p.stem: p.read_bytes() for p in ROOTS.glob("*.pem") if p.stem != "proxy"}


def test_what_has_expired_is_left_out_of_them(tmp_path: Path) -> None:
    bundle = (ROOTS / "eu-west-1.pem").read_bytes()
    with pytest.raises(BundleError, match="no CA of RDS"):
        by_region(bundle, now=datetime(2200, 1, 1, tzinfo=UTC))
    with pytest.raises(BundleError, match="no CA of RDS"):
        by_region(Authority(tmp_path).pem, now=datetime.now(UTC))
