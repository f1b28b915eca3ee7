"""Our own HTTP client, on requests: JSON in and out under the shared call policy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from typing import Any, BinaryIO
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit

import orjson
import requests
import requests.adapters

from connectors.addresses import DEFAULT_PORTS
from connectors.addresses import checked_base_url as checked_base_url
from connectors.addresses import is_loopback as is_loopback
from connectors.calls import CallPolicy
from connectors.replies import MEGABYTE, Reply
from connectors.wire import ON_THE_WIRE, TooLarge
from nps.errors import UnavailableError
from nps.values import Json

Params = Mapping[str, str | int] | list[tuple[str, str | int]]
Form = Mapping[str, str] | list[tuple[str, str]]

_CHUNK = 65536
_LONGEST_LINE = 16 * 1024 * 1024
_MOST_REDIRECTS = 5


class Http:
    """Calls below one base address. Thread-safe: each thread has its own session and keeps its connections
    open.

    With a token in the policy every request carries it in `token_header`, as `token_value` says. Redirects are
    followed for GET alone, and what authorises us stays behind when they lead to another host.
    """

    def __init__(
        self,
        base_url: str,
        policy: CallPolicy,
        *,
        allow_http: bool = False,
        headers: Mapping[str, str] | None = None,
        token_header: str = "Authorization",
        token_value: str = "Bearer {token}",
        timeouts: tuple[float, float] = (10.0, 60.0),
    ) -> None:
        self.base_url = checked_base_url(base_url, allow_http=allow_http)
        self.policy = policy
        self._origin = _origin(urlsplit(self.base_url))
        self._below = f"{self.base_url}/"
        self._allow_http = allow_http
        self._headers = _USUAL | dict(headers or {})
        self._token_header = token_header
        self._token_value = token_value
        self._timeouts = timeouts
        self._local = threading.local()
        self._sessions: list[requests.Session] = []
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: Json = None,
        form: Form | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        what: str | None = None,
        idempotent: bool | None = None,
        reads: bool | None = None,
        bucket: str = "",
        cost: int = 1,
    ) -> Reply:
        """One call under the policy. `path` is joined to the base address; a whole address (a `next` link)
        must be of the same host. `what` names the call in messages; give it when the path holds personal
        data. A POST counts as not idempotent unless told otherwise, and only a GET as reading."""
        url = self._url(path)
        what = what or f"{method} {urlsplit(url).path}"
        sent = dict(self._headers)
        body: bytes | Form | None = data if data is not None else form
        if json is not None:
            body = orjson.dumps(json)
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})

        def ask(address: str) -> Reply:
            return self.policy.call(
                lambda: self._sent(method, address, params if address == url else None, body, sent),
                what=what,
                idempotent=method != "POST" if idempotent is None else idempotent,
                bucket=bucket,
                cost=cost,
                reads=method == "GET" if reads is None else reads,
            )

        return self._followed(ask, url, what) if method == "GET" else ask(url)

    def lines(self, path: str, *, params: Params | None = None, what: str) -> Iterator[bytes]:
        """A GET whose answer is a line per thing, each handed over as it comes: all of them may be more than memory
        holds. The policy's judge sees a 200 without its body, and stops what is none. Redirects are not followed.
        UnavailableError when the answer breaks off; the lines before are whole."""
        with self._opened(path, params, what) as (response, what):
            yield from self._lines(response, what)

    def download(self, path: str, to: BinaryIO, *, what: str, most: int) -> None:
        """A GET whose answer is a file of at most `most` bytes, written to `to` as it comes. Redirects are not
        followed. UnavailableError when it is larger or breaks off."""
        size = 0
        with self._opened(path, None, what) as (response, what):
            chunks = response.raw.stream(_CHUNK, decode_content=True)
            while (chunk := _next_chunk(chunks, what)) is not None:
                size += len(chunk)
                if size > most:
                    raise UnavailableError(f"{what}: the file is larger than {most // MEGABYTE} MB")
                to.write(chunk)

    @contextmanager
    def _opened(self, path: str, params: Params | None, what: str) -> Iterator[tuple[requests.Response, str]]:
        """An answer that begins to come, and what to call it in messages."""
        url = self._url(path)
        begun: list[requests.Response] = []

        def send() -> Reply:
            while begun:
                begun.pop().close()
            response = self._begun("GET", url, params, None, self._headers)
            if response.status_code == 200:
                begun.append(response)
                return Reply(200, _lowered(response))
            with response:
                return Reply(response.status_code, _lowered(response), self._body(response))

        reply = self.policy.call(send, what=what, reads=True)
        if not begun:
            raise UnavailableError(f"{reply.what}: status {reply.status} came where its content was expected")
        with begun.pop() as response:
            yield response, reply.what

    def same_host(self, url: str) -> bool:
        """Whether `url` has the scheme, host and port of the base address."""
        return url.startswith(self._below) or _origin(urlsplit(url)) == self._origin

    def close(self) -> None:
        with self._lock:
            for session in self._sessions:
                session.close()
            self._sessions.clear()

    # ------------------------------------------------------------ inside

    def _url(self, path: str) -> str:
        if path.startswith("/") and not path.startswith("//"):
            return self.base_url + path
        if not self.same_host(path):
            raise UnavailableError(
                f"{self.policy.tools.connection}: the vendor linked to another host; not followed"
            )
        return path

    def _followed(self, ask: Callable[[str], Reply], url: str, what: str) -> Reply:
        for _ in range(_MOST_REDIRECTS):
            reply = ask(url)
            target = reply.headers.get("location")
            if reply.status not in (301, 302, 303, 307, 308) or not target:
                return reply
            url = urljoin(url, target)
            self._refuse_downgrade(url, what)
        raise UnavailableError(f"{self.policy.tools.connection}: {what}: redirected too many times")

    def _refuse_downgrade(self, url: str, what: str) -> None:
        try:
            checked_base_url(url.split("?")[0].split("#")[0], allow_http=self._allow_http)
        except ValueError:
            safe = False
        else:
            safe = True
        if not safe:
            raise UnavailableError(
                f"{self.policy.tools.connection}: {what}: "
                "redirected to an address that is not https; not followed"
            )

    def _sent(
        self,
        method: str,
        url: str,
        params: Params | None,
        body: bytes | Form | None,
        headers: Mapping[str, str],
    ) -> Reply:
        with self._begun(method, url, params, body, headers) as response:
            return Reply(response.status_code, _lowered(response), self._body(response))

    def _begun(
        self,
        method: str,
        url: str,
        params: Params | None,
        body: bytes | Form | None,
        headers: Mapping[str, str],
    ) -> requests.Response:
        """The request is out and the answer begins to come."""
        sent = dict(headers)
        if not self.same_host(url):
            sent = {name: value for name, value in sent.items() if name.lower() in _HARMLESS}
        elif self.policy.token is not None:
            sent[self._token_header] = self._token_value.replace("{token}", self.policy.token.get())
        session = self._session()
        prepared = self._prepared(method, url, params, body, sent)
        response: requests.Response = session.get_adapter(url).send(
            prepared, stream=True, timeout=self._timeouts, **self._surroundings(session, url)
        )
        return response

    def _prepared(
        self,
        method: str,
        url: str,
        params: Params | None,
        body: bytes | Form | None,
        headers: dict[str, str],
    ) -> requests.PreparedRequest:
        """The request, checked and encoded by requests. Pages of one list differ in their query alone: the rest is
        kept from this thread's last call."""
        if body is not None or "?" in url or "#" in url:
            return _prepare(method, url, headers, params, body)
        same = (method, url, headers)
        if self._local.prepared_for != same:
            self._local.prepared = _prepare(method, url, headers)
            self._local.prepared_for = same
        prepared: requests.PreparedRequest = copy(self._local.prepared)
        if params:
            prepared.url = f"{prepared.url}?{urlencode(params)}"
        return prepared

    def _lines(self, response: requests.Response, what: str) -> Iterator[bytes]:
        rest, chunks = b"", response.raw.stream(_CHUNK, decode_content=True)
        while (chunk := _next_chunk(chunks, what)) is not None:
            *whole, rest = (rest + chunk).split(b"\n")
            yield from (line for line in whole if line.strip())
            if len(rest) > _LONGEST_LINE:
                raise UnavailableError(f"{what}: a line is larger than allowed; it was not read to its end")
        if rest.strip():
            yield rest

    def _body(self, response: requests.Response) -> bytes:
        chunks: list[bytes] = []
        size = 0
        for chunk in response.raw.stream(_CHUNK, decode_content=True):
            size += len(chunk)
            if size > self.policy.max_bytes:
                raise TooLarge
            chunks.append(chunk)
        return b"".join(chunks)

    def _session(self) -> requests.Session:
        """This thread's session, used for its connections alone: what a session adds by itself is not wanted
        (a .netrc entry would replace our Authorization, cookies would tie calls together) and costs more than
        the call."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            # A proxy of the environment must not be asked for an address of this machine.
            session.trust_env = not is_loopback(urlsplit(self.base_url).hostname or "")
            for scheme in ("https://", "http://"):
                session.mount(scheme, _Adapter())
            self._local.session = session
            self._local.surroundings = {}
            self._local.prepared_for = None
            with self._lock:
                self._sessions.append(session)
        return session

    def _surroundings(self, session: requests.Session, url: str) -> dict[str, Any]:
        """Proxies and certificates as the environment says, looked up once per host."""
        known: dict[object, dict[str, Any]] = self._local.surroundings
        origin = _host_part(url)
        if origin not in known:
            found = session.merge_environment_settings(url, {}, None, None, None)
            known[origin] = {name: found[name] for name in ("proxies", "verify", "cert")}
        return known[origin]


class _Adapter(requests.adapters.HTTPAdapter):
    """requests' way to a connection, without what each call would work out anew: the pool of a host, which is the
    same as long as proxies and certificates are, and cookies, which nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self._pools: dict[tuple[str, str], Any] = {}

    def get_connection_with_tls_context(
        self, request: Any, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        host = _host_part(request.url)
        pool = self._pools.get(host)
        if pool is None:
            pool = super().get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
            self._pools[host] = pool
        return pool

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        response = requests.Response()
        response.request = req
        response.status_code = resp.status
        response.headers = resp.headers
        response.raw = resp
        return response

    def close(self) -> None:
        self._pools.clear()
        super().close()


def _prepare(
    method: str,
    url: str,
    headers: dict[str, str],
    params: Params | None = None,
    body: bytes | Form | None = None,
) -> requests.PreparedRequest:
    prepared = requests.PreparedRequest()
    prepared.prepare(method=method, url=url, headers=headers, params=params, data=body)
    return prepared


def _host_part(url: str) -> tuple[str, str]:
    """Scheme, host and port of an address, as they are written."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _next_chunk(chunks: Iterator[bytes], what: str) -> bytes | None:
    """None at the end."""
    try:
        return next(chunks, None)
    except ON_THE_WIRE:
        pass
    # Outside the handler, so that nothing that happened on the wire hangs on to our error.
    raise UnavailableError(f"{what}: the answer broke off before its end; the next run reads it again")


def _lowered(response: requests.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


_USUAL = {"User-Agent": "npsync", "Accept": "application/json", "Accept-Encoding": "gzip, deflate"}
_HARMLESS = {"accept", "accept-encoding", "user-agent"}


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    try:
        port = parts.port
    except ValueError:
        port = -1
    return parts.scheme, (parts.hostname or "").lower(), port or DEFAULT_PORTS.get(parts.scheme)
