"""The toy Salesforce over real HTTP: reading, writing, limits and refusals as the vendor's."""

import time

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from salesforce_caller import Caller
from sandbox_process import running_sandbox

from sandbox.salesforce.ids import canonical, to_18


@pytest.fixture(scope="module")
def sandbox():
    with running_sandbox("--vendor", "salesforce", customers=300, responses=0, ugly="10%") as running:
        yield running


@pytest.fixture
def crm(sandbox):
    caller = Caller(sandbox)
    yield caller
    sandbox.control("DELETE", "/faults")


def error(reply):
    (problem,) = reply.json()
    return reply.status_code, problem["errorCode"]


def codes(reply):
    """Per record: the statusCode, or None for success."""
    assert reply.status_code == 200, reply.text
    return [None if result["success"] else result["errors"][0]["statusCode"] for result in reply.json()]


# ---------------------------------------------------------------- tokens


def test_a_token_is_given_for_basic_and_for_form_credentials(crm):
    env = crm.sandbox.env
    basic = crm.ask_token({"grant_type": "client_credentials"}, auth=(env["SF_ID"], env["SF_SECRET"]))
    assert basic.json()["instance_url"] == env["SALESFORCE_URL"]
    assert basic.json()["token_type"] == "Bearer"
    wrong = crm.ask_token(
        {"grant_type": "client_credentials", "client_id": env["SF_ID"], "client_secret": "no"}
    )
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_client")
    assert crm.ask_token({"grant_type": "password"}).json()["error"] == "unsupported_grant_type"


def test_an_assertion_must_be_signed_by_the_registered_key(crm):
    ours, foreign = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    public = ours.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    crm.knob("allow_key", username="robot@acme.example", public_key=public.decode())

    def ask(key, **claims):
        told = {"iss": crm.sandbox.env["SF_ID"], "sub": "robot@acme.example", "aud": crm.base} | claims
        assertion = jwt.encode({"exp": int(time.time()) + 180, **told}, key, algorithm="RS256")
        grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        return crm.ask_token({"grant_type": grant, "assertion": assertion}).json()

    assert "access_token" in ask(ours)
    assert ask(foreign)["error_description"] == "invalid assertion"
    assert ask(ours, aud="https://elsewhere.example")["error_description"] == "audience is invalid"
    assert ask(ours, sub="nobody@acme.example")["error_description"] == "user hasn't approved this consumer"
    assert ask(ours, exp=int(time.time()) - 60)["error_description"] == "expired authorization code"


def test_a_refresh_token_is_good_once_when_it_rotates(crm):
    first = crm.knob("refresh_token")["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": first, "client_id": crm.sandbox.env["SF_ID"]}
    second = crm.ask_token(form).json()["refresh_token"]
    assert crm.ask_token(form).json()["error"] == "invalid_grant"
    assert "access_token" in crm.ask_token({**form, "refresh_token": second}).json()


def test_a_token_that_expired_is_refused_until_the_next_log_in(crm):
    crm.sandbox.fault("salesforce", "expired_token")
    assert error(crm.call("GET", "/limits")) == (401, "INVALID_SESSION_ID")
    assert error(crm.call("GET", "/limits")) == (401, "INVALID_SESSION_ID")
    crm.log_in()
    assert crm.call("GET", "/limits").ok


def test_a_token_lasts_for_as_many_calls_as_told():
    with running_sandbox(
        "--vendor", "salesforce", "--limit", "salesforce.token_calls=2", customers=3
    ) as running:
        crm = Caller(running)
        assert [crm.call("GET", "/limits").status_code for _ in range(3)] == [200, 200, 401]


# ---------------------------------------------------------------- queries


def test_strings_are_compared_without_case_and_apostrophes_are_escaped(crm):
    crm.new_contact(LastName="O'Neil", Email="Pat.O'Neil@Case.example")
    (row,) = crm.rows(r"SELECT Email, LastName FROM contact WHERE email = 'pat.o\'neil@case.EXAMPLE'")
    assert row == {"Email": "Pat.O'Neil@Case.example", "LastName": "O'Neil"}


