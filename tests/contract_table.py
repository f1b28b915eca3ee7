"""One row per connector: how the contract suites set it up. A new connector adds a row and runs every promise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from fake_clock import FakeClock, fake_tools
from intercom_attributes import provide_attributes
from sandbox_process import RunningSandbox

from connectors import registry
from connectors.contract import Destination, EventSource, Source, Tools
from connectors.rest_master.pretectum import merged
from nps.errors import ConfigError, NpsyncError, UnavailableError

Given = dict[str, Any]

NOBODY_LISTENS = "http://127.0.0.1:9"
EVIL = "http://evil.example"
WRONG_SECRET = "wr0ng-s3cret-8f2c"

_numbers = count(1)


@dataclass(frozen=True)
class Place:
    """Where a test's vendor is, and a folder of its own."""

    sandbox: RunningSandbox
    folder: Path


# ---------------------------------------------------------------- sources


@dataclass(frozen=True)
class SourceRow:
    """`settings` are those of a working connection with some hundred answers behind it. `wrong`, `unreachable` and
    `hostile` turn them into broken ones (None: the connector has no such thing). `add` lets one answer arrive."""

    settings: Callable[[Place], Given]
    add: Callable[[Place], None]
    wrong: Callable[[Given], Given] | None
    unreachable: Callable[[Given], Given]
    hostile: Callable[[Given], Given]
    unreachable_is: type[NpsyncError] = UnavailableError
    calls: bool = True  # over HTTP, to a `base_url`
    answers: int = 1_000  # more than this many are there
    read_as: str = "4"  # the score of the answer that `add` lets arrive
    known_by: tuple[str, ...] = ("email",)  # most answers have one of these


def _wootric(place: Place) -> Given:
    env = place.sandbox.env
    return {
        "client_id": env["WOOTRIC_ID"],
        "client_secret": env["WOOTRIC_SECRET"],
        "account_token": env["WOOTRIC_ACCOUNT_TOKEN"],
        "base_url": env["WOOTRIC_URL"],
        "overlap": "1 days",
    }


def _now(place: Place) -> str:
    return sandbox_now(place).isoformat()


def _wootric_answers(place: Place) -> None:
    place.sandbox.control("POST", "/wootric/responses", {"email": "late@acme.example", "score": 4})


def _file(place: Place) -> Given:
    if not list(place.folder.glob("*.csv")):
        for month in (1, 2):
            day = datetime(2026, month, 1, tzinfo=UTC)
            rows = [
                f'{month}-{n},{n % 11},{(day + timedelta(minutes=n)).isoformat()},o\'b{n}@acme.example,"a\n{n}"'
                for n in range(1_200)
            ]
            rows[7] = "broken"
            (place.folder / f"{month}.csv").write_text("\n".join(["id,score,at,email,comment", *rows, ""]))
    columns = {"id": "id", "score": "score", "answered_at": "at", "email": "email", "comment": "comment"}
    return {"path": str(place.folder), "columns": columns}


def _file_answers(place: Place) -> None:
    with (place.folder / "2.csv").open("a") as file:
        file.write("new-1,4,2026-03-01T00:00:00Z,late@acme.example,\n")


def _apptentive(place: Place) -> Given:
    env = place.sandbox.env
    # These tests do not wait, so 100 calls in 5 minutes would be spent by one of them.
    place.sandbox.control("POST", "/apptentive/do/set", {"per_five_minutes": 1_000_000})
    return {
        "api_key": env["APPTENTIVE_KEY"],
        "app": env["APPTENTIVE_APP"],
        "base_url": env["APPTENTIVE_URL"],
        "customer_id": "customer_id",
        "page_size": 50,
        "look_ups": 1_000,
    }


def _promoter(place: Place) -> Given:
    return {"api_key": place.sandbox.env["PROMOTER_KEY"], "base_url": place.sandbox.env["PROMOTER_URL"]}


