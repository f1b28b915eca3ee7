"""The inbox in this process: what waits is shown with its reason, and every decision is the command line's."""

from __future__ import annotations

import re

from answered import NOW, SYNC
from dashboard_desk import Desk
from people_pages import text_of
from peopled import HOSTILE, Peopled, fill, record

from nps.values import Json
from npsync.deciding.answers import ignore
from npsync.deciding.deciders import Decider
from npsync.deciding.inbox import settled_in
from store.api import Stand, State

LISTS = ["/review", "/held", "/waiting", "/dead-letters", "/follow-ups", "/decisions"]


def wait(town: Peopled, *who: str, code: str = "many") -> list[int]:
    return town.waiting(
        State.REVIEW, code, "two records have this Email", *((name, 4, HOSTILE) for name in who),
        candidates=(record("gil"), record("hans")),
    )  # fmt: skip


def hold(town: Peopled, *who: str) -> list[int]:
    return town.waiting(
        State.HELD, "too_soon", "3 seconds after delivery", *((name, 10, None) for name in who)
    )


def state_of(desk: Desk, number: int) -> tuple[State, str]:
    settled = desk.store.states(SYNC, [number])[number]
    return settled.state, settled.code


def acted(desk: Desk) -> list[tuple[str, str, str]]:
    return [
        (one.who, one.what, one.about)
        for one in desk.store.audited()
        if not one.what.startswith(("read", "signed"))
    ]


def wanted(desk: Desk) -> list[tuple[str, dict[str, object]]]:
    return [(one.kind, dict(one.arguments)) for one in desk.store.actions()]


# ------------------------------------------------------------ seeing


def test_every_list_says_so_when_nothing_waits(desk: Desk):
    said = {path: text_of(desk.get(path)) for path in LISTS}
    assert "No answer waits for somebody to say whose it is." in said["/review"]
    assert "No answer is held." in said["/held"]
    assert "No answer waits for a record." in said["/waiting"]
    assert "Everything could be written" in said["/dead-letters"]
    assert "Every follow-up went its way" in said["/follow-ups"]
    assert "Nobody has decided anything yet" in said["/decisions"]


def test_every_list_has_a_title_of_its_own(full: Desk):
    titles = [str(full.get(path).body.decode()).split("<title>")[1].split("</title>")[0] for path in LISTS]
    assert len({*titles}) == len(LISTS)
    assert all(title.endswith(" · Review · npsync") for title in titles)


def test_refused_and_late_tasks_lead_to_their_own_parts_of_the_page(full: Desk):
    overview, page = full.get("/").body, full.get("/follow-ups").body
    for part in (b"refused", b"late"):
        assert b'href="/follow-ups#' + part + b'"' in overview
        assert b'id="' + part + b'"' in page


def test_what_waits_is_told_with_its_reason_and_its_candidates(full: Desk):
    said = text_of(full.get("/review"))
    assert "Two records have this Email" in said
    assert "detractor gil@example.com" in said
    assert record("hans") in said
    assert "Whose are they? 3" in said
    assert "Suspicious 2" in said
    assert "Not written 1" in said
    assert "answered 3 seconds after it was delivered" in text_of(full.get("/held")).lower()
    assert "looked up again from" in text_of(full.get("/waiting"))


def test_a_comment_and_a_name_are_shown_as_they_are_and_do_nothing(town: Peopled, desk: Desk):
    fill(town)
    wait(town, "kim")
    for path in (*LISTS, "/dead-letters/1"):
        page = desk.get(path).body.decode()
        assert not re.search(r"<script>alert|<img src=x", page), path
        assert len(page) < 150_000, path
    assert "&lt;script&gt;" in desk.get("/review").body.decode()


def test_lists_go_on_where_the_page_before_ended(town: Peopled, desk: Desk):
    wait(town, *(f"p{n}" for n in range(30)))
    first = desk.get("/review").body.decode()
    assert first.count('class="item"') == 25
    older = re.search(r'href="(/review\?before=\d+)"', first)
    assert older is not None
    assert desk.get(older[1]).body.decode().count('class="item"') == 5


def test_a_reason_narrows_the_list(town: Peopled, desk: Desk):
    wait(town, "kim", "lou")
    wait(town, "max", code="conflict")
    assert desk.get("/review?code=conflict").body.decode().count('class="item"') == 1
    assert "None of this sync" in text_of(desk.get("/review?code=nonsense"))


