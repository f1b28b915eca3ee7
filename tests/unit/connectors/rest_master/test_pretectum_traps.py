"""Every trap of Pretectum that its notes tell of, each where the connector falls or does not."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from fake_clock import Calls, FakeClock, MemoryInMemory, fake_tools
from played_pretectum import AREA, RECORDS, SCHEMA, SECRET, Played, opened, playing_pretectum, tools

from connectors.contract import Lookup, Needs, Verdict
from connectors.rest_master.destination import RestMaster
from nps.changes import Batch, Cause, Change, Deferred, Outcome, Record, Rejected, Unknown, Written
from nps.errors import AccessError, BudgetError, ConfigError, RejectedError, UnavailableError

ANN, BOB, CAL = "do-ann", "do-bob", "do-cal"
US = "US Customers"


@pytest.fixture
def master() -> Iterator[Played]:
    with playing_pretectum() as played:
        played.add(ANN, Email="ann@acme.example", NPS_Score=6)
        played.add(BOB, Email="bob@acme.example", NPS_Score=6)
        played.add(CAL, Email="cal@acme.example", Phone="+1 (212) 555-0100")
        yield played


def change(id: str, before: Any = 6, after: Any = 9, name: str = "NPS Score") -> Change:
    return Change(object=US, record_id=id, before={name: before}, after={name: after})


def write(crm: RestMaster, *changes: Change) -> list[Outcome]:
    return list(crm.write(Batch(1, US, "one_by_one", changes), lambda handle: None))


def found(crm: RestMaster, *emails: str, fields: tuple[str, ...] = ("NPS Score",)) -> dict[str, Record]:
    hits = crm.find(US, [Lookup("Email", "email", emails)], fields, {})
    return {hit.record.id: hit.record for hit in hits}


def scores(master: Played) -> list[Any]:
    return [record.get("NPS Score") for record in master.records.values()]


# ---------------------------------------------------------------- the token


def test_the_token_travels_raw_and_is_asked_for_as_json(master: Played) -> None:
    opened().describe(US)
    assert master.asked[0] == ("POST", "/oauth2/token")
    assert master.headers[0]["content-type"] == "application/json"
    assert master.headers[1]["authorization"] == "t-1"


def test_a_token_that_expires_in_the_middle_of_a_run_is_renewed(master: Played) -> None:
    crm = opened()
    crm.describe(US)
    master.tokens += 1  # the one we hold is worthless from here on
    assert write(crm, change(ANN)) == [Written(ANN)]
    assert master.calls("POST", "/oauth2/token") == 2


OWN_AUTH = {"kind": "oauth2", "token_url": "/oauth2/token", "client_id": "c-1", "client_secret": SECRET}


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({}, "check client_id and client_secret"),
        (
            {"auth": OWN_AUTH},
            "check auth.client_id and auth.client_secret, and auth.body and auth.client if they are right",
        ),
    ],
)
def test_a_wrong_secret_names_the_settings_that_its_owner_wrote_and_is_not_shown(
    master: Played, given: dict[str, Any], advice: str
) -> None:
    master.next("POST", "/oauth2/token", (401, {"message": f"client secret {SECRET} is wrong"}))
    with pytest.raises(AccessError) as caught:
        opened(**given).describe(US)
    assert str(caught.value).endswith(f"the vendor refuses a token (401); {advice}")
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ((404, {}), "(status 404); check base_url, and the path at which tokens are asked for"),
        ((415, {}), "the vendor does not take a json body"),
        ((400, {"error": "invalid_client"}), "(400, invalid_client); check client_id and client_secret"),
        ((200, {}), "no token in access_token; check base_url, and the path at which tokens are asked for"),
        (
            (200, {"access_token": "stale"}),
            "; check what the client may do: tokens are handed out, and refused",
        ),
    ],
)
def test_nobody_is_told_to_check_what_only_the_preset_says(master: Played, reply: Any, told: str) -> None:
    master.next("POST", "/oauth2/token", *[reply] * 3)
    with pytest.raises((AccessError, ConfigError)) as caught:
        opened().describe(US)
    assert str(caught.value).endswith(told)


def test_the_other_documented_path_of_tokens_can_be_set(master: Played) -> None:
    master.next("POST", "/v1/oauth2/token", (200, {"access_token": "t-0"}))
    opened(token_path="/v1/oauth2/token").describe(US)
    assert master.asked[0] == ("POST", "/v1/oauth2/token")


# ---------------------------------------------------------------- names


@pytest.mark.parametrize("wrapped", [False, True])
def test_business_areas_come_bare_or_wrapped(master: Played, wrapped: bool) -> None:
    if wrapped:
        master.areas = {"response": master.areas}
    assert "NPS Score" in opened().describe(US).fields


def test_names_are_resolved_once(master: Played) -> None:
    crm = opened()
    for _ in range(3):
        crm.describe(US)
        found(crm, "ann@acme.example")
    for path in ("/v1/my/businessareas", AREA + "/schemas", SCHEMA, SCHEMA + "/datasets"):
        assert master.asked.count(("GET", path)) == 1


def test_names_are_found_on_later_pages_and_what_is_deleted_does_not_count(master: Played) -> None:
    datasets = "/v1/businessareas/ba-1/schemas/sc-1/datasets"
    old = {"dataSetId": "ds-0", "dataSetName": US, "deleted": True}
    master.next("GET", datasets, (200, {"items": [old], "nextPageKey": "2"}))
    assert [record.id for page in opened().records(US, [], {}) for record in page] == [ANN, BOB, CAL]


def test_a_name_that_is_not_there_comes_with_a_suggestion(master: Played) -> None:
    master.datasets[0]["dataSetName"] = "US customers"
    with pytest.raises(ConfigError, match=r'scope\.dataset: .*"US Customers".*did you mean "US customers"'):
        opened().describe(US)


def test_a_name_that_two_carry_is_told_and_the_id_can_be_given(master: Played) -> None:
    master.datasets.append({"dataSetId": "ds-2", "dataSetName": US})
    with pytest.raises(ConfigError, match=r"scope\.dataset_id.*ds-1, ds-2"):
        opened().describe(US)
    scope = {
        "business_area": "Customer",
        "schema": "Individual Customer",
        "dataset": US,
        "dataset_id": "ds-1",
    }
    assert found(opened(scope=scope), "ann@acme.example").keys() == {ANN}


def test_another_shape_than_documented_names_the_setting(master: Played) -> None:
    master.next("GET", RECORDS, (200, {"records": [], "count": 0}))
    with pytest.raises(ConfigError, match=r"list\.items.*records, count"):
        opened().get(US, [ANN], [], {})


# ---------------------------------------------------------------- finding


def test_near_matches_of_the_full_text_search_are_not_taken(master: Played) -> None:
    master.add("do-x", Email="xann@acme.example")
    master.add("do-y", Email="other@acme.example", NPS_Comment="ann@acme.example")
    master.add("do-z", Email=" ANN@acme.example")
    assert found(opened(), "ann@acme.example").keys() == {ANN, "do-z"}


def test_many_values_are_asked_together_and_fewer_when_not_all_hits_come(master: Played) -> None:
    for number in range(20):
        master.add(f"do-{number}", Email=f"p{number}x@acme.example")
    emails = [f"p{number}x@acme.example" for number in range(20)]
    crm = opened()
    assert len(found(crm, *emails)) == 20
    assert master.calls("GET", "/search") == 1
    master.most_hits = 6
    assert len(found(crm, *emails)) == 20
    assert master.calls("GET", "/search") == 1 + 1 + 2 + 4


def test_a_value_that_finds_more_than_is_ever_shown_is_no_key(master: Played) -> None:
    master.most_hits = 1
    master.add("do-x", Email="ann@acme.example")
    with pytest.raises(ConfigError, match="more records than it shows"):
        found(opened(), "ann@acme.example")


@pytest.mark.parametrize(
    "email", ['"ann"@x.example', "a\\b@x.example", "a*@x.example", "a:b@x.example", "this OR that"]
)
def test_a_value_the_search_cannot_carry_is_looked_for_in_the_list(master: Played, email: str) -> None:
    master.add("do-odd", Email=email)
    assert found(opened(), email, "ann@acme.example").keys() == {"do-odd", ANN}
    assert master.calls("GET", "/search") == 1  # for the others


def test_a_phone_number_is_the_same_however_it_is_written(master: Played) -> None:
    crm = opened(find={"values": "read"})
    hits = crm.find(US, [Lookup("Phone", "phone", ["+12125550100"])], [], {})
    assert [hit.record.id for hit in hits] == []  # the search itself is by text
    hits = crm.find(US, [Lookup("Phone", "phone", ["+1 (212) 555-0100"])], [], {})
    assert [hit.record.id for hit in hits] == [CAL]


def test_hits_of_another_dataset_are_left_out(master: Played) -> None:
    master.shown = lambda record: (
        record | {"_dataSetId": "ds-2" if record["_dataObjectId"] == ANN else "ds-1"}
    )
    assert found(opened(), "ann@acme.example", "bob@acme.example").keys() == {BOB}


def test_a_soft_deleted_record_is_gone(master: Played) -> None:
    master.shown = lambda record: record
    master.records[ANN]["deleted"] = True
    assert opened().get(US, [ANN], [], {}) == []
    assert write(opened(), change(ANN)) == [
        Rejected(ANN, "gone", "the record was deleted after it was read", cause=Cause.GONE)
    ]


def test_a_search_that_still_shows_a_deleted_record_finds_nobody(master: Played) -> None:
    master.shown = lambda record: record | {"deleted": record["_dataObjectId"] == ANN}
    assert found(opened(), "ann@acme.example", "bob@acme.example").keys() == {BOB}


def test_what_a_search_shows_of_a_record_is_not_believed_for_a_while_after_it_was_written(
    master: Played,
) -> None:
    memory, clock = MemoryInMemory(), FakeClock()
    stale = dict(master.records[ANN])
    master.shown = lambda record: stale if record["_dataObjectId"] == ANN else record
    assert write(opened(tools(memory, clock)), change(ANN)) == [Written(ANN)]
    later = opened(tools(memory, clock))
    assert found(later, "ann@acme.example")[ANN].fields == {"NPS Score": 9}
    assert master.calls("GET", RECORDS) > 2
    clock.advance(601)
    assert found(opened(tools(memory, clock)), "ann@acme.example")[ANN].fields == {"NPS Score": 6}


def test_what_is_read_after_a_search_decides_who_is_found(master: Played) -> None:
    stale = {id: dict(record) for id, record in master.records.items()}
    master.shown = lambda record: stale[record["_dataObjectId"]]
    master.edit(ANN, Email="ann@elsewhere.example")
    del master.records[BOB]
    crm = opened(find={"values": "read"})
    master.next("GET", "/search", (200, {"hits": list(stale.values()), "total": 3}))
    assert found(crm, "ann@acme.example", "bob@acme.example", "cal@acme.example").keys() == {CAL}


def test_a_value_with_a_line_break_is_asked_of_nobody(master: Played) -> None:
    master.add("do-odd", Email="two\nlines@acme.example")
    assert found(opened(), "two\nlines@acme.example").keys() == {"do-odd"}
    assert master.calls("GET", "/search") == 0


# ---------------------------------------------------------------- versions


def test_versions_come_from_the_list_once_and_an_update_changes_nothing_else(master: Played) -> None:
    crm = opened()
    assert write(crm, change(ANN), change(BOB)) == [Written(ANN), Written(BOB)]
    assert master.calls("GET", RECORDS) == 2  # two pages
    assert master.records[ANN] | {"_errors": []} == {
        "_dataObjectId": ANN, "_version": 2, "_errors": [], "Last Name": "Adler", "Email": "ann@acme.example",
        "NPS Score": 9,
    }  # fmt: skip


def test_a_version_in_a_hit_is_used(master: Played) -> None:
    master.shown = lambda record: record
    crm = opened()
    found(crm, "ann@acme.example")
    assert write(crm, change(ANN)) == [Written(ANN)]
    assert master.calls("GET", RECORDS) == 0


def test_a_version_of_the_list_is_better_than_one_of_a_stale_hit(master: Played) -> None:
    master.shown = lambda record: record | {"_version": 1}
    master.edit(ANN, Last_Name="Renamed")
    crm = opened()
    found(crm, "ann@acme.example")
    crm.get(US, [ANN], [], {})
    assert write(crm, change(ANN)) == [Written(ANN)]
    assert master.calls("PUT") == 1


def test_a_version_is_remembered_from_run_to_run(master: Played) -> None:
    memory = MemoryInMemory()
    write(opened(tools(memory)), change(ANN))
    listed = master.calls("GET", RECORDS)
    assert write(opened(tools(memory)), change(ANN, before=9, after=10)) == [Written(ANN)]
    assert master.calls("GET", RECORDS) == listed


def test_a_version_that_grows_otherwise_costs_a_refused_call_and_nothing_else(master: Played) -> None:
    memory = MemoryInMemory()
    master.step = 7
    write(opened(tools(memory)), change(ANN))
    assert write(opened(tools(memory)), change(ANN, before=9, after=10)) == [Written(ANN)]
    assert master.calls("PUT") == 3
    assert master.records[ANN]["NPS Score"] == 10


def test_get_by_id_can_be_switched_on(master: Played) -> None:
    master.by_id = True
    crm = opened(read={"by": "id"})
    assert [record.fields for record in crm.get(US, [ANN, "do-nobody"], ["NPS Score"], {})] == [
        {"NPS Score": 6}
    ]
    assert write(crm, change(ANN)) == [Written(ANN)]
    assert master.calls("GET", f"{RECORDS}/") == 2  # ann with her version, and nobody
    assert ("GET", RECORDS) not in master.asked


def test_a_400_because_the_version_moved_is_read_again_and_written(master: Played) -> None:
    crm = opened()
    crm.get(US, [ANN], [], {})
    master.edit(ANN, Last_Name="Renamed")
    assert write(crm, change(ANN)) == [Written(ANN)]
    assert (master.records[ANN]["NPS Score"], master.records[ANN]["Last Name"]) == (9, "Renamed")
    assert master.calls("PUT") == 2


def test_a_field_that_somebody_else_changed_meanwhile_is_planned_anew(master: Played) -> None:
    crm = opened()
    crm.get(US, [ANN], [], {})
    master.edit(ANN, NPS_Score=3)
    [outcome] = write(crm, change(ANN))
    assert isinstance(outcome, Deferred)
    assert "NPS Score changed" in outcome.reason
    assert master.records[ANN]["NPS Score"] == 3


def test_a_400_for_another_reason_is_permanent_and_told_without_the_value(master: Played) -> None:
    master.next("PUT", RECORDS, *[(400, {"message": "secret words are not a comment"})] * 5)
    [outcome] = write(opened(), change(ANN, None, "secret words", "NPS Comment"))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.cause) == ("status_400", Cause.MAPPING)
    assert "its version did not move" in outcome.message
    assert "*** are not a comment" in outcome.message
    assert master.calls("PUT") == 1


def test_a_record_that_never_stands_still_is_left_for_the_next_run(master: Played) -> None:
    crm = opened()
    crm.get(US, [ANN], [], {})

    def somebody(method: str, path: str) -> None:
        if method == "PUT":
            master.edit(ANN, Last_Name="Again")

    master.before = somebody
    [outcome] = write(crm, change(ANN))
    assert isinstance(outcome, Deferred)
    assert master.calls("PUT") == 4  # once, and three times again


def test_one_conflict_costs_one_more_look_whoever_else_is_in_the_batch(master: Played) -> None:
    crm = opened()
    crm.get(US, [ANN], [], {})
    for id in (ANN, BOB):
        master.edit(id, Last_Name="Renamed")
    listed = master.calls("GET", RECORDS)
    assert write(crm, change(ANN), change(BOB)) == [Written(ANN), Written(BOB)]
    assert master.calls("GET", RECORDS) - listed == 1  # both stand on its first page


def test_a_lost_answer_shows_as_a_conflict_of_our_own_and_is_found_written(master: Played) -> None:
    crm = opened()
    crm.get(US, [ANN], [], {})
    master.edit(ANN, NPS_Score=9)  # what the lost call did
    assert write(crm, change(ANN)) == [Written(ANN)]
    assert master.calls("PUT") == 1


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("NPS Score", 11, "too_large"),
        ("NPS Score", -1, "too_small"),
        ("NPS Segment", "fan", "not_an_option"),
        ("NPS Comment", "x" * 21, "too_long"),
        ("NPS Comment", "", "too_short"),
        ("Last Name", None, "required"),
        ("Customer Id", "C-1", "read_only"),
    ],
)
def test_what_the_schema_forbids_is_refused_before_anything_is_sent(
    master: Played, name: str, value: Any, code: str
) -> None:
    [outcome] = write(opened(), change(ANN, None, value, name))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.field, outcome.cause) == (code, name, Cause.MAPPING)
    assert master.calls("PUT") == 0


def test_values_that_are_stored_and_marked_as_wrong_are_refusals(master: Played) -> None:
    wrong = {"_version": 2, "_errors": [{"name": "NPS Comment", "errors": ["'too rude' is rude"]}]}
    master.next("PUT", RECORDS, (200, wrong))
    [outcome] = write(opened(), change(ANN, None, "too rude", "NPS Comment"))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.field) == ("stored_with_errors", "NPS Comment")
    assert outcome.in_doubt  # it is there, wrong or not
    assert "'***' is rude" in outcome.message


def test_errors_of_fields_we_did_not_write_are_not_ours(master: Played) -> None:
    master.next("PUT", RECORDS, (200, {"_version": 2, "_errors": [{"name": "Phone", "errors": ["old"]}]}))
    assert write(opened(), change(ANN)) == [Written(ANN)]


def test_the_schema_is_told_as_it_is(master: Played) -> None:
    fields = opened().describe(US).fields
    assert not fields["Customer Id"].writable
    assert not fields["_dataObjectId"].writable
    assert fields["NPS Segment"].options == ("promoter", "detractor")
    assert fields["NPS Comment"].length == 20
    assert "Old" not in fields


def test_dates_follow_the_format_of_the_field_or_the_one_that_is_set(master: Played) -> None:
    day = date(2026, 3, 2)
    assert opened().canonical(US, "NPS Last Survey")(day) == "02-03-2026"
    assert (
        opened(dates={"NPS Last Survey": "MM/DD/YYYY"}).canonical(US, "NPS Last Survey")(day) == "03/02/2026"
    )
    assert opened().typed(US, "NPS Last Survey")("02-03-2026") == day


def test_a_date_format_nobody_understands_is_told_when_a_date_is_to_be_written(master: Played) -> None:
    master.fields[6]["dateFormat"] = "Quarter"
    crm = opened()
    with pytest.raises(RejectedError, match="dates:"):
        crm.canonical(US, "NPS Last Survey")(date(2026, 3, 2))


# ---------------------------------------------------------------- manners


def test_a_pause_that_is_named_is_kept(master: Played) -> None:
    clock = FakeClock()
    master.next("PUT", RECORDS, (429, {}, {"Retry-After": "17"}))
    assert write(opened(tools(clock=clock)), change(ANN)) == [Written(ANN)]
    assert 17 <= sum(clock.slept) < 18.5


def test_a_pause_that_is_not_named_doubles(master: Played) -> None:
    clock = FakeClock()
    master.next("PUT", RECORDS, *[(429, {})] * 4)
    assert write(opened(tools(clock=clock)), change(ANN)) == [Written(ANN)]
    assert 1 + 2 + 4 + 8 <= sum(clock.slept) < 17


def test_the_first_refusal_of_many_reads_is_the_last_call(master: Played) -> None:
    crm = opened(read={"by": "id"})
    master.next("GET", f"{RECORDS}/", *[(403, {})] * 200)
    with pytest.raises(AccessError):
        crm.get(US, [f"do-{number}" for number in range(200)], [], {})
    crm.close()
    assert master.calls("GET", f"{RECORDS}/") < 20


def test_a_master_that_is_down_ends_the_writing(master: Played) -> None:
    crm = opened()
    crm.get(US, [ANN, BOB, CAL], [], {})
    master.next("PUT", RECORDS, *[(503, {})] * 100)
    with pytest.raises(UnavailableError):
        write(crm, change(ANN), change(BOB), change(CAL, None))


def test_one_record_the_master_stumbles_over_sinks_no_other(master: Played) -> None:
    crm = opened()
    crm.get(US, [ANN], [], {})
    master.next("PUT", f"{RECORDS}/{ANN}", *[(500, {})] * 100)
    outcomes = {one.record_id: one for one in write(crm, change(ANN), change(BOB), change(CAL, None))}
    assert isinstance(outcomes[ANN], Unknown)
    assert (outcomes[BOB], outcomes[CAL]) == (Written(BOB), Written(CAL))


def test_a_few_records_the_master_stumbles_over_do_not_mean_that_it_is_down(master: Played) -> None:
    ids = [f"do-{number}" for number in range(9)]
    for number, id in enumerate(ids):
        master.add(id, NPS_Score=6)
        if number % 3:
            master.next("PUT", f"{RECORDS}/{id}", *[(500, {})] * 100)
    outcomes = write(opened(), *(change(id) for id in ids))
    assert [type(one) for one in outcomes] == [Written, Unknown, Unknown] * 3


def test_access_that_is_lost_ends_the_writing_and_keeps_what_is_known(master: Played) -> None:
    crm = opened()
    crm.get(US, [ANN], [], {})
    master.next("PUT", f"{RECORDS}/{BOB}", *[(403, {"message": "update is not allowed"})] * 9)
    said: list[Outcome] = []
    with pytest.raises(AccessError, match="update is not allowed"):
        said.extend(crm.write(Batch(1, US, "one_by_one", (change(ANN), change(BOB))), lambda handle: None))
    assert said == [Written(ANN)]


def test_the_calls_of_a_day_can_be_bounded(master: Played) -> None:
    calls = Calls()
    crm = opened(fake_tools("master", count_call=calls), budget={"max_calls_per_day": 7})
    for _ in range(3):
        found(crm, "ann@acme.example")
    with pytest.raises(BudgetError):
        found(crm, "ann@acme.example")
    allowance = crm.allowance()
    assert allowance is not None
    assert (allowance.left, allowance.used, allowance.limit) == (0, 7, 7)
    assert calls.count == 8  # the token's costs nothing of them


# ---------------------------------------------------------------- lists


def test_records_that_move_between_pages_come_once(master: Played) -> None:
    for number in range(6):
        master.add(f"do-{number}")
    pages = opened().records(US, ["NPS Score"], {})
    first = next(pages)
    master.records = {"do-new": {"_dataObjectId": "do-new", "_version": 1}, **master.records}
    ids = [record.id for page in [first, *pages] for record in page]
    assert len(ids) == len(set(ids)) == 9


def test_a_list_that_leads_back_to_itself_ends(master: Played) -> None:
    master.next("GET", RECORDS, *[(200, {"items": [], "nextPageKey": key}) for key in ("1", "2", "1", "2")])
    with pytest.raises(UnavailableError):
        list(opened().records(US, [], {}))


def test_what_was_read_from_the_list_serves_for_a_while_but_for_what_we_wrote(master: Played) -> None:
    clock = FakeClock()
    crm = opened(tools(clock=clock))
    crm.get(US, [ANN], [], {})
    listed = master.calls("GET", RECORDS)
    crm.get(US, [BOB, CAL, "do-nobody"], [], {})
    assert master.calls("GET", RECORDS) == listed
    write(crm, change(ANN))
    [record] = crm.get(US, [ANN], ["NPS Score"], {})
    assert record.fields == {"NPS Score": 9}
    assert master.calls("GET", RECORDS) == listed + 1  # the page it stands on
    clock.advance(601)
    master.edit(BOB, NPS_Score=1)
    assert crm.get(US, [BOB], ["NPS Score"], {})[0].fields == {"NPS Score": 1}


# ---------------------------------------------------------------- access


def grants(crm: RestMaster) -> dict[str, Verdict]:
    needs = Needs(read={US: frozenset({"Email"})}, write={US: frozenset({"NPS Score"})})
    return {
        grant.permission.split(" of ")[0].removesuffix(f" {US}"): grant.verdict for grant in crm.access(needs)
    }


def test_access_tries_everything_and_writes_nothing(master: Played) -> None:
    before = scores(master)
    told = grants(opened())
    assert set(told.values()) == {Verdict.OK}
    assert told.keys() == {"see the fields", "list", "search", "update", "read personal data"}
    assert scores(master) == before


def test_access_notices_a_search_that_does_not_find_what_the_list_shows(master: Played) -> None:
    master.next("GET", "/search", (200, {"hits": [], "total": 0}))
    assert grants(opened())["search"] is Verdict.MISSING


def test_access_notices_a_search_that_leaves_fields_out(master: Played) -> None:
    master.shown = lambda record: {name: record.get(name) for name in ("_dataObjectId", "Email")}
    assert grants(opened())["search"] is Verdict.MISSING
    assert grants(opened(find={"values": "read"}))["search"] is Verdict.OK


def test_access_notices_that_updates_are_not_allowed(master: Played) -> None:
    master.next("PUT", RECORDS, (403, {}))
    assert grants(opened())["update"] is Verdict.MISSING
