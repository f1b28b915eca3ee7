"""/api/v1: what other tools tell us of their own sends, so that one ledger knows who was asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from nps.asking import Past, PastKind, person_keys
from nps.keys import email_key, id_key, phone_key
from nps.surveys import Kind, Metric
from npsync.config import Config
from npsync.gatekeeper import reservation_of
from npsync.web.bearers import needing
from npsync.web.problems import Problem
from npsync.web.site import Site
from store.api import LedgerEntry, TokenRow

MOST_TOGETHER = 1_000
EARLY = timedelta(minutes=5)  # clocks differ

PROBLEM: Mapping[str, Any] = {"content": {"application/problem+json": {"schema": {"type": "object"}}}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"description": "No token, or one that is not known.", **PROBLEM},
    403: {"description": "The token does not allow this.", **PROBLEM},
    422: {"description": "The request is not as asked; `errors` says where.", **PROBLEM},
    429: {"description": "Too many calls; see Retry-After.", **PROBLEM},
    503: {"description": "Not now; see Retry-After.", **PROBLEM},
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Person(_Part):
    """One person. The more is told, the surer two tools mean the same one."""

    email: str | None = Field(None, max_length=320, description="An e-mail address.")
    phone: str | None = Field(None, max_length=40, description="A phone number, with + and country code.")
    external_id: str | None = Field(None, max_length=200, description="Your own id of the person.")
    connection: str | None = Field(None, description="With record_id: the connection whose record it is.")
    record_id: str | None = Field(None, max_length=200, description="The id of the person's CRM record.")

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not any((self.email, self.phone, self.external_id, self.record_id)):
            raise ValueError("name the person: email, phone, external_id or record_id")
        if (self.connection is None) != (self.record_id is None):
            raise ValueError("connection and record_id belong together")
        return self


class Sent(_Part):
    """One survey or other message that another tool sent."""

    id: str = Field(
        min_length=1, max_length=200, description="The tool's own id of it: told again, it counts once."
    )
    person: Person
    at: AwareDatetime = Field(description="When it was sent, with a zone.")
    survey: str | None = Field(None, description="The survey's name in the YAML, where it is one of ours.")
    metric: Metric | None = Field(
        None, description="nps, csat or ces, for a survey that the YAML does not know."
    )
    kind: Kind | None = Field(None, description="relationship or transactional, likewise.")
    channel: str = Field("", max_length=40, description="email, sms, in_app …")
    account: str | None = Field(
        None, max_length=200, description="The id of the person's account in the CRM."
    )


class Sends(_Part):
    sends: tuple[Sent, ...] = Field(min_length=1, max_length=MOST_TOGETHER)


class Remembered(_Part):
    """How many sends the ledger did not know yet, and how many it did."""

    new: int
    known: int


def router(site: Site) -> APIRouter:
    routes = APIRouter(prefix="/api/v1", responses=PROBLEMS)
    Caller = Annotated[TokenRow, Depends(needing(site, "events"))]

    def sends(told: Sends, caller: Caller) -> Remembered:
        """Tell which messages another tool sent: they count as asked, for everybody's rest. All are stored or none."""
        now = site.clock.now()
        entries = [entry(site.config, caller.name, each, place, now) for place, each in enumerate(told.sends)]
        new = site.store.enter(entries, now=now)
        return Remembered(new=new, known=len(entries) - new)

    # The type of `caller` is made here, where the store is known; FastAPI reads it from the function.
    sends.__annotations__ = {"told": Sends, "caller": Caller, "return": Remembered}
    routes.add_api_route("/sends", sends, methods=["POST"], summary="Report sends of another tool")
    return routes


def entry(config: Config, tool: str, sent: Sent, place: int, now: datetime) -> LedgerEntry:
    """What the ledger keeps of it. Raises Problem."""
    if sent.at > now + EARLY:
        raise _wrong(place, "at", "is in the future")
    survey = config.surveys.get(sent.survey) if sent.survey is not None else None
    if sent.survey is not None and survey is None:
        raise _wrong(place, "survey", "there is no such survey in the YAML")
    metric = sent.metric or (survey.metric if survey is not None else None)
    kind = sent.kind or (survey.kind if survey is not None else None)
    return LedgerEntry(
        dedupe=reservation_of(tool, sent.id),
        keys=tuple(keys_of(config, sent.person, place)),
        past=Past(
            at=sent.at.astimezone(UTC),
            what=PastKind.SEND,
            survey=sent.survey or "",
            metric=metric.value if metric is not None else "",
            kind=kind.value if kind is not None else "",
            source=tool,
        ),
        account=sent.account,
        channel=sent.channel,
    )


def keys_of(config: Config, person: Person, place: int | None = None) -> Iterator[str]:
    """The names the ledger knows this person by. Raises Problem for what is no address or number."""
    people = config.people.get(person.connection) if person.connection is not None else None
    if person.connection is not None and people is None:
        raise _wrong(place, "person.connection", "there is no such connection in `people`")
    email, phone = email_key(person.email), phone_key(person.phone, config.phone_region)
    if person.email is not None and email is None:
        raise _wrong(place, "person.email", "is no e-mail address")
    if person.phone is not None and phone is None:
        raise _wrong(place, "person.phone", "is no phone number; write it with + and country code")
    yield from person_keys(
        connection=person.connection,
        object=people.object if people is not None else None,
        record_id=_record(config, person),
        email=email,
        phone=phone,
        external_id=id_key(person.external_id),
    )


def _record(config: Config, person: Person) -> str | None:
    if person.connection is None or person.record_id is None:
        return None
    record = config.connections[person.connection].connector.record_id(person.record_id)
    return person.record_id if record is None else record


def _wrong(place: int | None, field: str, what: str) -> Problem:
    where = field if place is None else f"sends.{place}.{field}"
    return Problem(422, f"{where} {what}", code="invalid")
