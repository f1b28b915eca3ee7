"""The real client over real HTTP against the toy HubSpot, which was written from the vendor's documents apart."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import pytest
from fake_clock import Calls, fake_tools
from sandbox_process import RunningSandbox, running_sandbox

from connectors.contract import Lookup, Needs, Tools, Verdict
from connectors.hubspot import CONNECTOR
from connectors.hubspot.destination import HubSpot
from connectors.hubspot.settings import HubSpotSettings
from nps.changes import Batch, Change, Deferred, Hit, Outcome, Record, Rejected, Written
from nps.errors import AccessError, BudgetError, ConfigError
from nps.values import Json, Value

VERSIONS = ("v3", "2026-03", "2026-09")
NPS = ["nps_score", "nps_segment", "nps_last_survey", "nps_comment"]
_people = itertools.count(1)


@pytest.fixture(scope="module")
def portal() -> Iterator[RunningSandbox]:
    """Without limits: the clocks of these tests do not wait."""
    limits = [flag for name in ("burst", "daily", "search") for flag in ("--limit", f"hubspot.{name}=0")]
    with running_sandbox("--vendor", "hubspot", *limits, customers=120, ugly="5%") as sandbox:
        yield sandbox


@pytest.fixture
def toy(portal: RunningSandbox) -> Iterator[RunningSandbox]:
    before = command(portal, "set")
    portal.forget_traffic()
    yield portal
    portal.control("DELETE", "/faults")
    command(portal, "set", **before)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def command(toy: RunningSandbox, which: str, /, **arguments: Any) -> Any:
    return toy.control("POST", f"/hubspot/do/{which}", arguments)


def opened(toy: RunningSandbox, *, tools: Tools | None = None, **settings: Any) -> HubSpot:
    token = {} if "oauth" in settings else {"token": toy.env["HUBSPOT_TOKEN"]}
    wanted = HubSpotSettings.model_validate({**token, "base_url": toy.env["HUBSPOT_URL"], **settings})
    assert CONNECTOR.destination is not None
    destination = CONNECTOR.destination(wanted, tools or fake_tools("crm"))
    assert isinstance(destination, HubSpot)
    return destination


def person(toy: RunningSandbox, email: str | None = None, **fields: str) -> tuple[str, str]:
    """A contact of this test's own: (id, e-mail)."""
    email = email or f"person{next(_people)}@test.example"
    added: dict[str, Any] = toy.control("POST", "/hubspot/contacts", {"email": email, **fields})
    return added["id"], email


def people(toy: RunningSandbox, count: int) -> list[tuple[str, str]]:
    return [person(toy) for _ in range(count)]


def by_email(hubspot: HubSpot, *emails: str, fields: list[str] | None = None, **only: Json) -> list[Hit]:
    return hubspot.find(
        "contacts", [Lookup("email", "email", emails)], NPS if fields is None else fields, only
    )


def shows(hubspot: HubSpot, id: str) -> Record:
    (record,) = hubspot.get("contacts", [id], NPS, {})
    return record


def change(hubspot: HubSpot, id: str, **after: Value) -> Change:
    encoded = {name: hubspot.canonical("contacts", name)(value) for name, value in after.items()}
    return Change(object="contacts", record_id=id, before=dict.fromkeys(encoded), after=encoded)


def write(hubspot: HubSpot, *changes: Change) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for start in range(0, len(changes), 100):
        outcomes += hubspot.write(Batch(1, "contacts", "batch", changes[start : start + 100]), lambda _: None)
    return outcomes


ANSWER: dict[str, Value] = {
    "nps_score": 9,
    "nps_segment": "promoter",
    "nps_last_survey": date(2026, 3, 2),
    "nps_comment": 'She said "wow" 🎉\r\n=cmd()\nünïcode, and ; too',
}


# ---------------------------------------------------------------- the main way


def test_what_is_written_is_what_is_shown_and_leaves_nothing_to_write(
    toy: RunningSandbox, version: str
) -> None:
    hubspot = opened(toy, api_version=version)
    id, email = person(toy)
    wanted = change(hubspot, id, **ANSWER)
    assert by_email(hubspot, email)[0].record.fields == dict.fromkeys(NPS)
    assert write(hubspot, wanted) == [Written(id)]
    assert shows(hubspot, id).fields == wanted.after
    assert by_email(hubspot, email)[0].record.fields == wanted.after


