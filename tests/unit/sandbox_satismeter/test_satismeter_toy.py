"""The toy SatisMeter: a cursor in an envelope, and thirty days for whoever names no date."""

import base64

import pytest
from toy_caller import ToyCaller


@pytest.fixture(scope="module")
def tool():
    return ToyCaller(
        "satismeter", customers=30, responses=70, headers={"authorization": "Bearer {SATISMETER_KEY}"}
    )


def listed(tool, campaign=True, **query):
    project, of = (
        tool.env["SATISMETER_PROJECT"],
        f"/campaigns/{tool.env['SATISMETER_CAMPAIGN']}" if campaign else "",
    )
    replied = tool.get(f"/api/v3/projects/{project}{of}/responses", **query)
    assert replied.status == 200, replied.body
    return replied.json


def everything(tool, param="pageCursor", field="cursor", **query):
    rows, more = [], {}
    while True:
        body = listed(tool, startDate="2000-01-01", **query, **more)
        rows += body["data"]
        if body["page"][field] is None:
            return rows
        more = {param: body["page"][field]}


def test_a_cursor_leads_through_every_response_once(tool):
    rows = everything(tool, pageSize=9)
    assert len({row["id"] for row in rows}) == len(rows) > 50
    assert {row["campaign"] for row in rows} == {tool.env["SATISMETER_CAMPAIGN"]}
    assert len(everything(tool, pageSize=100, campaign=False)) == len(tool.rows())


def test_a_response_that_comes_meanwhile_moves_no_page(tool):
    first = listed(tool, startDate="2000-01-01", pageSize=5)
    tool.do("answer", score=9)
    second = listed(tool, startDate="2000-01-01", pageSize=5, pageCursor=first["page"]["cursor"])
    assert not {row["id"] for row in first["data"]} & {row["id"] for row in second["data"]}


def test_names_that_are_not_documented_may_be_others(tool):
    tool.do("set", size_param="limit", cursor_param="after", cursor_field="next")
    rows = everything(tool, param="after", field="next", limit=9)
    ignored = listed(tool, startDate="2000-01-01", pageSize=1)
    tool.do("set", size_param="pageSize", cursor_param="pageCursor", cursor_field="cursor")
    assert len({row["id"] for row in rows}) == len(rows) > 50
    assert len(ignored["data"]) > 1


def test_without_a_date_the_last_thirty_days_are_listed(tool):
    fresh = tool.do("answer", score=9)
    old = tool.add(score=9, created_at=tool.sandbox.house.clock.time() - 31 * 86_400)
    ids = {row["id"] for row in listed(tool, pageSize=100)["data"]}
    assert (fresh["id"] in ids, old in ids) == (True, False)
    assert old in {row["id"] for row in everything(tool)}


def test_a_rating_is_an_nps_or_an_answer_among_others(tool):
    made = tool.do(
        "answer", email="ann@unit.example", external_id="C-1", company="Acme", score=3, comment="Slow"
    )
    row = next(row for row in listed(tool)["data"] if row["id"] == made["id"])
    assert (row["rating"], row["category"], row["score"], row["feedback"]) == (3, "detractor", -100, "Slow")
    assert row["user"] == {
        "name": None,
        "email": "ann@unit.example",
        "userId": "C-1",
        "traits": {"company": "Acme"},
    }
    csat = next(
        row for row in everything(tool, campaign=False) if row["campaign"] != tool.env["SATISMETER_CAMPAIGN"]
    )
    assert (csat["rating"], csat["answers"][0]["id"]) == (None, "rating")


def test_the_old_address_gives_everything_between_two_dates_to_another_header(tool):
    key, project = tool.env["SATISMETER_KEY"], tool.env["SATISMETER_PROJECT"]
    query = {"format": "json", "project": project, "startDate": "2000-01-01"}
    basic = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
    for headers in ({"authkey": key, "authorization": ""}, {"authorization": basic}):
        replied = tool.call("GET", "/api/responses", headers=headers, **query)
        assert len(replied.json["responses"]) == len(tool.rows())
    assert tool.get("/api/responses", **query).status == 401


def test_campaigns_figures_and_what_is_not_there(tool):
    project = f"/api/v3/projects/{tool.env['SATISMETER_PROJECT']}"
    assert [one["type"] for one in tool.get(f"{project}/campaigns").json["data"]] == ["NPS", "CSAT"]
    figures = tool.get(
        f"{project}/campaigns/{tool.env['SATISMETER_CAMPAIGN']}/statistics", startDate="2000-01-01"
    )
    assert figures.json["data"]["responses"] > 50
    assert tool.get("/api/v3/projects/none/responses").status == 404
    assert tool.get(f"{project}/campaigns/none/responses").status == 404
    for query in ({"pageSize": 101}, {"pageCursor": "guess"}, {"startDate": "soon"}):
        assert tool.get(f"{project}/responses", **query).status == 400
    assert tool.call("GET", f"{project}/responses", headers={"authorization": "Bearer x"}).status == 401
