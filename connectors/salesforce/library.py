"""The only module that touches simple-salesforce.

The library knows Salesforce's addresses, queries and quoting. Below it we put a session of our own, which
does what it does not: the shared call policy (time limits, retries, pacing, budget, one renewal of the token
for all threads), `base_url`, small replies, and JSON by orjson. The library's own sign-in, refresh, bulk and
metadata code is not used.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit
from weakref import WeakSet

import orjson
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError
from simple_salesforce.format import quote_soql_value

from connectors.addresses import is_loopback
from connectors.calls import CallPolicy
from connectors.replies import Reply
from connectors.salesforce.errors import Refused, first_error, judge_soap
from connectors.salesforce.settings import SalesforceSettings
from connectors.salesforce.signin import SignIn
from connectors.wire import TooLarge
from nps.errors import UnavailableError

_CHUNK = 65_536
_USUAL = {
    "User-Agent": "npsync",
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Sforce-Call-Options": "client=npsync",
}
_LIBRARY_HOST = (
    "org.invalid"  # what the library takes for the org's host; the session puts the real address in
)


def quote(value: object) -> str:
    """A value as a SOQL literal, escaped."""
    return quote_soql_value(value)


class Api:
    """Calls to one org. Thread-safe: each thread has its own library object and session."""

    def __init__(self, settings: SalesforceSettings, policy: CallPolicy, sign_in: SignIn) -> None:
        self._settings = settings
        self._policy = policy
        self._sign_in = sign_in
        self._local = threading.local()
        self._sessions: WeakSet[_Session] = WeakSet()  # a thread that ends takes its connections with it
        self._lock = threading.Lock()

    def query(self, soql: str, *, what: str, deleted_too: bool = False) -> Iterator[dict[str, Any]]:
        """The rows of a query, page by page. `what` names it in messages: SOQL holds people's addresses."""
        library = self._library()
        page = self._answer(lambda: library.query(soql, include_deleted=deleted_too, what=what), what)
        while True:
            yield from page["records"]
            if page["done"]:
                return
            following = _same_org(page["nextRecordsUrl"], what)
            page = self._answer(
                lambda link=following: library.query_more(link, identifier_is_url=True, what=what),
                what,
            )

    def query_length(self, soql_length: int) -> int:
        """Bytes of the address of a query whose encoded text is so long."""
        address = self._sign_in.address or self._settings.login_url
        return len(f"{address}/services/data/v{self._settings.api_version}/query/?q=") + soql_length

    def call(
        self,
        method: str,
        path: str,
        *,
        what: str,
        body: object = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool = True,
    ) -> Any:
        """One REST call below /services/data/vXX.0/; JSON in (`body`, or `data` as it is) and JSON out.
        Raises Refused for what Salesforce would not do."""
        library = self._library()
        sent = orjson.dumps(body) if body is not None else data
        return self._answer(
            lambda: library.restful(
                path, method=method, data=sent, headers=dict(headers or {}), what=what, idempotent=idempotent
            ),
            what,
        )

    def download(self, path: str, *, what: str) -> bytes:
        """A file as its bytes. The library would decode a CSV without a charset as Latin-1."""
        address = self._library().base_url + path
        session: _Session = self._local.session
        response = session.request("GET", address, headers={"Accept": "text/csv"}, what=what)
        if response.status_code >= 300:
            code, message, fields = first_error(response.content)
            raise Refused(response.status_code, code, message, fields, what)
        content: bytes = response.content
        return content

    def post_xml(
        self, path: str, body: Callable[[str], bytes], *, what: str, idempotent: bool = False
    ) -> bytes:
        """One SOAP call, whose body is given the session id; the answer's XML, a fault's too."""
        token = self._policy.token
        assert token is not None
        session = _Session(self._settings, replace(self._policy, judge=judge_soap), self._sign_in)
        try:
            headers = {"Content-Type": "text/xml; charset=UTF-8", "Accept": "text/xml", "SOAPAction": '""'}
            sent = body(token.get())
            response = session.request(
                "POST",
                f"https://{_LIBRARY_HOST}{path}",
                data=sent,
                headers=headers,
                what=what,
                idempotent=idempotent,
            )
            content: bytes = response.content
            return content
        finally:
            session.close()

    def close(self) -> None:
        with self._lock:
            for session in list(self._sessions):
                session.close()
        self._sign_in.close()

    def _answer(self, call: Any, what: str) -> Any:
        try:
            return call()
        except SalesforceError as error:
            # Its text holds the address, and with it the query.
            status, content = int(error.status), error.content
        code, message, fields = first_error(orjson.dumps(content))
        raise Refused(status, code, message, fields, f"{self._policy.tools.connection}: {what}")

    def _library(self) -> Salesforce:
        # One library object and session per thread: requests' sessions are not made to be shared.
        library: Salesforce | None = getattr(self._local, "library", None)
        if library is None:
            session = _Session(self._settings, self._policy, self._sign_in)
            library = Salesforce(
                session_id="put in by the session",
                instance_url=f"https://{_LIBRARY_HOST}",
                version=self._settings.api_version,
                session=session,
            )
            self._local.library, self._local.session = library, session
            with self._lock:
                self._sessions.add(session)
        return library