def test_who_read_of_people_is_kept(town: Peopled, desk: Desk):
    wait(town, "kim", "lou")
    desk.get("/review")
    [read] = [one for one in desk.store.audited() if one.what == "read of people"]
    assert (read.who, read.about, read.facts) == ("token:ann", "review", {"page": "review", "people": 2})
    assert "kim" not in "\n".join(str(one) for one in desk.store.audited())


def test_nothing_of_it_is_for_who_sees_figures_alone(town: Peopled, desk: Desk):
    [number] = wait(town, "kim")
    desk.sign_in(desk.token("reports", name="boss"))
    for path in (*LISTS, f"/review/answers/{number}", "/dead-letters/1", "/review/doing"):
        assert desk.get(path).status == 403, path


def test_a_viewer_sees_it_and_changes_nothing(town: Peopled, desk: Desk):
    [number] = wait(town, "kim")
    desk.sign_in(desk.token("read", name="viewer"))
    page = desk.get("/review").body.decode()
    assert "kim@example.com" in page
    assert "It is theirs" not in page
    assert ">Ignore<" not in page
    for path in (f"/review/answers/{number}/ignore", f"/review/answers/{number}/link", "/review/ticked",
                 "/review/all", "/dead-letters/retry", "/dead-letters/discard", "/follow-ups/retry",
                 "/decisions/links"):  # fmt: skip
        assert desk.act(path, {"record": "003A", "act": "ignore", "tab": "/review"}).status == 403, path
    assert state_of(desk, number) == (State.REVIEW, "many")


def test_a_form_of_another_site_or_of_no_page_of_ours_does_nothing(town: Peopled, desk: Desk):
    [number] = wait(town, "kim")
    assert desk.post(f"/review/answers/{number}/ignore").status == 403
    assert desk.act(f"/review/answers/{number}/ignore", origin="https://evil.example").status == 403
    assert state_of(desk, number) == (State.REVIEW, "many")


# ------------------------------------------------------------ deciding


def test_an_answer_that_is_nobodys_is_ignored_and_that_can_be_undone(town: Peopled, desk: Desk):
    [number] = wait(town, "kim")
    replied = desk.act(f"/review/answers/{number}/ignore", {"reason": "a test", "back": "/review?code=many"})
    assert (replied.status, replied.headers["location"]) == (303, "/review?code=many")
    assert state_of(desk, number) == (State.EXCLUDED, "ignored")
    assert desk.store.states(SYNC, [number])[number].reason == "ignored by token:ann on 2025-12-15: a test"
    assert "1 answer ignored: left out for good" in text_of(desk.get("/review"))
    page = text_of(desk.get(f"/review/answers/{number}"))
    assert "A person left it out of contacts." in page
    assert "ignored" in text_of(desk.get("/decisions"))
    desk.act(f"/review/answers/{number}/undo")
    assert wanted(desk) == [("take_up", {"sync": SYNC, "answers": [number], "records": [], "roll_up": False})]
    assert [what for _, what, _ in acted(desk)] == ["undo", "ignore"]
    assert desk.store.take_up(SYNC, ["mail"], lease=town.lease, now=NOW) == 1  # it is judged anew


def test_what_was_left_out_at_the_command_line_is_listed_however_long_ago_and_undone(
    town: Peopled, desk: Desk
):
    [number, other] = wait(town, "kim", "lou")
    answers = {answer.number: answer for answer, _ in desk.store.waiting_page([SYNC], [State.REVIEW])}
    [item] = settled_in(desk.config, desk.store, answers[number])
    ignore(Decider(desk.config, desk.store, "cli:bo", desk.clock.now()), [item], "not a customer")
    for n in range(600):
        desk.store.note_audit(
            "token:ann", "checked", f"answer {n}", now=NOW
        )  # so that nothing tells of it but itself
    said = text_of(desk.get("/decisions"))
    assert "Left out for good" in said
    assert "kim@example.com" in said
    assert "ignored by cli:bo on 2025-12-15: not a customer" in said
    assert "lou@example.com" not in said
    desk.act(f"/review/answers/{number}/undo", {"back": "/decisions"})
    assert "Left out for good" not in text_of(desk.get("/decisions"))
    assert state_of(desk, other) == (State.REVIEW, "many")


