"""Where deliveries may go, and where not, however it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tillgate.domain.destination_address import destination_flaw, is_public


@pytest.mark.parametrize(
    "url",
    [
        "https://abcdefgh.supabase.co",
        "https://abcdefgh.supabase.co/",
        "https://db.example.com:443/prefix",
        "https://8.8.8.8",
        "https://[2606:4700:4700::1111]:443",
        "HTTPS://Project.Example.COM",
        "https://xn--mnchen-3ya.example.com.",
    ],
)
def test_a_public_https_address_has_no_flaw(url: str) -> None:
    assert destination_flaw(url, allow_private=False) is None


@pytest.mark.parametrize(
    ("url", "flaw"),
    [
        ("http://project.example.com", "must begin with https://"),
        ("ftp://project.example.com", "must begin with https://"),
        ("https://user:pw@example.com", "must not hold a user name or a password"),
        ("https://example.com@169.254.169.254", "must not hold a user name or a password"),
        ("https://example.com?x=1", "must not hold a query or a fragment"),
        ("https://example.com/#", "must not hold a query or a fragment"),
        ("https://localhost", "must be at a public address"),
        ("https://postgres", "must be at a public address"),
        ("https://db.internal", "must be at a public address"),
        ("https://printer.local.", "must be at a public address"),
        ("https://127.0.0.1", "must be at a public address"),
        ("https://10.1.2.3:5432", "must be at a public address"),
        ("https://169.254.169.254", "must be at a public address"),
        ("https://[::1]", "must be at a public address"),
        ("https://[::ffff:10.0.0.1]", "must be at a public address"),
        ("https://[fd00::1]", "must be at a public address"),
        ("https://2130706433", "does not name a host"),
        ("https://127.1", "does not name a host"),
        ("https://0x7f000001", "does not name a host"),
        ("https://1.2.3.0x4", "does not name a host"),
        ("https://a..example.com", "does not name a host"),
        ("https://-a.example.com", "does not name a host"),
        ("https://[v1.x]", "does not name a host"),
        ("https://[v1.x]:443", "does not name a host"),
        ("https://db.example.com:8443", "must go to port 443, the only one that is let out"),
        ("https://8.8.8.8:80", "must go to port 443, the only one that is let out"),
        ("https://[2606:4700::1]:5432", "must go to port 443, the only one that is let out"),
        ("https://192.88.99.1", "must be at a public address"),
        ("https://[3fff::1]", "must be at a public address"),
        ("https://", "is not a URL"),
        ("https:///path", "is not a URL"),
        ("https://example.com:0", "is not a URL"),
        ("https://example.com:99999", "is not a URL"),
        ("https://[::1", "is not a URL"),
        ("https://exam ple.com", "is not a URL"),
        ("https://example.com\r\nHost: x", "is not a URL"),
        ("https://example.com\\@evil.example", "is not a URL"),
        ("https://münchen.example.com", "is not a URL"),
        (f"https://example.com/{'a' * 2048}", "is longer than 2048 characters"),
    ],
)
def test_any_other_has_its_flaw_named(url: str, flaw: str) -> None:
    assert destination_flaw(url, allow_private=False) == flaw


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:54321", "http://localhost:8000", "https://[::1]:1", "http://db.local"]
)
def test_a_machine_s_own_stage_may_deliver_to_itself(url: str) -> None:
    assert destination_flaw(url, allow_private=True) is None


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1", "http://u@127.0.0.1", "http://127.1", "http://[v1.x]", "x"]
)
def test_also_there_it_has_to_be_a_url(url: str) -> None:
    assert destination_flaw(url, allow_private=True) is not None


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104  Nothing is bound here.
        "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.0.1",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1",
        "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1",
        "192.88.99.1", "::ffff:192.88.99.1", "64:ff9b::c058:6301", "3fff::1", "3fff:fff:ffff::1",
        "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe",
        "64:ff9b::7f00:1", "64:ff9b:1::1", "2001:db8::1", "2002:7f00:1::", "fc00::1",
        "fd00:ec2::254",
        "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "", "x", "8.8.8.8/32", "2606:4700::1%eth0",
    ],
)  # fmt: skip
def test_what_is_not_reached_over_the_internet_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "172.32.0.1",
        "192.88.98.1",
        "192.88.100.1",
        "2606:4700::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
    ],
)
def test_what_is_reached_by_everybody_is_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="fc00::/7"))
def test_no_private_address_is_public_nor_a_destination(address: object) -> None:
    host = f"[{address}]" if ":" in str(address) else str(address)

    assert not is_public(str(address))
    assert destination_flaw(f"https://{host}/", allow_private=False) is not None


@given(st.text(max_size=80))
def test_whatever_is_written_has_a_flaw_or_is_plain_https(text: str) -> None:
    for url in (text, f"https://{text}"):
        flaw = destination_flaw(url, allow_private=False)
        assert flaw or (url.lower().startswith("https://") and url.isascii())
