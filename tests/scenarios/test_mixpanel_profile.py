"""Wootric's answers come onto Mixpanel profiles: found where somebody can look, believed where nobody can, and never
made where there was none."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from cli_process import Npsync
from sandbox_process import RunningSandbox
from townspeople import Person, Town

_NUMBERS = count(1)
FIELDS = {
    "NPS Score": "score",
    "NPS Segment": "segment",
    "NPS Last Survey": "answered_at",
    "NPS Comment": {"from": "comment", "truncate": 255},
}


def config(*, sees: bool, **sync: Any) -> dict[str, Any]:
    product: dict[str, Any] = {
        "type": "mixpanel",
        "project_id": "${MIXPANEL_PROJECT}",
        "project_token": "${MIXPANEL_TOKEN}",
        "base_url": "${MIXPANEL_URL}",
    }
    if sees:
        product["service_account"] = {"username": "${MIXPANEL_USER}", "secret": "${MIXPANEL_SECRET}"}
    else:
        product["distinct_id_is"] = "external_id"
    return {
        "time_zone": "UTC",
        "store": "sqlite:///npsync.db",
        "connections": {
            "product": product,
            "email-nps": {
                "type": "wootric", "client_id": "${WOOTRIC_ID}", "client_secret": "${WOOTRIC_SECRET}",
                "base_url": "${WOOTRIC_URL}",
            },
        },
        "people": {
            "product": {
                "object": "profiles", "match": [{"response": "external_id", "record": "distinct_id"}],
            }
        },
        "surveys": {"relationship": {"metric": "nps", "at": {"email-nps": "1146"}}},
        "sync": {
            "profiles": {
                "every": "15 minutes", "survey": "relationship", "to": "product", "since": "2025-01-01",
                "fields": FIELDS, "breaker": {"changed_share": "100%"}, **sync,
            }
        },
    }  # fmt: skip


@pytest.fixture(autouse=True)
def _nobody_else(sandbox: RunningSandbox) -> None:
    """What earlier stories answered is theirs, and a project's hour has as many questions as they need."""
    for one in sandbox.rows("wootric", "responses"):
        sandbox.control("DELETE", f"/wootric/responses/{one['id']}")
    knobs = {"queries_per_hour": 10**6, "per_second": 10**6}
    sandbox.control("POST", "/mixpanel/do/set", knobs)


@pytest.fixture
def npsync(sandbox: RunningSandbox, tmp_path: Any) -> Npsync:
    return Npsync(tmp_path, sandbox.env)


def user(town: Town, name: str = "ann", *, profile: bool = True) -> Person:
    """Somebody whose id in the survey tool is their distinct id."""
    id = f"u-{next(_NUMBERS)}"
    if profile:
        town.sandbox.control("POST", "/mixpanel/profiles", {"id": id, "properties": {"Plan": "Pro"}})
    return town.person(name, external_id=id, in_crm=False)


def shown(town: Town, person: Person) -> dict[str, Any]:
    held: dict[str, Any] = town.sandbox.control("GET", f"/mixpanel/profiles/{person.external_id}")[
        "properties"
    ]
    return held


def has_profile(town: Town, person: Person) -> bool:
    return person.external_id in {one["id"] for one in town.sandbox.rows("mixpanel", "profiles")}


def test_an_answer_shows_on_the_profile_and_a_second_run_writes_nothing(npsync: Npsync, town: Town) -> None:
    npsync.configured(config(sees=True))
    ann, nobody = user(town), user(town, "nobody", profile=False)
    town.answers(ann, 9, 'O\'Brien said "yes"')
    town.answers(nobody, 2)
    npsync("check")
    assert "ok" in npsync("connect", "product").out
    assert npsync.run("profiles")["writes"] == {"profiles": 1}
    held = shown(town, ann)
    assert (held["NPS Score"], held["NPS Segment"], held["Plan"]) == (9, "promoter", "Pro")
    assert held["NPS Comment"] == 'O\'Brien said "yes"'
    assert not has_profile(town, nobody)
    assert npsync.run("profiles")["writes"] == {"profiles": 0}


def test_with_a_service_account_a_run_is_explained_and_undone_and_a_colleagues_value_kept(
    npsync: Npsync, town: Town
) -> None:
    npsync.configured(config(sees=True))
    ann, bob = user(town), user(town, "bob")
    town.answers(ann, 9)
    town.answers(bob, 3, "slow")
    run = npsync.run("profiles")["run"]
    assert "shows 9" in npsync("why", str(ann.external_id)).out
    town.sandbox.control("PATCH", f"/mixpanel/profiles/{bob.external_id}", {"NPS Score": 8})
    npsync("undo", str(run), "--yes", exits=3)
    assert "NPS Score" not in shown(town, ann)
    assert shown(town, bob)["NPS Score"] == 8
    assert "NPS Comment" not in shown(town, bob)


def test_without_one_what_cannot_be_read_back_is_said_and_refused(npsync: Npsync, town: Town) -> None:
    npsync.configured(config(sees=False))
    ann = user(town)
    town.answers(ann, 9)
    told = npsync("check").out
    assert "overwritten unseen" in told
    assert "Add service_account" in told
    assert "not testable" in npsync("connect", "product").out
    run = npsync.run("profiles")["run"]
    assert shown(town, ann)["NPS Score"] == 9
    assert npsync.run("profiles")["writes"] == {"profiles": 0}
    for command in (("undo", str(run), "--yes"), ("verify", "profiles")):
        refused = npsync(*command, exits=2)
        assert "Add service_account" in " ".join(refused.everything.split())
    assert shown(town, ann)["NPS Score"] == 9
    why = " ".join(npsync("why", str(ann.external_id)).out.split())
    assert "NPS Score was last set to 9" in why
    assert "product cannot be looked at" in why


def test_without_one_a_newer_answer_goes_on_from_what_was_written(npsync: Npsync, town: Town) -> None:
    npsync.configured(config(sees=False))
    ann = user(town)
    town.answers(ann, 9, "good", days_ago=2)
    npsync.run("profiles")
    town.answers(ann, 3, days_ago=1)
    assert npsync.run("profiles")["writes"] == {"profiles": 1}
    held = shown(town, ann)
    assert held["NPS Score"] == 3
    assert "NPS Comment" not in held  # an old comment never stands beside a new score


def test_verifying_on_a_schedule_what_nobody_can_look_at_is_a_mistake_in_the_file(npsync: Npsync) -> None:
    npsync.configured(config(sees=False, verify={"cron": "0 3 * * *"}))
    assert "there is nothing to compare with" in npsync("check", "--offline", exits=2).out
