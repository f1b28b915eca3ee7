"""The calls we make, whichever version of the API carries them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote

from connectors.http import Http
from connectors.replies import Reply
from nps.values import Json

Body = Mapping[str, Json]

SEARCH = "search"  # the limiter's bucket: HubSpot counts searches apart


class Wire(Protocol):
    """HubSpot's calls under the call policy."""

    def properties(self, object_type: str) -> Reply: ...

    def read(self, object_type: str, body: Body) -> Reply: ...

    def search(self, object_type: str, body: Body) -> Reply: ...

    def update(self, object_type: str, body: Body) -> Reply: ...

    def create(self, object_type: str, body: Body) -> Reply:
        """Not idempotent: sent once, whatever becomes of it."""
        ...

    def upsert(self, object_type: str, body: Body) -> Reply: ...

    def archive(self, object_type: str, body: Body) -> Reply: ...

    def associations(self, from_type: str, to_type: str, body: Body) -> Reply: ...

    def associate(self, from_type: str, to_type: str, body: Body) -> Reply: ...

    def pipelines(self, object_type: str) -> Reply: ...

    def close(self) -> None: ...


class DatedWire:
    """The date-based versions, which the vendor's client does not know, through our own HTTP client."""

    def __init__(self, http: Http, version: str) -> None:
        self._http = http
        self._version = version

    def properties(self, object_type: str) -> Reply:
        return self._http.request(
            "GET",
            f"/crm/properties/{self._version}/{_segment(object_type)}",
            what=f"properties of {object_type}",
        )

    def read(self, object_type: str, body: Body) -> Reply:
        return self._post(f"{_segment(object_type)}/batch/read", body, what=f"read {object_type}")

    def search(self, object_type: str, body: Body) -> Reply:
        return self._post(
            f"{_segment(object_type)}/search", body, what=f"search {object_type}", bucket=SEARCH
        )

    def update(self, object_type: str, body: Body) -> Reply:
        return self._post(
            f"{_segment(object_type)}/batch/update", body, what=f"update {object_type}", reads=False
        )

    def create(self, object_type: str, body: Body) -> Reply:
        return self._post(
            f"{_segment(object_type)}/batch/create",
            body,
            what=f"create {object_type}",
            reads=False,
            idempotent=False,
        )

    def upsert(self, object_type: str, body: Body) -> Reply:
        return self._post(
            f"{_segment(object_type)}/batch/upsert", body, what=f"upsert {object_type}", reads=False
        )

    def archive(self, object_type: str, body: Body) -> Reply:
        return self._post(
            f"{_segment(object_type)}/batch/archive", body, what=f"archive {object_type}", reads=False
        )

    def associate(self, from_type: str, to_type: str, body: Body) -> Reply:
        types = f"{_segment(from_type)}/{_segment(to_type)}"
        return self._http.request(
            "POST",
            f"/crm/associations/{self._version}/{types}/batch/create",
            json=dict(body),
            what=f"attach {from_type} to {to_type}",
            idempotent=True,
        )

    def associations(self, from_type: str, to_type: str, body: Body) -> Reply:
        path = f"/crm/associations/{self._version}/{_segment(from_type)}/{_segment(to_type)}/batch/read"
        return self._http.request(
            "POST", path, json=dict(body), what=f"{to_type} of {from_type}", idempotent=True, reads=True
        )

    def pipelines(self, object_type: str) -> Reply:
        return self._http.request(
            "GET",
            f"/crm/pipelines/{self._version}/{_segment(object_type)}",
            what=f"pipelines of {object_type}",
        )

    def close(self) -> None:
        self._http.close()

    def _post(
        self,
        path: str,
        body: Body,
        *,
        what: str,
        bucket: str = "",
        reads: bool = True,
        idempotent: bool = True,
    ) -> Reply:
        return self._http.request(
            "POST",
            f"/crm/objects/{self._version}/{path}",
            json=dict(body),
            what=what,
            idempotent=idempotent,
            reads=reads,
            bucket=bucket,
        )


def _segment(text: str) -> str:
    return quote(text, safe="")
