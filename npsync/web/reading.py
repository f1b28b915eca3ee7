"""Who looked at people's data through the API: noted each time, by ids alone."""

from __future__ import annotations

from collections.abc import Iterator

from nps.asking import person_keys
from nps.keys import email_key
from npsync.subjects import receipts
from npsync.web.bearers import who
from npsync.web.site import Site
from store.api import TokenRow
from sync.story import RecordStory, Story


def noted(site: Site, caller: TokenRow, page: str, about: str, *, people: int) -> None:
    """A list with names of people in it was read: so many of them."""
    site.store.note_audit(who(caller), "read", about, {"page": page, "people": people}, now=site.clock.now())


def person_read(site: Site, caller: TokenRow, story: Story) -> None:
    """One customer's story was read: of each record by its id, and where there is a pepper as a receipt that is found
    again for that person."""
    now = site.clock.now()
    for record in _records(story):
        about = f"{record.connection}/{record.object}/{record.id}"
        site.store.note_audit(who(caller), "read", about, {"page": "why"}, now=now)
        receipts.read(
            site.config, site.store, page="why", who=who(caller), names=sorted(_names(record)), now=now
        )
    for answer in story.loose:
        about = f"answer {answer.source}:{answer.id}"
        site.store.note_audit(who(caller), "read", about, {"page": "why"}, now=now)
    if not (story.records or story.accounts or story.loose):
        site.store.note_audit(who(caller), "read", "", {"page": "why", "people": 0}, now=now)


def _records(story: Story) -> list[RecordStory]:
    return [*story.records, *(account.record for account in story.accounts)]


def _names(record: RecordStory) -> Iterator[str]:
    emails = {email_key(answer.key) for answer in record.answers if answer.key and "@" in answer.key}
    for email in emails or {None}:
        yield from person_keys(
            connection=record.connection, object=record.object, record_id=record.id, email=email
        )
