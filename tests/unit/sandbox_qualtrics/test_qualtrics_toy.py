"""The toy Qualtrics: an export begins, is asked about, and comes as a zipped file."""

import base64
import csv
import io
import json
import zipfile

import pytest
from toy_caller import ToyCaller


@pytest.fixture(scope="module")
def tool():
    return ToyCaller("qualtrics", customers=30, responses=70, headers={"x-api-token": "{QUALTRICS_TOKEN}"})


@pytest.fixture(autouse=True)
def clean(tool):
    yield
    tool.do("set", polls=1, padding=0, extra_headers=True, exports_per_minute=0)
    tool.control("DELETE", "/faults")


API = "/fra1/API/v3"


def exports(tool):
    return f"{API}/surveys/{tool.env['QUALTRICS_SURVEY']}/export-responses"


def begun(tool, **body):
    replied = tool.post(exports(tool), {"format": "json", **body})
    assert replied.status == 200, replied.body
    return replied.json["result"]["progressId"]


def looked(tool, progress):
    return tool.get(f"{exports(tool)}/{progress}").json["result"]


def zipped(tool, **body):
    progress = begun(tool, **body)
    while (told := looked(tool, progress))["status"] == "inProgress":
        pass
    replied = tool.get(f"{exports(tool)}/{told['fileId']}/file")
    assert replied.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(replied.body)) as archive:
        (name,) = archive.namelist()
        return archive.read(name)


def exported(tool, **body):
    return json.loads(zipped(tool, **body))["responses"]


def test_an_export_is_complete_after_some_looks_and_its_file_has_a_name_of_its_own(tool):
    tool.do("set", polls=2)
    progress = begun(tool)
    told = [looked(tool, progress) for _ in range(3)]
    assert [one["status"] for one in told] == ["inProgress", "inProgress", "complete"]
    assert told[1]["percentComplete"] == 100.0  # and yet it is not
    assert tool.get(f"{exports(tool)}/{progress}/file").status == 404
    assert tool.get(f"{exports(tool)}/{told[2]['fileId']}/file").status == 200
    assert tool.get(f"{exports(tool)}/ES_none").status == 404


def test_a_window_begins_with_its_start_and_ends_before_its_end(tool):
    rows = exported(tool)
    stamps = [row["values"]["recordedDate"] for row in rows]
    assert len(rows) > 50
    assert stamps == sorted(stamps)
    middle = stamps[len(stamps) // 2]
    before, after = exported(tool, endDate=middle), exported(tool, startDate=middle)
    assert [row["responseId"] for row in before + after] == [row["responseId"] for row in rows]
    assert after[0]["values"]["recordedDate"] == middle
    assert len(exported(tool, limit=3)) == 3


def test_a_customer_answers_and_the_values_tell_who_and_what(tool):
    made = tool.do(
        "answer", email="ann@unit.example", external_id="C-1", first_name="Ann", score=9, comment="Good"
    )
    row = next(row for row in exported(tool) if row["responseId"] == made["id"])
    values = row["values"]
    assert (values["QID1"], values["QID1_NPS_GROUP"], values["QID2_TEXT"]) == (9, 3, "Good")
    assert (values["recipientEmail"], values["externalDataReference"], values["finished"]) == (
        "ann@unit.example",
        "C-1",
        1,
    )
    assert row["labels"]["QID1_NPS_GROUP"] == "Promoter"
    tool.advance(60)
    tool.do("edit", id=made["id"], score=2)
    edited = next(row for row in exported(tool) if row["responseId"] == made["id"])["values"]
    assert (edited["QID1"], edited["recordedDate"]) == (2, values["recordedDate"])


def test_previews_and_unfinished_answers_are_exported_too(tool):
    made = tool.do("preview", score=10)
    rows = {row["responseId"]: row["values"] for row in exported(tool)}
    assert rows[made["id"]]["status"] == 1
    assert {values["finished"] for values in rows.values()} == {0, 1}
    anonymous = [values for values in rows.values() if "recipientEmail" not in values]
    assert anonymous


def test_a_csv_has_two_more_headers(tool):
    lines = list(csv.reader(io.StringIO(zipped(tool, format="csv").decode(), newline="")))
    assert (lines[0][0], lines[0][11], json.loads(lines[2][0])) == (
        "StartDate",
        "RecipientEmail",
        {"ImportId": "startDate"},
    )
    assert len(lines) - 3 == len(exported(tool))
    tool.do("set", extra_headers=False)
    assert (
        len(list(csv.reader(io.StringIO(zipped(tool, format="csv").decode(), newline="")))) == len(lines) - 2
    )


def test_a_file_may_be_far_larger_than_what_travels(tool):
    tool.do("set", padding=20_000)
    progress = begun(tool)
    told = [looked(tool, progress) for _ in range(2)][-1]
    body = tool.get(f"{exports(tool)}/{told['fileId']}/file").body
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        (inside,) = archive.infolist()
        assert inside.file_size > 1_000_000 > 20 * len(body)


def test_an_export_may_fail_or_never_begin(tool):
    tool.fault("failed_export")
    progress = begun(tool)
    assert [looked(tool, progress)["status"] for _ in range(2)] == ["inProgress", "failed"]
    tool.fault("lost_progress")
    assert begun(tool) is None


def test_another_data_centre_knows_nobody(tool):
    wrong = tool.get("/iad1/API/v3/surveys")
    assert (wrong.status, wrong.json["meta"]["error"]["errorCode"]) == (401, "AUTH_6")
    assert tool.call("GET", f"{API}/surveys", headers={"x-api-token": "guess"}).status == 401


def test_a_client_may_bring_a_token_that_dies(tool):
    client = f"{tool.env['QUALTRICS_CLIENT_ID']}:{tool.env['QUALTRICS_CLIENT_SECRET']}"
    basic = {"authorization": "Basic " + base64.b64encode(client.encode()).decode()}
    told = tool.call("POST", "/fra1/oauth2/token", raw=b"grant_type=client_credentials", headers=basic).json
    bearer = {"x-api-token": "", "authorization": f"Bearer {told['access_token']}"}
    assert tool.call("GET", f"{API}/surveys", headers=bearer).status == 200
    tool.advance(told["expires_in"])
    assert tool.call("GET", f"{API}/surveys", headers=bearer).status == 401
    assert tool.call("POST", "/fra1/oauth2/token", raw=b"grant_type=password", headers=basic).status == 401


def test_names_are_case_sensitive_and_surveys_have_definitions(tool):
    assert tool.post(exports(tool), {"format": "json", "startdate": "2026-01-01T00:00:00Z"}).status == 400
    assert tool.post(exports(tool), {"format": "xml"}).status == 400
    assert tool.post(f"{API}/surveys/SV_none/export-responses", {"format": "json"}).status == 404
    listed = tool.get(f"{API}/surveys").json["result"]["elements"]
    assert [one["name"] for one in listed] == ["Relationship", "After support"]
    questions = tool.get(f"{API}/survey-definitions/{listed[0]['id']}").json["result"]["Questions"]
    assert questions["QID1"]["Selector"] == "NPS"
    tool.do("set", exports_per_minute=1)
    assert [tool.post(exports(tool), {"format": "json"}).status for _ in range(2)] == [200, 429]
