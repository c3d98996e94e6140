"""Which hosts and addresses a request may go to: no caller's words, no redirect and no name
server can point it at a machine of ours."""

import ipaddress
from collections.abc import Iterable
from functools import cache

from yarl import URL

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

NEVER: tuple[Network, ...] = tuple(
    map(
        ipaddress.ip_network,
        (
            "169.254.0.0/16",  # link-local, and where clouds tell a machine its credentials
            "fe80::/10",
            "100.100.100.200/32",  # the same, of Alibaba Cloud
            "fd00:ec2::254/128",  # of Amazon, over IPv6
            "168.63.129.16/32",  # of Azure, with a public address
            "0.0.0.0/8",
            "224.0.0.0/4",
            "ff00::/8",
            "::/128",
        ),
    )
)
"""Not to be allowed by any file."""
# Addresses that carry an IPv4 address inside: NAT64 (RFC 6052), and IPv4-compatible.
_CARRIERS = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "::/96")))


def networks(written: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks as an operator writes them. Raises ValueError."""
    return _networks(tuple(written))


@cache
def _networks(written: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(each) for each in written)


def overlaps_never(network: Network) -> bool:
    return any(each.version == network.version and each.overlaps(network) for each in NEVER)


def may_connect(address: str, private: Iterable[str] = ()) -> bool:
    """Whether a connection to this address (as the system writes it) is allowed.

    `private`: what the operator allows although it is not public.
    """
    try:
        found = _innermost(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return False
    if any(found in network for network in NEVER):
        return False
    return _is_public(found) or any(found in network for network in networks(private))


def _is_public(address: Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _innermost(address: Address) -> Address:
    """The address that is reached in the end."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inside = address.ipv4_mapped or address.sixtofour
    if inside is None and address.teredo is not None:
        inside = address.teredo[1]
    if inside is None and any(address in network for network in _CARRIERS) and int(address) > 1:
        inside = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return inside or address


def origin(url: URL) -> tuple[str, str, int]:
    """Scheme, host (ASCII, lower case, no last dot) and port."""
    return url.scheme, (url.raw_host or "").lower().rstrip("."), url.port or 0


def may_ask(url: URL, hosts: Iterable[str]) -> bool:
    """Whether `url` names one of `hosts`: each a name, with the port if it is not the usual one.

    A name stands for itself only, not for what is below it.
    """
    scheme, host, port = origin(url)
    if scheme not in ("http", "https") or not host or url.user or url.password:
        return False
    usual = port == (443 if scheme == "https" else 80)
    bracketed = f"[{host}]" if ":" in host else host
    return f"{bracketed}:{port}" in hosts or (usual and bracketed in hosts)


def listed(url: URL) -> str:
    """How the host of `url` stands in a list of hosts."""
    scheme, host, port = origin(url)
    bracketed = f"[{host}]" if ":" in host else host
    usual = port == (443 if scheme == "https" else 80)
    return bracketed if usual else f"{bracketed}:{port}"