def test_a_link_is_wanted_of_whoever_runs_syncs_and_shown_until_it_is_done(town: Peopled, desk: Desk):
    [number] = wait(town, "kim")
    name = re.search(r"mail:[\d-]+", text_of(desk.get("/review")))
    assert name is not None
    desk.act(f"/review/answers/{number}/link", {"record": record("gil"), "sync": SYNC, "back": "/review"})
    asked = {"answer": name[0], "record": record("gil"), "only_this_answer": False, "sync": SYNC}
    assert wanted(desk) == [("link", asked)]
    page = text_of(desk.get("/review"))
    assert f"{name[0]} → {record('gil')} is being written" in page
    assert "being linked" in page
    assert acted(desk) == [("token:ann", "link", f"answer {name[0]}")]
    assert desk.act(f"/review/answers/{number}/link", {"record": " "}).status == 303
    assert "Say which record" in text_of(desk.get("/review"))


def test_of_what_was_written_again_and_again_the_latest_is_shown(town: Peopled, desk: Desk):
    for one in hold(town, "kim", "lou"):
        desk.act(f"/review/answers/{one}/release", {"back": "/held"})
        action = desk.store.claim_action("somebody", now=NOW, seconds=60)
        assert action is not None
        outcome: dict[str, Json] = {"status": "succeeded", "run": action.number}
        desk.store.end_action(action, "somebody", Stand.DONE, now=NOW, outcome=outcome)
    shown = text_of(desk.get("/review/doing"))
    assert (shown.count("what was decided"), shown.count("done, run 2")) == (1, 1)


def test_a_held_answer_is_released_or_discarded(town: Peopled, desk: Desk):
    one, other = hold(town, "kim", "lou")
    desk.act(f"/review/answers/{one}/release", {"back": "/held"})
    desk.act(f"/review/answers/{other}/discard", {"reason": "a scanner"})
    assert [each.released for each in desk.store.held_decisions()] in ([True, False], [False, True])
    assert state_of(desk, other) == (State.EXCLUDED, "discarded")
    assert wanted(desk) == [("take_up", {"sync": SYNC, "answers": [one], "records": [], "roll_up": False})]
    assert "released, being written" in text_of(desk.get("/held"))
    desk.act(f"/review/answers/{other}/undo")
    assert [each.released for each in desk.store.held_decisions()] == [True]


def test_what_is_ticked_and_all_of_a_pattern_are_decided_together(town: Peopled, desk: Desk):
    kim, lou, max_ = *wait(town, "kim", "lou"), *wait(town, "max", code="conflict")
    desk.act(
        "/review/ticked", [("answer", str(kim)), ("answer", str(lou)), ("act", "ignore"), ("back", "/review")]
    )
    assert [state_of(desk, one)[0] for one in (kim, lou, max_)] == [
        State.EXCLUDED,
        State.EXCLUDED,
        State.REVIEW,
    ]
    assert "2 answers ignored" in text_of(desk.get("/review"))
    wait(town, "nia")
    pattern = {"tab": "/review", "act": "ignore", "code": "conflict"}
    asked = text_of(desk.get("/review/all?tab=/review&act=ignore&code=conflict"))
    assert "Ignore: 1 answer" in asked
    assert "changes nothing in the CRM" in asked
    desk.act("/review/all", pattern | {"reason": "an import"})
    assert state_of(desk, max_) == (State.EXCLUDED, "ignored")
    assert text_of(desk.get("/review")).count("nia@example.com") == 1
    desk.act("/review/ticked", {"act": "ignore"})
    assert "Nothing is ticked" in text_of(desk.get("/review"))


def test_everything_without_a_record_is_looked_up_by_a_run(town: Peopled, desk: Desk):
    town.waiting(State.WAITING, "no_record", "no record has any of its keys", ("mo", 5, None))
    desk.act("/review/all", {"tab": "/waiting", "act": "recheck"})
    [(kind, arguments)] = wanted(desk)
    assert (kind, arguments["sync"], arguments["recheck"]) == ("run", SYNC, True)


