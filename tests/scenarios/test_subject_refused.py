"""A CRM that refuses to give back what npsync made: nothing is lost from sight before somebody settled it."""

from __future__ import annotations

from typing import Any

from caring_config import IN_SALESFORCE, caring
from cli_process import Npsync
from sandbox_process import RunningSandbox
from townspeople import Town

EVERYTHING = ["read", "edit", "create", "delete"]


def test_what_a_crm_does_not_take_back_keeps_its_person_known_until_it_does(
    sandbox: RunningSandbox, npsync: Npsync, town: Town
) -> None:
    file: dict[str, Any] = caring({"history": IN_SALESFORCE}) | {"pepper": "a-pepper-of-the-town"}
    npsync.configured(file)
    jo = town.person("jo")
    answer = town.answers(jo, 3, "late again")
    npsync.run("contacts")
    who = str(jo.email)
    [kept] = [row for row in sandbox.rows("salesforce", "NPS_Response__c") if row["Contact__c"] == jo.contact]

    sandbox.control("POST", "/salesforce/do/permit", {"object": "NPS_Response__c", "may": EVERYTHING[:3]})
    try:
        told = npsync("subject", "erase", who, "--yes", exits=3)
        assert "delete 1 history record\n" in told.out
        assert "Not forgotten yet" in told.out
        assert f"crm NPS_Response__c {kept['Id']}: INSUFFICIENT_ACCESS_OR_READONLY" in told.out
        assert max(map(len, told.out.splitlines())) <= 100
        assert npsync("subject", "receipts", who, "--json").json["receipts"] == []
        # Still known, and taken in no more.
        town.answers(jo, 2, "and again")
        assert npsync.run("contacts")["forgotten"] == 2  # both, as the tool tells them
        # Nor does what is stored still come back to the emptied record.
        anew = npsync.run("contacts", "--all")
        assert (anew["writes"], anew["states"]["excluded"]) == ({"Contact": 0}, 1)
        again = npsync("subject", "erase", who, "--yes", "--json", exits=3).json
        assert (again["kept"], again["rows"], again["crm_fields"]) == (True, {}, 0)
    finally:
        sandbox.control("POST", "/salesforce/do/permit", {"object": "NPS_Response__c", "may": EVERYTHING})

    told = npsync("subject", "erase", who, "--yes")
    assert "1 record made in CRMs" in told.out
    assert answer not in npsync("subject", "export", who).out
    ids = [row["Id"] for row in sandbox.rows("salesforce", "NPS_Response__c") if not row.get("IsDeleted")]
    assert kept["Id"] not in ids
