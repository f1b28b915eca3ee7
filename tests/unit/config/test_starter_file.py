"""What `npsync init` writes is right for any choice of connectors."""

from __future__ import annotations

import re
from itertools import chain, combinations

import pytest
from builders_config import config_of

from connectors import registry
from mapping.selftest import run_tests
from nps.errors import ConfigError
from npsync.config import starter
from npsync.syncing.jobs import compiled

CHOICES = list(
    chain.from_iterable(combinations(registry.names(), size) for size in (1, 2, len(registry.names())))
)


@pytest.mark.parametrize("names", CHOICES, ids="+".join)
def test_a_starter_file_passes_the_check_and_its_own_tests(tmp_path, names):
    text = starter.text(starter.chosen(names))
    config = config_of(text, tmp_path, {name: f"made-up-{name}" for name in starter.variables(text)})
    assert {each.type for each in config.connections.values()} == set(names)
    for spec in config.sync.values():
        assert spec.tests
        assert all(result.passed for result in run_tests(spec.tests, compiled(config, spec)))


def test_a_source_and_a_destination_make_a_sync(tmp_path):
    text = starter.text(starter.chosen(["wootric", "hubspot", "salesforce"]))
    config = config_of(text, tmp_path, {name: f"made-up-{name}" for name in starter.variables(text)})
    assert set(config.sync) == {"nps-to-hubspot", "nps-to-salesforce"}
    assert config.surveys["relationship"].sources == ("wootric",)


def test_scores_that_are_no_nps_have_a_survey_of_their_own(tmp_path):
    text = starter.text(starter.chosen(["wootric", "zendesk_csat", "salesforce"]))
    config = config_of(text, tmp_path, {name: f"made-up-{name}" for name in starter.variables(text)})
    assert config.surveys["relationship"].sources == ("wootric",)
    assert config.surveys["zendesk_csat"].metric == "csat"
    assert {spec.survey for spec in config.sync.values()} == {"relationship"}


def test_the_variables_to_set_are_those_that_are_not_commented_out():
    text = 'a: "${ONE}"\n# b: "${TWO}"\nc: x   # ${THREE}\nd: "$${FOUR} ${ONE}"\n'
    assert starter.variables(text) == ["ONE"]


def test_an_unknown_connector_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match='did you mean "salesforce"'):
        starter.chosen(["salesfroce"])


def test_no_starter_holds_a_secret():
    for name in registry.names():
        block = registry.load(name).starter
        for line in block.splitlines():
            if re.match(r"\s*(\w*secret|token|\w*password)\s*:", line):
                assert "${" in line


def test_fields_are_named_as_each_vendor_names_them():
    text = starter.text(starter.chosen(["wootric", "salesforce", "hubspot", "intercom"]))
    for name in ("NPS_Last_Survey__c:", " nps_last_survey:", "custom_attributes.nps_last_survey:"):
        assert name in text


def test_records_that_are_not_found_by_an_address_are_matched_by_what_finds_them():
    text = starter.text(starter.chosen(["wootric", "mixpanel"]))
    assert "      - {response: external_id, record: distinct_id}\n" in text
    assert "response: email" not in text
    assert "MIXPANEL_TOKEN" in starter.variables(text)