def test_a_parent_comes_nested_and_null_when_there_is_none(crm):
    lonely = crm.new_contact()
    soql = "SELECT Account.NPS__c, Account.Name, Owner.Name FROM Contact WHERE AccountId != null LIMIT 1"
    (owned,) = crm.rows(soql)
    assert owned["Account"]["NPS__c"] is None
    assert owned["Account"]["Name"]
    assert owned["Owner"]["attributes"]["type"] == "User"
    assert crm.rows(f"SELECT Id, Account.Name FROM Contact WHERE Id = '{lonely}'") == [
        {"Id": lonely, "Account": None}
    ]


def test_conditions_agree_with_the_rows_control_shows(crm):
    shown = crm.sandbox.rows("salesforce", "Contact")
    wanted = {
        row["Id"]
        for row in shown
        if (row["Role__c"] in ("User", "Buyer") or (row["Email"] or "").lower().startswith("info@"))
        and not row["HasOptedOutOfEmail"]
        and not row["IsDeleted"]
    }
    found = crm.rows(
        "SELECT Id FROM Contact WHERE (Role__c IN ('user','BUYER') OR Email LIKE 'info@%') "
        "AND HasOptedOutOfEmail = false"
    )
    assert {row["Id"] for row in found} == wanted
    rest = crm.rows(
        "SELECT Id FROM Contact WHERE NOT ((Role__c IN ('User','Buyer') OR Email LIKE 'info@%') "
        "AND HasOptedOutOfEmail = false)"
    )
    assert len(rest) + len(found) == crm.query("SELECT COUNT() FROM Contact")["totalSize"]


def test_numbers_dates_and_nulls_compare_as_what_they_are(crm):
    low, high, none = (crm.new_contact(LastName="Compare", NPS_Score__c=score) for score in (2, 10, None))
    crm.sandbox.control("PATCH", f"/salesforce/Contact/{high}", {"NPS_Last_Survey__c": "2026-03-02"})
    where = "SELECT Id FROM Contact WHERE LastName = 'Compare' AND "

    def ids(rest):
        return {row["Id"] for row in crm.rows(where + rest)}

    assert ids("NPS_Score__c > 9") == {high}
    assert ids("NPS_Score__c <= 9") == {low}
    assert ids("NPS_Score__c != 10") == {low, none}
    assert ids("NPS_Score__c = null") == {none}
    assert ids("NPS_Last_Survey__c >= 2026-03-02") == {high}
    assert crm.rows(f"SELECT NPS_Score__c FROM Contact WHERE Id = '{high}'") == [{"NPS_Score__c": 10.0}]


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Nps__c FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Boss.Name = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE NPS_Score__c = '9'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE SystemModstamp > '2026-01-01T00:00:00Z'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Email = 9", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Id = 'nonsense'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Person", "INVALID_TYPE"),
        ("SELECT Id FROM Contact WHERE", "MALFORMED_QUERY"),
    ],
)
def test_a_wrong_query_says_what_is_wrong(crm, soql, code):
    assert error(crm.call("GET", "/query", params={"q": soql})) == (400, code)


def test_pages_follow_one_another_and_lose_nothing(crm):
    page = crm.query("SELECT Id FROM Contact ORDER BY Id", headers={"Sforce-Query-Options": "batchSize=200"})
    assert len(page["records"]) == 200
    assert page["done"] is False
    seen = [row["Id"] for row in page["records"]]
    while not page["done"]:
        page = crm.session.get(crm.base + page["nextRecordsUrl"], timeout=30).json()
        seen += [row["Id"] for row in page["records"]]
    assert len(seen) == len(set(seen)) == page["totalSize"]


def test_a_lost_locator_is_said_so(crm):
    page = crm.query("SELECT Id FROM Contact", headers={"Sforce-Query-Options": "batchSize=200"})
    crm.sandbox.fault("salesforce", "lost_locator")
    reply = crm.session.get(crm.base + page["nextRecordsUrl"], timeout=30)
    assert error(reply) == (400, "INVALID_QUERY_LOCATOR")


