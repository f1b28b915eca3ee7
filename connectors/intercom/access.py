"""What to grant the app in Intercom, and whether everything npsync needs works."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.contract import Grant, Needs, Verdict
from connectors.intercom import replies
from connectors.intercom.attributes import COMPANIES, CONTACTS, MODELS
from connectors.intercom.searching import everybody
from connectors.intercom.settings import IntercomSettings
from connectors.intercom.workspace import Workspace

_NOBODY = "npsync-tests-its-permission"


def grants(settings: IntercomSettings, needs: Needs) -> list[str]:
    """In the Developer Hub's words, as near as they are known."""
    objects = _objects(needs)
    granted = []
    if needs.events or not objects:
        granted.append("An app of your own in the Developer Hub, with the permission to read conversations.")
        granted.append("The permission to read and list users: npsync looks up whom a conversation was with.")
    if objects:
        granted.append(
            "Read and list users and companies, and see the data attributes of people and companies."
        )
    if needs.write:
        granted.append(
            f"Write users and companies: npsync updates {' and '.join(sorted(needs.write))} that exist, "
            "and creates, merges and deletes none."
        )
        granted.append(
            "Write data attributes: only for `npsync provision`, which may have a token of its own (provision:)."
        )
    if settings.hooks is not None:
        granted.append(
            "Webhook topics conversation.admin.closed, conversation.admin.opened and contact.unsubscribed."
        )
    if settings.answers is not None:
        granted.append("Webhook topic content_stat.survey, with the permission to read content data.")
    return granted


def tested(workspace: Workspace, needs: Needs) -> list[Grant]:
    """Nothing is written. AccessError when the credential itself is refused."""
    found: list[Grant] = []
    objects = _objects(needs)
    if needs.events or not objects:
        found.append(_conversations(workspace))
    for object in objects:
        found += _of(workspace, object, needs)
    return found


def _objects(needs: Needs) -> list[str]:
    """Those with fields; what events are about is none."""
    return sorted({*needs.read, *needs.write} - {"conversations"})


def _conversations(workspace: Workspace) -> Grant:
    later = int(workspace.tools.clock.now().timestamp())
    reply = workspace.lenient.request(
        "POST",
        "/conversations/search",
        json={
            "query": {"field": "updated_at", "operator": ">", "value": later},
            "pagination": {"per_page": 1},
        },
        what="search conversations",
        idempotent=True,
        reads=True,
    )
    return _ruled(
        "search conversations", "notice that one was closed", reply.status == 200, replies.told(reply)
    )


def _of(workspace: Workspace, object: str, needs: Needs) -> Iterator[Grant]:
    model = workspace.model(object)
    reply = workspace.lenient.request(
        "GET", "/data_attributes", params={"model": model}, what=f"read the data attributes of {model}"
    )
    yield _ruled(
        f"see the data attributes of {MODELS[object]}",
        "find mistakes before anything is written",
        reply.status == 200,
        replies.told(reply),
    )
    if object == COMPANIES:
        yield from _companies(workspace, object in needs.write)
    else:
        yield from _contacts(workspace, object in needs.write)


def _contacts(workspace: Workspace, writes: bool) -> Iterator[Grant]:
    reply = workspace.lenient.request(
        "POST",
        "/contacts/search",
        json={"query": everybody(), "pagination": {"per_page": 1}},
        what="search contacts",
        idempotent=True,
        reads=True,
    )
    yield _ruled(f"search {CONTACTS}", "find people by their keys", reply.status == 200, replies.told(reply))
    if writes:
        yield _update_of_nobody(workspace, CONTACTS)


def _companies(workspace: Workspace, writes: bool) -> Iterator[Grant]:
    reply = workspace.lenient.request(
        "GET", "/companies", params={"company_id": _NOBODY}, what="read a company that is not there"
    )
    yield _ruled("read companies", "know the accounts", reply.status in (200, 404), replies.told(reply))
    if writes:
        yield _update_of_nobody(workspace, COMPANIES)


def _update_of_nobody(workspace: Workspace, object: str) -> Grant:
    reply = workspace.lenient.request(
        "PUT", f"/{object}/{_NOBODY}", json={}, what="update nobody", idempotent=True
    )
    return _ruled(
        f"update {object}", "write the mapped fields", reply.status in (400, 404), replies.told(reply)
    )


def _ruled(permission: str, why: str, works: bool, told: str) -> Grant:
    return Grant(permission, why, Verdict.OK if works else Verdict.MISSING, "" if works else told)