def test_a_typed_value_comes_back(toy: RunningSandbox) -> None:
    hubspot = opened(toy)
    id, _ = person(toy)
    write(hubspot, change(hubspot, id, **ANSWER))
    fields = shows(hubspot, id).fields
    assert hubspot.typed("contacts", "nps_score")(fields["nps_score"]) == 9
    assert hubspot.typed("contacts", "nps_last_survey")(fields["nps_last_survey"]) == date(2026, 3, 2)


def test_a_zero_is_written_and_a_none_clears(toy: RunningSandbox, version: str) -> None:
    hubspot = opened(toy, api_version=version)
    id, _ = person(toy, nps_comment="old words")
    assert write(hubspot, change(hubspot, id, nps_score=0, nps_comment=None)) == [Written(id)]
    assert shows(hubspot, id).fields == {**dict.fromkeys(NPS), "nps_score": "0"}


def test_calls_are_the_least_the_batch_size_allows(toy: RunningSandbox) -> None:
    calls = Calls()
    hubspot = opened(toy, tools=fake_tools("crm", count_call=calls))
    everyone = people(toy, 101)
    toy.forget_traffic()
    hits = by_email(hubspot, *(email for _, email in everyone), "nobody@test.example")
    assert [(hit.record.id, hit.value) for hit in hits] == everyone
    assert len(write(hubspot, *(change(hubspot, hit.record.id, nps_score=7) for hit in hits))) == 101
    traffic = toy.traffic("hubspot")
    assert calls.count == traffic["calls"] == 1 + 2 + 2  # definitions, read, update
    assert traffic["records_written"] == {"contacts": 101}


@pytest.mark.parametrize("email", ["o'brien@test.example", "jo+nps@test.example", "josé@test.example"])
def test_odd_addresses_are_found(toy: RunningSandbox, email: str, version: str) -> None:
    id, _ = person(toy, email.replace("@", f"{next(_people)}@"))
    address = shows_email(toy, id)
    assert [hit.record.id for hit in by_email(opened(toy, api_version=version), address.upper())] == [id]


def shows_email(toy: RunningSandbox, id: str) -> str:
    return str(toy.control("GET", f"/hubspot/contacts/{id}")["email"])


def test_every_customer_of_an_ugly_world_is_found_under_the_address_it_shows(toy: RunningSandbox) -> None:
    rows = [row for row in toy.rows("hubspot", "contacts") if row["email"]]
    hits = by_email(opened(toy), *(row["email"] for row in rows), fields=["customer_id"])
    assert {(hit.value, hit.record.id) for hit in hits} == {(row["email"], row["id"]) for row in rows}


# ---------------------------------------------------------------- finding


def test_a_unique_property_finds_its_record(toy: RunningSandbox, version: str) -> None:
    row = next(row for row in toy.rows("hubspot", "contacts") if row["customer_id"])
    hubspot = opened(toy, api_version=version)
    lookup = Lookup("customer_id", "external_id", [row["customer_id"], "C-none"])
    assert [hit.record.id for hit in hubspot.find("contacts", [lookup], ["email"], {})] == [row["id"]]


def test_two_contacts_with_one_phone_are_two_hits(toy: RunningSandbox, version: str) -> None:
    phone = f"+1212555{next(_people):04}"
    pair = {person(toy, phone=phone)[0], person(toy, phone=phone)[0]}
    hubspot = opened(toy, api_version=version)
    hits = hubspot.find("contacts", [Lookup("phone", "phone", [phone, "+19995550000"])], NPS, {})
    assert {(hit.value, hit.record.id) for hit in hits} == {(phone, id) for id in pair}


def test_more_records_than_a_search_page_holds_are_all_found(toy: RunningSandbox) -> None:
    phone = f"+1313555{next(_people):04}"
    everyone = {person(toy, phone=phone)[0] for _ in range(205)}
    hits = opened(toy).find("contacts", [Lookup("phone", "phone", [phone])], [], {})
    assert {hit.record.id for hit in hits} == everyone


def test_a_fresh_record_the_search_does_not_know_yet_is_no_error(toy: RunningSandbox) -> None:
    command(toy, "set", search_lag=3600.0)
    phone = f"+1414555{next(_people):04}"
    person(toy, phone=phone)
    assert opened(toy).find("contacts", [Lookup("phone", "phone", [phone])], [], {}) == []


