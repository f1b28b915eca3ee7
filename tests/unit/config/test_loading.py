"""Good files load, whatever YAML allows; what is told of bad ones reads as STYLE asks."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from builders_config import CONNECTIONS, ENV, PEOPLE, config_of, problems_of, yaml

from nps.errors import ConfigError
from npsync.config import load, secrets, wording
from sync.spec import Target


def test_a_good_file_becomes_frozen_values(tmp_path):
    config = config_of(
        yaml(
            "NPS__c: score",
            top="time_zone: America/New_York\nphone_region: US\n",
            sync="since: 2025-01-01\nvalid_for: 365 days\nbreaker: {changed_share: 40%, canary: 10}\n",
        ),
        tmp_path,
    )
    sync = config.sync["a"]
    assert config.time_zone == ZoneInfo("America/New_York")
    assert sync.every == timedelta(minutes=15)
    assert sync.since == date(2025, 1, 1)
    assert sync.valid_for == timedelta(days=365)
    assert sync.breaker.changed_share == Decimal("0.4")
    assert config.connections["crm"].settings.auth.client_secret.get_secret_value() == ENV["SF_SECRET"]
    with pytest.raises(AttributeError):
        config.store = "elsewhere"


def test_the_store_lies_beside_the_file_unless_it_says_otherwise(tmp_path):
    assert config_of(yaml(), tmp_path).store == f"sqlite:///{tmp_path}/npsync.db"
    assert (
        config_of(yaml(top="store: sqlite:///data/x.db\n"), tmp_path).store
        == f"sqlite:///{tmp_path}/data/x.db"
    )
    assert config_of(yaml(top="store: sqlite:////var/x.db\n"), tmp_path).store == "sqlite:////var/x.db"
    postgres = "postgresql://me:hidden-pass@db/npsync"
    assert config_of(yaml(top=f"store: {postgres}\n"), tmp_path).store == postgres
    assert "hidden-pass" not in secrets.redact(f"can't reach {postgres}")


def test_a_survey_id_may_be_a_bare_number_or_a_list(tmp_path):
    surveys = "surveys:\n  nps:\n    at: {mail: [1146, '0077']}\n"
    survey = config_of(yaml(surveys=surveys), tmp_path).surveys["nps"]
    assert survey.at == {"mail": ("1146", "0077")}
    assert survey.includes("mail", "1146")
    assert not survey.includes("mail", "77")
    assert not survey.includes("other", "1146")


def test_a_list_of_connections_takes_all_their_answers(tmp_path):
    survey = config_of(yaml(), tmp_path).surveys["nps"]
    assert survey.includes("mail", "any")
    assert survey.includes("mail", None)


def test_on_no_and_dates_are_text_as_in_yaml_1_2(tmp_path):
    fields = "Opted__c: {from: segment, map: {promoter: on, passive: no, detractor: 2025-01-01}}"
    shown = config_of(yaml(fields), tmp_path).sync["a"].fields["Opted__c"].map
    assert shown == {"promoter": "on", "passive": "no", "detractor": "2025-01-01"}


def test_yaml_1_1_does_not_turn_words_into_truth_values(tmp_path):
    fields = "Opted__c: {from: segment, map: {promoter: on, passive: no, detractor: true}}"
    shown = config_of(f"%YAML 1.1\n---\n{yaml(fields)}", tmp_path).sync["a"].fields["Opted__c"].map
    assert shown == {"promoter": "on", "passive": "no", "detractor": True}


def test_anchors_aliases_and_merges_share_blocks(tmp_path):
    text = yaml(top="x-brake: &brake {canary: 7}\n", sync="breaker:\n  <<: *brake\n  changed_share: 30%\n")
    breaker = config_of(text, tmp_path).sync["a"].breaker
    assert (breaker.canary, breaker.changed_share) == (7, Decimal("0.3"))


def test_a_problem_in_a_merged_block_is_shown_where_it_is_written(tmp_path):
    text = yaml(top="x-brake: &brake\n  canary: -1\n", sync="breaker:\n  <<: *brake\n")
    [problem] = problems_of(text, tmp_path)
    assert (problem.path, problem.line, problem.column) == ("sync.a.breaker.canary", 2, 3)


def test_a_problem_in_an_alias_is_told_for_each_place_that_uses_it(tmp_path):
    text = yaml("A__c: &bad scroe\nB__c: *bad")
    assert [problem.path for problem in problems_of(text, tmp_path)] == [
        "sync.a.fields.A__c",
        "sync.a.fields.B__c",
    ]


def test_another_object_brings_its_own_match_rules(tmp_path):
    text = yaml().replace(
        "to: crm", "to: {connection: crm, object: Case, match: [{response: event.id, record: Id}]}"
    )
    to = config_of(text, tmp_path).sync["a"].to
    assert isinstance(to, Target)
    assert (to.object, to.match[0].record) == ("Case", "Id")


def test_a_place_is_found_by_path(tmp_path):
    config = config_of(yaml("NPS__c: {from: score, as: integer}"), tmp_path)
    place = config.place(("sync", "a", "fields", "NPS__c", "as"))
    line = config.file.read_text().splitlines()[place.line - 1]
    assert line[place.column - 1 :].startswith("as: integer")
    assert config.place(("sync", "a", "nothing", "here")) == config.place(("sync", "a"))


def test_a_file_with_a_byte_order_mark_and_crlf_loads(tmp_path):
    file = tmp_path / "npsync.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + yaml().replace("\n", "\r\n").encode())
    assert load(file, ENV).sync["a"].survey == "nps"


def test_an_emoji_may_be_escaped_as_json_does(tmp_path):
    text = yaml(r'T__c: {value: "\ud83d\ude00"}')
    assert config_of(text, tmp_path).sync["a"].fields["T__c"].value == "😀"


@pytest.mark.parametrize("escape", [r"\0", r"\ud83d"])
def test_an_escape_that_makes_no_character_is_refused(tmp_path, escape):
    [problem] = problems_of(yaml(f'T__c: {{value: "a{escape}b"}}'), tmp_path)
    assert (problem.code, problem.path) == ("bad_character", "sync.a.fields.T__c.value")


# ---------------------------------------------------------------- variables


def test_a_doubled_dollar_is_a_plain_one(tmp_path):
    text = yaml("T__c: {value: 'costs $${5} or $5'}")
    assert config_of(text, tmp_path).sync["a"].fields["T__c"].value == "costs ${5} or $5"


def test_a_variable_gives_a_number_where_a_number_is_wanted(tmp_path):
    text = yaml(sync='breaker: {canary: "${CANARY}", changed_share: "${SHARE}"}\n')
    breaker = config_of(text, tmp_path, ENV | {"CANARY": "25", "SHARE": "10%"}).sync["a"].breaker
    assert (breaker.canary, breaker.changed_share) == (25, Decimal("0.1"))


def test_a_value_is_never_parsed_as_yaml(tmp_path):
    hostile = 'x", injected: "y\n- *z'
    config = config_of(yaml(), tmp_path, ENV | {"SF_SECRET": hostile})
    assert config.connections["crm"].settings.auth.client_secret.get_secret_value() == hostile


def test_a_secret_comes_from_a_file_without_its_last_line_end(tmp_path):
    (tmp_path / "secrets" / "crm").mkdir(parents=True)
    (tmp_path / "secrets" / "crm" / "sf.txt").write_text("from-a-file\n")
    text = yaml(top="secrets_folder: secrets\n").replace("${SF_SECRET}", "${file:crm/sf.txt}")
    config = config_of(text, tmp_path)
    assert config.connections["crm"].settings.auth.client_secret.get_secret_value() == "from-a-file"
    assert "from-a-file" not in secrets.redact("token from-a-file")


def test_a_link_does_not_lead_out_of_the_secrets_folder(tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "outside").write_text("not-yours")
    (tmp_path / "secrets" / "link").symlink_to(tmp_path / "outside")
    text = yaml(top="secrets_folder: secrets\n").replace("${SF_SECRET}", "${file:link}")
    [problem] = problems_of(text, tmp_path)
    assert problem.code == "bad_reference"
    assert "not-yours" not in problem.message


def test_missing_variables_are_told_together_and_hide_no_other_problem(tmp_path):
    problems = problems_of(yaml("NPS__c: scroe"), tmp_path, {"SF_ID": "x" * 8})
    assert [problem.code for problem in problems] == ["missing_variable", "unknown_name"]
    assert problems[0].message == "${SF_SECRET} is not set; also missing: WOOTRIC_ID, WOOTRIC_SECRET"


def test_a_missing_address_is_one_problem_not_two(tmp_path):
    text = 'connections:\n  h:\n    type: hubspot\n    token: "${SF_ID}"\n    base_url: "${NOWHERE}"\n'
    assert [problem.code for problem in problems_of(text, tmp_path)] == ["missing_variable"]


def test_a_file_can_be_looked_at_without_its_variables(tmp_path):
    file = tmp_path / "npsync.yaml"
    file.write_text(yaml())
    config = load(file, {}, without_variables=True)
    assert list(config.sync) == ["a"]
    assert secrets.redact("${SF_SECRET}") == "${SF_SECRET}"


@pytest.mark.parametrize("value", ["hunter2-hunter2", "9", "ab"])
def test_a_value_of_the_environment_is_in_no_message_even_when_it_is_wrong(tmp_path, value):
    text = yaml('NPS__c: {from: "${BAD}", as: "${BAD}"}', sync='breaker: {changed_share: "${BAD}"}\n')
    problems = problems_of(text, tmp_path, ENV | {"BAD": value})
    assert len(problems) >= 2
    assert all(f'"{value}"' not in problem.message for problem in problems)


def test_a_secret_written_into_the_file_is_masked_as_well(tmp_path):
    config_of(yaml().replace("${SF_SECRET}", "literal-s3cret"), tmp_path)
    assert secrets.redact("refused: literal-s3cret") == "refused: ***"


def test_a_masked_value_is_masked_in_addresses_and_json_too():
    secrets.register('pass word/"x"')
    told = 'pass word/"x" pass%20word%2F%22x%22 pass+word%2F%22x%22 pass word/\\"x\\"'
    assert secrets.redact(told) == "*** *** *** ***"


@pytest.mark.parametrize("value", ["127.0.0.1", "localhost", "http://127.0.0.1:8642", "http://[::1]:1/crm"])
def test_an_address_of_this_machine_is_no_secret(value):
    secrets.register(value)
    assert secrets.redact(f"listening at {value}") == f"listening at {value}"


@pytest.mark.parametrize(
    "value", ["http://me:hidden@127.0.0.1", "http://127.0.0.1/hooks/hidden", "http://127.0.0.1/?key=hidden"]
)
def test_an_address_of_this_machine_that_holds_a_secret_is_masked(value):
    secrets.register(value)
    assert secrets.redact(f"listening at {value}") == "listening at ***"


def test_a_private_key_is_masked_line_by_line():
    secrets.register(
        "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nBAQEFAASCBKcwggSjAgEAA\n-----END KEY-----"
    )
    assert secrets.redact("line: MIIEvQIBADANBgkqhkiG9w0") == "line: ***"


def test_no_representation_shows_a_secret(tmp_path):
    config = config_of(yaml(top="store: postgresql://me:hidden-pass@db/npsync\n"), tmp_path)
    for shown in (repr(config), repr(config.connections["crm"].settings), repr(config.document)):
        assert "hidden-pass" not in shown
        assert not any(value in shown for value in ENV.values() if value)


# ---------------------------------------------------------------- wording


def test_a_problem_begins_with_its_line_so_that_editors_can_jump(tmp_path):
    [problem] = problems_of(yaml("NPS__c: scroe"), tmp_path)
    assert str(problem) == (
        f'{tmp_path}/npsync.yaml:24:7: sync.a.fields.NPS__c: there is no name "scroe"; did you mean "score"?'
    )


def test_a_missing_key_is_told_at_its_block(tmp_path):
    text = CONNECTIONS + PEOPLE.replace("    object: Contact\n", "")
    [problem] = problems_of(text, tmp_path)
    assert (problem.path, problem.line) == ("people.crm.object", 11)
    assert problem.message.startswith('"object" is missing: ')


def test_looking_for_the_key_that_was_meant_warns_of_nothing_else(tmp_path, recwarn):
    wording._schema.cache_clear()
    [problem] = problems_of(yaml("NPS__c: score", sync="breakr: {canary: 1}\n"), tmp_path)
    assert problem.message == 'there is no key "breakr" here; did you mean "breaker"?'
    assert [str(each.message) for each in recwarn] == []


def test_a_file_that_is_not_there_names_the_next_step(tmp_path):
    with pytest.raises(ConfigError, match="npsync init"):
        load(tmp_path / "none.yaml", {})
    with pytest.raises(ConfigError, match="is a folder"):
        load(tmp_path, {})


def test_keys_of_ones_own_are_left_alone(tmp_path):
    assert config_of(yaml(top="x-owner: revops\nx-list: [1, 2]\n"), tmp_path).sync


def test_plain_http_is_fine_on_this_machine_and_where_it_is_allowed(tmp_path):
    for more in (
        "base_url: http://127.0.0.1:8080/salesforce",
        "base_url: http://10.0.0.5/sf\n    allow_http: true",
    ):
        text = yaml().replace("    type: salesforce\n", f"    type: salesforce\n    {more}\n")
        assert config_of(text, tmp_path).connections["crm"].settings.base_url.startswith("http://")


def test_a_preset_is_a_type_like_any_other(tmp_path):
    text = 'connections:\n  app-nps:\n    type: apptentive\n    api_key: "${WOOTRIC_ID}"\n    app: 5a1b\n'
    config = config_of(text + 'surveys:\n  relationship:\n    at: {app-nps: "77"}\n', tmp_path)
    assert config.connections["app-nps"].type == "apptentive"
    assert config.sources_of("relationship") == {"app-nps": ("77",)}
