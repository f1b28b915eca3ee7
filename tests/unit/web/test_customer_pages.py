"""Finding a customer, their whole story as a page, and their account's: the same sentences as the command line's."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from answered import NOW, SYNC
from dashboard_desk import Desk
from people_pages import text_of
from peopled import ACCOUNT, ARABIC, HOSTILE, LONG, YAML, Peopled, fill, record
from sqlalchemy import event

from nps.asking import SuppressionReason
from npsync.syncing import customer_story
from npsync.words import why_events, why_reasons, why_text
from store.api import State


def page_of(who: str) -> str:
    return f"/customers/crm/Contact/{record(who)}"


def words(text: str) -> str:
    """Without the blanks, which a page breaks elsewhere."""
    return re.sub(r"\s+", "", text)


# ------------------------------------------------------------ finding


def test_who_answered_lately_is_listed_and_each_leads_to_their_story(town: Peopled, desk: Desk):
    assert "Nobody has answered yet" in text_of(desk.get("/customers"))
    fill(town)
    page = desk.get("/customers").body.decode()
    assert f'href="{page_of("ann")}"' in page
    assert "no record yet" in unescape(page)
    assert "Nobody has answered through it yet" in text_of(desk.get("/customers?source=app"))


def test_the_list_goes_on_where_it_ended(town: Peopled, desk: Desk):
    town.waiting(State.WAITING, "no_record", "none", *((f"p{n}", 5, None) for n in range(60)))
    first = desk.get("/customers").body.decode()
    assert first.count("<tr>") == 51  # and the head
    older = re.search(r'href="(/customers\?before=\d+)"', first)
    assert older is not None
    assert desk.get(older[1]).body.decode().count("<tr>") == 11


@pytest.mark.parametrize("typed", ["ann@example.com", " ANN@example.com ", "mail:2-0", "RECORD"])
def test_a_customer_is_found_by_any_key_and_never_in_an_address(full: Desk, typed: str):
    found = full.act("/customers", {"who": typed.replace("RECORD", record("ann"))})
    assert (found.status, found.headers["location"]) == (303, page_of("ann"))


def test_who_is_not_known_or_has_no_record_is_told_so(full: Desk):
    assert "Nothing is known of them" in text_of(full.act("/customers", {"who": "nobody@example.com"}))
    said = text_of(full.act("/customers", {"who": "mo@example.com"}))
    assert "Answers on no record" in said
    assert "looked up again from" in said
    assert full.act("/customers", {"who": ""}).headers["location"] == "/customers"


def test_who_types_a_name_is_told_that_none_is_kept_and_where_they_are(full: Desk):
    said = text_of(full.act("/customers", {"who": "Ann O'Brien"}))
    assert "People are not found by their name" in said
    assert "Nothing is known" not in said


def test_an_account_is_found_by_its_id(full: Desk):
    found = full.act("/customers", {"who": ACCOUNT})
    assert found.headers["location"] == f"/accounts/crm/Account/{ACCOUNT}"


def test_an_address_without_the_object_still_leads_to_the_record(full: Desk):
    assert full.get(f"/customers/crm/{record('ann')}").headers["location"] == page_of("ann")
    for unknown in ("/customers/crm/003000000000009AAA", page_of("nobody"), "/customers/other/Contact/1"):
        assert full.get(unknown).status == 404


# ------------------------------------------------------------ the story


@pytest.mark.parametrize("page", [page_of("ann"), f"/accounts/crm/Account/{ACCOUNT}"])
def test_a_story_is_read_in_one_transaction(full: Desk, page: str):
    full.get(page)
    begun: list[object] = []
    event.listen(full.store.database._engine, "begin", begun.append)
    assert full.get(page).status == 200
    assert (
        len(begun) <= 5
    )  # who is asking, with which token; the story; that it was read; what an account is called


def test_every_sentence_of_why_is_on_the_page(full: Desk):
    for who in ("ann", "bob", "dora", "emil", "fay"):
        story = customer_story.told(full.config, full.store, record(who), now=NOW)
        zone = full.config.time_zone
        page = words(text_of(full.get(page_of(who))))
        [told] = story.records
        for sentence in (
            why_reasons.summary(told, zone),
            *(text for _, text in why_events.timeline(told, zone)),
        ):
            assert words(sentence) in page, sentence
        for line in why_text.lines(story, zone):
            assert words(line) in page, line


def test_a_field_tells_old_and_new_and_the_run_that_wrote_it(full: Desk):
    said = text_of(full.get(page_of("ann")))
    assert re.search(r"NPS__c +6 +→ +becomes +3", said)
    assert "2 writes" in said
    assert "ours" in said


def test_answers_invitations_tasks_and_decisions_are_told(town: Peopled, desk: Desk):
    from store.api import Link

    fill(town)
    desk.store.decide([Link("crm.Contact", "ann@example.com", record("ann"))], {}, now=NOW)
    said = text_of(desk.get(page_of("ann")))
    assert "2 answers" in said
    assert "Task for mail:1-0: done: 00T000000000001" in said
    assert "answered by mailer after-support" in said
    assert "ann@example.com belongs to" in said
    assert "left alone until 2025-12-20" in text_of(desk.get(page_of("bob")))
    assert 'aria-label="Scores over time' in desk.get(page_of("ann")).body.decode()


def test_who_must_not_be_asked_is_told_whatever_name_it_is_kept_under(full: Desk):
    assert "Must not be asked: unsubscribe" in text_of(full.get(page_of("cem")))
    assert "Must not be asked" not in text_of(full.get(page_of("bob")))


def test_hostile_long_and_foreign_words_stay_words(full: Desk):
    ann, dora, emil = (full.get(page_of(who)).body.decode() for who in ("ann", "dora", "emil"))
    assert "<script>alert" not in ann
    assert unescape(ann).count(HOSTILE) >= 1
    assert LONG in unescape(dora)
    assert ARABIC in emil
    assert 'dir="auto"' in emil
    assert max(map(len, (ann, dora, emil))) < 150_000


def test_a_read_of_one_person_is_kept_and_nobody_without_the_right_reads(town: Peopled, desk: Desk):
    fill(town)
    desk.get(page_of("ann"))
    [read] = [one for one in desk.store.audited() if one.what == "read a person"]
    assert (read.who, read.about) == ("token:ann", f"crm/Contact/{record('ann')}")
    desk.sign_in(desk.token("reports", name="boss"))
    for path in (
        "/customers",
        page_of("ann"),
        f"/customers/crm/{record('ann')}",
        f"/accounts/crm/Account/{ACCOUNT}",
    ):
        assert desk.get(path).status == 403, path
    assert len([one for one in desk.store.audited() if one.what == "read a person"]) == 1


def test_a_crm_that_cannot_be_asked_is_told_and_the_rest_stands(full: Desk, monkeypatch: Any):
    from connectors.salesforce import destination
    from nps.errors import UnavailableError

    def away(*_: object, **__: object) -> None:
        raise UnavailableError("acme.my.salesforce.com cannot be reached")

    monkeypatch.setattr(destination.SalesforceDestination, "describe", away)
    said = text_of(full.get(page_of("ann") + "?live=1"))
    assert "crm could not be looked at: acme.my.salesforce.com cannot be reached" in said
    assert "detractor" in said


# ------------------------------------------------------------ accounts


def test_an_account_tells_its_people_and_what_they_come_to(full: Desk):
    said = text_of(full.get(f"/accounts/crm/Account/{ACCOUNT}"))
    assert "NPS 0" in said
    assert "5 people within 365 days" in said
    assert "2 promoters, 1 passive, 2 detractors" in said
    assert "5 people behind it" in said
    assert "5 people scored 2 to 10" in said
    assert "The line is what" not in said  # nothing was written to it
    assert "npsync never wrote to" in said
    assert full.get("/accounts/crm/Account/001000000000009AAA").status == 404


def test_an_account_is_called_by_the_name_that_a_report_knows(tmp_path: Path, sqlite_url: str):
    reported = YAML.replace("by: {plan: account.Plan__c", "by: {company: account.Name, plan: account.Plan__c")
    town = Peopled(tmp_path, reported)
    town.wrote(("ann", 6, None))
    with town.store.database.write() as tx:
        tx.run("UPDATE member SET traits = :traits", traits='{"company":"Acme & Sons"}')
    desk = Desk(tmp_path, reported)
    desk.sign_in(desk.token("read"))
    assert ">Acme &amp; Sons</h1>" in desk.get(f"/accounts/crm/Account/{ACCOUNT}").body.decode()
    desk.store.close()


def test_too_few_people_have_no_figure_and_show_nobody_to_who_sees_figures_alone(town: Peopled, desk: Desk):
    town.wrote(("ann", 6, None))
    said = text_of(desk.get(f"/accounts/crm/Account/{ACCOUNT}"))
    assert "insufficient: 1 answer, and an account has an NPS from 3 on" in said
    assert "0 · 0 · 1" in text_of(desk.get("/accounts"))
    desk.sign_in(desk.token("reports", name="boss"))
    assert "0 · 0 · 1" not in text_of(desk.get("/accounts"))


def test_a_suppression_of_another_person_is_not_theirs(town: Peopled, desk: Desk):
    town.wrote(("ann", 9, None))
    town.never("bob", SuppressionReason.OBJECTION)
    assert "Must not be asked" not in text_of(desk.get(page_of("ann")))
    assert desk.store.states(SYNC, [1])[1].state is State.WRITTEN
