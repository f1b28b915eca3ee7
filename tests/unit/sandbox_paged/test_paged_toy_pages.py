"""The toy that pages in every style: what one call shows, and each wall it can stand behind."""

import pytest
from toy_caller import HERE, ToyCaller


@pytest.fixture(scope="module")
def toy():
    tool = ToyCaller("paged", customers=1, responses=0)
    for day in range(1, 8):
        tool.add(score=day, created_at=f"2026-03-0{day}T12:00:00Z", email=f"ann{day}@unit.example")
    return tool


@pytest.fixture(autouse=True)
def clean(toy):
    yield
    toy.do("reset")
    toy.control("DELETE", "/faults")


def scores(body):
    return [row["score"] for row in body["responses"]]


def listed(toy, style, **query):
    replied = toy.get(f"/open/{style}", **query)
    assert replied.status == 200, replied.body
    return replied.json


def walked(toy, style, following, **query):
    """Pages until `following` of the last one is None."""
    seen, more = [], {}
    for _ in range(30):
        body = listed(toy, style, **query, **more)
        seen.append(scores(body))
        if (more := following(body)) is None:
            return seen
    raise AssertionError("no end")


def test_numbered_pages_end_with_an_empty_one(toy):
    pages = [scores(listed(toy, "pages", page=page, per_page=3)) for page in (1, 2, 3, 4)]
    assert pages == [[1, 2, 3], [4, 5, 6], [7], []]


@pytest.mark.parametrize(("counts", "told"), [("number", 3), ("text", "3")])
def test_a_reply_tells_the_number_of_pages_as_number_or_text(toy, counts, told):
    toy.do("set", counts=counts)
    body = listed(toy, "page-count", page=3, limit=3)
    assert (body["pages"], body["page"], scores(body)) == (told, told, [7])


def test_next_links_lead_from_page_to_page_and_past_the_end_is_a_404(toy):
    first = listed(toy, "next-link", page_size=3)
    assert first["next"] == f"{HERE}/paged/open/next-link?page_size=3&page=2"
    second = toy.get(first["next"]).json
    last = toy.get(second["next"]).json
    assert (scores(first) + scores(second) + scores(last), last["next"]) == ([1, 2, 3, 4, 5, 6, 7], None)
    assert toy.get("/open/next-link", page_size=3, page=4).status == 404


def test_a_next_link_can_lead_to_a_stranger(toy):
    toy.do("set", foreign_next="https://evil.example")
    assert listed(toy, "next-link", page_size=3)["next"].startswith(
        "https://evil.example/paged/open/next-link?"
    )


def test_the_last_row_leads_on(toy):
    def following(body):
        return {"starts_after": body["responses"][-1]["id"]} if body["has_more"] else None

    assert walked(toy, "last-row", following, page_size=3) == [[1, 2, 3], [4, 5, 6], [7]]
    toy.do("set", has_more=False)
    assert "has_more" not in listed(toy, "last-row", page_size=3)
    assert toy.get("/open/last-row", starts_after=99).status == 400


def test_the_last_row_may_come_again(toy):
    toy.do("set", repeat_last=True)
    first = listed(toy, "last-row", page_size=3)
    again = listed(toy, "last-row", page_size=3, starts_after=first["responses"][-1]["id"])
    assert scores(again) == [3, 4, 5]
    pages = [scores(listed(toy, "pages", page=page, per_page=3)) for page in (1, 2, 3, 4)]
    assert pages == [[1, 2, 3], [3, 4, 5], [5, 6, 7], [7]]


def test_an_object_id_made_of_a_time_is_a_place_to_begin(toy):
    toy.do("set", ids="objectid")
    made = f"{1_772_668_800:08x}" + "0" * 16  # 2026-03-05
    assert scores(listed(toy, "last-row", starts_after=made)) == [5, 6, 7]


def test_so_many_are_skipped(toy):
    assert scores(listed(toy, "offset", offset=5, limit=3)) == [6, 7]
    assert listed(toy, "offset", offset=9, limit=3)["responses"] == []


