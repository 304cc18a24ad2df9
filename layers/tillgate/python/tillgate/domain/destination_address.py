"""Where deliveries may go: to public addresses, by https, unless the stage allows otherwise.

What a name resolves to may change after this was asked: ``is_public`` is asked again of
every address, by the adapter that connects.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

MAX_URL_LENGTH = 2048

# What urlsplit would strip or bend, and no URL holds (RFC 3986, 2).
_NOT_IN_A_URL = re.compile(r"[^!-~]|[\\\"<>^`{|}]", re.ASCII)
_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9-]{1,63}")
# Names that mean something on one network alone (RFC 6761, RFC 6762, RFC 8375; "internal" is
# set aside for that by ICANN). Others may do so too: it is the address that decides.
_PRIVATE_SUFFIXES = (".localhost", ".local", ".internal", ".localdomain", ".lan", ".home.arpa")

# Ways to write an IPv4 address in IPv6: what they lead to is what counts.
_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = IPv6Network("::/96")
# What Python's list of what is global does not leave out yet: relays to 6to4, which nobody runs
# any more (RFC 7526), and addresses for documentation (RFC 9637).
_RELAYS = IPv4Network("192.88.99.0/24")
_DOCUMENTATION = IPv6Network("3fff::/20")
# The one that the network lets out (stacks/constructs/network.py).
PORT = 443


def is_public(address: str) -> bool:
    """Tell whether an IP address, as text, is reached over the internet by everybody alike."""
    try:
        # A scope (%eth0) names a network of this machine's own.
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found.scope_id is not None or found in _NAT64_LOCAL:
            return False
        embedded = _embedded(found)
        if embedded is not None:
            return _is_global(embedded)
    return _is_global(found)


def destination_flaw(url: str, *, allow_private: bool) -> str | None:
    """Say in a sentence why nothing may be delivered to ``url``, or give None.

    With ``allow_private`` it may be plain http, any port, and an address that is not public.
    """
    if len(url) > MAX_URL_LENGTH:
        return f"is longer than {MAX_URL_LENGTH} characters"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not a URL"
    if _NOT_IN_A_URL.search(url) or not parts.hostname or port == 0:
        return "is not a URL"
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        return "must begin with https://"
    return (
        _excess(parts, url)
        or _host_flaw(parts, allow_private=allow_private)
        or _port_flaw(port, allow_private=allow_private)
    )


def _excess(parts: SplitResult, url: str) -> str | None:
    if "@" in parts.netloc:
        return "must not hold a user name or a password"
    if "?" in url or "#" in url:
        return "must not hold a query or a fragment"
    return None


def _port_flaw(port: int | None, *, allow_private: bool) -> str | None:
    if allow_private or port in {None, PORT}:
        return None
    return f"must go to port {PORT}, the only one that is let out"


def _host_flaw(parts: SplitResult, *, allow_private: bool) -> str | None:
    name = (parts.hostname or "").lower().removesuffix(".")
    # A last label of digits makes it an address, however it is written (WHATWG URL, 4.4):
    # resolvers read 127.1, 2130706433 and 0x7f.1 as one, too.
    if ":" in name or re.fullmatch(r"\d+|0x[0-9a-f]*", name.rpartition(".")[2]):
        try:
            ip_address(name)
        except ValueError:
            return "does not name a host"
        if allow_private or is_public(name):
            return None
        return "must be at a public address"
    # Brackets may hold an address of a version to come ([v1.x]; RFC 3986, 3.2.2).
    if "[" in parts.netloc or not _NAME.fullmatch(name):
        return "does not name a host"
    is_private = "." not in name or name.endswith(_PRIVATE_SUFFIXES)
    if is_private and not allow_private:
        return "must be at a public address"
    return None


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or address in _COMPATIBLE:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        is_unusable = address.is_site_local or address in _DOCUMENTATION
    else:
        is_unusable = address in _RELAYS
    return address.is_global and not (address.is_multicast or address.is_reserved or is_unusable)
