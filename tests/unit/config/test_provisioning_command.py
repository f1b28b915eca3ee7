"""`npsync provision`: the attributes that a mapping writes, planned first; nothing that is there is altered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from builders_config import ENV, config_of, problems_of
from played_intercom import BASE, attribute, refused
from played_vendor import PlayedVendor, playing

from nps.schema import FieldType
from npsync.cli import main
from npsync.config import load
from npsync.opening import open_store
from npsync.operating.connection_health import Health, health_of
from npsync.provisioning.wanted import wanted_fields

FILE = """\
time_zone: America/New_York
connections:
  chat:
    type: intercom
    access_token: "${INTERCOM_TOKEN}"
    provision: {access_token: "${INTERCOM_ADMIN_TOKEN}"}
  mail:
    type: wootric
    client_id: "${WOOTRIC_ID}"
    client_secret: "${WOOTRIC_SECRET}"
people:
  chat:
    object: contacts
    match:
      - {response: email, record: email}
surveys:
  nps:
    at: [mail]
sync:
  a:
    every: 15 minutes
    survey: nps
    to: chat
    fields:
FIELDS"""
MAPPED = {
    "custom_attributes.nps_score": "score",
    "custom_attributes.nps_segment": "segment",
    "custom_attributes.nps_mood": "{from: segment, map: {promoter: good, passive: so so, detractor: bad}}",
    "custom_attributes.nps_day": "{from: answered_at, as: date}",
    "custom_attributes.nps_comment": "{from: comment, truncate: 255}",
}
DAILY = {**ENV, "INTERCOM_TOKEN": "everyday"}
ADMIN = {**DAILY, "INTERCOM_ADMIN_TOKEN": "administrator"}
DAY = attribute("nps_day", "date")

Command = Callable[..., tuple[int, str, str]]


def file(**fields: str) -> str:
    """A file that writes these fields; dots are written as two underscores."""
    lines = {name.replace("__", "."): text for name, text in fields.items()} or MAPPED
    return FILE.replace("FIELDS", "".join(f"      {name}: {text}\n" for name, text in lines.items()))


@pytest.fixture
def intercom() -> Iterator[PlayedVendor]:
    with playing(BASE) as vendor:
        yield vendor


def has(vendor: PlayedVendor, *attributes: dict[str, Any], then: Any = None) -> None:
    """The workspace's attributes; `then` is what creating one is answered with, each time."""
    listed = (200, {"type": "list", "data": [*attributes]})
    vendor.at["/data_attributes"] = [listed, *([then] if then is not None else [])]


@pytest.fixture
def npsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, text: str = "", env: dict[str, str] = ADMIN) -> tuple[int, str, str]:
        for name in ADMIN:
            monkeypatch.delenv(name, raising=False)
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        (tmp_path / "npsync.yaml").write_text(text or file(), "utf-8")
        with pytest.raises(SystemExit) as left:
            main(["provision", *arguments])
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return run


# ---------------------------------------------------------------- what is wanted


def test_a_mapping_says_what_its_fields_will_hold(tmp_path: Path) -> None:
    wanted = {each.name.rpartition(".")[2]: each for each in wanted_fields(load_of(tmp_path), "chat")}
    told = {name: (each.type, each.options, each.length) for name, each in wanted.items()}
    assert told == {
        "nps_score": (FieldType.INTEGER, (), None),
        "nps_segment": (FieldType.CHOICE, ("promoter", "passive", "detractor"), None),
        "nps_mood": (FieldType.CHOICE, ("good", "so so", "bad"), None),
        "nps_day": (FieldType.DATE, (), None),
        "nps_comment": (FieldType.TEXT, (), 255),
    }
    assert wanted["nps_score"].label == "NPS score"
    assert wanted["nps_score"].help == "Score of the survey nps. Written by npsync (sync a)."


def load_of(folder: Path) -> Any:
    return config_of(file(), folder, DAILY)


# ---------------------------------------------------------------- the credential


def test_every_other_command_works_without_the_administrators_token(tmp_path: Path) -> None:
    assert load_of(tmp_path).connections["chat"].settings.provision is None
    settings = config_of(file(), tmp_path, ADMIN).connections["chat"].settings
    assert settings.provision.access_token.get_secret_value() == "administrator"