def _http(place: Place) -> Given:
    env = place.sandbox.env
    return {
        "base_url": env["PAGED_URL"],
        "auth": {"kind": "header", "header": "X-Api-Key", "value": env["PAGED_KEY"]},
        "request": {"path": "/header/moving-start"},
        "records": "responses",
        "pages": {"kind": "moving_start", "param": "skip"},
        "since": {"kind": "time", "field": "created_at", "param": "since", "order": "ascending"},
        "fields": {
            "id": "id",
            "score": "score",
            "comment": "comment",
            "answered_at": "created_at",
            "updated_at": "updated_at",
            "survey": "survey_id",
            "channel": "channel",
            "email": "person.email",
            "phone": "person.phone",
            "external_id": "person.external_id",
            "all_properties": "properties",
        },
    }


def _qualtrics(place: Place) -> Given:
    env = place.sandbox.env
    fields = {"score_field": env["QUALTRICS_SCORE"], "comment_field": env["QUALTRICS_COMMENT"]}
    return {
        "api_token": env["QUALTRICS_TOKEN"],
        "base_url": env["QUALTRICS_URL"],
        "surveys": {env["QUALTRICS_SURVEY"]: fields},
    }


def _asknicely(place: Place) -> Given:
    env = place.sandbox.env
    place.sandbox.control("POST", "/asknicely/do/set", {"per_10s": 10**6, "per_60s": 10**6})
    return {
        "tenant": "acme",
        "api_key": env["ASKNICELY_KEY"],
        "base_url": env["ASKNICELY_URL"],
        "page_size": 200,
    }


def _retently(place: Place) -> Given:
    env = place.sandbox.env
    place.sandbox.control("POST", "/retently/do/set", {"per_minute": 10**6})
    return {"api_key": env["RETENTLY_KEY"], "base_url": env["RETENTLY_URL"], "page_size": 200}


def _typeform(place: Place) -> Given:
    env = place.sandbox.env
    place.sandbox.control("POST", "/typeform/do/set", {"per_second": 10**6})
    return {
        "token": env["TYPEFORM_TOKEN"],
        "base_url": env["TYPEFORM_URL"],
        "forms": [env["TYPEFORM_FORM"]],
        "page_size": 100,
    }


def _surveymonkey(place: Place) -> Given:
    env = place.sandbox.env
    place.sandbox.control("POST", "/surveymonkey/do/set", {"per_minute": 10**6, "per_day": 10**6})
    return {
        "access_token": env["SURVEYMONKEY_TOKEN"],
        "base_url": env["SURVEYMONKEY_URL"],
        "surveys": [env["SURVEYMONKEY_SURVEY"]],
        "per_day": 10**6,
    }


def _formbricks(place: Place) -> Given:
    env = place.sandbox.env
    place.sandbox.control("POST", "/formbricks/do/set", {"per_minute": 10**6})
    return {"api_key": env["FORMBRICKS_KEY"], "base_url": env["FORMBRICKS_URL"], "page_size": 100}


def _satismeter(place: Place) -> Given:
    env = place.sandbox.env
    names = {"size_param": "page[size]", "cursor_param": "page[after]", "cursor_field": "cursor"}
    place.sandbox.control("POST", "/satismeter/do/set", names)
    return {
        "api_key": env["SATISMETER_KEY"],
        "project": env["SATISMETER_PROJECT"],
        "base_url": env["SATISMETER_URL"],
        **names,
    }


def _zendesk(place: Place) -> Given:
    env = place.sandbox.env
    place.sandbox.control("POST", "/zendesk/do/set", {"per_minute": 10**6})
    return {
        "subdomain": "acme",
        "email": env["ZENDESK_EMAIL"],
        "api_token": env["ZENDESK_TOKEN"],
        "base_url": env["ZENDESK_URL"],
    }


def _listing(toy: str, settings: Callable[[Place], Given], secret: str, **more: Any) -> SourceRow:
    """A survey tool of the sandbox that is read by a description; `secret` is the setting that lets it in."""
    late = more.pop("late", 4)
    return SourceRow(
        settings=settings,
        add=lambda place: place.sandbox.control(
            "POST", f"/{toy}/do/answer", {"email": "late@acme.example", "score": late}
        ),
        wrong=lambda given: given | {secret: WRONG_SECRET},
        unreachable=lambda given: given | {"base_url": NOBODY_LISTENS},
        hostile=lambda given: given | {"base_url": EVIL},
        answers=300,
        **more,
    )