def _same_org(link: object, what: str) -> str:
    """A link to the next page is a path of this org; anything else would send the token elsewhere."""
    if not isinstance(link, str) or not link.startswith("/services/data/") or ".." in link or "\\" in link:
        raise UnavailableError(f"{what}: the link to the next page leads elsewhere; not followed")
    return link


class _Answer(requests.Response):
    """A reply as the library reads it: JSON by orjson, an empty body as nothing."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.status_code = reply.status
        self.encoding = "utf-8"
        self.url = ""  # the library puts it into its exceptions' texts
        self._content = reply.body
        self._reply = reply

    def json(self, **_: Any) -> Any:
        return self._reply.json() if self._reply.body else {}


class _Session(requests.Session):
    """Sends what the library asks for to the right address, under the call policy.

    Of what a session does by itself only the kept connections are used: a .netrc entry would replace our
    Authorization, cookies would tie calls together, and both cost more than the call.
    """

    def __init__(self, settings: SalesforceSettings, policy: CallPolicy, sign_in: SignIn) -> None:
        super().__init__()
        self._policy = policy
        self._sign_in = sign_in
        self._timeouts = (settings.timeouts.connect, settings.timeouts.read)
        self._duplicates_allowed = settings.write.allow_duplicate_save
        self._known_surroundings: dict[str, dict[str, Any]] = {}
        # No proxy or certificate of the environment for an address of this machine.
        self.trust_env = not is_loopback(urlsplit(settings.login_url).hostname or "")
        self.mount("https://", HTTPAdapter(pool_maxsize=1, max_retries=0))  # the policy alone repeats calls
        self.mount("http://", HTTPAdapter(pool_maxsize=1, max_retries=0))

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        *,
        what: str,
        headers: Mapping[str, str] | None = None,
        idempotent: bool = True,
        params: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> requests.Response:
        path = "/" + url.split("/", 3)[3]
        sent = _USUAL | {name: value for name, value in (headers or {}).items() if name != "X-PrettyPrint"}
        if self._duplicates_allowed and method in ("PATCH", "POST"):
            sent["Sforce-Duplicate-Rule-Header"] = "allowSave=true"

        def send() -> Reply:
            assert self._policy.token is not None
            sent["Authorization"] = f"Bearer {self._policy.token.get()}"
            url = self._sign_in.address + path
            prepared = requests.PreparedRequest()
            prepared.prepare(method=method, url=url, headers=sent, data=data)
            if params:
                prepared.url = f"{url}?{urlencode(params)}"  # long queries: requests would encode them twice
            adapter = self.get_adapter(url)
            with adapter.send(
                prepared, stream=True, timeout=self._timeouts, **self._surroundings(url)
            ) as response:
                names = {name.lower(): value for name, value in response.headers.items()}
                return Reply(response.status_code, names, self._body(response))

        return _Answer(self._policy.call(send, what=what, idempotent=idempotent, reads=method == "GET"))

    def _surroundings(self, url: str) -> dict[str, Any]:
        """Proxies and certificates as the environment says, looked up once per address."""
        address = self._sign_in.address
        if address not in self._known_surroundings:
            found = self.merge_environment_settings(url, {}, None, None, None)
            self._known_surroundings[address] = {name: found[name] for name in ("proxies", "verify", "cert")}
        return self._known_surroundings[address]

    def _body(self, response: requests.Response) -> bytes:
        chunks: list[bytes] = []
        size = 0
        for chunk in response.raw.stream(_CHUNK, decode_content=True):
            size += len(chunk)
            if size > self._policy.max_bytes:
                raise TooLarge
            chunks.append(chunk)
        return b"".join(chunks)