def test_provisioning_asks_for_it(npsync: Command) -> None:
    code, _, err = npsync(env=DAILY)
    assert code == 2
    assert "npsync.yaml:6:" in err
    assert "INTERCOM_ADMIN_TOKEN" in err


def test_another_variable_that_is_missing_is_told_as_ever(tmp_path: Path) -> None:
    [problem] = problems_of(file(), tmp_path, ENV)
    assert (problem.line, problem.code) == (5, "missing_variable")
    assert "INTERCOM_ADMIN_TOKEN" not in problem.message
    # The same variable in both places is needed.
    both = file().replace("${INTERCOM_TOKEN}", "${INTERCOM_ADMIN_TOKEN}")
    [problem] = problems_of(both, tmp_path, ENV)
    assert (problem.line, problem.code) == (5, "missing_variable")


def test_a_misspelt_key_of_it_is_told_at_its_line(tmp_path: Path) -> None:
    text = file().replace('provision: {access_token: "${INTERCOM_ADMIN_TOKEN}"}', "provision: {token: x}")
    told = {problem.code: problem.line for problem in problems_of(text, tmp_path, DAILY)}
    assert told == {"missing_key": 6, "unknown_key": 6}


def test_a_connection_that_has_no_such_credential_says_so(tmp_path: Path) -> None:
    text = file().replace("    client_id:", '    provision: {token: "${UNSET}"}\n    client_id:')
    [problem] = problems_of(text, tmp_path, DAILY)
    assert (problem.line, problem.code) == (9, "unknown_key")


# ---------------------------------------------------------------- plan and create


def posted(vendor: PlayedVendor) -> list[Any]:
    return [each.json for each in vendor.sent("POST")]


def test_the_plan_comes_first_and_creates_nothing(npsync: Command, intercom: PlayedVendor) -> None:
    has(intercom, DAY)
    code, out, _ = npsync()
    assert code == 0
    assert "+ data attribute nps_score of contact: integer" in out
    assert "+ data attribute nps_mood of contact: options (good, so so, bad)" in out
    assert "1 there already" in out
    assert "Nothing was created. To go ahead: npsync provision chat --apply" in out
    assert posted(intercom) == []
    assert max(map(len, out.splitlines())) <= 100