def test_a_page_leads_nowhere_but_to_ours(town: Peopled, desk: Desk):
    [number] = wait(town, "kim")
    for back in (
        "https://evil.example/",
        "//evil.example",
        "/review\r\nSet-Cookie: a=b",
        "/review/../sign-out",
    ):
        replied = desk.act(f"/review/answers/{number}/recheck", {"back": back})
        assert replied.headers["location"] == f"/review/answers/{number}", back


def test_an_answer_nobody_knows_is_told_so(desk: Desk):
    for number in ("1", "9" * 18, "9" * 40):
        assert desk.get(f"/review/answers/{number}").status == 404
    assert desk.get("/review/answers/nonsense").status in (404, 422)
    assert desk.act("/review/answers/1/ignore", page="/review").status == 404


# ------------------------------------------------------------ what could not be written


def test_a_refusal_is_told_with_who_can_help_and_tried_again_from_the_original(town: Peopled, desk: Desk):
    town.wrote(("fay", 1, HOSTILE), ("gus", 2, None), refused=True)
    said = text_of(desk.get("/dead-letters"))
    assert "2 answers could not be written" in said
    assert "The CRM's admin or the record's owner: correct the record" in said
    desk.act(
        "/dead-letters/retry", {"cause": "record", "code": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "sync": SYNC}
    )
    [(kind, arguments)] = wanted(desk)
    assert kind == "take_up"
    assert len(arguments["answers"]) == 2
    assert "2 letters retried, from the original answers" in text_of(desk.get("/dead-letters"))
    assert acted(desk) == [("token:ann", "retry", "dead letters")]


def test_one_letter_tells_its_story_and_is_left_out_only_with_a_reason(town: Peopled, desk: Desk):
    run = town.wrote(("fay", 1, HOSTILE), refused=True)
    page = text_of(desk.get("/dead-letters/1"))
    assert "a Detractor needs an owner" in page
    assert "fay@example.com" in page
    assert f" {run} " in page
    desk.act("/dead-letters/discard", {"letter": "1"})
    assert "Say why they are discarded" in text_of(desk.get("/dead-letters"))
    desk.act("/dead-letters/discard", {"letter": "1", "reason": "left the company"})
    [letter] = desk.store.dead_letters(status="discarded")
    assert letter.id == 1
    assert "discarded" in text_of(desk.get("/dead-letters/1"))
    desk.act("/dead-letters/retry", {"letter": "1"})
    assert "Dead letter 1 is discarded already" in text_of(desk.get("/dead-letters"))
    assert desk.get("/dead-letters/99").status == 404


def test_a_letter_of_a_sync_that_left_the_yaml_is_not_tried(town: Peopled, desk: Desk):
    town.wrote(("fay", 1, None), refused=True)
    with desk.store.database.write() as tx:
        tx.run("UPDATE dead_letter SET sync = 'gone'")
    desk.act("/dead-letters/retry", {"letter": "1"})
    assert 'The sync "gone" of letter 1 is not in the YAML any more' in text_of(desk.get("/dead-letters"))
    assert wanted(desk) == []


def test_what_followed_answers_is_retried_or_discarded(town: Peopled, desk: Desk):
    fill(town)
    page = text_of(desk.get("/follow-ups"))
    assert "the record has no active owner" in page
    assert "give the record an active owner" in page
    assert "1 task open for more than 3 days" in page
    [entry] = desk.store.refused_page()
    desk.act("/follow-ups/discard", {"entry": str(entry.id)})
    assert desk.store.count_refused() == 1
    desk.act("/follow-ups/retry", {"entry": str(entry.id)})
    assert desk.store.count_refused() == 0
    assert [kind for kind, _ in wanted(desk)] == ["take_up"]


def test_a_link_is_listed_and_undone_for_all_its_answers(town: Peopled, desk: Desk):
    from store.api import Link

    town.wrote(("ann", 3, None))
    desk.store.decide([Link("crm.Contact", "ann@example.com", record("ann"))], {}, now=NOW)
    assert "ann@example.com" in text_of(desk.get("/decisions"))
    desk.act("/decisions/links", {"scope": "crm.Contact", "value": "ann@example.com"})
    assert desk.store.manual_links() == []
    desk.act("/decisions/links", {"scope": "crm.Contact", "value": "ann@example.com"})
    assert "not there any more" in text_of(desk.get("/decisions"))