SOURCES: Mapping[str, SourceRow] = {
    "asknicely": _listing("asknicely", _asknicely, "api_key"),
    "retently": _listing("retently", _retently, "api_key"),
    "formbricks": _listing("formbricks", _formbricks, "api_key"),
    "satismeter": _listing("satismeter", _satismeter, "api_key"),
    "surveymonkey": _listing(
        "surveymonkey", _surveymonkey, "access_token", known_by=("email", "external_id")
    ),
    "typeform": _listing("typeform", _typeform, "token"),
    "zendesk_csat": _listing("zendesk", _zendesk, "api_token", late=1, read_as="5"),
    "apptentive": SourceRow(
        settings=_apptentive,
        add=lambda place: place.sandbox.control(
            "POST", "/apptentive/do/answer", {"email": "late@acme.example", "score": 4}
        ),
        wrong=lambda given: given | {"api_key": WRONG_SECRET},
        unreachable=lambda given: given | {"base_url": NOBODY_LISTENS},
        hostile=lambda given: given | {"base_url": EVIL},
        answers=150,
    ),
    "http": SourceRow(
        settings=_http,
        add=lambda place: place.sandbox.control(
            "POST", "/paged/responses", {"email": "late@acme.example", "score": 4}
        ),
        wrong=lambda given: given | {"auth": given["auth"] | {"value": WRONG_SECRET}},
        unreachable=lambda given: given | {"base_url": NOBODY_LISTENS},
        hostile=lambda given: given | {"base_url": EVIL},
        answers=300,
    ),
    "promoter": SourceRow(
        settings=_promoter,
        add=lambda place: place.sandbox.control(
            "POST",
            "/promoter/do/answer",
            {"posted_date": _now(place), "email": "late@acme.example", "score": 4},
        ),
        wrong=lambda given: given | {"api_key": WRONG_SECRET},
        unreachable=lambda given: given | {"base_url": NOBODY_LISTENS},
        hostile=lambda given: given | {"base_url": EVIL},
        answers=300,
    ),
    "qualtrics": SourceRow(
        settings=_qualtrics,
        add=lambda place: place.sandbox.control(
            "POST",
            "/qualtrics/do/answer",
            {"created_at": _now(place), "email": "late@acme.example", "score": 4},
        ),
        wrong=lambda given: given | {"api_token": WRONG_SECRET},
        unreachable=lambda given: given | {"base_url": NOBODY_LISTENS},
        hostile=lambda given: given | {"base_url": EVIL},
        answers=300,
    ),
    "wootric": SourceRow(
        settings=_wootric,
        add=_wootric_answers,
        wrong=lambda given: given | {"client_secret": WRONG_SECRET},
        unreachable=lambda given: given | {"base_url": NOBODY_LISTENS},
        hostile=lambda given: given | {"base_url": EVIL},
    ),
    "file": SourceRow(
        settings=_file,
        add=_file_answers,
        wrong=None,
        unreachable=lambda given: given | {"path": given["path"] + "/nowhere.csv"},
        hostile=lambda given: given | {"path": "/etc/passwd", "folder": given["path"], "format": "csv"},
        unreachable_is=ConfigError,
        calls=False,
    ),
}


# ---------------------------------------------------------------- destinations


