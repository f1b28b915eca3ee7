"""Lists, single reads, batch reads, histories: what the toy HubSpot tells and what it keeps silent about."""

from __future__ import annotations


def test_a_list_pages_through_every_contact_once(hubspot):
    seen, after = [], None
    while True:
        page = hubspot.call("GET", hubspot.objects(""), limit=100, after=after or "0").json()
        seen += [row["id"] for row in page["results"]]
        if "paging" not in page:
            break
        after = page["paging"]["next"]["after"]
    everybody = [row["id"] for row in hubspot.sandbox.rows("hubspot", "contacts")]
    assert seen == sorted(everybody, key=int)
    assert len(seen) > 200


def test_a_list_shows_ten_by_default_and_refuses_more_than_a_hundred(hubspot):
    assert len(hubspot.call("GET", hubspot.objects("")).json()["results"]) == 10
    refused = hubspot.call("GET", hubspot.objects(""), limit=101)
    assert (refused.status_code, refused.json()["category"]) == (400, "VALIDATION_ERROR")
    assert (
        hubspot.call("GET", hubspot.objects(""), limit=51, propertiesWithHistory="email").status_code == 400
    )


def test_names_nobody_defined_are_left_out_and_empty_properties_are_null(hubspot):
    ann = hubspot.contact(firstname="Ann")
    row = hubspot.call("GET", hubspot.objects(f"/{ann}"), properties="firstname,nps_score,nps_scroe").json()
    assert row["properties"]["firstname"] == "Ann"
    assert row["properties"]["nps_score"] is None
    assert "nps_scroe" not in row["properties"]


def test_a_contact_is_found_by_any_of_its_addresses_whatever_their_case(hubspot):
    ann = hubspot.contact(email="ann.found@unit.example", hs_additional_emails="ann.old@unit.example")
    for address in ("Ann.Found@unit.example", "ANN.OLD@unit.example"):
        found = hubspot.call("GET", hubspot.objects(f"/{address}"), idProperty="email")
        assert found.json()["id"] == ann
    both = hubspot.read(["ann.old@unit.example", "ann.found@unit.example"], "email", idProperty="email")
    assert [row["id"] for row in both.json()["results"]] == [ann]
    assert both.json()["results"][0]["properties"]["email"] == "ann.found@unit.example"


