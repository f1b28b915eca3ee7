"""A change in plain text, as plans and runs tell it."""

from __future__ import annotations

import pytest
from builders_store import change

from npsync.words.sync_text import change_lines


@pytest.mark.parametrize(("key", "said"), [("ann@example.com", "003A  ann@example.com"), ("003A", "003A")])
def test_a_record_is_called_by_its_id_and_by_the_key_that_led_to_it(key: str, said: str) -> None:
    assert next(change_lines(change("003A", key=key))) == f"  ~ {said}"