def test_a_uri_of_16384_bytes_is_the_longest(crm):
    many = ",".join(f"'{'x' * 40}{n}'" for n in range(400))
    assert (
        crm.call("GET", "/query", params={"q": f"SELECT Id FROM Contact WHERE Email IN ({many})"}).status_code
        == 414
    )


# ---------------------------------------------------------------- writing


def test_a_collection_answers_record_by_record_in_order(crm):
    good, gone = crm.new_contact(), crm.new_contact()
    crm.sandbox.control("DELETE", f"/salesforce/Contact/{gone}")
    ids = [crm.new_contact() for _ in range(6)]
    reply = crm.update(
        {"id": good, "NPS_Score__c": 0, "NPS_Segment__c": "Detractor", "NPS_Last_Survey__c": "2026-03-02"},
        {"id": gone, "NPS_Score__c": 9},
        {"id": ids[0], "NPS_Segment__c": "promoter"},
        {"id": ids[1], "NPS_Comment__c": "x" * 256},
        {"id": ids[2], "NPS_Score__c": 100},
        {"id": ids[3], "NPS_Score__c": "nine"},
        {"id": ids[4], "Email": "no-email"},
        {"id": "003000000000000AAA", "NPS_Score__c": 1},
        {"id": "nonsense", "NPS_Score__c": 1},
        {"id": ids[5], "Name": "New Name"},
    )
    assert codes(reply) == [
        None,
        "ENTITY_IS_DELETED",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "STRING_TOO_LONG",
        "NUMBER_OUTSIDE_VALID_RANGE",
        "JSON_PARSER_ERROR",
        "INVALID_EMAIL_ADDRESS",
        "INVALID_CROSS_REFERENCE_KEY",
        "MALFORMED_ID",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
    ]
    row = crm.contact(good)
    assert (row["NPS_Score__c"], row["NPS_Segment__c"], row["NPS_Last_Survey__c"]) == (
        0.0,
        "Detractor",
        "2026-03-02",
    )


def test_an_unknown_field_refuses_the_request_before_anything_is_written(crm):
    first, second = crm.new_contact(), crm.new_contact()
    reply = crm.update({"id": first, "NPS_Score__c": 3}, {"id": second, "NPS_Skore__c": 3})
    assert error(reply) == (400, "INVALID_FIELD")
    assert crm.contact(first)["NPS_Score__c"] is None


def test_200_records_are_the_most(crm):
    reply = crm.update(*({"id": f"003{n:012d}"} for n in range(201)))
    assert reply.status_code == 400


def test_null_clears_and_text_is_kept_without_white_space_at_its_ends(crm):
    id = crm.new_contact(NPS_Comment__c="before", NPS_Score__c=4)
    assert codes(crm.update({"id": id, "NPS_Comment__c": "  kept \n", "NPS_Score__c": None})) == [None]
    assert (crm.contact(id)["NPS_Comment__c"], crm.contact(id)["NPS_Score__c"]) == ("kept", None)
    crm.update({"id": id, "NPS_Comment__c": ""})
    assert crm.contact(id)["NPS_Comment__c"] is None


def test_all_or_none_takes_everything_back(crm):
    good, bad = crm.new_contact(NPS_Score__c=1), crm.new_contact()
    crm.sandbox.forget_traffic()
    reply = crm.update({"id": good, "NPS_Score__c": 9}, {"id": bad, "NPS_Trend__c": "x" * 11}, allOrNone=True)
    assert codes(reply) == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "STRING_TOO_LONG"]
    assert crm.contact(good)["NPS_Score__c"] == 1.0
    assert crm.sandbox.traffic("salesforce")["records_written"] == {}
    created = [{"attributes": {"type": "Contact"}, "LastName": name} for name in ("Never Was", "x" * 81)]
    reply = crm.call("POST", "/composite/sobjects", json={"allOrNone": True, "records": created})
    assert codes(reply) == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "STRING_TOO_LONG"]
    assert crm.rows("SELECT Id FROM Contact WHERE LastName = 'Never Was'") == []
    crm.update({"id": good, "NPS_Score__c": 9}, allOrNone=True)
    assert crm.sandbox.traffic("salesforce")["records_written"] == {"Contact": 1}


