"""Who was asked, who was not and why, as pages; and stopping, taking back, asking the gatekeeper."""

from __future__ import annotations

from html import unescape

from dashboard_desk import Desk
from people_pages import text_of
from peopled import Peopled, fill, record

from nps.asking import InvitationState, SuppressionReason
from nps.policy import CODES
from npsync.asking.funnel import SUPPRESSED, funnel, why_not
from store.api.figures import Funnelled
from triggers import ledger

LISTS = ["/invitations", "/invitations/asked", "/invitations/not-asked", "/invitations/due", "/suppressions",
         "/invitations/may-ask"]  # fmt: skip


def called(desk: Desk, id: str) -> str:
    one = desk.store.invitation(id)
    assert one is not None
    return one.reference


# ------------------------------------------------------------ adding up


def rows(
    state: InvitationState, many: int, sent: int = 0, answered: int = 0, trigger: str = "a"
) -> Funnelled:
    return Funnelled(
        trigger=trigger, survey="s", state=state, invitations=many, sent=sent, delivered=0, answered=answered
    )


def test_a_funnel_counts_each_invitation_once_and_shadow_apart():
    told = funnel(
        [
            rows(InvitationState.QUEUED, 3, sent=1),  # one waits for its next channel
            rows(InvitationState.ANSWERED, 2, sent=2, answered=2),
            rows(InvitationState.EXPIRED, 5, sent=4),
            rows(InvitationState.SHADOW, 7, trigger="b"),
        ]
    )
    whole = told.whole
    assert (whole.decided, whole.waiting, whole.sent, whole.answered) == (10, 2, 7, 2)
    assert whole.ended == {InvitationState.EXPIRED: 1}
    assert whole.decided == whole.waiting + whole.sent + whole.left
    assert [(one.trigger, one.decided) for one in told.shadow] == [("b", 7)]
    assert funnel([], trigger="a").whole.decided == 0


def test_every_reason_of_the_policy_has_words_and_every_suppression_too():
    assert [code for code in CODES if why_not(code).said == why_not("nonsense").said] == []
    assert set(SUPPRESSED) == set(SuppressionReason)


# ------------------------------------------------------------ seeing


def test_every_list_says_so_when_there_is_nothing(desk: Desk):
    assert "Nobody was asked in this time" in text_of(desk.get("/invitations"))
    assert "Nobody was asked" in text_of(desk.get("/invitations/asked"))
    assert "Nobody was left out" in text_of(desk.get("/invitations/not-asked"))
    assert "Nothing waits to be sent" in text_of(desk.get("/invitations/due"))
    assert "Nobody is suppressed" in text_of(desk.get("/suppressions"))


def test_the_funnel_tells_how_far_people_got_and_never_guesses(full: Desk):
    said = text_of(full.get("/invitations"))
    assert "25 % answered 1 of 4 that were sent within 30 days" in said or "25% answered 1 of 4" in said
    assert "not measured: mail programs open mails by themselves" in said
    assert "In shadow mode" in said
    assert "6 were not asked" in said
    assert "asked not long ago" in said
    assert "Never asked: 2 addresses and records" in said
    assert "nothing was sent" in text_of(full.get("/invitations?trigger=half-yearly"))


def test_who_was_asked_and_who_was_not_is_listed_with_the_reason(full: Desk):
    asked = text_of(full.get("/invitations/asked"))
    assert record("ann") in asked
    assert record("gil") not in text_of(full.get("/invitations/asked?state=queued"))
    assert "left alone until 2025-12-20" in text_of(full.get("/invitations/not-asked?code=rest"))
    assert "unsubscribed" not in text_of(full.get("/invitations/not-asked?code=rest"))
    assert "2 messages wait to be sent" in text_of(full.get("/invitations/due"))
    assert "550 no such mailbox" in text_of(full.get("/suppressions?reason=bounce"))


def test_long_lists_go_on_where_they_ended(town: Peopled, desk: Desk):
    town.ledger()
    for n in range(60):
        town.invited(f"i{n}", f"p{n}", days=1 + n / 1000, in_hours=n)
        town.not_asked(f"p{n}", "rest", "asked")
    for path, row in (
        ("/invitations/asked", "<tr>"),
        ("/invitations/due", "<tr>"),
        ("/invitations/not-asked", "<tr>"),
    ):
        first = desk.get(path).body.decode()
        assert first.count(row) == 51, path  # and the head
        further = unescape(first.rpartition('rel="next"')[0].rpartition('href="')[2].partition('"')[0])
        assert desk.get(further).body.decode().count(row) == 11, path
        assert len(first) < 150_000


