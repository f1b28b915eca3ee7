"""Pulse, read over HTTP."""

from __future__ import annotations

import pytest
from npsync_pulse.settings import PulseSettings
from npsync_pulse.source import Pulse
from played_pulse import KEY, given, played_pulse
from pydantic import ValidationError

from npsync.connect import AccessError, ResponseStatus, Tools, UnavailableError
from npsync.connect.testing import answers_by_id, fake_tools, source_keeps_its_promises


def opened(address: str, tools: Tools | None = None, key: str = KEY) -> Pulse:
    settings = PulseSettings.model_validate({"base_url": address, "key": key})
    return Pulse(settings, tools or fake_tools("pulse"))


def test_it_keeps_the_promises_of_every_source() -> None:
    changes = [given(number) for number in range(1, 18)]
    with played_pulse(changes) as address:
        source_keeps_its_promises(lambda tools: opened(address, tools))


def test_an_edit_comes_as_the_same_answer_and_a_deletion_withdraws_it() -> None:
    changes = [
        given(1, score=3),
        given(2),
        given(3, change="edited", id=1, score=9),
        given(4, change="deleted", id=2),
    ]
    with played_pulse(changes) as address:
        answers = answers_by_id(opened(address).read(None, since=None))
    assert answers["1"].score == 9
    assert answers["2"].status is ResponseStatus.WITHDRAWN


def test_what_cannot_be_read_is_told_and_the_rest_goes_on() -> None:
    with played_pulse([given(1, at="yesterday"), given(2)]) as address:
        answers = answers_by_id(opened(address).read(None, since=None))
    assert answers["change-1"].problem == "change 1 has no id, or no readable time"
    assert answers["2"].problem is None


def test_changes_out_of_order_stop_the_reading() -> None:
    with played_pulse([given(2), given(1)]) as address, pytest.raises(UnavailableError, match="out of order"):
        list(opened(address).read(None, since=None))


def test_a_wrong_key_is_lost_access() -> None:
    with played_pulse([given(1)]) as address, pytest.raises(AccessError) as refused:
        list(opened(address, key="wr0ng").read(None, since=None))
    assert "wr0ng" not in str(refused.value)


def test_an_address_without_tls_is_refused() -> None:
    with pytest.raises(ValidationError, match="base_url"):
        opened("http://pulse.example.com")