def test_a_start_that_moves_shows_what_is_at_or_after_it(toy):
    body = listed(toy, "moving-start", since="2026-03-03T12:00:00Z", limit=2)
    assert scores(body) == [3, 4]
    assert scores(listed(toy, "moving-start", since="2026-03-03T12:00:00Z", limit=2, skip=1)) == [4, 5]
    toy.do("set", skips=False)
    assert scores(listed(toy, "moving-start", since="2026-03-03T12:00:00Z", limit=2, skip=1)) == [3, 4]


def test_a_cursor_is_a_word_of_the_reply(toy):
    def following(body):
        return {"cursor": body["page"]["next"]} if body["page"]["has_more"] else None

    assert walked(toy, "cursor", following, size=3) == [[1, 2, 3], [4, 5, 6], [7]]
    assert toy.get("/open/cursor", cursor="guess").status == 400


def test_newest_first_takes_no_time(toy):
    assert scores(listed(toy, "newest-first", per_page=3, since="2026-03-07")) == [7, 6, 5]


def test_everything_may_come_in_one_reply(toy):
    assert len(scores(listed(toy, "whole"))) == 7


def test_parameters_may_stand_in_the_path_or_in_a_body(toy):
    in_path = toy.get("/open/in-path/2/2/1772452800").json  # from the third of March, noon, less a day
    assert scores(in_path) == [4, 5]
    in_body = toy.post("/open/offset", {"offset": 5, "limit": 1})
    assert scores(in_body.json) == [6]


def test_a_page_may_be_empty_before_the_end(toy):
    toy.do("set", empty_page=2)
    pages = [scores(listed(toy, "pages", page=page, per_page=3)) for page in (1, 2, 3, 4, 5)]
    assert pages == [[1, 2, 3], [], [4, 5, 6], [7], []]
    assert listed(toy, "page-count", limit=3)["pages"] == 4


def test_a_wall_stands_after_so_many_pages(toy):
    toy.do("set", wall=2)
    assert scores(listed(toy, "pages", page=2, per_page=2)) == [3, 4]
    assert toy.get("/open/pages", page=3, per_page=2).status == 400
    assert toy.get("/open/offset", offset=4, limit=2).status == 400


def test_a_stuck_listing_shows_one_page_for_ever(toy):
    toy.do("set", stuck=2)
    assert scores(listed(toy, "pages", page=9, per_page=3)) == [4, 5, 6]
    assert listed(toy, "next-link", page=2, page_size=3)["next"] is not None


@pytest.mark.parametrize(("bound", "expected"), [("inclusive", [3, 4]), ("exclusive", [4])])
def test_since_and_until_bound_a_listing(toy, bound, expected):
    toy.do("set", bound=bound)
    body = listed(toy, "pages", since="2026-03-03T12:00:00Z", until="2026-03-05T12:00:00Z")
    assert scores(body) == expected


def test_a_listing_may_go_back_only_so_many_days_by_itself(toy):
    toy.do("set", days_back=30)
    assert listed(toy, "pages")["responses"] == []  # unless today is in March 2026, which it is not
    assert len(scores(listed(toy, "pages", since=0))) == 7


def test_the_order_may_be_turned_or_none_at_all(toy):
    toy.do("set", order="descending")
    assert scores(listed(toy, "pages", per_page=3)) == [7, 6, 5]
    toy.do("set", order="shuffled")
    assert sorted(scores(listed(toy, "pages"))) == [1, 2, 3, 4, 5, 6, 7]
    toy.do("reset")
    toy.fault("shuffle", times=None)
    orders = {tuple(scores(listed(toy, "whole"))) for _ in range(5)}
    assert len(orders) > 1


def test_a_size_is_whole_and_no_larger_than_the_largest(toy):
    toy.do("set", largest=2)
    assert scores(listed(toy, "pages", per_page=50)) == [1, 2]
    assert toy.get("/open/pages", per_page=0).status == 400
    assert toy.get("/open/pages", page="first").status == 400
    assert toy.get("/open/pages", since="yesterday").status == 400


def test_a_style_that_is_not_there_is_named(toy):
    assert "moving-start" in toy.get("/open/spiral").json["error"]
