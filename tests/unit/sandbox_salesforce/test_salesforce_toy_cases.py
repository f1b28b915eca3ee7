"""Cases of the toy org: what closing and reopening does, and what a poll can ask."""

from datetime import UTC, datetime, timedelta

POLL = (
    "SELECT Id, CaseNumber, Subject, Status, ClosedDate, SystemModstamp, ContactId, Contact.Email, "
    "Contact.HasOptedOutOfEmail, Contact.IsDeleted, AccountId, Account.Name, OwnerId, SuppliedEmail FROM Case "
    "WHERE IsClosed = true AND SystemModstamp >= {0} AND ClosedDate >= {0} ORDER BY SystemModstamp ASC, Id ASC"
)


def case(crm, **fields):
    return crm.sandbox.control("POST", "/salesforce/Case", {"Subject": "Help", "Status": "New", **fields})[
        "id"
    ]


def ahead(crm, seconds):
    crm.sandbox.control("POST", "/clock", {"advance": seconds})


def shown(crm, id):
    return crm.sandbox.control("GET", f"/salesforce/Case/{id}")


def history(crm, id):
    return [
        (row["Field"], row["OldValue"], row["NewValue"])
        for row in crm.rows(
            f"SELECT Field, OldValue, NewValue, CreatedDate FROM CaseHistory WHERE CaseId = '{id}' "
            "ORDER BY CreatedDate, Id"
        )
    ]


def test_closing_reopening_and_closing_again_moves_the_closed_date(crm):
    id = case(crm)
    assert shown(crm, id)["ClosedDate"] is None
    first = crm.knob("close_case", id=id)
    assert (first["IsClosed"], first["ClosedDate"]) == (True, first["SystemModstamp"])
    ahead(crm, 60)
    reopened = crm.knob("reopen_case", id=id)
    assert (reopened["IsClosed"], reopened["ClosedDate"], reopened["Status"]) == (False, None, "Working")
    ahead(crm, 60)
    again = crm.knob("close_case", id=id, status="Resolved")
    assert again["ClosedDate"] > first["ClosedDate"]
    assert history(crm, id) == [
        ("created", None, None),
        ("Status", "New", "Closed"),
        ("Status", "Closed", "Working"),
        ("Status", "Working", "Resolved"),
    ]


def test_another_closed_status_is_no_new_closing(crm):
    id = case(crm)
    closed = crm.knob("close_case", id=id)
    ahead(crm, 60)
    resolved = crm.knob("close_case", id=id, status="Resolved")
    assert resolved["ClosedDate"] == closed["ClosedDate"]
    assert resolved["SystemModstamp"] > closed["SystemModstamp"]


def test_the_statuses_that_mean_closed_can_be_asked(crm):
    closed = crm.rows("SELECT ApiName, MasterLabel FROM CaseStatus WHERE IsClosed = true")
    assert {row["ApiName"] for row in closed} == {"Closed", "Resolved", "Closed - Spam"}


def test_a_case_that_is_born_closed_says_so(crm):
    row = shown(crm, case(crm, Status="Closed"))
    assert (row["IsClosed"], row["IsClosedOnCreate"], row["ClosedDate"]) == (True, True, row["CreatedDate"])


def test_the_account_and_the_address_come_from_the_contact_and_follow_it(crm):
    account = crm.sandbox.rows("salesforce", "Account")[0]["Id"]
    contact = crm.new_contact(Email="first@unit.example", AccountId=account)
    id = case(crm, ContactId=contact)
    assert (shown(crm, id)["AccountId"], shown(crm, id)["ContactEmail"]) == (account, "first@unit.example")
    stamp = shown(crm, id)["SystemModstamp"]
    ahead(crm, 60)
    crm.sandbox.control("PATCH", f"/salesforce/Contact/{contact}", {"Email": "second@unit.example"})
    assert shown(crm, id)["ContactEmail"] == "second@unit.example"
    assert shown(crm, id)["SystemModstamp"] == stamp