def test_several_lookups_are_answered_together(toy: RunningSandbox) -> None:
    id, email = person(toy)
    lookups = [Lookup("email", "email", [email]), Lookup("hs_object_id", "external_id", [id])]
    hits = opened(toy).find("contacts", lookups, ["email"], {})
    assert [(hit.field, hit.record.id) for hit in hits] == [("email", id), ("hs_object_id", id)]


def test_only_narrows_reads_and_searches(toy: RunningSandbox, version: str) -> None:
    hubspot = opened(toy, api_version=version)
    phone = f"+1515555{next(_people):04}"
    wanted, email = person(toy, phone=phone, nps_segment="promoter")
    _, other = person(toy, phone=phone, nps_segment="detractor")
    assert [hit.record.id for hit in by_email(hubspot, email, other, nps_segment="promoter")] == [wanted]
    only: dict[str, Json] = {"nps_segment": ["promoter", "passive"]}
    hits = hubspot.find("contacts", [Lookup("phone", "phone", [phone])], [], only)
    assert [hit.record.id for hit in hits] == [wanted]
    assert hubspot.get("contacts", [wanted], [], {"nps_segment": "passive"}) == []


def test_the_primary_company_comes_with_the_contacts(toy: RunningSandbox, version: str) -> None:
    (first, first_email), (second, second_email), (_, third_email) = people(toy, 3)
    one, two = (row["id"] for row in toy.rows("hubspot", "companies")[:2])
    command(toy, "associate", contact=first, company=one, primary=True)
    command(toy, "associate", contact=first, company=two, primary=False)
    command(toy, "associate", contact=second, company=two, primary=True)
    hits = by_email(
        opened(toy, api_version=version), first_email, second_email, third_email, fields=["primary_company"]
    )
    assert [hit.record.fields["primary_company"] for hit in hits] == [one, two, None]


def test_people_are_found_by_their_primary_company_and_by_no_other(toy: RunningSandbox, version: str) -> None:
    (first, _), (second, _), (third, _) = people(toy, 3)
    one, two = (toy.control("POST", "/hubspot/companies", {"name": name})["id"] for name in ("One", "Two"))
    command(toy, "associate", contact=first, company=one, primary=True)
    command(toy, "associate", contact=first, company=two, primary=False)
    command(toy, "associate", contact=second, company=two, primary=True)
    command(toy, "associate", contact=third, company=two, primary=True)
    calls = Calls()
    hubspot = opened(toy, tools=fake_tools("crm", count_call=calls), api_version=version)
    lookup = Lookup("primary_company", "account", [one, two, "999999"])
    hits = hubspot.find("contacts", [lookup], ["primary_company"], {})
    assert {(hit.value, hit.record.id) for hit in hits} == {(one, first), (two, second), (two, third)}
    assert all(hit.record.fields == {"primary_company": hit.value} for hit in hits)
    assert calls.count == 2 + 1 + 1  # definitions, who is linked to these, whose primary it is

    emails = hubspot.find("contacts", [lookup], ["email"], {"email": [person(toy)[1]]})
    assert emails == []  # `only` is kept


def test_a_company_is_read_by_id(toy: RunningSandbox) -> None:
    company = toy.rows("hubspot", "companies")[0]
    (record,) = opened(toy).get("companies", [company["id"]], ["name"], {})
    assert record.fields == {"name": company["name"]}


# ---------------------------------------------------------------- merges and deletions


@pytest.mark.parametrize("keeps", [True, False])
def test_a_merged_contact_is_found_by_its_old_id_and_its_old_address(
    toy: RunningSandbox, keeps: bool, version: str
) -> None:
    command(toy, "set", merge_keeps_winner_id=keeps)
    (winner, winner_email), (loser, loser_email) = people(toy, 2)
    toy.control("POST", f"/hubspot/contacts/{winner}/merge", {"loser": loser})
    survivor = toy.control("GET", f"/hubspot/contacts/{winner}")["id"]
    hubspot = opened(toy, api_version=version)
    (record,) = hubspot.get("contacts", [loser], ["email"], {})
    assert (record.id, {*record.merged}) == (survivor, {winner, loser} - {survivor})
    assert hubspot.get("contacts", [survivor], ["email"], {}) == [record]  # it is the same person by any name
    assert [hit.record.id for hit in by_email(hubspot, loser_email, winner_email)] == [survivor, survivor]
    assert {one.id for one in hubspot.get("contacts", [winner, loser], [], {})} == {survivor}