@dataclass(frozen=True)
class DestinationRow:
    """`person` makes the fields of a new record, as the sandbox's control takes them, from an e-mail and a shared
    value; `shared` is a field that several records may hold alike, with what a response calls it. `connector` is the
    connector's name where several rows are of one. `town` names the fixture that takes the sandbox's place."""

    vendor: str
    settings: Callable[[Place], Given]
    object: str
    email: str
    shared: tuple[str, str]
    person: Callable[[str, str], Given]
    score: str
    segment: str
    date: str
    comment: str
    wrong: Callable[[Given], Given] | None
    read_only_field: str
    fields: tuple[str, ...] = field(default=())
    connector: str = ""
    town: str = ""
    kept_in: str = ""  # what the sandbox calls the object, if not `object`
    daily: bool = True  # whether the vendor counts calls per day
    told: bool = True  # whether the vendor tells what its fields are
    keys: bool = True  # whether records are found by any field, and not by `email` alone
    merges: bool = True  # whether its people merge records
    lookup_calls: int = 6  # for 300 values
    people: int = 400  # at least so many are there
    held_as: str = ""  # what the sandbox's control calls the field `email`, if not so

    def email_of(self, record: Given) -> str:
        return str(record.get(self.held_as or self.email) or "")

    @property
    def shelf(self) -> str:
        """The object, as the sandbox's control calls it."""
        return self.kept_in or self.object


def _salesforce(place: Place) -> Given:
    env = place.sandbox.env
    auth = {"flow": "client_credentials", "client_id": env["SF_ID"], "client_secret": env["SF_SECRET"]}
    return {"login_host": "acme.my.salesforce.com", "base_url": env["SALESFORCE_URL"], "auth": auth}


def _hubspot(place: Place) -> Given:
    return {"token": place.sandbox.env["HUBSPOT_TOKEN"], "base_url": place.sandbox.env["HUBSPOT_URL"]}


def _sql(place: Place, **table: Any) -> Given:
    told = {"merges": {}, **table}
    return {"url": place.sandbox.url, "naive_times": "UTC", "tables": {"customer": told}}


def _nobody(given: Given) -> Given:
    return given | {"url": given["url"].replace("postgres@", f"nobody:{WRONG_SECRET}@")}


_SQL = DestinationRow(
    vendor="sql",
    settings=_sql,
    object="customer",
    email="email",
    shared=("mobile", "phone"),
    person=lambda email, shared: {"name": "Contract", "email": email, "mobile": shared},
    score="nps_score",
    segment="nps_segment",
    date="nps_last_survey",
    comment="nps_comment",
    wrong=None,
    read_only_field="customer_key",
    connector="sql",
    daily=False,
)


def _pretectum(place: Place) -> Given:
    env = place.sandbox.env
    return {
        "client_id": env["PRETECTUM_CLIENT_ID"],
        "client_secret": env["PRETECTUM_CLIENT_SECRET"],
        "base_url": env["PRETECTUM_URL"],
        "scope": {"business_area": "Customer", "schema": "Individual Customer", "dataset": "US Customers"},
        "budget": {"max_calls_per_day": 1_000_000},
    }


def _rest_master(place: Place) -> Given:
    """The same master with everything said, and nothing taken from its search but who it is."""
    given = _pretectum(place)
    whole = merged(given)
    for name in ("client_id", "client_secret"):
        del whole[name]
    return whole | {"find": whole["find"] | {"values": "read", "join": None, "lag": "0 minutes"}}


def _intercom(place: Place) -> Given:
    return {
        "access_token": place.sandbox.env["INTERCOM_TOKEN"],
        "base_url": place.sandbox.env["INTERCOM_URL"],
    }


def _intercom_with_attributes(place: Place) -> Given:
    """An administrator has made the attributes."""
    provide_attributes(place.sandbox, "contact")
    return _intercom(place)


_PRETECTUM = DestinationRow(
    vendor="pretectum",
    settings=_pretectum,
    object="US Customers",
    email="Email",
    shared=("Phone", "phone"),
    person=lambda email, shared: {"Last Name": "Contract", "Email": email, "Phone": shared},
    score="NPS Score",
    segment="NPS Segment",
    date="NPS Last Survey",
    comment="NPS Comment",
    wrong=lambda given: given | {"client_secret": WRONG_SECRET},
    read_only_field="_dataObjectId",
    kept_in="customers",
    merges=False,
)


