"""hubspot-api-client, fenced. The only module that imports `hubspot`.

The library builds addresses and bodies for us and posts them. What it does with an answer, and when something
fails, is kept away from the rest of the house:

- its models cost ten times the call and drop what they do not know: raw replies, parsed by us;
- an attribute access builds a new connection pool: API objects are made once;
- it has no time-out of its own, and retries behind our back: time-outs on every call, its retries off;
- it keeps a copy of the token: ours goes along with each call;
- `host` and `base_url` are two settings for one thing: both are set;
- it fails on types JSON does not know: bodies are built of texts alone (`writing`, `finding`);
- its exceptions hold bodies and headers in their text, and some failures surface as AttributeError or
  UnicodeDecodeError: all of them leave here as a plain reply, or as the urllib3 error they were.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import hubspot
import hubspot.crm.objects
import hubspot.crm.pipelines
import hubspot.crm.properties
import orjson
import urllib3
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from connectors.addresses import is_loopback
from connectors.calls import CallPolicy
from connectors.hubspot.wire import SEARCH, Body
from connectors.replies import Reply
from connectors.wire import TooLarge

# At least as many connections as the engine has threads, or each further one is opened anew for every call.
CONNECTIONS = 32

_CAUGHT = (
    hubspot.crm.objects.ApiException,
    hubspot.crm.pipelines.ApiException,
    hubspot.crm.properties.ApiException,
    AttributeError,  # the library decodes the body of a TLS failure, which has none
    UnicodeDecodeError,  # an error page that is not UTF-8
)


class ClientWire:
    """The numbered versions (v3, v4) through the vendor's client. Thread-safe."""

    def __init__(
        self,
        base_url: str,
        policy: CallPolicy,
        *,
        bearer: Callable[[], str],
        timeouts: tuple[float, float] = (10.0, 60.0),
    ) -> None:
        self._policy = policy
        self._bearer = bearer
        self._timeouts = timeouts
        self._lock = threading.Lock()
        self._apis: dict[str, Any] = {}
        self._client = hubspot.HubSpot(
            host=base_url,
            base_url=base_url,
            retry=False,
            connection_pool_maxsize=CONNECTIONS,
            ssl_ca_cert=os.environ.get("REQUESTS_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH,
            proxy=proxy_for(base_url),
            api_factory=_lean,
        )

    def properties(self, object_type: str) -> Reply:
        api = self._api("properties", lambda: self._client.crm.properties.core_api)
        return self._call(api.get_all, object_type, what=f"properties of {object_type}")

    def read(self, object_type: str, body: Body) -> Reply:
        return self._call(self._batch.read, object_type, dict(body), what=f"read {object_type}")

    def search(self, object_type: str, body: Body) -> Reply:
        api = self._api("search", lambda: self._client.crm.objects.search_api)
        return self._call(api.do_search, object_type, dict(body), what=f"search {object_type}", bucket=SEARCH)

    def update(self, object_type: str, body: Body) -> Reply:
        return self._call(
            self._batch.update, object_type, dict(body), what=f"update {object_type}", reads=False
        )

    def create(self, object_type: str, body: Body) -> Reply:
        what = f"create {object_type}"
        return self._call(
            self._batch.create, object_type, dict(body), what=what, reads=False, idempotent=False
        )

    def upsert(self, object_type: str, body: Body) -> Reply:
        what = f"upsert {object_type}"
        return self._call(self._batch.upsert, object_type, dict(body), what=what, reads=False)

    def archive(self, object_type: str, body: Body) -> Reply:
        what = f"archive {object_type}"
        return self._call(self._batch.archive, object_type, dict(body), what=what, reads=False)

    def associate(self, from_type: str, to_type: str, body: Body) -> Reply:
        what = f"attach {from_type} to {to_type}"
        method = self._associations.create
        return self._call(method, from_type, to_type, dict(body), what=what, reads=False)

    def associations(self, from_type: str, to_type: str, body: Body) -> Reply:
        method = self._associations.get_page
        return self._call(method, from_type, to_type, dict(body), what=f"{to_type} of {from_type}")

    def pipelines(self, object_type: str) -> Reply:
        api = self._api("pipelines", lambda: self._client.crm.pipelines.pipelines_api)
        return self._call(api.get_all, object_type, what=f"pipelines of {object_type}")

    def close(self) -> None:
        with self._lock:
            for api in self._apis.values():
                api.api_client.rest_client.pool_manager.clear()
            self._apis.clear()

    # ------------------------------------------------------------ inside

    @property
    def _batch(self) -> Any:
        return self._api("batch", lambda: self._client.crm.objects.batch_api)

    @property
    def _associations(self) -> Any:
        # Its 70 modules are read when somebody asks for a record's others, not at every start.
        return self._api("associations", lambda: self._client.crm.associations.v4.batch_api)

    def _api(self, name: str, make: Callable[[], Any]) -> Any:
        api = self._apis.get(name)
        if api is None:
            with self._lock:
                api = self._apis.get(name) or make()
                self._apis[name] = api
        return api

    def _call(
        self,
        method: Callable[..., Any],
        *arguments: Any,
        what: str,
        bucket: str = "",
        reads: bool = True,
        idempotent: bool = True,
    ) -> Reply:
        def send() -> Reply:
            bearer = {
                "type": "bearer",
                "in": "header",
                "key": "Authorization",
                "value": f"Bearer {self._bearer()}",
            }
            return raw(
                lambda: method(
                    *arguments,
                    _preload_content=False,
                    _request_timeout=self._timeouts,
                    _request_auth=bearer,
                ),
                self._policy.max_bytes,
            )

        return self._policy.call(send, what=what, bucket=bucket, reads=reads, idempotent=idempotent)


def _lean(package: Any, name: str, config: Mapping[str, Any]) -> Any:
    """The library's own way to build an API object, but for its walk through every value of a body: ours are plain
    already, and the walk costs as much as sending them."""
    configuration = package.Configuration()
    for key, value in config.items():
        setattr(configuration, "retries" if key == "retry" else key, value)
    own = {"sanitize_for_serialization": staticmethod(_as_it_is), "request": _sent(package.ApiClient.request)}
    lean = type("Lean", (package.ApiClient,), own)
    api_client = lean(configuration=configuration)
    api_client.user_agent = f"npsync (hubspot-api-client {version('hubspot-api-client')})"
    return getattr(package, name)(api_client=api_client)


def _as_it_is(value: Any) -> Any:
    return value


def _sent(usual: Callable[..., Any]) -> Callable[..., Any]:
    """How an API object sends: what it posts goes out by a quicker encoder, and the answer comes back whatever its
    status; all else in the library's `usual` way."""

    def request(client: Any, method: str, url: str, *, headers: Any, body: Any = None, **rest: Any) -> Any:
        if method != "POST" or body is None or rest.get("query_params"):
            return usual(client, method, url, headers=headers, body=body, **rest)
        connect, read = rest["_request_timeout"]
        return client.rest_client.pool_manager.urlopen(
            method,
            url,
            body=orjson.dumps(body),
            headers={**headers, "Content-Type": "application/json"},
            preload_content=False,
            timeout=urllib3.Timeout(connect=connect, read=read),
        )

    return request


def raw(call: Callable[[], Any], max_bytes: int) -> Reply:
    """Status, headers and body of a call, whatever the library makes of them; urllib3's errors pass."""
    try:
        return _read(call(), max_bytes)
    except _CAUGHT as error:
        refused = _with_status(error)
        if refused is None:
            raise  # a mistake of ours or a new one of the library: loud
    # Outside the handler: the library's exceptions carry bodies and headers, ours must not hang on to them.
    if not refused.status:
        raise urllib3.exceptions.SSLError("TLS failed")
    return Reply(refused.status, _lower(refused.headers or {}), _bytes(refused.body))


def _read(response: Any, max_bytes: int) -> Reply:
    body = response.read(max_bytes + 1)
    if len(body) > max_bytes:
        response.close()
        raise TooLarge
    response.release_conn()
    return Reply(response.status, _lower(response.headers), body)


def _with_status(error: BaseException) -> Any:
    """The library's own exception: this one, or the one during whose handling this one came up."""
    for candidate in (error, error.__context__):
        if hasattr(candidate, "status") and hasattr(candidate, "body"):
            return candidate
    return None


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _bytes(body: object) -> bytes:
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else b""


def proxy_for(base_url: str) -> str | None:
    """The proxy the environment names for this address; the library itself does not look there."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)