def test_a_contact_merged_after_it_was_planned_is_deferred_and_its_survivor_untouched(
    toy: RunningSandbox, version: str
) -> None:
    command(toy, "set", merge_keeps_winner_id=True)
    hubspot = opened(toy, api_version=version)
    (winner, _), (loser, _), (bystander, _) = people(toy, 3)
    planned = [change(hubspot, loser, nps_score=3), change(hubspot, bystander, nps_score=9)]
    toy.control("POST", f"/hubspot/contacts/{winner}/merge", {"loser": loser})
    first, second = write(hubspot, *planned)
    assert isinstance(first, Deferred)
    assert second == Written(bystander)
    assert shows(hubspot, winner).fields["nps_score"] is None


def test_a_deleted_contact_is_missing_and_its_change_rejected(toy: RunningSandbox, version: str) -> None:
    hubspot = opened(toy, api_version=version)
    (gone, email), (there, _) = people(toy, 2)
    toy.control("DELETE", f"/hubspot/contacts/{gone}")
    assert by_email(hubspot, email) == []
    assert [one.id for one in hubspot.get("contacts", [gone, there], [], {})] == [there]
    first, second = write(hubspot, change(hubspot, gone, nps_score=3), change(hubspot, there, nps_score=9))
    assert isinstance(first, Rejected)
    assert second == Written(there)


# ---------------------------------------------------------------- bad records


@pytest.mark.parametrize("traced", [True, False])
def test_one_refused_record_never_sinks_its_batch(toy: RunningSandbox, traced: bool, version: str) -> None:
    command(toy, "set", trace_ids=traced)
    hubspot = opened(toy, api_version=version)
    everyone = people(toy, 30)
    bad = everyone[17][0]
    toy.fault("hubspot", "invalid_record", path=bad, times=None)
    toy.forget_traffic()
    outcomes = write(hubspot, *(change(hubspot, id, nps_score=9) for id, _ in everyone))
    assert [one.record_id for one in outcomes if isinstance(one, Rejected)] == [bad]
    assert sum(isinstance(one, Written) for one in outcomes) == 29
    assert toy.traffic("hubspot")["calls"] <= 3 + 2 * 5  # definitions twice, the batch, and its halves


@pytest.mark.parametrize("traced", [True, False])
def test_a_property_deleted_overnight_stops_the_run_with_its_name(toy: RunningSandbox, traced: bool) -> None:
    command(toy, "set", trace_ids=traced)
    name = f"nps_gone_{traced}".lower()
    command(
        toy, "define_property", object="contacts", name=name, label="Gone", groupName="contactinformation",
        type="string", fieldType="text",
    )  # fmt: skip
    hubspot = opened(toy)
    planned = [change(hubspot, id, **{name: "x"}) for id, _ in people(toy, 8)]
    command(toy, "remove_property", object="contacts", name=name)
    with pytest.raises(ConfigError, match=name):
        write(hubspot, *planned)


# ---------------------------------------------------------------- credentials


def oauth(toy: RunningSandbox) -> dict[str, str]:
    return {
        "client_id": toy.env["HUBSPOT_CLIENT_ID"],
        "client_secret": toy.env["HUBSPOT_CLIENT_SECRET"],
        "refresh_token": toy.env["HUBSPOT_REFRESH_TOKEN"],
    }


def test_an_oauth_app_goes_on_after_its_token_was_taken_away(toy: RunningSandbox, version: str) -> None:
    hubspot = opened(toy, oauth=oauth(toy), api_version=version)
    id, email = person(toy)
    assert len(by_email(hubspot, email)) == 1
    command(toy, "expire_tokens")
    assert write(hubspot, change(hubspot, id, nps_score=9)) == [Written(id)]


def test_eight_threads_whose_token_expires_fetch_one_new_one(toy: RunningSandbox, version: str) -> None:
    hubspot = opened(toy, oauth=oauth(toy), api_version=version)
    everyone = [id for id, _ in people(toy, 16)]
    shows(hubspot, everyone[0])
    command(toy, "expire_tokens")
    toy.forget_traffic()
    changes = [change(hubspot, id, nps_score=5) for id in everyone]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda two: write(hubspot, *two), zip(changes[::2], changes[1::2], strict=True)))
    assert [one for outcomes in told for one in outcomes] == [Written(id) for id in everyone]
    assert toy.traffic("hubspot")["by_kind"]["token"] == 1