def _mixpanel_profiles(place: Place) -> Given:
    place.sandbox.control("POST", "/mixpanel/do/set", {"queries_per_hour": 10**6, "per_second": 10**6})
    env = place.sandbox.env
    return {
        "project_id": env["MIXPANEL_PROJECT"],
        "project_token": env["MIXPANEL_TOKEN"],
        "service_account": {"username": env["MIXPANEL_USER"], "secret": env["MIXPANEL_SECRET"]},
        "base_url": env["MIXPANEL_URL"],
        "properties": {
            "NPS Score": "number",
            "NPS Segment": ["promoter", "passive", "detractor"],
            "NPS Last Survey": "date",
            "NPS Comment": "text",
            "Plan": "text",
        },
    }


DESTINATIONS: Mapping[str, DestinationRow] = {
    "mixpanel": DestinationRow(
        vendor="mixpanel",
        settings=_mixpanel_profiles,
        object="profiles",
        email="distinct_id",
        shared=("Plan", "text"),
        person=lambda email, shared: {"id": email, "properties": {"Plan": shared}},
        score="NPS Score",
        segment="NPS Segment",
        date="NPS Last Survey",
        comment="NPS Comment",
        wrong=lambda given: given | {"service_account": {"username": "npsync", "secret": WRONG_SECRET}},
        read_only_field="distinct_id",
        daily=False,
        told=False,
        keys=False,
        merges=False,
        people=200,
        held_as="id",
    ),
    "sql on PostgreSQL": replace(_SQL, town="wide_on_postgres", wrong=_nobody),
    "sql on SQLite": replace(_SQL, town="wide_on_sqlite"),
    "sql with a table of ours": replace(
        _SQL, town="satellite_on_sqlite", settings=lambda place: _sql(place, mode="satellite")
    ),
    "intercom": DestinationRow(
        vendor="intercom",
        settings=_intercom_with_attributes,
        object="contacts",
        email="email",
        shared=("phone", "phone"),
        person=lambda email, shared: {
            "name": "Contract",
            "email": email,
            "phone": shared,
            "external_id": unique("C-"),
        },
        score="custom_attributes.nps_score",
        segment="custom_attributes.nps_segment",
        date="custom_attributes.nps_last_survey_at",
        comment="custom_attributes.nps_comment",
        wrong=lambda given: given | {"access_token": WRONG_SECRET},
        read_only_field="has_hard_bounced",
        daily=False,
    ),
    "pretectum": _PRETECTUM,
    "rest_master": replace(
        _PRETECTUM,
        settings=_rest_master,
        wrong=lambda given: given | {"auth": given["auth"] | {"client_secret": WRONG_SECRET}},
        lookup_calls=320,
    ),
    "salesforce": DestinationRow(
        vendor="salesforce",
        settings=_salesforce,
        object="Contact",
        email="Email",
        shared=("MobilePhone", "phone"),
        person=lambda email, shared: {"LastName": "Contract", "Email": email, "MobilePhone": shared},
        score="NPS_Score__c",
        segment="NPS_Segment__c",
        date="NPS_Last_Survey__c",
        comment="NPS_Comment__c",
        wrong=lambda given: given | {"auth": given["auth"] | {"client_secret": WRONG_SECRET}},
        read_only_field="SystemModstamp",
    ),
    "hubspot": DestinationRow(
        vendor="hubspot",
        settings=_hubspot,
        object="contacts",
        email="email",
        shared=("mobilephone", "phone"),
        person=lambda email, shared: {"lastname": "Contract", "email": email, "mobilephone": shared},
        score="nps_score",
        segment="nps_segment",
        date="nps_last_survey",
        comment="nps_comment",
        wrong=lambda given: given | {"token": WRONG_SECRET},
        read_only_field="hs_object_id",
    ),
}


# ---------------------------------------------------------------- event sources


