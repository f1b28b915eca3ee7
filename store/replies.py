"""What was said to requests that brought a key of their own."""

from __future__ import annotations

from datetime import datetime

from store.api.access import KeptReply
from store.database import Database
from store.rows import milliseconds, moment
from store.wrong_clocks import held_until

_BEGIN = """
    INSERT INTO kept_reply (who, key, asked, at, status, body) VALUES (:who, :key, :asked, :now, NULL, '')
    ON CONFLICT (who, key) DO NOTHING RETURNING who"""


class Replies:
    database: Database

    def begin_reply(
        self, who: str, key: str, asked: str, *, now: datetime, since: datetime, given_up: datetime
    ) -> KeptReply | None:
        with self.database.write(durable=True) as tx:
            tx.run(
                "DELETE FROM kept_reply WHERE at < :since OR (at < :given_up OR at > :far) AND status IS NULL",
                since=milliseconds(since),
                given_up=milliseconds(given_up),
                far=held_until(now),
            )
            while not tx.rows(_BEGIN, who=who, key=key, asked=asked, now=milliseconds(now)):
                found = tx.one(
                    "SELECT asked, at, status, body FROM kept_reply WHERE who = :who AND key = :key",
                    who=who,
                    key=key,
                )
                if found is not None:  # else it was dropped in between, and is ours to begin
                    return KeptReply(found[0], moment(found[1]), found[2], found[3])
        return None

    def keep_reply(self, who: str, key: str, status: int, body: str) -> None:
        with self.database.write(durable=True) as tx:
            tx.run(
                "UPDATE kept_reply SET status = :status, body = :body WHERE who = :who AND key = :key",
                status=status,
                body=body,
                who=who,
                key=key,
            )

    def drop_reply(self, who: str, key: str) -> None:
        with self.database.write() as tx:
            tx.run(
                "DELETE FROM kept_reply WHERE who = :who AND key = :key AND status IS NULL", who=who, key=key
            )