def test_scripted_records_fail_as_often_as_told(crm):
    locked, strict, fine = (crm.new_contact() for _ in range(3))
    crm.sandbox.fault("salesforce", "locked_row", path=locked, times=2)
    crm.sandbox.fault("salesforce", "validation", path=strict, times=None)
    records = [{"id": id, "NPS_Score__c": 5} for id in (locked, strict, fine)]
    rule = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert codes(crm.update(*records)) == ["UNABLE_TO_LOCK_ROW", rule, None]
    assert codes(crm.update(*records)) == ["UNABLE_TO_LOCK_ROW", rule, None]
    assert codes(crm.update(*records)) == [None, rule, None]


def test_upsert_finds_by_external_id_creates_or_says_it_is_ambiguous(crm):
    url = "/sobjects/Contact/Customer_Id__c"
    created = crm.call("PATCH", f"{url}/U-007", json={"LastName": "Upsert"})
    assert (created.status_code, created.json()["created"]) == (201, True)
    assert crm.call("PATCH", f"{url}/u-007", json={"NPS_Score__c": 7}).status_code == 200
    records = [
        {"attributes": {"type": "Contact"}, "Customer_Id__c": "U-007", "NPS_Score__c": n} for n in (1, 2)
    ]
    twice = crm.call("PATCH", "/composite/sobjects/Contact/Customer_Id__c", json={"records": records})
    assert codes(twice) == ["DUPLICATE_VALUE", "DUPLICATE_VALUE"]
    crm.knob("alter_field", object="Contact", field="Customer_Id__c", unique=False)
    try:
        crm.new_contact(Customer_Id__c="U-007")
        assert crm.call("PATCH", f"{url}/U-007", json={"NPS_Score__c": 7}).status_code == 300
        once = crm.call("PATCH", "/composite/sobjects/Contact/Customer_Id__c", json={"records": records[:1]})
        assert codes(once) == ["DUPLICATE_EXTERNAL_ID"]
    finally:
        crm.knob("alter_field", object="Contact", field="Customer_Id__c", unique=True)


def test_single_records_are_read_written_and_refused(crm):
    id = crm.new_contact()
    assert crm.call("PATCH", f"/sobjects/Contact/{id[:15]}", json={"NPS_Score__c": 8}).status_code == 204
    assert crm.call("GET", f"/sobjects/Contact/{id}?fields=NPS_Score__c").json()["NPS_Score__c"] == 8.0
    assert error(crm.call("DELETE", f"/sobjects/Contact/{id}")) == (400, "INSUFFICIENT_ACCESS_OR_READONLY")
    crm.knob("permit", object="Contact", may=["read", "edit", "create", "delete"])
    try:
        assert crm.call("DELETE", "/composite/sobjects", params={"ids": id}).json()[0]["success"]
    finally:
        crm.knob("permit", object="Contact", may=["read", "edit", "create"])
    assert error(crm.call("PATCH", f"/sobjects/Contact/{id}", json={})) == (404, "ENTITY_IS_DELETED")


def test_a_reader_reads_and_cannot_write(crm):
    id = crm.new_contact()
    crm.use(crm.ask_token({"grant_type": "client_credentials", **crm.knob("reader")}).json()["access_token"])
    assert crm.rows(f"SELECT Id FROM Contact WHERE Id = '{id}'")
    assert codes(crm.update({"id": id, "NPS_Score__c": 1})) == ["INSUFFICIENT_ACCESS_OR_READONLY"]
    fields = crm.call("GET", "/sobjects/Contact/describe").json()["fields"]
    assert not any(field["updateable"] for field in fields)