@dataclass(frozen=True)
class Story:
    """One kind of event, as people at the vendor make it happen. `begin` makes its subject, so that nothing happened
    yet; `happen` lets it; `undo` takes it back; `touch` edits something else; `remove` deletes the subject. `recorded`:
    a record stands for it, which a hint can name and which may change; else what was done stays done."""

    kind: str
    object: str
    begin: Callable[[Place], str]
    happen: Callable[[Place, str], None]
    undo: Callable[[Place, str], None] = lambda place, id: None
    touch: Callable[[Place, str], None] = lambda place, id: None
    remove: Callable[[Place, str], None] = lambda place, id: None
    parameters: Given = field(default_factory=dict)
    facts: tuple[str, ...] = ()
    told_late: bool = True  # whether `past` tells it
    recorded: bool = True
    person: str = "record"  # kind of the key that leads to the person


@dataclass(frozen=True)
class EventRow:
    settings: Callable[[Place], Given]
    stories: tuple[Story, ...]


def _salesforce_person(place: Place) -> str:
    fields = {"LastName": "Event", "Email": f"{unique('event')}@acme.example", "Onboarding__c": "Started"}
    return str(place.sandbox.control("POST", "/salesforce/Contact", fields)["id"])


def _salesforce_case(place: Place) -> str:
    fields = {"Subject": "Help", "Status": "New", "Priority": "High", "ContactId": _salesforce_person(place)}
    return str(place.sandbox.control("POST", "/salesforce/Case", fields)["id"])


def _knob(vendor: str, command: str) -> Callable[[Place, str], None]:
    return lambda place, id: place.sandbox.control("POST", f"/{vendor}/do/{command}", {"id": id})


def _set(vendor: str, object: str, **fields: Any) -> Callable[[Place, str], None]:
    return lambda place, id: place.sandbox.control("PATCH", f"/{vendor}/{object}/{id}", fields)


def _remove(vendor: str, object: str) -> Callable[[Place, str], None]:
    return lambda place, id: place.sandbox.control("DELETE", f"/{vendor}/{object}/{id}")


_CASE_CLOSED = Story(
    kind="case_closed",
    object="Case",
    begin=_salesforce_case,
    happen=_knob("salesforce", "close_case"),
    undo=_knob("salesforce", "reopen_case"),
    touch=_set("salesforce", "Case", Subject="Help again"),
    remove=_remove("salesforce", "Case"),
    facts=("Priority", "Contact.Email"),
)
_ONBOARDED = Story(
    kind="record_changed",
    object="Contact",
    begin=_salesforce_person,
    happen=_set("salesforce", "Contact", Onboarding__c="Done"),
    undo=_set("salesforce", "Contact", Onboarding__c="In progress"),
    touch=_set("salesforce", "Contact", Role__c="User"),
    remove=_remove("salesforce", "Contact"),
    parameters={"object": "Contact", "field": "Onboarding__c", "to": "Done"},
    facts=("Role__c",),
    told_late=False,
)


def _hubspot_person(place: Place) -> str:
    fields = {"lastname": "Event", "email": f"{unique('event')}@acme.example", "onboarding": "started"}
    return str(place.sandbox.control("POST", "/hubspot/contacts", fields)["id"])


def _hubspot_ticket(place: Place) -> str:
    fields = {"subject": "Help", "hs_pipeline": "0", "hs_pipeline_stage": "1", "hs_ticket_priority": "HIGH"}
    ticket = str(place.sandbox.control("POST", "/hubspot/tickets", fields)["id"])
    place.sandbox.control(
        "POST", "/hubspot/do/associate", {"ticket": ticket, "contact": _hubspot_person(place)}
    )
    return ticket


_TICKET_CLOSED = Story(
    kind="ticket_closed",
    object="tickets",
    begin=_hubspot_ticket,
    happen=_knob("hubspot", "close_ticket"),
    undo=_knob("hubspot", "reopen_ticket"),
    touch=_set("hubspot", "tickets", subject="Help again"),
    remove=_remove("hubspot", "tickets"),
    facts=("hs_ticket_priority",),
)


def _closed_ticket(place: Place) -> str:
    ticket = _hubspot_ticket(place)
    place.sandbox.control("POST", "/hubspot/do/close_ticket", {"id": ticket})
    return ticket