def test_what_is_missing_is_created_by_the_administrators_token(
    npsync: Command, intercom: PlayedVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = file(custom_attributes__nps_score="score", custom_attributes__nps_segment="segment")
    has(intercom, then=(200, attribute("nps_score", "integer", id=7)))
    intercom.at["/data_attributes"].append((200, attribute("nps_segment", "string", id=8)))
    code, out, _ = npsync("--apply", "--json", text=text)
    assert code == 0
    [told] = json.loads(out)["connections"]
    assert [(step["field"], step["created"]) for step in told["steps"]] == [
        ("custom_attributes.nps_score", True),
        ("custom_attributes.nps_segment", True),
    ]
    score, segment = posted(intercom)
    assert score == {
        "name": "nps_score",
        "model": "contact",
        "data_type": "integer",
        "description": "Score of the survey nps. Written by npsync (sync a).",
    }
    assert segment["options"] == [{"value": "promoter"}, {"value": "passive"}, {"value": "detractor"}]
    assert {each.headers["authorization"] for each in intercom.asked} == {"Bearer administrator"}

    # Once more: they are there, and it is known who made them.
    intercom.asked.clear()
    made = attribute("nps_segment", "string", options=["promoter", "passive", "detractor"])
    has(intercom, attribute("nps_score", "integer"), made)
    code, out, _ = npsync("--apply", text=text)
    assert code == 0
    assert "2 there already (2 created by npsync)" in out
    assert "Nothing to create" in out
    assert posted(intercom) == []

    # Somebody deleted one: that is said, and it is only made again where somebody says so.
    has(intercom, made)
    code, out, _ = npsync(text=text)
    assert code == 0
    assert "npsync created it on" in out
    assert posted(intercom) == []


@pytest.mark.parametrize(
    ("there", "mapped", "why"),
    [
        (attribute("x", "string"), "score", ""),  # a text takes a whole number
        (attribute("x", "date"), "score", "it is there as a date, and a whole number is wanted"),
        (attribute("x", "boolean"), "segment", "it is there as true or false"),
        (attribute("x", "integer", archived=True), "score", "archived"),
        (attribute("x", "integer", api_writable=False), "score", "cannot write it"),
        (
            attribute("x", "string", options=["promoter", "passive"]),
            "segment",
            "without the option detractor",
        ),
        (attribute("y", "string"), "properties.plan", "say it with `as:`"),
        (attribute("y", "string"), "{value: same}", ""),
        (attribute("y", "string"), "{from: segment, map: {promoter: a}}", "at least 2 options"),
        (attribute("y", "string"), "{value: [a, b]}", "write it as text"),
    ],
)
def test_what_stands_in_the_way_is_told_and_nothing_is_altered(
    npsync: Command, intercom: PlayedVendor, there: dict[str, Any], mapped: str, why: str
) -> None:
    has(intercom, there, then=(200, attribute("x", "string")))
    code, out, _ = npsync("--apply", text=file(custom_attributes__x=mapped))
    assert code == (3 if why else 0)
    assert ("x contacts.custom_attributes.x: " in out) == bool(why)
    assert why in " ".join(out.split())
    assert len(posted(intercom)) == (1 if not why and there["name"] == "y" else 0)
    assert {each.method for each in intercom.asked} <= {"GET", "POST"}


def test_a_field_of_intercoms_own_cannot_be_created(npsync: Command, intercom: PlayedVendor) -> None:
    has(intercom)
    code, out, _ = npsync("--apply", text=file(nps_score="score"))
    assert code == 3
    assert "call it custom_attributes.nps_score" in " ".join(out.split())
    assert posted(intercom) == []


def test_one_that_is_refused_stops_no_other(npsync: Command, intercom: PlayedVendor) -> None:
    taken = (400, refused("parameter_invalid", "You already have 'nps_a' in your contact data"))
    has(intercom, then=taken)
    intercom.at["/data_attributes"].append((200, attribute("nps_b", "integer")))
    text = file(custom_attributes__nps_a="score", custom_attributes__nps_b="previous_score")
    code, out, _ = npsync("--apply", text=text)
    assert code == 3
    told = " ".join(out.split())
    assert "Intercom refuses to create custom_attributes.nps_a (400 (parameter_invalid)" in told
    assert "request_id req-1" in told
    assert "1 created" in told


@pytest.mark.parametrize("arrived", [True, False])
def test_one_whose_answer_was_lost_is_looked_for_and_not_sent_again(
    npsync: Command, intercom: PlayedVendor, arrived: bool
) -> None:
    lost = requests.ConnectionError("reset")
    after = [attribute("nps_a", "integer")] if arrived else []
    has(intercom, then=lost)
    intercom.at["/data_attributes"].append((200, {"type": "list", "data": after}))
    code, out, _ = npsync("--apply", text=file(custom_attributes__nps_a="score"))
    assert code == (0 if arrived else 3)
    assert f"{int(arrived)} created" in out
    assert len(posted(intercom)) == 1


def test_a_token_that_may_not_create_attributes_says_so(npsync: Command, intercom: PlayedVendor) -> None:
    has(intercom, then=(403, refused("forbidden")))
    code, _, err = npsync("--apply")
    assert code == 1
    assert "the app may not do this (403" in err


def test_one_that_breaks_off_tells_what_it_had_created_by_then(
    npsync: Command, intercom: PlayedVendor
) -> None:
    text = file(custom_attributes__nps_a="score", custom_attributes__nps_b="previous_score")
    everyday = text.replace('    provision: {access_token: "${INTERCOM_ADMIN_TOKEN}"}\n', "")
    for arguments in (["--apply"], ["--apply", "--json"]):
        has(intercom, then=(200, attribute("nps_a", "integer")))
        intercom.at["/data_attributes"].append((403, refused("forbidden")))
        code, out, err = npsync(*arguments, text=everyday)
        assert code == 1
        assert "the app may not do this (403" in err
        assert "`provision: {access_token: …}`" in err
        assert max(map(len, err.splitlines()[1:])) <= 100
        if "--json" in arguments:
            [told] = json.loads(out)["connections"]
            assert [step["created"] for step in told["steps"]] == [True, False]
            assert "the app may not do this (403" in told["error"]
        else:
            assert "It broke off: 1 created, 1 not." in out
            assert "created: data attribute nps_a of contact" in out
    # Whoever has such a credential is not told to get one.
    has(intercom, then=(403, refused("forbidden")))
    code, out, err = npsync("--apply", text=text)
    assert (code, "It broke off: 0 created, 2 not." in out, "`provision:" in err) == (1, True, False)


@pytest.mark.parametrize("answer", [(403, refused("forbidden")), (200, {"type": "list", "data": [DAY]})])
def test_how_its_calls_go_tells_nothing_of_what_the_connection_does_every_day(
    npsync: Command, intercom: PlayedVendor, tmp_path: Path, answer: tuple[int, Any]
) -> None:
    text = file().replace('    provision: {access_token: "${INTERCOM_ADMIN_TOKEN}"}\n', "")
    intercom.at["/data_attributes"] = [answer]
    npsync("--apply", text=text)
    assert intercom.asked
    with open_store(config_of(text, tmp_path, DAILY)) as store:
        assert health_of(store, ["chat"], datetime.now(UTC)) == {"chat": Health()}


def test_one_that_could_not_be_planned_says_so_to_machines_too(
    npsync: Command, intercom: PlayedVendor
) -> None:
    intercom.at["/data_attributes"] = [(403, refused("forbidden"))]
    code, out, err = npsync("--json")
    [told] = json.loads(out)["connections"]
    assert code == 1
    assert told["connection"] == "chat"
    assert told["error"] in err


@pytest.mark.parametrize("flags", ["", " --apply"])
def test_what_was_planned_is_planned_again_once_there_is_a_credential_for_it(
    npsync: Command, intercom: PlayedVendor, flags: str
) -> None:
    intercom.at["/data_attributes"] = [(403, refused("forbidden"))]
    everyday = file().replace('    provision: {access_token: "${INTERCOM_ADMIN_TOKEN}"}\n', "")
    _, _, err = npsync("chat", *flags.split(), text=everyday)
    assert err.endswith(f"`provision: {{access_token: …}}`.\nThen again: npsync provision chat{flags}\n")
    assert err.count("npsync connect") == 1


def test_where_npsync_cannot_create_fields_it_says_so(npsync: Command, intercom: PlayedVendor) -> None:
    has(intercom)
    code, _, err = npsync("mail")
    assert code == 2
    assert "npsync cannot create fields in Wootric" in err
    code, _, err = npsync("chatt")
    assert code == 2
    assert 'did you mean "chat"' in err


def test_what_was_made_there_is_not_taken_away_by_npsync(npsync: Command, intercom: PlayedVendor) -> None:
    code, _, err = npsync("chat", "--remove")
    assert (code, "npsync removes nothing in Intercom" in err) == (2, True)
    assert npsync("--remove")[0] == 0
    code, _, err = npsync("--package", "nps.zip")
    assert (code, "--package is for a Salesforce connection" in err) == (2, True)
    code, _, err = npsync("chat", "--package", "nps.zip", "--apply")
    assert (code, "leave --apply and --remove out" in err) == (2, True)


def test_the_ledgers_field_is_wanted_as_a_moment(tmp_path: Path) -> None:
    text = file().replace("    match:", "    email: email\n    match:") + (
        "contact_policy: {ledger_field: custom_attributes.last_asked_at}\n"
        "triggers:\n  t:\n    audience: {connection: chat}\n    every: 180 days\n    survey: asked\n"
    )
    text = text.replace("surveys:\n", "surveys:\n  asked: {kind: relationship, through: [{use: mail}]}\n")
    (tmp_path / "npsync.yaml").write_text(text)
    config = load(tmp_path / "npsync.yaml", DAILY)
    wanted = {each.name: each.type for each in wanted_fields(config, "chat")}
    assert wanted["custom_attributes.last_asked_at"] is FieldType.DATETIME