def test_a_merged_contact_points_to_its_survivor(crm):
    winner, loser = crm.new_contact(), crm.new_contact()
    crm.sandbox.control("POST", f"/salesforce/Contact/{winner}/merge", {"loser": loser})
    soql = f"SELECT Id, IsDeleted, MasterRecordId FROM Contact WHERE Id = '{loser}'"
    assert crm.rows(soql) == []
    (row,) = crm.call("GET", "/queryAll", params={"q": soql}).json()["records"]
    assert (row["IsDeleted"], row["MasterRecordId"]) == (True, winner)
    assert codes(crm.update({"id": loser, "NPS_Score__c": 9})) == ["ENTITY_IS_DELETED"]


def test_a_person_account_shows_one_score_on_both_sides(crm):
    person = next(row for row in crm.sandbox.rows("salesforce", "Contact") if row["IsPersonAccount"])
    record = {"attributes": {"type": "Account"}, "id": person["AccountId"], "NPS_Score__pc": 9}
    assert codes(crm.call("PATCH", "/composite/sobjects", json={"records": [record]})) == [None]
    assert crm.contact(person["Id"])["NPS_Score__c"] == 9.0


def test_closing_a_case_says_when(crm):
    path = "/salesforce/Case"
    id = crm.sandbox.control(
        "POST", path, {"Subject": "Help", "Status": "New", "ContactId": crm.new_contact()}
    )["id"]
    assert crm.rows(f"SELECT IsClosed, ClosedDate FROM Case WHERE Id = '{id}'") == [
        {"IsClosed": False, "ClosedDate": None}
    ]
    closed = crm.sandbox.control("PATCH", f"{path}/{id}", {"Status": "Closed"})
    assert (closed["IsClosed"], closed["ClosedDate"]) == (True, closed["SystemModstamp"])
    assert crm.sandbox.control("PATCH", f"{path}/{id}", {"Status": "New"})["ClosedDate"] is None


# ---------------------------------------------------------------- describe


def test_describe_tells_lengths_types_and_picklists(crm):
    fields = {
        field["name"]: field for field in crm.call("GET", "/sobjects/Contact/describe/").json()["fields"]
    }
    score, segment = fields["NPS_Score__c"], fields["NPS_Segment__c"]
    assert (score["type"], score["precision"], score["scale"]) == ("double", 2, 0)
    assert segment["restrictedPicklist"]
    assert [value["value"] for value in segment["picklistValues"]] == ["Promoter", "Passive", "Detractor"]
    assert fields["NPS_Comment__c"]["length"] == 255
    assert fields["Customer_Id__c"]["externalId"]
    assert not fields["Name"]["updateable"]


def test_a_hidden_field_is_as_good_as_none(crm):
    crm.knob("hide_field", object="Contact", field="NPS_Trend__c")
    try:
        names = {field["name"] for field in crm.call("GET", "/sobjects/Contact/describe").json()["fields"]}
        assert "NPS_Trend__c" not in names
        assert (
            error(crm.call("GET", "/query", params={"q": "SELECT NPS_Trend__c FROM Contact"}))[1]
            == "INVALID_FIELD"
        )
        assert error(crm.update({"id": crm.new_contact(), "NPS_Trend__c": "up"})) == (400, "INVALID_FIELD")
    finally:
        crm.knob("show_field", object="Contact", field="NPS_Trend__c")


def test_a_renamed_field_keeps_its_values(crm):
    id = crm.new_contact(NPS_Trend__c="up")
    crm.knob("rename_field", object="Contact", field="NPS_Trend__c", to="Trend__c")
    try:
        assert crm.rows(f"SELECT Trend__c FROM Contact WHERE Id = '{id}'") == [{"Trend__c": "up"}]
        assert error(crm.update({"id": id, "NPS_Trend__c": "down"})) == (400, "INVALID_FIELD")
        assert crm.contact(crm.new_contact(Trend__c="same"))["Trend__c"] == "same"
        assert crm.contact(crm.new_contact())["NPS_Score__c"] is None
    finally:
        crm.knob("rename_field", object="Contact", field="Trend__c", to="NPS_Trend__c")


# ---------------------------------------------------------------- limits


