"""An error that stops a run is told, logged and kept with it, so it quotes nobody's answer."""

from __future__ import annotations

from connectors.hubspot.isolation import schema_error
from connectors.hubspot.replies import Refusal
from connectors.hubspot.writing import Input
from connectors.salesforce.errors import RowError

COMMENT = "Ann Smith of Acme was rude"


def test_salesforces_words_are_told_without_the_value_they_repeat():
    error = RowError("STRING_TOO_LONG", f"Comment: data value too large: {COMMENT} (max length=20)")
    told = str(error.as_error("Contact", 200, {"Comment__c": COMMENT, "NPS__c": 3}))
    assert "data value too large: *** (max length=20)" in told
    assert "Smith" not in told


def test_hubspots_words_are_told_without_the_value_they_repeat():
    refusal = Refusal("READ_ONLY_VALUE", f'"{COMMENT}" is read only', frozenset({"nps_comment"}))
    told = str(schema_error(refusal, [Input("1", "t1", {"nps_comment": COMMENT})]))
    assert '("***" is read only)' in told.replace("READ_ONLY_VALUE: ", "")
