"""Reading a listing: what is asked for, where it goes on, and what it refuses to believe."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from connectors.declared.description import Description
from connectors.declared.reading import Asked, Piece, read
from nps.errors import BudgetError, UnavailableError
from nps.values import Json

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TIME = {"kind": "time", "field": "at", "param": "from", "order": "ascending"}


def at(hours: float) -> str:
    """So many hours before now."""
    return (NOW - timedelta(hours=hours)).isoformat()


def described(pages: Mapping[str, Any], since: Mapping[str, Any] = TIME, **more: Any) -> Description:
    return Description.model_validate(
        {
            "base_url": "https://tool.example",
            "request": {"path": "/rows"},
            "records": "rows",
            "fields": {"id": "id", "answered_at": "at"},
            "pages": pages,
            "since": since,
            **more,
        }
    )


class Played:
    """Replies in the order they are asked for, and what they were asked with."""

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.asked: list[dict[str, str]] = []
        self.links: list[str | None] = []

    def __call__(self, asked: Asked) -> Json:
        self.asked.append(dict(asked.values))
        self.links.append(asked.link)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, dict) else {"rows": reply}


def pieces(
    description: Description,
    fetch: Callable[[Asked], Json],
    place: Mapping[str, Json] | None = None,
    *,
    since: datetime | None = None,
    now: datetime = NOW,
) -> list[Piece]:
    return list(read(description, fetch, place, since=since, now=now))


def ids(read_pieces: Iterable[Piece]) -> list[Any]:
    return [row["id"] for piece in read_pieces for row in piece.rows]


def rows(*hours: float) -> list[dict[str, Json]]:
    """One row for each, named by its age in hours."""
    return [{"id": f"h{age:g}", "at": at(age)} for age in hours]


# ---------------------------------------------------------------- where it goes on


def test_an_interrupted_read_goes_on_where_it_stopped_and_is_followed_by_a_new_one() -> None:
    description = described({"kind": "page"})
    begun = read(description, Played(rows(9, 8), rows(7, 6)), None, since=None, now=NOW)
    [first, _] = [next(begun), next(begun)]
    stored = orjson.loads(orjson.dumps(first.place))
    played = Played(rows(7, 6), [], rows(9, 8), rows(7, 6), [])
    later = pieces(description, played, stored, now=NOW + timedelta(hours=1))
    assert [asked["page"] for asked in played.asked] == ["2", "3", "1", "2", "3"]
    assert played.asked[0]["from"] == "1970-01-01T00:00:00Z"
    assert played.asked[2]["from"] == (NOW - timedelta(hours=6, days=7)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert set(ids(later)) == {"h9", "h8", "h7", "h6"}


def test_the_cursor_moves_only_when_the_whole_listing_is_stored() -> None:
    *before, last = pieces(described({"kind": "page"}), Played(rows(9, 8), rows(7, 6), []))
    assert all("mark" not in piece.place for piece in before)
    assert last.place["mark"] == at(6)


def test_what_is_dated_in_the_future_does_not_carry_the_cursor_past_what_is_to_come() -> None:
    *_, last = pieces(described({"kind": "page"}), Played(rows(5, -48), []))
    assert last.place["mark"] == NOW.isoformat()


def test_a_silent_tool_is_asked_from_the_same_time_again() -> None:
    [only] = pieces(described({"kind": "page"}), Played([]), since=NOW - timedelta(days=30))
    played = Played([])
    pieces(described({"kind": "page"}), played, only.place, now=NOW + timedelta(hours=1))
    assert played.asked[0]["from"] == "2026-01-30T12:00:00Z"


def test_a_token_of_an_earlier_run_that_leads_nowhere_is_forgotten() -> None:
    description = described({"kind": "cursor", "param": "token", "next": "next"})
    begun = read(description, Played({"rows": rows(9), "next": "t2"}), None, since=None, now=NOW)
    place = next(begun).place
    gone = Played(UnavailableError("410"), {"rows": rows(9), "next": "t3"}, {"rows": rows(8)}, rows(9, 8))
    assert ids(pieces(description, gone, place)) == ["h9", "h8", "h9", "h8"]
    assert [asked.get("token") for asked in gone.asked] == ["t2", None, "t3", None]
    spent = Played(BudgetError("the day's calls are spent"))
    with pytest.raises(BudgetError):
        pieces(description, spent, place)


def test_a_place_of_another_style_of_pages_is_no_place_to_go_on_from() -> None:
    begun = read(described({"kind": "page"}), Played(rows(9), rows(8)), None, since=None, now=NOW)
    place = next(begun).place
    played = Played({"rows": rows(9, 8)})
    assert ids(pieces(described({"kind": "cursor", "param": "t", "next": "n"}), played, place)) == [
        "h9",
        "h8",
    ]


# ---------------------------------------------------------------- what is asked for


@pytest.mark.parametrize(
    ("format", "bound", "asked"),
    [
        ("iso8601", "inclusive", "2026-02-01T10:30:05Z"),
        ("iso8601", "exclusive", "2026-02-01T10:30:04.999Z"),
        ("unix_s", "inclusive", "1769941805"),
        ("unix_s", "exclusive", "1769941804"),
        ("unix_ms", "inclusive", "1769941805000"),
        ("date", "inclusive", "2026-02-01"),
        ("date", "exclusive", "2026-01-31"),
    ],
)
def test_the_time_is_written_as_the_tool_wants_it_and_never_later_than_it_is(
    format: str, bound: str, asked: str
) -> None:
    played = Played([])
    since = {**TIME, "format": format, "bound": bound}
    pieces(described({"kind": "page"}, since), played, since=datetime(2026, 2, 1, 10, 30, 5, 700, tzinfo=UTC))
    assert played.asked[0]["from"] == asked


def test_long_spans_are_read_in_windows_that_meet() -> None:
    since = {**TIME, "format": "date", "until": {"param": "to", "plus": "1 day"}, "window": "30 days"}
    played = Played([], [], [])
    pieces(described({"kind": "page"}, since), played, since=NOW - timedelta(days=70))
    assert [(asked["from"], asked["to"]) for asked in played.asked] == [
        ("2025-12-21", "2026-01-21"),
        ("2026-01-20", "2026-02-20"),
        ("2026-02-19", "2026-03-02"),
    ]


def test_a_kill_between_windows_does_not_read_the_finished_one_again() -> None:
    since = {**TIME, "until": {"param": "to"}, "window": "30 days"}
    description = described({"kind": "none"}, since)
    begun = read(description, Played(rows(1000), rows(5)), None, since=NOW - timedelta(days=59), now=NOW)
    place = next(begun).place
    played = Played(rows(5), rows(5))
    pieces(description, played, place)
    assert played.asked[0]["from"] == "2026-01-31T12:00:00Z"


def test_a_first_read_by_growing_ids_begins_at_an_id_made_of_the_time() -> None:
    since = {"kind": "id", "param": "after", "first": "objectid"}
    description = described({"kind": "last_row", "param": "after"}, since)
    played = Played([{"id": "65a0c1f00000000000000001"}, {"id": "65a0c1f00000000000000002"}], [])
    *_, last = pieces(description, played, since=datetime(2024, 1, 12, 4, 0, tzinfo=UTC))
    assert played.asked == [{"after": "65a0b9400000000000000000"}, {"after": "65a0c1f00000000000000002"}]
    again = Played([])
    pieces(description, again, last.place)
    assert again.asked == [{"after": "65a0c1f00000000000000002"}]


def test_ids_keep_all_their_digits() -> None:
    long = 2**63 - 1
    description = described({"kind": "last_row", "param": "after"}, {"kind": "id", "param": "after"})
    played = Played([{"id": long - 2}, {"id": long}], [])
    pieces(description, played)
    assert played.asked[1] == {"after": "9223372036854775807"}
    with pytest.raises(UnavailableError, match="no id"):
        pieces(description, Played([{"id": 9.223372036854776e18}]))


def test_ids_of_thousands_of_digits_are_compared_as_well() -> None:
    description = described({"kind": "page"}, {"kind": "id", "param": "after"})
    first, second = "1" * 5000, "1" * 4999 + "2"
    assert len(pieces(description, Played([{"id": first}, {"id": second}], []))) == 2
    with pytest.raises(UnavailableError, match="grow"):
        pieces(
            described({"kind": "next_link"}, {"kind": "id", "param": "after"}),
            Played([{"id": second}, {"id": first}]),
        )


# ---------------------------------------------------------------- where it ends


@pytest.mark.parametrize("total", [3, "3", " 3 "])
def test_an_empty_page_before_the_end_is_passed_when_the_tool_counts_its_pages(total: Any) -> None:
    played = Played(
        {"rows": rows(9), "total": total}, {"rows": [], "total": total}, {"rows": rows(8), "total": total}
    )
    assert ids(pieces(described({"kind": "page", "pages": "total"}), played)) == ["h9", "h8"]


def test_where_rows_may_stand_is_passed_by_if_it_does_not_fit_the_reply() -> None:
    description = described({"kind": "none"}).model_copy(update={"records": ("values(data)", "rows")})
    assert ids(pieces(description, Played({"rows": rows(9)}))) == ["h9"]
    with pytest.raises(UnavailableError, match="set records"):
        pieces(description, Played({"data": None}))


@pytest.mark.parametrize("total", ["many", "1" * 5000])
def test_a_number_of_pages_that_is_none_is_told(total: str) -> None:
    with pytest.raises(UnavailableError, match="number of pages"):
        pieces(described({"kind": "page", "pages": "total"}), Played({"rows": rows(9), "total": total}))


def test_an_empty_page_with_a_next_link_is_not_the_end() -> None:
    link = "https://tool.example/rows?page=2"
    played = Played({"rows": [], "next": link}, {"rows": rows(8), "next": None})
    assert ids(pieces(described({"kind": "next_link"}), played)) == ["h8"]
    assert played.links == [None, link]


def test_rows_newest_first_are_read_until_a_whole_page_is_older_than_the_overlap() -> None:
    since = {"kind": "newest_first", "field": "at", "overlap": "1 day"}
    description = described({"kind": "page"}, since)
    *_, last = pieces(description, Played(rows(2), [], rows(2), []))
    played = Played(rows(-1, 2), rows(20, 40), rows(41, 60))
    found = pieces(description, played, last.place, now=NOW + timedelta(hours=1))
    assert ids(found) == ["h-1", "h2", "h20", "h40", "h41", "h60"]
    assert len(played.asked) == 3


def test_a_tool_that_shows_fewer_rows_than_it_was_asked_for_is_read_to_its_end() -> None:
    played = Played(rows(9, 8), rows(7, 6), rows(5))
    description = described({"kind": "offset", "size": 100})
    assert ids(pieces(description, played, since=NOW - timedelta(days=1))) == ["h9", "h8", "h7", "h6", "h5"]
    assert [asked["offset"] for asked in played.asked] == ["0", "2", "4"]


def test_the_last_row_once_more_is_the_end() -> None:
    description = described({"kind": "last_row", "param": "after"})
    assert ids(pieces(description, Played(rows(9, 8), rows(8)))) == ["h9", "h8", "h8"]


# ---------------------------------------------------------------- walls


def test_behind_a_wall_reading_begins_again_from_the_last_rows_time() -> None:
    description = described({"kind": "page"}, walls={"max_pages": 2})
    played = Played(rows(9, 8), rows(7, 6), rows(6, 5), [])
    found = pieces(description, played, since=NOW - timedelta(days=1))
    assert ids(found) == ["h9", "h8", "h7", "h6", "h6", "h5"]
    assert [(asked["from"][11:13], asked["page"]) for asked in played.asked] == [
        ("12", "1"),
        ("12", "2"),
        ("06", "1"),
        ("06", "2"),
    ]


def test_more_rows_of_one_moment_than_the_wall_lets_through_are_an_error_not_a_loop() -> None:
    description = described({"kind": "page"}, walls={"max_pages": 2})
    replies = [rows(6, 6.0)] + [[{"id": f"x{n}", "at": at(6)}] for n in range(9)]
    with pytest.raises(UnavailableError, match="one and the same time"):
        pieces(description, Played(*replies), since=NOW - timedelta(days=1))


def test_a_wall_before_rows_in_no_order_makes_windows_shorter() -> None:
    since = {**TIME, "order": "unknown", "until": {"param": "to"}, "overlap": "1 day"}
    description = described({"kind": "page", "short_is_last": True, "size": 2}, since, walls={"max_pages": 1})
    stamps = [10.0 * n for n in range(1, 12)]

    def fetch(asked: Asked) -> Json:
        first, last = asked.values["from"], asked.values["to"]
        found = [row for row in rows(*stamps) if first <= str(row["at"]).replace("+00:00", "Z") < last]
        number = int(asked.values["page"])
        assert number == 1
        return {"rows": found[:2]}

    found = pieces(description, fetch, since=NOW - timedelta(days=5))
    assert set(ids(found)) == {f"h{age:g}" for age in stamps}


def test_a_whole_page_of_one_moment_is_passed_by_skipping_and_without_a_way_to_skip_it_is_told() -> None:
    crowd = [{"id": f"c{n}", "at": at(5)} for n in range(3)]
    skipping = described({"kind": "moving_start", "param": "skip", "size": 2})
    played = Played(crowd[:2], crowd[:2], [crowd[2], *rows(4)], rows(4))
    found = ids(pieces(skipping, played, since=NOW - timedelta(days=1)))
    assert found == ["c0", "c1", "c0", "c1", "c2", "h4", "h4"]
    assert [asked.get("skip") for asked in played.asked] == [None, None, "2", None]
    with pytest.raises(UnavailableError, match="one and the same time"):
        pieces(described({"kind": "moving_start", "size": 2}), Played(crowd[:2], crowd[:2]))


def test_more_pages_than_the_cap_are_an_error_not_a_loop() -> None:
    def endless(asked: Asked) -> Json:
        age = 1000 - int(asked.values["page"])
        return {"rows": rows(age)}

    with pytest.raises(UnavailableError, match="page_cap"):
        pieces(described({"kind": "page"}, walls={"page_cap": 5}), endless)


# ---------------------------------------------------------------- what it refuses to believe


@pytest.mark.parametrize(
    ("pages", "since", "replies", "told"),
    [
        ({"kind": "page"}, TIME, [rows(9, 8), rows(9, 8)], "same page twice"),
        ({"kind": "offset", "size": 2}, TIME, [rows(9, 8), rows(9, 8)], "same page twice"),
        ({"kind": "last_row", "param": "after"}, TIME, [rows(9, 8), rows(7, 8.0)], "oldest first"),
        ({"kind": "last_row", "param": "after"}, TIME, [rows(9, 8), [*rows(8.5), *rows(8)]], "be lost"),
        ({"kind": "page"}, TIME, [rows(8, 9)], "oldest first"),
        ({"kind": "page"}, {"kind": "newest_first", "field": "at"}, [rows(9, 8)], "newest first"),
        ({"kind": "moving_start", "size": 2}, TIME, [rows(900, 800)], "older than the time asked for"),
        ({"kind": "next_link"}, TIME, [{"rows": rows(9), "next": 7}], "no text"),
        ({"kind": "next_link"}, TIME, [{"rows": rows(9), "next": "u"}, {"rows": rows(8), "next": "u"}], "same"),
        (
            {"kind": "cursor", "param": "c", "next": "n"},
            TIME,
            [{"rows": rows(9), "n": "t"}, {"rows": rows(8), "n": "t"}],
            "page's own",
        ),
        ({"kind": "cursor", "param": "c", "next": "n", "more": "m"}, TIME, [{"rows": [], "m": True}], "no next"),
        ({"kind": "last_row", "param": "c", "more": "m"}, TIME, [{"rows": [], "m": True}], "shows none"),
        ({"kind": "last_row", "param": "c"}, {"kind": "id", "param": "c"}, [[{"id": 9}, {"id": 8}]], "grow"),
    ],
)  # fmt: skip
def test_a_tool_that_breaks_what_everything_rests_on_is_not_believed(
    pages: dict[str, Any], since: dict[str, Any], replies: list[Any], told: str
) -> None:
    with pytest.raises(UnavailableError, match=told):
        pieces(described(pages, since), Played(*replies), since=NOW - timedelta(days=1))


def test_rows_without_the_cursors_time_say_what_they_look_like() -> None:
    milliseconds = [{"id": 1, "at": 1769941805000}]
    with pytest.raises(UnavailableError, match="are these milliseconds"):
        pieces(described({"kind": "page"}, dates=["unix"]), Played(milliseconds))
    with pytest.raises(UnavailableError, match=r"no row of a page has a time in at.*it is empty"):
        pieces(described({"kind": "page"}), Played([{"id": 1, "at": None}]))


def test_one_row_without_a_time_does_not_hold_up_the_others() -> None:
    *_, last = found = pieces(described({"kind": "page"}), Played([*rows(9), {"id": "x", "at": None}], []),
                              since=NOW - timedelta(days=1))  # fmt: skip
    assert ids(found) == ["h9", "x"]
    assert last.place["mark"] == at(9)


def test_a_start_that_moves_for_ever_is_stopped_by_the_cap() -> None:
    def endless(asked: Asked) -> Json:
        start = datetime.fromisoformat(asked.values["from"])
        return {"rows": [{"id": f"{start}", "at": str(start + timedelta(seconds=1))}] * 2}

    description = described({"kind": "moving_start", "size": 2}, walls={"page_cap": 5})
    with pytest.raises(UnavailableError, match="page_cap"):
        pieces(description, endless, since=NOW - timedelta(days=1))


def test_an_expression_that_does_not_fit_is_told_and_a_row_it_does_not_fit_holds_nothing_up() -> None:
    broken = described({"kind": "page", "pages": "length(total)"})
    with pytest.raises(UnavailableError, match=r"cannot tell where the next page is: .*length"):
        pieces(broken, Played({"rows": rows(9)}), since=NOW - timedelta(days=1))
    odd = described({"kind": "page"}, {**TIME, "field": "join('', [at, zone])"})
    found = [{"id": 1, "at": at(9), "zone": ""}, {"id": 2, "at": at(8)}]
    assert ids(pieces(odd, Played(found, []), since=NOW - timedelta(days=1))) == [1, 2]


def test_rows_of_one_time_that_never_hold_still_are_told_not_lost() -> None:
    """Two queries of one database may sort equal times differently, each the same way every time."""

    def fetch(asked: Asked) -> Json:
        shown = {"0": ["a", "b"], "2": ["b", "d"]}.get(asked.values["offset"], [])  # c is never shown
        return {"rows": [{"id": one, "at": at(100)} for one in shown]}

    with pytest.raises(UnavailableError, match="changed places in each of 6 readings"):
        pieces(described({"kind": "offset", "size": 2}), fetch)


def repeating(answers: list[dict[str, Json]], asked: Asked) -> Json:
    """Each page of three begins with the last row of the page before."""
    start = (int(asked.values["page"]) - 1) * 2
    return {"rows": answers[start : start + 3]}


@pytest.mark.parametrize("age", [0, 1000])
def test_a_tool_that_repeats_the_last_row_at_every_edge_hides_none_and_is_known_from_then_on(
    age: int,
) -> None:
    stored = rows(*range(age + 7, age, -1))
    begun = pieces(described({"kind": "page"}), lambda asked: repeating(stored, asked))
    assert set(ids(begun)) == {row["id"] for row in stored}
    place = orjson.loads(orjson.dumps(begun[-1].place))
    # Later there is but one edge, and no second pass is needed to believe it.
    few = rows(-1, -2, -3, -4)
    later = NOW + timedelta(hours=6)
    asked: list[Asked] = []

    def fetch(asking: Asked) -> Json:
        asked.append(asking)
        return repeating(few, asking)

    assert ids(pieces(described({"kind": "page"}), fetch, place, now=later)) == [
        "h-1",
        "h-2",
        "h-3",
        "h-3",
        "h-4",
    ]
    assert [one.values["page"] for one in asked] == ["1", "2", "3"]


def test_rows_that_change_places_at_one_edge_of_three_are_not_taken_for_a_tool_that_repeats() -> None:
    pages = {"1": "abc", "2": "cef", "3": "ghi"}  # d is never shown

    def fetch(asked: Asked) -> Json:
        return {"rows": [{"id": one, "at": at(100)} for one in pages.get(asked.values["page"], "")]}

    with pytest.raises(UnavailableError, match="changed places in each of 6 readings"):
        pieces(described({"kind": "page"}), fetch)


def test_a_row_that_slips_past_the_edge_of_a_page_is_caught_by_reading_again() -> None:
    """Old answers are deleted while the history is read for the first time: no later run would look there again."""
    old = rows(*range(1000, 1010))[::-1]
    gone: list[int] = []

    def fetch(asked: Asked) -> Json:
        number = int(asked.values["page"])
        if number == 2 and not gone:
            gone.append(1)
            del old[0]
        return {"rows": old[(number - 1) * 3 : number * 3]}

    assert set(ids(pieces(described({"kind": "page"}), fetch))) == {f"h{age}" for age in range(1000, 1010)}


def test_only_a_page_is_held_however_long_the_listing_is() -> None:
    class Row(dict[str, Json]):
        __hash__ = object.__hash__  # type: ignore[assignment]

    alive: weakref.WeakSet[Row] = weakref.WeakSet()
    most = 0

    def fetch(asked: Asked) -> Json:
        number = int(asked.values["page"])
        page: list[Any] = []
        if number <= 60:
            page = [Row(id=number * 100 + n, at=at(10 - number / 10)) for n in range(50)]
        for row in page:
            alive.add(row)
        return {"rows": page}

    for _ in read(described({"kind": "page"}), fetch, None, since=NOW - timedelta(days=1), now=NOW):
        most = max(most, len(alive))
    assert most <= 3 * 50