def test_every_reply_tells_what_is_used_and_a_spent_day_is_refused():
    with running_sandbox("--vendor", "salesforce", "--limit", "salesforce.daily=2", customers=3) as running:
        crm = Caller(running)
        assert crm.call("GET", "/sobjects").headers["Sforce-Limit-Info"] == "api-usage=1/2"
        assert crm.call("GET", "/limits").json()["DailyApiRequests"] == {"Max": 2, "Remaining": 0}
        refused = crm.call("GET", "/limits")
        assert error(refused) == (403, "REQUEST_LIMIT_EXCEEDED")
        assert "TotalRequests" in refused.text
        running.control("POST", "/clock", {"advance": 25 * 3600})
        crm.log_in()
        assert crm.call("GET", "/limits").ok


def test_too_many_at_once_is_another_refusal(crm):
    crm.sandbox.fault("salesforce", "concurrent_limit")
    refused = crm.call("GET", "/limits")
    assert error(refused) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert "ConcurrentRequests" in refused.text
    assert crm.call("GET", "/limits").ok


def test_old_versions_are_gone(crm):
    reply = crm.session.get(f"{crm.base}/services/data/v30.0/limits", timeout=30)
    assert error(reply) == (410, "UNSUPPORTED_API_VERSION")


# ---------------------------------------------------------------- the network, and what is remembered


def test_a_lost_reply_was_done_all_the_same(crm):
    id = crm.new_contact()
    crm.sandbox.fault("salesforce", "lost_reply", method="PATCH")
    with pytest.raises(requests.ConnectionError):
        crm.update({"id": id, "NPS_Score__c": 6})
    assert crm.contact(id)["NPS_Score__c"] == 6.0


def test_a_reset_before_the_call_changed_nothing(crm):
    id = crm.new_contact()
    crm.sandbox.fault("salesforce", "reset", method="PATCH")
    with pytest.raises(requests.ConnectionError):
        crm.update({"id": id, "NPS_Score__c": 6})
    assert crm.contact(id)["NPS_Score__c"] is None


def test_a_hanging_server_ends_with_the_callers_patience(crm):
    crm.sandbox.fault("salesforce", "hang")
    with pytest.raises(requests.ReadTimeout):
        crm.call("GET", "/limits", timeout=0.2)
    assert crm.call("GET", "/limits").ok


def test_errors_come_in_html_and_in_the_vendors_words(crm):
    crm.sandbox.fault("salesforce", "html")
    assert crm.call("GET", "/limits").text.startswith("<html>")
    crm.sandbox.fault("salesforce", "status", status=503)
    assert error(crm.call("GET", "/limits")) == (503, "SERVER_UNAVAILABLE")
    crm.sandbox.fault("salesforce", "status", after=1)
    assert crm.call("GET", "/limits").ok
    assert error(crm.call("GET", "/limits")) == (500, "UNKNOWN_EXCEPTION")


def test_traffic_counts_records_fields_and_what_really_changed(crm):
    id = crm.new_contact(NPS_Score__c=5)
    crm.sandbox.forget_traffic()
    crm.update({"id": id, "NPS_Score__c": 5, "NPS_Trend__c": "new"})
    seen = crm.sandbox.traffic("salesforce")
    assert seen["by_kind"] == {"collections_update": 1}
    assert seen["records_written"] == {"Contact": 1}
    assert seen["fields_written"] == {"Contact": {"NPS_Score__c": 1, "NPS_Trend__c": 1}}
    assert seen["fields_changed"] == {"Contact": {"NPS_Trend__c": 1}}
    (write,) = crm.sandbox.control("GET", "/traffic/writes/salesforce/Contact")
    assert (write["id"], write["fields"]["NPS_Trend__c"]) == (id, [None, "new"])


@pytest.mark.parametrize(("fifteen", "eighteen"), [("001D000000IqhSL", "001D000000IqhSLIAZ")])
def test_ids_have_a_form_that_survives_lost_case(fifteen, eighteen):
    assert to_18(fifteen) == canonical(fifteen) == canonical(eighteen) == eighteen
    assert canonical("too short") is None
