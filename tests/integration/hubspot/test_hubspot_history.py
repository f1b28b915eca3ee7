"""Each answer as a note, or as a record of an object of the account's own."""

from __future__ import annotations

import pytest
from played_portal import ACME, ANN, answer, note, portal
from scripted_hubspot import opened, validation_error

from connectors.contract import Entry
from connectors.marking import marker
from nps.changes import Cause, Deferred, Made, Rejected, Unknown, Written
from nps.errors import ConfigError


def test_an_answer_becomes_a_note_on_whom_it_is_of() -> None:
    with portal() as (there, server):
        [made] = opened(server).keep("notes", "", [note(hs_note_body="<b>Scored</b>\n3")])
        [(id, sent)] = there.rows["notes"].items()
        assert made == Made("nps/1", id)
        assert there.ends[id] == {("202", ANN), ("190", ACME)}
    assert sent["hs_note_body"] == f"&lt;b&gt;Scored&lt;/b&gt;<br>3<br><br>{marker('nps/1')}"
    assert sent["hs_timestamp"].endswith("Z")


def test_keeping_a_note_twice_brings_one_up_to_date_and_keeps_its_time() -> None:
    with portal() as (there, server):
        hubspot = opened(server)
        [first] = hubspot.keep("notes", "", [note(hs_timestamp="2026-11-01T09:00:00.000Z")])
        second, other = hubspot.keep("notes", "", [note(hs_note_body="Scored 9"), note("nps/2")])
        assert first == second
        assert isinstance(other, Made)
        kept = there.rows["notes"][first.id]  # type: ignore[union-attr]
        assert kept["hs_note_body"].startswith("Scored 9")
        assert kept["hs_timestamp"] == "2026-11-01T09:00:00.000Z"
        assert len(there.rows["notes"]) == 2


def test_a_note_whose_reply_was_lost_is_found_again() -> None:
    with portal() as (there, server):
        hubspot = opened(server)
        there.lose = 1
        [lost] = hubspot.keep("notes", "", [note()])
        assert isinstance(lost, Unknown)
        assert hubspot.kept("notes", "", [note(), note("nps/2")]) == {
            "nps/1": next(iter(there.rows["notes"]))
        }


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (Entry("k", {}, {"contacts": ANN}), "map something to hs_note_body"),
        (Entry("k", {"hs_note_body": "x"}, {"deals": "1"}), "contacts, companies, tickets, not to deals"),
    ],
)
def test_a_note_without_text_or_record_is_a_matter_of_the_settings(entry: Entry, says: str) -> None:
    with portal() as (_, server), pytest.raises(ConfigError, match=says):
        list(opened(server).keep("notes", "", [entry]))


def test_an_answer_becomes_a_record_of_its_own_attached_to_whom_it_is_of() -> None:
    with portal() as (there, server):
        hubspot = opened(server)
        [first] = hubspot.keep("answers", "answer_key", [answer()])
        [second] = hubspot.keep("answers", "answer_key", [answer(score="9")])
        [(id, sent)] = there.rows["answers"].items()
        assert first == second == Made("nps/1", id)
        assert sent == {"answer_key": "nps/1", "score": "9"}
        assert there.ends[id] == {("contacts", ANN)}
        assert hubspot.kept("answers", "answer_key", [answer(), answer("nps/2")]) == {"nps/1": id}


def test_a_hundred_answers_are_one_call() -> None:
    with portal() as (there, server):
        told = list(opened(server).keep("answers", "answer_key", [answer(f"nps/{n}") for n in range(150)]))
        assert [len(one["inputs"]) for one in server.posts("/answers/batch/upsert")] == [100, 50]
        assert all(isinstance(one, Made) for one in told)
        assert len(there.rows["answers"]) == 150


def test_one_refused_answer_does_not_sink_the_others() -> None:
    with portal() as (there, server):
        there.refuse = lambda sent: (
            validation_error("score", "no", code="X") if sent["score"] == "8" else None
        )
        told = list(
            opened(server).keep(
                "answers", "answer_key", [answer(), answer("nps/2", score="8"), answer("nps/3")]
            )
        )
        kinds = {one.record_id: type(one) for one in told}
    assert kinds == {"nps/1": Made, "nps/2": Rejected, "nps/3": Made}


