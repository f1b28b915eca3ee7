"""Of a few bad records every good one is written in the same run, and finding the bad ones costs few calls.

`PYTHONPATH=.:tests python -m poisoned` measures all patterns with ten thousand records.
"""

from __future__ import annotations

import pytest
from poisoned import HUBSPOT_REFUSALS, PATTERNS, hubspot, salesforce

# Extra calls per bad record: at most 3 wherever the vendor names the culprit (its id, its value, its place).
HUBSPOT = {"per record": 0.0, "ids": 1.1, "first id": 1.1, "value": 3.0, "option gone": 0.3}
SALESFORCE = {"row": 0.0, "position": 2.0, "parser": 3.0}
UNNAMED = 10.0
SMALL = 1_000


@pytest.mark.parametrize("pattern", ["evenly", "in tens", "in a block"])
@pytest.mark.parametrize("how", ["per record", *HUBSPOT_REFUSALS])
def test_hubspot(how: str, pattern: str) -> None:
    cost = hubspot(how, PATTERNS[pattern](SMALL), SMALL)
    assert cost.wrong == 0
    assert cost.per_bad_record <= HUBSPOT.get(how, UNNAMED)


@pytest.mark.parametrize("pattern", ["evenly", "in tens", "alternating", "in a block"])
@pytest.mark.parametrize("how", ["row", "apex", "position", "parser"])
def test_salesforce(how: str, pattern: str) -> None:
    cost = salesforce(how, PATTERNS[pattern](SMALL), SMALL)
    assert cost.wrong == 0
    assert cost.per_bad_record <= SALESFORCE.get(how, UNNAMED)


@pytest.mark.parametrize("how", ["apex", "parser"])
def test_ten_thousand_records_of_which_nothing_says_who_is_bad(how: str) -> None:
    cost = salesforce(how, PATTERNS["evenly"](10_000))
    assert (cost.wrong, cost.bad) == (0, 100)
    assert cost.per_bad_record <= UNNAMED