def test_nothing_of_it_is_for_who_sees_figures_alone(town: Peopled, desk: Desk):
    fill(town)
    desk.sign_in(desk.token("reports", name="boss"))
    assert [desk.get(path).status for path in (*LISTS, "/invitations/sends")] == [403] * 7


# ------------------------------------------------------------ doing


def test_sends_are_stopped_after_a_second_look_and_go_on_again(town: Peopled, desk: Desk):
    fill(town)
    asked = text_of(desk.get("/invitations/sends"))
    assert "2 messages due within a day wait" in asked
    desk.act("/invitations/stop", {"reason": "a wrong mail went out"})
    assert ledger.why_none_is_sent(desk.store) is not None
    said = text_of(desk.get("/invitations"))
    assert "Nothing is sent" in said
    assert "Stopped by ann" in said
    assert "a wrong mail went out" in said
    desk.act("/invitations/stop")
    assert "stopped already" in text_of(desk.get("/invitations"))
    again = text_of(desk.get("/invitations/sends"))
    assert ("Resume sends" in again, "Resume sends…" in again) == (
        True,
        False,
    )  # no link to where it leads from
    desk.act("/invitations/resume")
    assert ledger.why_none_is_sent(desk.store) is None
    assert [one.what for one in desk.store.audited(about="sends")] == ["resume", "stop"]


def test_an_empty_ledger_is_told_with_the_way_out(town: Peopled, desk: Desk):
    assert "npsync sends accept-empty-ledger" in text_of(desk.get("/invitations"))


def test_one_invitation_is_cancelled_and_one_that_left_is_not(town: Peopled, desk: Desk):
    fill(town)
    waits, sent, other = (called(desk, id) for id in ("i5", "i0", "i4"))
    assert f'value="{waits}"' in desk.get("/invitations/due").body.decode()
    desk.act(
        "/invitations/cancel", {"invitation": waits, "reason": "left the company", "back": "/invitations/due"}
    )
    one = desk.store.invitation("i5")
    assert one is not None
    assert (one.state, one.reason) == (
        InvitationState.CANCELLED,
        "cancelled by token:ann on 2025-12-15: left the company",
    )
    assert "Cancelled an invitation of crm/Contact/" in text_of(desk.get("/activity"))
    desk.act("/invitations/cancel", {"invitation": sent})
    assert "The invitation is answered and can be cancelled no more." in text_of(
        desk.get("/invitations/asked")
    )
    assert (
        desk.act("/invitations/cancel", {"invitation": other, "back": "//evil.example"}).headers["location"]
        == "/invitations/asked"
    )


def test_a_viewer_stops_nothing(town: Peopled, desk: Desk):
    fill(town)
    desk.sign_in(desk.token("read", name="viewer"))
    for path in ("/invitations/stop", "/invitations/resume", "/invitations/cancel"):
        assert desk.act(path, {"invitation": called(desk, "i5")}).status == 403
    assert ledger.why_none_is_sent(desk.store) is None
    assert "Cancel…" not in text_of(desk.get("/invitations/due"))


def test_the_gatekeeper_says_why_not_without_a_crm_that_answers(town: Peopled, desk: Desk):
    """Here no CRM answers: nobody says yes in the dark. Stopped sends are known without one."""
    desk.act("/invitations/stop")
    page = text_of(desk.act("/invitations/may-ask", {"who": "ann@example.com", "survey": "support"}))
    assert "No sends are stopped" in page
    unknown = text_of(desk.act("/invitations/may-ask", {"who": "ann@example.com", "survey": "nonsense"}))
    assert 'there is no survey "nonsense"' in unknown
    [asked, *_] = [one for one in desk.store.audited() if one.what == "asked whether somebody may be asked"]
    assert "ann" not in str(asked.facts) + asked.about


# ------------------------------------------------------------ through the API


def test_who_reads_invitations_through_the_api_is_noted_as_at_a_page(full: Desk):
    token = full.token("read", name="machine")
    told = full.caller.get("/api/v1/invitations?limit=2", authorization=f"Bearer {token}")
    assert len(told.json["items"]) == 2
    [noted] = full.store.audited(who="token:machine")
    assert (noted.what, noted.about, noted.facts["people"]) == ("read", "invitations", 2)
