"""Calls that got no reply: what broke on the wire, and what may have become of the call."""

from __future__ import annotations

from dataclasses import dataclass

import requests
import urllib3

from nps.errors import ConfigError, UnavailableError


class FateUnknown(UnavailableError):
    """The call left and no answer came: the vendor may or may not have carried it out. `stumbled`: each attempt was
    answered, and the last one with a status that may be about what the call holds."""

    def __init__(self, message: str, *, stumbled: bool = False) -> None:
        super().__init__(message)
        self.stumbled = stumbled


class Overlong(UnavailableError):
    """The vendor answered, so it did something; but the answer was too long to be read."""


class TooLarge(Exception):
    """A body went over the cap while it was read."""


ON_THE_WIRE = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    ConnectionError,
    TimeoutError,
    TooLarge,
)


@dataclass(frozen=True)
class Broken:
    """What broke on the wire, in our words. `unknown`: the vendor may have carried the call out all the same."""

    words: str
    unknown: bool
    advice: str = ""


def broken_on_the_wire(error: Exception, what: str) -> Broken:
    """What a library's exception means, without its text: that may hold addresses and headers."""
    match error:
        case requests.exceptions.InvalidURL() | requests.exceptions.InvalidSchema():
            raise ConfigError(f"{what}: the address is not valid; check base_url in the YAML's connection")
        case TooLarge():
            raise Overlong(f"{what}: the answer is larger than allowed; it was not read to its end")
    cause = _root(error)
    if isinstance(cause, _NOT_SENT):
        words, advice = _NOT_SENT_WORDS.get(type(cause), _NO_CONNECTION)
        return Broken(words, unknown=False, advice=advice)
    return Broken(
        "no answer in time" if isinstance(cause, _TIMED_OUT) else "the connection broke off", unknown=True
    )


_NOT_SENT: tuple[type[BaseException], ...] = (
    requests.exceptions.ConnectTimeout,
    requests.exceptions.SSLError,
    requests.exceptions.ProxyError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NewConnectionError,  # and NameResolutionError below it
    urllib3.exceptions.SSLError,
    urllib3.exceptions.ProxyError,
    ConnectionRefusedError,
)


_NO_CONNECTION = ("no connection", "check this machine's network, proxy and firewall, then run again")


_CERTIFICATE = (
    "the TLS certificate could not be verified",
    "a company's own certificates are named by REQUESTS_CA_BUNDLE",
)


_NOT_SENT_WORDS: dict[type[BaseException], tuple[str, str]] = {
    requests.exceptions.SSLError: _CERTIFICATE,
    urllib3.exceptions.SSLError: _CERTIFICATE,
    requests.exceptions.ProxyError: ("the proxy did not connect", "check HTTPS_PROXY and NO_PROXY"),
    urllib3.exceptions.ProxyError: ("the proxy did not connect", "check HTTPS_PROXY and NO_PROXY"),
    urllib3.exceptions.NameResolutionError: (
        "the host name is not known",
        "check the address in the YAML's connection, and this machine's DNS",
    ),
    urllib3.exceptions.NewConnectionError: (
        "the host refused the connection",
        "check the address in the YAML's connection, and that it may be reached from this machine",
    ),
}


_TIMED_OUT: tuple[type[BaseException], ...] = (
    requests.exceptions.ReadTimeout,
    urllib3.exceptions.ReadTimeoutError,
    TimeoutError,
)


def _root(error: BaseException) -> BaseException:
    """The failure below the libraries' wrappings (requests → MaxRetryError → what happened)."""
    for _ in range(8):
        inner = getattr(error, "reason", None)
        if (
            not isinstance(inner, BaseException)
            and isinstance(error, requests.RequestException)
            and error.args
        ):
            inner = error.args[0]
        if not isinstance(inner, BaseException):
            return error
        error = inner
    return error