_TICKET_REOPENED = replace(
    _TICKET_CLOSED,
    kind="ticket_reopened",
    begin=_closed_ticket,
    happen=_TICKET_CLOSED.undo,
    undo=_TICKET_CLOSED.happen,
)
_ONBOARDED_THERE = Story(
    kind="record_changed",
    object="contacts",
    begin=_hubspot_person,
    happen=_set("hubspot", "contacts", onboarding="done"),
    undo=_set("hubspot", "contacts", onboarding="started"),
    touch=_set("hubspot", "contacts", lastname="Touched"),
    remove=_remove("hubspot", "contacts"),
    parameters={"object": "contact", "field": "onboarding", "to": "done"},
    facts=("lastname",),
)


def _conversation(place: Place) -> str:
    contact = place.sandbox.control("POST", "/intercom/contacts", {"external_id": unique("C-")})["id"]
    return str(place.sandbox.control("POST", "/intercom/conversations", {"contacts": [contact]})["id"])


_CONVERSATION_CLOSED = Story(
    kind="conversation_closed",
    object="conversations",
    begin=_conversation,
    happen=_knob("intercom", "close_conversation"),
    undo=_knob("intercom", "reopen_conversation"),
    touch=lambda place, id: place.sandbox.control(
        "POST", "/intercom/do/rate_conversation", {"id": id, "rating": 4}
    ),
    remove=_remove("intercom", "conversations"),
    facts=("title", "statistics.count_reopens"),
    person="external_id",
)


def _mixpanel(place: Place) -> Given:
    env = place.sandbox.env
    return {
        "project_id": env["MIXPANEL_PROJECT"],
        "service_account": {"username": env["MIXPANEL_USER"], "secret": env["MIXPANEL_SECRET"]},
        "base_url": env["MIXPANEL_URL"],
        "every": "0 minutes",
    }


def _feature_used(place: Place, id: str) -> None:
    used = {"event": "Export", "distinct_id": id, "properties": {"feature": "bulk_export"}}
    place.sandbox.control("POST", "/mixpanel/do/track", used)


_FEATURE_USED = Story(
    kind="feature_used",
    object="person",
    begin=lambda place: unique("u-"),
    happen=_feature_used,
    parameters={"name": "Export"},
    facts=("name", "properties.feature"),
    recorded=False,
    person="external_id",
)

EVENTS: Mapping[str, EventRow] = {
    "hubspot": EventRow(_hubspot, (_TICKET_CLOSED, _TICKET_REOPENED, _ONBOARDED_THERE)),
    "intercom": EventRow(_intercom, (_CONVERSATION_CLOSED,)),
    "mixpanel": EventRow(_mixpanel, (_FEATURE_USED,)),
    "salesforce": EventRow(_salesforce, (_CASE_CLOSED, _ONBOARDED)),
}


# ---------------------------------------------------------------- opening


def contract_tools(connection: str = "contract") -> Tools:
    """A clock that starts at the real time, as the sandbox's does, and never waits."""
    return fake_tools(connection, clock=FakeClock(datetime.now(UTC)))


def sandbox_now(place: Place) -> datetime:
    return datetime.fromisoformat(place.sandbox.control("GET", "/")["now"])


def sandbox_tools(place: Place, connection: str = "contract") -> Tools:
    """The same by the sandbox's clock, which other tests have moved: a tool is asked for what came until now."""
    return fake_tools(connection, clock=FakeClock(sandbox_now(place)))


def open_source(name: str, given: Given, tools: Tools | None = None) -> Source:
    connector = registry.load(name)
    assert connector.source is not None
    return connector.source(connector.settings.model_validate(given), tools or contract_tools())


def open_destination(name: str, given: Given, tools: Tools | None = None) -> Destination:
    connector = registry.load(name)
    assert connector.destination is not None
    return connector.destination(connector.settings.model_validate(given), tools or contract_tools())


def open_events(name: str, given: Given, tools: Tools) -> EventSource:
    connector = registry.load(name)
    assert connector.events is not None
    return connector.events(connector.settings.model_validate(given), tools)


def unique(prefix: str) -> str:
    return f"{prefix}{next(_numbers)}"
