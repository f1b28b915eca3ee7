"""Numbers that JSON cannot carry: refused where they are written, whoever writes them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from connectors.intercom import encoding as intercom
from connectors.intercom.attributes import Known as IntercomField
from connectors.mixpanel import properties as mixpanel
from connectors.numbers import MOST_WHOLE, finite, json_number
from connectors.rest_master import encoding as rest_master
from connectors.rest_master.fields import Known as MasterField
from nps.errors import RejectedError
from nps.schema import FieldSchema, FieldType
from nps.values import Json, Value

FIELD = FieldSchema("amount", "Amount", FieldType.NUMBER, writable=True)


@pytest.mark.parametrize("value", [7, "7", 7.0, Decimal("7.00"), -7.5, "1e3", 1e30, MOST_WHOLE - 1])
def test_a_number_comes_out_of_json_as_it_went_in(value: Any) -> None:
    number = finite(value)
    assert number is not None
    shown = json_number(number)
    assert orjson.loads(orjson.dumps(shown)) == shown
    assert Decimal(str(shown)) == number


@pytest.mark.parametrize("value", ["1e400", "-1e400", "1e999999999", "inf", float("nan"), "nine", ""])
def test_what_json_would_write_as_null_is_no_number(value: Any) -> None:
    assert finite(value) is None


@pytest.mark.parametrize(
    "canonical",
    [
        mixpanel.canonical(FIELD),
        intercom.canonical(IntercomField(FIELD, ZoneInfo("UTC"))),
        rest_master.canonical(MasterField(FIELD)),
    ],
    ids=["mixpanel", "intercom", "rest_master"],
)
def test_one_absurd_number_is_refused_and_a_large_one_is_sent(canonical: Callable[[Value], Json]) -> None:
    with pytest.raises(RejectedError):
        canonical("1e400")
    assert orjson.loads(orjson.dumps(canonical("1e30"))) == 1e30