def test_a_poll_sees_what_closed_since_and_whose_it_is(crm):
    ahead(crm, 3600)
    contact = crm.new_contact(Email="asked@unit.example", HasOptedOutOfEmail=True)
    mine, web = case(crm, ContactId=contact), case(crm, SuppliedEmail="web@unit.example")
    still_open = case(crm, ContactId=contact)
    floor = shown(crm, mine)["CreatedDate"].replace(".000+0000", "Z")
    crm.knob("close_case", id=mine)
    ahead(crm, 1)
    crm.knob("close_case", id=web)
    rows = crm.rows(POLL.format(floor))
    assert [row["Id"] for row in rows] == [mine, web]
    assert still_open not in [row["Id"] for row in rows]
    assert rows[0]["Contact"]["Email"] == "asked@unit.example"
    assert rows[0]["Contact"]["HasOptedOutOfEmail"] is True
    assert (rows[1]["Contact"], rows[1]["SuppliedEmail"]) == (None, "web@unit.example")


def test_a_merged_case_is_only_seen_among_the_deleted(crm):
    winner, loser = case(crm), case(crm)
    crm.sandbox.control("POST", f"/salesforce/Case/{winner}/merge", {"loser": loser})
    soql = f"SELECT Id, MasterRecordId FROM Case WHERE Id IN ('{winner}', '{loser}') ORDER BY Id"
    assert [row["Id"] for row in crm.rows(soql)] == [winner]
    all_rows = crm.call("GET", "/queryAll/", params={"q": soql}).json()["records"]
    assert {row["Id"]: row["MasterRecordId"] for row in all_rows} == {winner: None, loser: winner}


def test_date_literals_are_spans_of_days(crm):
    id = case(crm)
    crm.knob("close_case", id=id)
    where = f"SELECT COUNT() FROM Case WHERE Id = '{id}' AND ClosedDate "
    today = {"= TODAY": 1, ">= TODAY": 1, "<= TODAY": 1, "> TODAY": 0, "< TODAY": 0, "= YESTERDAY": 0}
    today |= {">= LAST_N_DAYS:7": 1, "= N_DAYS_AGO:3": 0, "< TOMORROW": 1, "= NEXT_N_DAYS:2": 0}
    assert {literal: crm.query(where + literal)["totalSize"] for literal in today} == today
    wrong = crm.call("GET", "/query/", params={"q": "SELECT Id FROM Case WHERE Subject = TODAY"})
    assert (wrong.status_code, wrong.json()[0]["errorCode"]) == (400, "INVALID_FIELD")


def test_the_org_starts_with_cases_of_every_kind(crm):
    rows = crm.sandbox.rows("salesforce", "Case")
    first = [row for row in rows if row["Subject"] != "Help"]
    assert {row["Status"] for row in first if row["IsClosed"]} == {"Closed", "Resolved", "Closed - Spam"}
    assert any(row["ContactId"] is None and row["SuppliedEmail"] for row in first)
    assert any(row["IsDeleted"] and row["MasterRecordId"] for row in first)
    assert any(not row["IsClosed"] for row in first)
    assert all((row["ClosedDate"] is not None) == row["IsClosed"] for row in first)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert all(row["ClosedDate"] < tomorrow for row in first if row["IsClosed"])


def test_a_write_that_is_taken_back_leaves_no_history(crm):
    id = case(crm)
    bad = {"attributes": {"type": "Case"}, "id": id, "SuppliedEmail": "not an address"}
    good = {"attributes": {"type": "Case"}, "id": id, "Status": "Closed"}
    reply = crm.call("PATCH", "/composite/sobjects", json={"allOrNone": True, "records": [good, bad]})
    assert [one["success"] for one in reply.json()] == [False, False]
    assert shown(crm, id)["IsClosed"] is False
    assert history(crm, id) == [("created", None, None)]


def test_a_bounced_address_is_flagged_and_nobody_may_write_the_flag(crm):
    contact = crm.new_contact(Email="gone@unit.example")
    row = crm.knob("bounce_email", id=contact)
    assert (row["IsEmailBounced"], row["EmailBouncedDate"]) == (True, row["SystemModstamp"])
    refused = crm.call("PATCH", f"/sobjects/Contact/{contact}", json={"IsEmailBounced": False})
    assert refused.json()[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
