"""What pages note about who looked at people and who did what: ids alone, never anybody's words or address."""

from __future__ import annotations

from collections.abc import Mapping

from nps.asking import person_keys
from nps.keys import email_key
from nps.values import Json
from npsync.logs import notice
from npsync.subjects import receipts
from npsync.web.dashboard.visitors import Visitor
from npsync.web.site import Site
from store.api.privacy import Receipt
from sync.story import RecordStory

_READ: Mapping[str, str] = {"search": "searched for people", "comments": "read comments"}


def looked_at_some(site: Site, whose: Visitor, page: str, people: int) -> None:
    """Who read of people, when and where, and of how many."""
    notice("person_read", who=whose.who, page=page, people=people)
    told: dict[str, Json] = {"page": page, "people": people}
    what, about = (_READ[page], "") if page in _READ else ("read of people", page)
    receipt = Receipt(kind="read", at=site.clock.now(), who=whose.who, report=told)
    site.store.note_receipt(receipt, what=what, about=about)


def looked_at(site: Site, whose: Visitor, record: RecordStory) -> None:
    """Somebody looked at this one: found again by a keyed hash, where there is a pepper."""
    notice("person_read", who=whose.who, page="customer", people=1)
    emails = {email_key(answer.key) for answer in record.answers if answer.key and "@" in answer.key}
    names = {
        name
        for email in emails or {None}
        for name in person_keys(
            connection=record.connection, object=record.object, record_id=record.id, email=email
        )
    }
    about = f"{record.connection}/{record.object}/{record.id}"
    receipts.read(
        site.config,
        site.store,
        page="customer",
        who=whose.who,
        names=sorted(names),
        about=about,
        now=site.clock.now(),
    )
