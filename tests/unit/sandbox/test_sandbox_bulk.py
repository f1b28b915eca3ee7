"""Bulk API 2.0 ingest as the toy plays it."""

import pytest
from salesforce_caller import Caller
from sandbox_process import running_sandbox


@pytest.fixture(scope="module")
def sandbox():
    with running_sandbox("--vendor", "salesforce", customers=60, responses=0) as running:
        yield running


@pytest.fixture
def crm(sandbox):
    caller = Caller(sandbox)
    yield caller
    sandbox.control("DELETE", "/faults")


def test_a_job_goes_through_its_states_and_tells_every_row(crm):
    good, bad = crm.new_contact(NPS_Trend__c="up", NPS_Comment__c="old"), crm.new_contact()
    job = crm.new_job()
    comment = 'Zoë said "no",\nthen yes'
    text = (
        "Id,NPS_Score__c,NPS_Comment__c,NPS_Trend__c\n"
        f'{good},9,"Zoë said ""no"",\nthen yes",\n'
        f"{bad},9,ok,much too long\n"
        "003000000000000AAA,1,ok,up\n"
    )
    assert crm.upload(job, text).status_code == 201
    info = crm.finish(job)
    assert (info["state"], info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (
        "JobComplete",
        3,
        2,
    )
    (done,) = crm.results(job, "successfulResults")
    assert (done["sf__Id"], done["sf__Created"], done["NPS_Comment__c"]) == (good, "false", comment)
    failed = {row["Id"]: row["sf__Error"] for row in crm.results(job, "failedResults")}
    assert failed[bad].startswith("STRING_TOO_LONG:")
    assert failed[bad].endswith(":NPS_Trend__c --")
    assert failed["003000000000000AAA"].startswith("INVALID_CROSS_REFERENCE_KEY:")
    row = crm.contact(good)
    assert (row["NPS_Score__c"], row["NPS_Comment__c"], row["NPS_Trend__c"]) == (9.0, comment, "up")


def test_an_empty_cell_leaves_and_na_clears(crm):
    left, cleared = (crm.new_contact(NPS_Comment__c="old") for _ in range(2))
    job = crm.new_job()
    crm.upload(job, f"Id,NPS_Comment__c\n{left},\n{cleared},#N/A\n")
    crm.finish(job)
    assert crm.contact(left)["NPS_Comment__c"] == "old"
    assert crm.contact(cleared)["NPS_Comment__c"] is None


def test_states_are_told_step_by_step(crm):
    job = crm.new_job()
    crm.upload(job, f"Id,NPS_Score__c\n{crm.new_contact()},1\n")
    crm.call("PATCH", f"/jobs/ingest/{job}", json={"state": "UploadComplete"})
    states = [crm.call("GET", f"/jobs/ingest/{job}").json()["state"] for _ in range(4)]
    assert states == ["UploadComplete", "InProgress", "InProgress", "JobComplete"]


def test_a_job_takes_one_upload(crm):
    job = crm.new_job()
    assert crm.upload(job, "Id\n").status_code == 201
    assert crm.upload(job, "Id\n").status_code == 400


def test_results_say_nothing_about_their_charset_and_are_shuffled(crm):
    ids = [crm.new_contact() for _ in range(30)]
    job = crm.new_job()
    crm.upload(job, "Id,NPS_Score__c\n" + "".join(f"{id},5\n" for id in ids))
    crm.finish(job)
    assert crm.call("GET", f"/jobs/ingest/{job}/successfulResults").headers["content-type"] == "text/csv"
    told = [row["Id"] for row in crm.results(job, "successfulResults")]
    assert sorted(told) == sorted(ids)
    assert told != ids


@pytest.mark.parametrize(
    ("text", "settings", "problem"),
    [
        ("Id,NPS_Skore__c\n003000000000000AAA,1\n", {}, "InvalidBatch : Field name not found : NPS_Skore__c"),
        ("Id\r\n003000000000000AAA\r\n", {}, "LineEnding is invalid"),
        ("Id;NPS_Score__c\n003000000000000AAA;1\n", {}, "Field name not found"),
        (b"Id,NPS_Comment__c\n003000000000000AAA,Zo\xeb\n", {}, "UTF-8"),
    ],
)
def test_a_job_that_cannot_be_read_fails_as_a_whole(crm, text, settings, problem):
    job = crm.new_job(**settings)
    crm.upload(job, text)
    info = crm.finish(job)
    assert info["state"] == "Failed"
    assert problem in info["errorMessage"]


@pytest.mark.parametrize(("kind", "state"), [("bulk_failed", "Failed"), ("bulk_aborted", "Aborted")])
def test_a_job_that_stops_half_way_tells_what_it_did_not_do(crm, kind, state):
    ids = [crm.new_contact() for _ in range(10)]
    job = crm.new_job()
    crm.upload(job, "Id,NPS_Score__c\n" + "".join(f"{id},5\n" for id in ids))
    crm.sandbox.fault("salesforce", kind, detail={"processed": 4})
    assert crm.finish(job)["state"] == state
    done = {row["Id"] for row in crm.results(job, "successfulResults")}
    left = {row["Id"] for row in crm.results(job, "unprocessedrecords")}
    assert (len(done), len(left), done | left) == (4, 6, set(ids))
    assert {id for id in ids if crm.contact(id)["NPS_Score__c"] == 5.0} == done


def test_an_aborted_job_did_nothing(crm):
    id = crm.new_contact()
    job = crm.new_job()
    crm.upload(job, f"Id,NPS_Score__c\n{id},5\n")
    assert crm.call("PATCH", f"/jobs/ingest/{job}", json={"state": "Aborted"}).json()["state"] == "Aborted"
    assert [row["Id"] for row in crm.results(job, "unprocessedrecords")] == [id]
    assert crm.contact(id)["NPS_Score__c"] is None


def test_the_days_batches_run_out():
    with running_sandbox("--vendor", "salesforce", customers=3, responses=0) as running:
        crm = Caller(running)
        id = crm.new_contact()
        crm.knob("use_batches", used=15_000)
        job = crm.new_job()
        crm.upload(job, f"Id,NPS_Score__c\n{id},5\n")
        assert "ExceededQuota" in crm.finish(job)["errorMessage"]
        assert crm.contact(id)["NPS_Score__c"] is None


def test_an_upload_has_its_limit():
    with running_sandbox(
        "--vendor", "salesforce", "--limit", "salesforce.upload_bytes=100", customers=3
    ) as running:
        crm = Caller(running)
        job = crm.new_job()
        assert crm.upload(job, "Id\n" + "x" * 100).status_code == 413
        assert crm.upload(job, "Id\n").status_code == 201


def test_upsert_by_external_id_creates_and_updates(crm):
    known = crm.new_contact(Customer_Id__c="B-001")
    job = crm.new_job("upsert", externalIdFieldName="Customer_Id__c")
    crm.upload(job, "Customer_Id__c,LastName,NPS_Score__c\nB-001,Known,3\nB-002,Newcomer,4\n")
    assert crm.finish(job)["numberRecordsFailed"] == 0
    created = {row["Customer_Id__c"]: row["sf__Created"] for row in crm.results(job, "successfulResults")}
    assert created == {"B-001": "false", "B-002": "true"}
    assert crm.contact(known)["NPS_Score__c"] == 3.0