@pytest.mark.parametrize("traced", [True, False])
def test_one_percent_of_poison_keeps_no_good_record_from_being_written(
    toy: RunningSandbox, traced: bool
) -> None:
    command(toy, "set", trace_ids=traced)
    hubspot = opened(toy)
    everyone = [id for id, _ in people(toy, 300)]
    bad = set(everyone[50::100])
    for id in bad:
        toy.fault("hubspot", "invalid_record", path=id, times=None)
    changes = [change(hubspot, id, nps_score=4) for id in everyone]
    toy.forget_traffic()
    outcomes = write(hubspot, *changes)
    assert {one.record_id for one in outcomes if isinstance(one, Rejected)} == bad
    assert sum(isinstance(one, Written) for one in outcomes) == 297
    assert toy.traffic("hubspot")["calls"] - 3 <= (0 if traced else 9 * len(bad) + 1)


def test_a_wrong_token_or_secret_is_told_apart_from_a_busy_vendor(toy: RunningSandbox) -> None:
    with pytest.raises(AccessError):
        opened(toy, token="pat-na1-wrong").describe("contacts")
    with pytest.raises(AccessError, match="refresh token"):
        opened(toy, oauth={**oauth(toy), "client_secret": "wrong"}).describe("contacts")


def test_a_read_only_credential_can_plan_and_is_told_what_it_lacks_to_write(toy: RunningSandbox) -> None:
    hubspot = opened(toy, token=toy.env["HUBSPOT_READ_ONLY_TOKEN"])
    id, email = person(toy)
    assert len(by_email(hubspot, email)) == 1
    with pytest.raises(AccessError, match=r"crm\.objects\.contacts\.write"):
        write(hubspot, change(hubspot, id, nps_score=9))


def test_access_names_what_is_missing_and_what_is_too_much(toy: RunningSandbox, version: str) -> None:
    needs = Needs(read={"contacts": frozenset({"email"})}, write={"contacts": frozenset({"nps_score"})})
    everything = {one.permission: one.verdict for one in opened(toy, api_version=version).access(needs)}
    assert everything["crm.objects.contacts.read"] is Verdict.OK
    assert everything["crm.objects.contacts.write"] is Verdict.OK
    assert everything["crm.objects.companies.write"] is Verdict.EXCESS
    reading = opened(toy, token=toy.env["HUBSPOT_READ_ONLY_TOKEN"], api_version=version)
    assert {one.permission: one.verdict for one in reading.access(needs)}[
        "crm.objects.contacts.write"
    ] is Verdict.MISSING
    assert toy.traffic("hubspot")["records_written"] == {}


# ---------------------------------------------------------------- a vendor in trouble


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 502},
        {"kind": "status", "status": 423},
        {"kind": "status", "status": 429, "retry_after": 1},
        {"kind": "html", "status": 503},
        {"kind": "reset"},
        {"kind": "lost_reply"},
    ],
    ids=lambda fault: "-".join(str(one) for one in fault.values()),
)
def test_a_write_gets_through_a_short_trouble(
    toy: RunningSandbox, fault: dict[str, Any], version: str
) -> None:
    hubspot = opened(toy, api_version=version)
    id, _ = person(toy)
    wanted = change(hubspot, id, nps_score=8)
    toy.fault("hubspot", **fault)
    assert write(hubspot, wanted) == [Written(id)]
    assert shows(hubspot, id).fields["nps_score"] == "8"


def test_a_spent_day_is_a_spent_budget(toy: RunningSandbox) -> None:
    hubspot = opened(toy)
    hubspot.describe("contacts")
    toy.fault("hubspot", "status", status=429, detail={"policy": "DAILY"})
    with pytest.raises(BudgetError):
        by_email(hubspot, "ann@test.example")


def test_a_long_migration_is_a_spent_budget(toy: RunningSandbox) -> None:
    hubspot = opened(toy)
    hubspot.describe("contacts")
    toy.fault("hubspot", "status", status=477, retry_after=7200)
    with pytest.raises(BudgetError, match="7200"):
        by_email(hubspot, "ann@test.example")


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def monotonic(self) -> float:
        return time.monotonic()


def test_searches_are_paced_so_that_hubspot_never_refuses_one(toy: RunningSandbox) -> None:
    tools = Tools("crm", fake_tools().memory, RealClock(), fake_tools().notice, lambda: None)
    hubspot = opened(toy, tools=tools)
    hubspot.describe("contacts")
    command(toy, "set", search=5)
    for _ in range(7):
        hubspot.find("contacts", [Lookup("phone", "phone", ["+19995550000"])], [], {})
    assert toy.traffic("hubspot")["too_many"] == 0