def test_an_answer_that_is_not_attached_yet_is_not_kept_yet() -> None:
    with portal() as (there, server):
        hubspot = opened(server)
        list(hubspot.keep("answers", "answer_key", [answer()]))
        there.ends.clear()
        assert hubspot.kept("answers", "answer_key", [answer()]) == {}
        [again] = hubspot.keep("answers", "answer_key", [answer()])
        assert isinstance(again, Made)
        assert len(there.rows["answers"]) == 1


def test_an_object_that_nothing_attaches_to_people_is_a_matter_of_the_account() -> None:
    with portal() as (there, server):
        there.attachable = False
        hubspot = opened(server)
        [refused] = hubspot.keep("answers", "answer_key", [answer()])
        assert isinstance(refused, Rejected)
        with pytest.raises(ConfigError, match="is there an association between the two"):
            list(hubspot.keep("answers", "answer_key", [answer(f"nps/{n}") for n in range(100)]))
        assert len(server.posts("/contacts/batch/create")) < 15


def test_an_object_without_an_association_is_a_matter_of_the_account() -> None:
    with portal() as (there, server):
        there.associated = False
        with pytest.raises(ConfigError, match="knows no association of answers with contacts"):
            list(opened(server).keep("answers", "answer_key", [answer()]))


@pytest.mark.parametrize("version", ["v3", "2026-09"])
def test_a_customer_who_is_gone_leaves_the_other_answers_attached(version: str) -> None:
    with portal() as (there, server):
        there.nobodies = ("999",)
        gone = Entry("nps/2", {"answer_key": "nps/2"}, {"contacts": "999"})
        told = opened(server, api_version=version).keep("answers", "answer_key", [answer(), gone])
        kinds = {one.record_id: one for one in told}
    assert isinstance(kinds["nps/1"], Made)
    assert isinstance(refused := kinds["nps/2"], Rejected)
    assert refused.cause is Cause.GONE


@pytest.mark.parametrize(
    ("key", "says"),
    [("plain", "unique values"), ("", "name the property"), ("nothing", 'no property "nothing"')],
)
def test_a_key_that_cannot_tell_answers_apart_is_a_matter_of_the_settings(key: str, says: str) -> None:
    with portal() as (there, server), pytest.raises(ConfigError, match=says):
        list(opened(server).keep("answers", key, [answer()]))
    with portal() as (_, server), pytest.raises(ConfigError, match=says):
        opened(server).kept("answers", key, [])
    assert not there.rows


def test_discarding_twice_is_as_good_as_once() -> None:
    with portal() as (there, server):
        hubspot = opened(server)
        [made] = hubspot.keep("notes", "", [note()])
        assert isinstance(made, Made)
        for _ in range(2):
            assert list(hubspot.discard("notes", [made.id])) == [Written(made.id)]
        assert not there.rows["notes"]


def test_an_attachment_whose_fate_is_unknown_is_made_again_by_the_next_run() -> None:
    with portal() as (_, server):
        usual = server.script

        def losing(asked: object) -> object:
            said = usual(asked)  # type: ignore[arg-type]
            return type(said)(drop=True) if asked.path.endswith("/contacts/batch/create") else said  # type: ignore[attr-defined]

        server.script = losing  # type: ignore[assignment]
        [waits] = opened(server).keep("answers", "answer_key", [answer()])
        assert isinstance(waits, Deferred)


def test_a_note_whose_record_is_gone_cannot_be_found_any_more() -> None:
    with portal() as (there, server):
        refused, made = opened(server).keep("notes", "", [note(about={}), note("nps/2")])
        assert isinstance(refused, Rejected)
        assert refused.cause is Cause.GONE
        assert isinstance(made, Made)
        assert opened(server).kept("notes", "", [note(about={}), note("nps/2")]) == {"nps/2": made.id}
        assert len(there.rows["notes"]) == 1


def test_a_note_is_brought_up_to_date_without_its_text_too() -> None:
    with portal() as (there, server):
        hubspot = opened(server)
        [made] = hubspot.keep("notes", "", [note()])
        later = Entry("nps/1", {"hs_timestamp": "2026-11-02T09:00:00.000Z"}, note().about)
        [again] = hubspot.keep("notes", "", [later])
        [row] = there.rows["notes"].values()
    assert made == again
    assert row["hs_timestamp"] == "2026-11-02T09:00:00.000Z"
    assert row["hs_note_body"].startswith("Scored 3")
