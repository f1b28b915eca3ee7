"""An invitation is told and taken back by its reference; the link by which a person answers stands nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from answered import NOW
from api_desk import ApiDesk
from peopled import YAML, Peopled, fill

from nps.asking import InvitationState, decided_at, reference_of

WAITS, SENT = "i5", "i1"


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str) -> ApiDesk:
    fill(Peopled(tmp_path))
    return ApiDesk(tmp_path, YAML)


def reference(desk: ApiDesk, id: str) -> str:
    one = desk.store.invitation(id)
    assert one is not None
    return one.reference


def state(desk: ApiDesk, id: str) -> InvitationState:
    one = desk.store.invitation(id)
    assert one is not None
    return one.state


def cancelled(desk: ApiDesk) -> list[tuple[str, object]]:
    return [(one.who, one.facts.get("invitation")) for one in desk.store.audited() if one.what == "cancel"]


def test_a_reference_leads_to_its_invitation_and_to_no_link(desk: ApiDesk):
    items = desk.get("/invitations").json["items"]
    every = {one.reference: one for one in desk.store.invitations()}
    assert {one["invitation"] for one in items} == set(every)
    for named, one in every.items():
        assert desk.store.invitation_called(named) == one
        assert one.id not in named.split("-")
    ids = {one.id for one in every.values()}
    assert not ids & {value for one in items for value in one.values()}


@pytest.mark.parametrize("text", ["i5", "", "1-2", "99999999999999999-0123456789abcdef", "1765792800000-xyz"])
def test_what_is_no_reference_names_nothing(desk: ApiDesk, text: str):
    assert decided_at(text) is None
    assert desk.store.invitation_called(text) is None


def test_one_is_taken_back_once_however_often_it_is_asked(desk: ApiDesk):
    at = f"/invitations/{reference(desk, WAITS)}/cancel"
    done = desk.post(at, {"reason": "left the company"}, "apply")
    assert (done.status, done.json["state"]) == (200, "cancelled")
    assert done.json["reason"] == f"cancelled by token:apply on {NOW:%Y-%m-%d}: left the company"
    again = desk.post(at, {"reason": "once more"}, "apply")
    assert (again.status, again.json) == (200, done.json)
    assert cancelled(desk) == [("token:apply", reference(desk, WAITS))]


def test_what_left_is_not_taken_back(desk: ApiDesk):
    refused = desk.post(f"/invitations/{reference(desk, SENT)}/cancel", None, "apply")
    assert (refused.status, refused.json["code"]) == (409, "settled")
    assert state(desk, SENT) is InvitationState.SENT
    assert cancelled(desk) == []


def test_neither_a_link_nor_a_stranger_is_an_invitation(desk: ApiDesk):
    at = desk.store.invitation(WAITS)
    assert at is not None
    for named in (WAITS, reference_of("another", at.created_at)):
        assert desk.post(f"/invitations/{named}/cancel", None, "apply").status == 404
    assert state(desk, WAITS) is InvitationState.QUEUED


def test_who_only_reads_takes_nothing_back(desk: ApiDesk):
    assert desk.post(f"/invitations/{reference(desk, WAITS)}/cancel", None, "read").status == 403
    assert state(desk, WAITS) is InvitationState.QUEUED


def test_the_list_goes_on_where_it_stopped_though_that_one_was_forgotten(desk: ApiDesk):
    every = [one.reference for one in desk.store.invitations_page(limit=50)]
    first = desk.get("/invitations?limit=3").json
    last = desk.store.invitation_called(every[2])
    assert last is not None
    with desk.store.database.write() as tx:
        tx.run("DELETE FROM step WHERE invitation = :id", id=last.id)
        tx.run("DELETE FROM invitation WHERE id = :id", id=last.id)
    found = [one["invitation"] for one in first["items"]]
    following = first["next"]
    while following:
        page = desk.get(following.removeprefix("/api/v1")).json
        found += [one["invitation"] for one in page["items"]]
        following = page["next"]
    assert set(found) == set(every)