def test_missing_records_are_one_error_however_many_they_are(hubspot):
    ann = hubspot.contact()
    answer = hubspot.read([ann, "1", "2"])
    assert answer.status_code == 207
    assert answer.json()["numErrors"] == 1
    assert answer.json()["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert answer.json()["errors"][0]["context"]["ids"] == ["1", "2"]
    assert [row["id"] for row in answer.json()["results"]] == [ann]


def test_the_newest_api_version_reports_a_partial_read_with_200(hubspot):
    answers = {version: hubspot.as_of(version).read(["1"]) for version in ("v3", "2026-03", "2026-09")}
    assert {version: answer.status_code for version, answer in answers.items()} == {
        "v3": 207,
        "2026-03": 207,
        "2026-09": 200,
    }
    assert answers["2026-09"].json()["numErrors"] == 1
    hubspot.do("set", quiet_partial=False)
    assert hubspot.as_of("2026-09").read(["1"]).status_code == 207


def test_an_api_version_that_never_was_is_not_found(hubspot):
    assert hubspot.as_of("2024-01").read(["1"]).status_code == 404


def test_a_batch_read_takes_a_hundred_inputs_and_fifty_with_history(hubspot):
    many = [str(number) for number in range(101)]
    assert hubspot.read(many).status_code == 400
    assert hubspot.read(many[:100]).status_code == 207
    assert hubspot.read(many[:51], propertiesWithHistory=["nps_score"]).status_code == 400


def test_ids_are_strings_and_the_id_property_is_unique(hubspot):
    by_number = hubspot.call("POST", hubspot.objects("/batch/read"), {"inputs": [{"id": 33001}]})
    assert by_number.status_code == 400
    assert hubspot.read(["Ann"], idProperty="firstname").status_code == 400
    ann = hubspot.contact(customer_id="C-unit-1")
    assert hubspot.read(["C-unit-1"], idProperty="customer_id").json()["results"][0]["id"] == ann


def test_a_body_without_inputs_is_an_empty_success(hubspot):
    answer = hubspot.call("POST", hubspot.objects("/batch/read"), {"input": [{"id": "1"}]})
    assert (answer.status_code, answer.json()["results"]) == (200, [])


def test_a_batch_does_not_come_back_in_the_order_it_was_asked(hubspot):
    ids = [row["id"] for row in hubspot.sandbox.rows("hubspot", "contacts")[:50]]
    returned = [row["id"] for row in hubspot.read(ids).json()["results"]]
    assert returned != ids
    assert sorted(returned) == sorted(ids)


def test_both_ids_of_a_merge_lead_to_a_third(hubspot):
    ann, anne = hubspot.contact(firstname="Ann"), hubspot.contact(firstname="Anne", phone="1")
    emails = [hubspot.shown(one)["email"] for one in (ann, anne)]
    survivor = hubspot.merge(ann, anne)
    assert survivor not in (ann, anne)
    for old in (ann, anne):
        found = hubspot.call("GET", hubspot.objects(f"/{old}"))
        assert (found.status_code, found.json()["id"]) == (200, survivor)
    row = hubspot.shown(survivor)
    assert (row["firstname"], row["phone"]) == ("Ann", "1")
    assert (row["email"], row["hs_additional_emails"]) == tuple(emails)
    assert row["hs_merged_object_ids"] == f"{ann};{anne}"
    by_email = hubspot.read(emails, idProperty="email").json()["results"]
    assert [one["id"] for one in by_email] == [survivor]


def test_the_winner_keeps_its_id_where_the_account_preserves_it(hubspot):
    hubspot.do("set", merge_keeps_winner_id=True)
    ann, anne = hubspot.contact(), hubspot.contact()
    assert hubspot.merge(ann, anne) == ann
    assert hubspot.call("GET", hubspot.objects(f"/{anne}")).json()["id"] == ann


def test_a_second_merge_takes_the_first_ones_ids_along(hubspot):
    first, second, third = hubspot.contact(), hubspot.contact(), hubspot.contact()
    last = hubspot.merge(third, hubspot.merge(first, second))
    assert hubspot.call("GET", hubspot.objects(f"/{first}")).json()["id"] == last


def test_an_archived_contact_is_found_only_in_the_recycle_bin(hubspot):
    ann = hubspot.contact()
    hubspot.sandbox.control("DELETE", f"/hubspot/contacts/{ann}")
    assert hubspot.call("GET", hubspot.objects(f"/{ann}")).status_code == 404
    binned = hubspot.call("GET", hubspot.objects(f"/{ann}"), archived="true")
    assert binned.json()["archived"] is True


def test_a_privacy_deletion_leaves_nothing(hubspot):
    ann = hubspot.contact(email="gone@unit.example")
    hubspot.do("forget", object="contacts", id=ann)
    assert hubspot.call("GET", hubspot.objects(f"/{ann}"), archived="true").status_code == 404
    assert hubspot.read(["gone@unit.example"], idProperty="email").json()["results"] == []


def test_the_start_page_survives_that_a_written_contact_is_gone(hubspot):
    ann = hubspot.contact()
    hubspot.update({"id": ann, "properties": {"nps_score": "9"}})
    hubspot.do("forget", object="contacts", id=ann)
    assert hubspot.sandbox.session.get(hubspot.sandbox.url + "/", timeout=30).status_code == 200


def test_history_tells_old_and_new_the_newest_first(hubspot):
    ann = hubspot.contact(nps_score="6")
    hubspot.update({"id": ann, "properties": {"nps_score": "9"}})
    told = hubspot.read([ann], propertiesWithHistory=["nps_score"]).json()["results"][0]
    assert [one["value"] for one in told["propertiesWithHistory"]["nps_score"]] == ["9", "6"]
    assert told["propertiesWithHistory"]["nps_score"][0]["sourceType"] == "INTEGRATION"
    assert [one["value"] for one in hubspot.do("history", object="contacts", id=ann, name="nps_score")] == [
        "9",
        "6",
    ]


def test_the_account_says_who_it_is(hubspot):
    details = hubspot.call("GET", "/account-info/v3/details").json()
    assert details["portalId"]
    assert details["timeZone"] == "America/New_York"
