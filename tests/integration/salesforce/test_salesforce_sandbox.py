"""The real library over real HTTP against the toy Salesforce: what both sides read in the vendor's documents."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import pytest
from fake_clock import Calls, FakeClock, MemoryInMemory, Notices, fake_tools
from salesforce_caller import Caller
from sandbox_process import RunningSandbox, running_sandbox

from connectors.contract import Lookup, Needs, Verdict
from connectors.salesforce.destination import SalesforceDestination
from connectors.salesforce.settings import SalesforceSettings
from nps.changes import Batch, Change, Deferred, Outcome, Rejected, Written
from nps.errors import AccessError, BudgetError, ConfigError, StillUnderWay
from nps.values import Json

CUSTOMERS = 2_500  # more than one page of a query


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=CUSTOMERS, responses=10) as running:
        yield running


@pytest.fixture
def opened(sandbox: RunningSandbox) -> Iterator[Opened]:
    sandbox.control("DELETE", "/faults")
    sandbox.forget_traffic()
    one = Opened(sandbox)
    yield one
    one.salesforce.close()
    sandbox.control("DELETE", "/faults")


class PatientClock(FakeClock):
    """Long pauses take no time; short ones do a little, so that the toy gets on with its job."""

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        time.sleep(min(seconds, 0.02))


class Opened:
    """A destination on the toy org."""

    def __init__(self, sandbox: RunningSandbox, **changes: Any) -> None:
        self.clock, self.calls, self.notices = PatientClock(), Calls(), Notices()
        tools = fake_tools(
            "crm", clock=self.clock, count_call=self.calls, notice=self.notices, memory=MemoryInMemory()
        )
        auth = {
            "flow": "client_credentials",
            "client_id": sandbox.env["SF_ID"],
            "client_secret": sandbox.env["SF_SECRET"],
        }
        given = {"base_url": sandbox.env["SALESFORCE_URL"], "auth": auth, **changes}
        self.salesforce = SalesforceDestination(SalesforceSettings.model_validate(given), tools)

    def write(
        self, *changes: Change, api: str = "collections", handles: list[str] | None = None
    ) -> list[Outcome]:
        remember = (handles if handles is not None else []).append
        return list(self.salesforce.write(Batch(1, "Contact", api, changes), remember))

    def shown(self, *ids: str, fields: tuple[str, ...] = ("NPS_Score__c",)) -> dict[str, dict[str, Json]]:
        return {one.id: dict(one.fields) for one in self.salesforce.get("Contact", ids, fields, {})}


def contacts(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    return [row for row in sandbox.rows("salesforce", "Contact") if not row["IsDeleted"]]


def ids(sandbox: RunningSandbox, count: int, start: int = 0) -> list[str]:
    return [row["Id"] for row in contacts(sandbox)[start : start + count]]


def change(record_id: str, **after: Json) -> Change:
    return Change(object="Contact", record_id=record_id, before=dict.fromkeys(after), after=after)


def test_every_contact_is_found_by_its_email_whatever_it_contains(
    sandbox: RunningSandbox, opened: Opened
) -> None:
    rows = contacts(sandbox)
    emails = sorted({row["Email"] for row in rows if row["Email"]})
    hits = opened.salesforce.find("Contact", [Lookup("Email", "email", emails)], ["Customer_Id__c"], {})
    assert {(hit.value, hit.record.id) for hit in hits} == {
        (row["Email"], row["Id"]) for row in rows if row["Email"]
    }
    assert any("'" in email for email in emails)  # O'Brien is among them
    assert opened.notices == []
    assert opened.calls.count <= len(emails) // 150 + 3


def test_lower_case_keys_find_addresses_in_any_case(sandbox: RunningSandbox, opened: Opened) -> None:
    [someone] = ids(sandbox, 1)
    sandbox.control("PATCH", f"/salesforce/Contact/{someone}", {"Email": "Mixed.Case@Example.com"})
    [hit] = opened.salesforce.find("Contact", [Lookup("Email", "email", ["mixed.case@example.com"])], [], {})
    assert hit.record.id == someone


def test_hostile_values_find_nobody_and_break_nothing(opened: Opened) -> None:
    values = [
        "') OR (Name != '",
        "\\",
        "a'b\\'c",
        "%",
        "_",
        "\n",
        'x"y',
        "Robert'); DROP TABLE Contact;--",
        "ünï@x.com",
    ]
    assert opened.salesforce.find("Contact", [Lookup("Email", "email", values)], [], {}) == []


def test_pages_are_read_to_the_end(sandbox: RunningSandbox, opened: Opened) -> None:
    """One value can name more records than fit a page."""
    rows = contacts(sandbox)
    by_account: dict[str, set[str]] = {}
    for row in rows:
        by_account.setdefault(row["AccountId"], set()).add(row["Id"])
    by_account.pop(None, None)  # type: ignore[call-overload]
    hits = opened.salesforce.find("Contact", [Lookup("AccountId", "account", list(by_account))], [], {})
    assert {hit.record.id for hit in hits} == set().union(*by_account.values())


def test_live_values_come_with_the_find_and_along_relations(sandbox: RunningSandbox, opened: Opened) -> None:
    row = next(row for row in contacts(sandbox) if row["AccountId"])
    account = sandbox.control("GET", f"/salesforce/Account/{row['AccountId']}")
    lookup = Lookup("Customer_Id__c", "external_id", [row["Customer_Id__c"]])
    [hit] = opened.salesforce.find("Contact", [lookup], ["Name", "Account.Name"], {"IsPersonAccount": False})
    assert hit.record.fields == {"Name": row["Name"], "Account.Name": account["Name"]}


def test_only_narrows_finding_and_reading(sandbox: RunningSandbox, opened: Opened) -> None:
    row = contacts(sandbox)[3]
    lookup = Lookup("Id", "external_id", [row["Id"]])
    salesforce = opened.salesforce
    assert salesforce.find(
        "Contact", [lookup], [], {"Role__c": row["Role__c"], "AccountId": row["AccountId"]}
    )
    assert not salesforce.find("Contact", [lookup], [], {"Role__c": ["Nobody", None]})
    assert not salesforce.get("Contact", [row["Id"]], [], {"Role__c": "Nobody"})


def test_what_was_written_is_shown_as_canonical_said(sandbox: RunningSandbox, opened: Opened) -> None:
    """The comparison of every run rests on this: else it would write the same again for ever."""
    [someone] = ids(sandbox, 1, 5)
    values: dict[str, Any] = {
        "NPS_Score__c": 0,
        "NPS_Segment__c": "detractor",
        "NPS_Last_Survey__c": date(2026, 3, 2),
        "NPS_Comment__c": ' He said "no",\r\nthen =cmd() and Zoë 🙂 ',
    }
    after = {name: opened.salesforce.canonical("Contact", name)(value) for name, value in values.items()}
    assert opened.write(change(someone, **after)) == [Written(someone)]
    assert opened.shown(someone, fields=tuple(values)) == {someone: after}
    cleared = {name: opened.salesforce.canonical("Contact", name)(None) for name in values}
    assert opened.write(change(someone, **cleared)) == [Written(someone)]
    assert opened.shown(someone, fields=tuple(values)) == {someone: dict.fromkeys(values)}


def test_a_thousand_changes_are_five_calls(sandbox: RunningSandbox, opened: Opened) -> None:
    wanted = ids(sandbox, 1000)
    opened.salesforce.describe("Contact")
    before = opened.calls.count
    outcomes = opened.write(*(change(one, NPS_Score__c=7) for one in wanted))
    assert opened.calls.count - before == 5
    assert outcomes == [Written(one) for one in wanted]
    assert opened.shown(*wanted) == {one: {"NPS_Score__c": 7} for one in wanted}


def test_threads_write_and_read_at_the_same_time(sandbox: RunningSandbox, opened: Opened) -> None:
    wanted = ids(sandbox, 800)
    parts = [wanted[start : start + 100] for start in range(0, 800, 100)]
    with ThreadPoolExecutor(8) as pool:
        told = list(
            pool.map(lambda part: opened.write(*(change(one, NPS_Score__c=3) for one in part)), parts)
        )
    assert [one.record_id for outcomes in told for one in outcomes] == wanted
    assert all(isinstance(one, Written) for outcomes in told for one in outcomes)


def test_one_refused_record_does_not_sink_the_others(sandbox: RunningSandbox, opened: Opened) -> None:
    good, bad = ids(sandbox, 2, 10)
    outcomes = opened.write(change(good, NPS_Score__c=9), change(bad, NPS_Segment__c="Fan"))
    assert outcomes[0] == Written(good)
    assert isinstance(outcomes[1], Rejected)
    assert outcomes[1].code == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


def test_an_unknown_field_stops_the_run_and_is_named(sandbox: RunningSandbox, opened: Opened) -> None:
    with pytest.raises(ConfigError, match="Nothing__c"):
        opened.write(*(change(one, Nothing__c=1) for one in ids(sandbox, 3)))


def test_a_lost_reply_is_not_a_lost_write(sandbox: RunningSandbox, opened: Opened) -> None:
    [someone] = ids(sandbox, 1, 20)
    opened.salesforce.describe("Contact")
    sandbox.fault("salesforce", "lost_reply", method="PATCH")
    assert opened.write(change(someone, NPS_Score__c=4)) == [Written(someone)]
    assert opened.shown(someone) == {someone: {"NPS_Score__c": 4}}


@pytest.mark.parametrize("kind", ["reset", "html", "status"])
def test_passing_trouble_is_ridden_out(sandbox: RunningSandbox, opened: Opened, kind: str) -> None:
    [someone] = ids(sandbox, 1, 21)
    sandbox.fault("salesforce", kind, status=503, times=2)
    assert opened.write(change(someone, NPS_Score__c=5)) == [Written(someone)]


def test_an_expired_token_is_renewed(sandbox: RunningSandbox, opened: Opened) -> None:
    [someone] = ids(sandbox, 1, 22)
    opened.shown(someone)
    sandbox.fault("salesforce", "expired_token")
    assert opened.write(change(someone, NPS_Score__c=6)) == [Written(someone)]


def test_eight_threads_whose_token_expires_fetch_one_new_one(sandbox: RunningSandbox, opened: Opened) -> None:
    wanted = ids(sandbox, 80, 1_000)
    opened.shown(*wanted)
    sandbox.control("POST", "/salesforce/do/expire_tokens", {})
    sandbox.forget_traffic()
    with ThreadPoolExecutor(8) as pool:
        parts = [wanted[start : start + 10] for start in range(0, 80, 10)]
        told = list(
            pool.map(lambda part: opened.write(*(change(one, NPS_Score__c=2) for one in part)), parts)
        )
    assert [one for outcomes in told for one in outcomes] == [Written(one) for one in wanted]
    assert sandbox.traffic("salesforce")["by_kind"]["token"] == 1


def test_wrong_credentials_are_an_access_error(sandbox: RunningSandbox) -> None:
    auth = {"flow": "client_credentials", "client_id": sandbox.env["SF_ID"], "client_secret": "wrong"}
    with pytest.raises(AccessError, match="sign-in") as refusal:
        Opened(sandbox, auth=auth).salesforce.describe("Contact")
    assert "wrong" not in str(refusal.value)


def test_locked_rows_are_tried_again(sandbox: RunningSandbox, opened: Opened) -> None:
    someone, other = ids(sandbox, 2, 23)
    sandbox.fault("salesforce", "locked_row", times=2)
    told = opened.write(change(someone, NPS_Score__c=6), change(other, NPS_Score__c=6))
    assert sorted(one.record_id for one in told if isinstance(one, Written)) == sorted([someone, other])


def test_a_merged_contact_comes_back_as_its_survivor(sandbox: RunningSandbox, opened: Opened) -> None:
    loser, winner, deleted = ids(sandbox, 3, CUSTOMERS - 10)
    sandbox.control("POST", f"/salesforce/Contact/{winner}/merge", {"loser": loser})
    sandbox.control("DELETE", f"/salesforce/Contact/{deleted}")
    [record] = opened.salesforce.get("Contact", [loser, deleted], ["Email"], {})
    assert (record.id, record.merged) == (winner, (loser,))
    outcomes = opened.write(change(loser, NPS_Score__c=1), change(winner, NPS_Score__c=1))
    assert [type(one) for one in outcomes if one.record_id == winner] == [Written]
    assert [type(one) for one in outcomes if one.record_id == loser] == [Deferred]


def test_a_survivor_tells_what_was_merged_into_it_along_the_chain(
    sandbox: RunningSandbox, opened: Opened
) -> None:
    first, second, survivor, other = ids(sandbox, 4, CUSTOMERS - 20)
    before = {one: opened.shown(one, fields=("Email",))[one] for one in (first, second)}
    sandbox.control("POST", f"/salesforce/Contact/{second}/merge", {"loser": first})
    sandbox.control("POST", f"/salesforce/Contact/{survivor}/merge", {"loser": second})
    sandbox.forget_traffic()
    [(id, absorbed)] = opened.salesforce.absorbed("Contact", [survivor, other], ["Email"]).items()
    assert id == survivor
    assert {one.id: one.fields for one in absorbed} == before
    assert sandbox.traffic("salesforce")["by_kind"] == {"query_all": 3}  # one for each link, and the end
    assert opened.salesforce.absorbed("Contact", [other], ["Email"]) == {}


def test_the_share_of_others_is_not_touched() -> None:
    with running_sandbox("--limit", "salesforce.daily=10", customers=20, responses=0) as small:
        opened = Opened(small, budget={"keep_for_others": "40%"})
        [someone] = ids(small, 1)
        for _ in range(5):
            opened.shown(someone)
        # a sign-in, a describe and five reads: six calls of ten were ours to spend, a sign-in is none of them
        assert opened.calls.count == 7
        with pytest.raises(BudgetError):
            opened.shown(someone)
        assert opened.calls.count == 7


# ---------------------------------------------------------------- bulk


def test_a_bulk_job_writes_what_collections_would(sandbox: RunningSandbox, opened: Opened) -> None:
    wanted = ids(sandbox, 300, 100)
    comment = 'Zoë said "fine",\nthen #N/A 🙂'
    changes = [
        change(one, NPS_Score__c=number % 11, NPS_Comment__c=comment) for number, one in enumerate(wanted)
    ]
    handles: list[str] = []
    outcomes = opened.write(*changes, api="bulk", handles=handles)
    assert len(handles) == 1
    assert sorted(one.record_id for one in outcomes if isinstance(one, Written)) == sorted(wanted)
    shown = opened.shown(*wanted, fields=("NPS_Score__c", "NPS_Comment__c"))
    assert shown == {one.record_id: dict(one.after) for one in changes}


def test_a_bulk_job_clears_and_leaves_alone(sandbox: RunningSandbox, opened: Opened) -> None:
    cleared, left = ids(sandbox, 2, 600)
    opened.write(*(change(one, NPS_Score__c=9, NPS_Comment__c="old") for one in (cleared, left)))
    opened.write(change(cleared, NPS_Comment__c=None), change(left, NPS_Score__c=1), api="bulk")
    shown = opened.shown(cleared, left, fields=("NPS_Score__c", "NPS_Comment__c"))
    assert shown[cleared] == {"NPS_Score__c": 9, "NPS_Comment__c": None}
    assert shown[left] == {"NPS_Score__c": 1, "NPS_Comment__c": "old"}


def test_bad_rows_of_a_bulk_job_are_told_one_by_one(sandbox: RunningSandbox, opened: Opened) -> None:
    good, bad = ids(sandbox, 2, 610)
    sandbox.fault("salesforce", "shuffle")
    outcomes = opened.write(change(good, NPS_Score__c=9), change(bad, NPS_Segment__c="Fan"), api="bulk")
    assert outcomes[0] == Written(good)
    assert isinstance(outcomes[1], Rejected)
    assert outcomes[1].code == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


def test_an_unknown_field_stops_a_bulk_job(sandbox: RunningSandbox, opened: Opened) -> None:
    with pytest.raises(ConfigError, match="Nothing__c"):
        opened.write(change(ids(sandbox, 1)[0], Nothing__c=1), api="bulk")


@pytest.mark.parametrize("kind", ["bulk_aborted", "bulk_failed"])
def test_a_job_that_ends_early_leaves_the_rest_wanted(
    sandbox: RunningSandbox, opened: Opened, kind: str
) -> None:
    wanted = ids(sandbox, 40, 700)
    sandbox.fault("salesforce", kind, detail={"processed": 15})
    outcomes = opened.write(*(change(one, NPS_Score__c=2) for one in wanted), api="bulk")
    written = [one.record_id for one in outcomes if isinstance(one, Written)]
    assert len(written) == 15
    assert sum(isinstance(one, Deferred) for one in outcomes) == 25
    assert {one: row["NPS_Score__c"] for one, row in opened.shown(*written).items()} == dict.fromkeys(
        written, 2
    )


def test_a_job_whose_process_died_is_settled_by_its_handle(sandbox: RunningSandbox, opened: Opened) -> None:
    wanted = ids(sandbox, 30, 800)
    batch = Batch(1, "Contact", "bulk", tuple(change(one, NPS_Score__c=8) for one in wanted))
    handles: list[str] = []
    sandbox.fault("salesforce", "bulk_slow", detail={"polls": 3})
    process = iter(opened.salesforce.write(batch, handles.append))
    assert next(process) == Written(wanted[0])
    process.close()  # type: ignore[attr-defined]  # the process dies before anything is settled

    another = Opened(sandbox)
    outcomes = another.salesforce.resume(batch, handles[0])
    assert outcomes is not None
    assert list(outcomes) == [Written(one) for one in wanted]
    assert another.salesforce.resume(batch, "750000000000000AAA") is None


def test_a_job_that_outlives_its_run_is_asked_for_again_and_never_sent_twice(
    sandbox: RunningSandbox, opened: Opened
) -> None:
    wanted = ids(sandbox, 30, 1_100)
    batch = Batch(1, "Contact", "bulk", tuple(change(one, NPS_Score__c=1) for one in wanted))
    handles: list[str] = []
    opened.salesforce.close()
    # The toy's clock is the real one, and so is the age of its jobs.
    hasty = Opened(sandbox, write={"bulk_deadline": 10})
    hasty.clock.advance((datetime.now(UTC) - hasty.clock.now()).total_seconds())
    sandbox.fault("salesforce", "bulk_slow", detail={"polls": 6})
    with pytest.raises(StillUnderWay, match="next run asks"):
        list(hasty.salesforce.write(batch, handles.append))
    sandbox.forget_traffic()
    hasty.clock.advance(600)
    with pytest.raises(StillUnderWay, match="10 minutes after it was sent"):
        hasty.salesforce.resume(batch, handles[0])
    assert sandbox.traffic("salesforce")["by_kind"] == {"bulk_status": 1}
    outcomes = None
    while outcomes is None:
        with suppress(StillUnderWay):  # each look brings the toy's job on
            outcomes = list(hasty.salesforce.resume(batch, handles[0]) or ())
    assert outcomes == [Written(one) for one in wanted]
    assert sandbox.traffic("salesforce")["records_written"] == {"Contact": 30}


def test_an_abort_in_salesforce_ends_the_waiting(sandbox: RunningSandbox, opened: Opened) -> None:
    wanted = ids(sandbox, 5, 1_200)
    batch = Batch(1, "Contact", "bulk", tuple(change(one, NPS_Score__c=1) for one in wanted))
    handles: list[str] = []
    hasty = Opened(sandbox, write={"bulk_deadline": 10})
    sandbox.fault("salesforce", "bulk_slow", detail={"polls": 50})
    with pytest.raises(StillUnderWay):
        list(hasty.salesforce.write(batch, handles.append))
    Caller(sandbox).call("PATCH", f"/jobs/ingest/{handles[0]}", json={"state": "Aborted"})
    outcomes = hasty.salesforce.resume(batch, handles[0])
    assert outcomes is not None
    assert [type(one) for one in outcomes] == [Deferred] * 5


@pytest.mark.parametrize("kind", ["validation", "batch_refused"])
def test_one_percent_of_poison_keeps_no_good_record_from_being_written(
    sandbox: RunningSandbox, opened: Opened, kind: str
) -> None:
    wanted = ids(sandbox, 1_000)
    bad = set(wanted[50::100])
    for one in bad:
        sandbox.fault("salesforce", kind, path=one, times=None)
    before = opened.calls.count
    outcomes = opened.write(*(change(one, NPS_Score__c=4) for one in wanted))
    assert {one.record_id for one in outcomes if isinstance(one, Rejected)} == bad
    assert sum(isinstance(one, Written) for one in outcomes) == 990
    usual = 1 + 5  # signing in, and two hundred a call
    assert opened.calls.count - before - usual <= (
        0 if kind == "validation" else 11 * len(bad)  # the toy names a column, and always a wrong one
    )


def test_a_job_whose_process_died_before_the_upload_did_nothing(
    sandbox: RunningSandbox, opened: Opened
) -> None:
    [someone] = ids(sandbox, 1, 900)
    before = opened.shown(someone)
    batch = Batch(1, "Contact", "bulk", (change(someone, NPS_Score__c=10),))
    handles: list[str] = []

    def die(handle: str) -> None:
        handles.append(handle)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(opened.salesforce.write(batch, die))
    assert opened.salesforce.resume(batch, handles[0]) is None
    assert opened.shown(someone) == before


# ---------------------------------------------------------------- access


def test_access_tells_what_is_missing_and_what_is_too_much(opened: Opened) -> None:
    needs = Needs(
        read={"Contact": frozenset({"Email", "Account.Name"}), "Nothing__c": frozenset({"X__c"})},
        write={"Contact": frozenset({"NPS_Score__c", "Nope__c", "Name"})},
    )
    told = {grant.permission: grant.verdict for grant in opened.salesforce.access(needs)}
    assert told["System permission: API Enabled"] is Verdict.OK
    assert told["Object Contact: Edit"] is Verdict.OK
    assert told["Field Contact.Email: Read"] is Verdict.OK
    assert told["Field Contact.AccountId, and Name of the record it leads to: Read"] is Verdict.OK
    assert told["Field Contact.NPS_Score__c: Read, Edit"] is Verdict.OK
    assert told["Field Contact.Nope__c: Read, Edit"] is Verdict.MISSING
    assert told["Object Nothing__c: Read"] is Verdict.MISSING
    assert told["System permission: Modify All Data"] in (Verdict.UNTESTED, Verdict.EXCESS)


def test_access_without_a_credential_is_an_access_error(sandbox: RunningSandbox) -> None:
    auth = {"flow": "access_token", "access_token": "nobody", "instance_url": sandbox.env["SALESFORCE_URL"]}
    for needs in (Needs(), Needs(read={"Contact": frozenset({"Email"})})):
        with pytest.raises(AccessError):
            Opened(sandbox, auth=auth).salesforce.access(needs)
