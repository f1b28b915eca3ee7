"""Where a caller is, as far as what one may do is counted."""

from __future__ import annotations

import ipaddress

from fastapi import Request


def address_of(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def place_of(request: Request) -> str:
    return block_of(address_of(request))


def block_of(address: str) -> str:
    """The address, or of IPv6 the network it is in: a single customer of a provider has all of its addresses."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:  # told so by a socket that listens to both protocols
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))
