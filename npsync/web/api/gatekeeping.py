"""Other departments ask before they send, and tell what they sent, so that one ledger knows who was asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self, cast

from fastapi import APIRouter, Depends, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from nps.asking import Past, PastKind, person_keys
from nps.keys import email_key, id_key, phone_key
from nps.surveys import Kind, Metric
from npsync.asking import gatekeeper
from npsync.asking.gatekeeper import Named, Wish, account_of, reservation_of
from npsync.config import Config
from npsync.web.api.asked import Here
from npsync.web.api.describing import TAKING, errors
from npsync.web.bearers import needing
from npsync.web.gate import Gate
from npsync.web.problems import Problem
from store.api import LedgerEntry, TokenRow

MOST_TOGETHER = 1_000
EARLY = timedelta(minutes=5)  # clocks differ
LONGEST_RESERVATION = timedelta(days=30)


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
        min_length=1,
        max_length=200,
        description="The tool's own id of it: told again, it counts once. One that was reserved uses its reservation.",
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


class Wanted(_Part):
    """The wish to ask one person something."""

    person: Person
    survey: str | None = Field(
        None, description="A survey of the YAML; of another one the most careful rest counts."
    )
    reserve: bool = Field(False, description="Hold the yes: nobody else may ask this person meanwhile.")
    until: AwareDatetime | None = Field(
        None, description="With reserve: how long it holds; default two days, at most thirty."
    )
    id: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="With reserve: your own id of the message. Wished again it is the same reservation, "
        "judged anew and held until what is said then; a send with this id uses it.",
    )

    @model_validator(mode="after")
    def _of_a_reservation(self) -> Self:
        if not self.reserve and (self.until is not None or self.id is not None):
            raise ValueError("until and id belong to reserve: true")
        if self.reserve and self.id is None:
            raise ValueError("a reservation needs an id of yours, by which you use it or give it back")
        return self


class Said(_Part):
    """The answer. Without `may_ask`, `code` and `reason` say why not, and `from` since when it would be yes."""

    may_ask: bool
    channels: tuple[str, ...] | None = None
    code: str | None = None
    reason: str | None = None
    free_from: datetime | None = Field(None, alias="from")
    id: str | None = Field(None, description="Your id of the reservation.")
    until: datetime | None = Field(None, description="How long it holds.")


class Unused(_Part):
    id: str = Field(min_length=1, max_length=200, description="Your own name of the reservation.")


routes = APIRouter(tags=["asking"], responses=TAKING)
Tool = Annotated[TokenRow, Depends(needing("events"))]


@routes.post(
    "/may-ask", summary="May this person be asked?", response_model=Said, response_model_exclude_unset=True
)
def may_ask(request: Request, site: Here, wanted: Wanted, caller: Tool) -> Mapping[str, Any]:
    """Over all tools and channels, with the CRM's flags as they are. A yes that is reserved holds for you alone; say
    when you used it, or give it back."""
    until = latest(wanted.until, site.clock.now())
    wish = Wish(caller.name, wanted.survey, wanted.reserve, until, wanted.id)
    list(keys_of(site.config, wanted.person))  # what is no address is said, not overlooked
    gate = cast(Gate, request.app.state.gate)
    said = gatekeeper.as_json(gate.may_ask(Named(**dict(wanted.person)), wish))
    return {name: value for name, value in said.items() if name != "reservation"}


@routes.post("/give-back", summary="Give back a reservation", status_code=204, responses=errors(404))
def give_back(site: Here, unused: Unused, caller: Tool) -> Response:
    """One that is not used: the person is free for others again."""
    if not site.store.release_reservation(reservation_of(caller.name, unused.id)):
        raise Problem(404, "you hold no such reservation", code="not_found")
    return Response(status_code=204)


@routes.post("/sends", summary="Report sends of another tool", response_model=Remembered)
def sends(site: Here, told: Sends, caller: Tool) -> Remembered:
    """They count as asked, for everybody's rest. All are stored or none."""
    now = site.clock.now()
    entries = [entry(site.config, caller.name, each, place, now) for place, each in enumerate(told.sends)]
    new = site.store.enter(entries, now=now)
    return Remembered(new=new, known=len(entries) - new)


def latest(until: datetime | None, now: datetime) -> datetime | None:
    """How long a reservation holds. Raises Problem."""
    if until is not None and not now < until <= now + LONGEST_RESERVATION:
        raise Problem(422, "until has to be in the next thirty days", code="invalid")
    return until


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
        account=account_of(config, sent.account, sent.person.connection),
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
