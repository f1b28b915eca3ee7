"""The calls that tell who owns records."""

from __future__ import annotations

from typing import Any

from sandbox.hubspot.batches import Reply
from sandbox.hubspot.calls import Asked
from sandbox.hubspot.colleagues import OWNERS
from sandbox.hubspot.refusals import invalid, not_found


def list_owners(asked: Asked) -> Reply:
    """Those who left only when they are asked for."""
    limit, after = asked.one("limit", "100"), asked.one("after", "0")
    if not limit.isdigit() or not 0 < int(limit) <= 500 or not after.isdigit():
        raise invalid("limit must be between 1 and 500")
    archived, email = asked.one("archived") == "true", asked.one("email").lower()
    found = [one for one in OWNERS if one.archived == archived and email in ("", one.email)]
    page = found[int(after) : int(after) + int(limit)]
    body: dict[str, Any] = {"results": [one.as_json() for one in page]}
    if int(after) + len(page) < len(found):
        following = str(int(after) + len(page))
        body["paging"] = {"next": {"after": following, "link": f"?after={following}"}}
    return Reply(200, body)


def get_owner(asked: Asked) -> Reply:
    """`?archived=true` for one who left; `?idProperty=userId` for the other number."""
    by_user = asked.one("idProperty") == "userId"
    archived = asked.one("archived") == "true"
    for one in OWNERS:
        if (str(one.user_id) if by_user else one.id) == asked.path["id"] and one.archived == archived:
            return Reply(200, one.as_json())
    raise not_found()
