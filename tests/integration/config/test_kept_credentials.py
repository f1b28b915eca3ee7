"""Where a connection keeps what a vendor hands out to sign in with: a plan works in a copy that vanishes, and a token
that replaced another must not vanish with it."""

from __future__ import annotations

from pathlib import Path

from builders_config import config_of, yaml

from npsync import opening


def test_a_token_that_came_while_a_plan_was_made_outlives_it(tmp_path: Path) -> None:
    config = config_of(f"store: sqlite:///{tmp_path}/npsync.db\n{yaml()}", tmp_path)
    with opening.open_store(config) as store:
        with store.overlay() as overlay, opening.opened(config, overlay, books=store) as connections:
            tools = connections._tools("crm")
            tools.memory.put({"cache": "of the plan"})
            assert tools.credentials is not None
            tools.credentials.put({"token": "new"})
        with opening.opened(config, store) as connections:
            tools = connections._tools("crm")
            assert tools.memory.get(["cache", "token"]) == {"token": "new"}


def test_where_there_is_no_store_there_is_nowhere_to_keep_one(tmp_path: Path) -> None:
    with opening.opened(config_of(yaml(), tmp_path)) as connections:
        assert connections._tools("crm").credentials is None
