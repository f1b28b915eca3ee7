"""Messages to people that no answer caused: wanted once per occasion, with their content until they are settled."""

from __future__ import annotations

from datetime import datetime

from store.api.messages import MESSAGES, Message, content_key
from store.database import Database
from store.rows import milliseconds
from store.wrong_clocks import held_until

_LATELY = """
    SELECT 1 FROM outbox WHERE sync = :sync AND kind = 'alert' AND slot = :slot AND object = :topic
    AND wanted_at > :since AND wanted_at <= :latest AND state <> 'void' LIMIT 1"""

_WANT = """
    INSERT INTO outbox (sync, kind, slot, subject, connection, object, key, state, wanted_at, attempts, code, reason)
    VALUES (:sync, 'alert', :slot, :subject, :connection, :topic, :subject, 'wanted', :now, 0, '', '')
    ON CONFLICT (sync, kind, slot, subject) DO NOTHING"""

_CONTENT = """
    INSERT INTO memory (connection, key, value) VALUES (:connection, :key, :value)
    ON CONFLICT (connection, key) DO UPDATE SET value = excluded.value"""


class Messages:
    database: Database

    def want_message(self, message: Message, *, again_from: datetime | None, now: datetime) -> bool:
        with self.database.write(durable=True) as tx:
            self.database.lock_names(tx, [f"{MESSAGES} {message.slot} {message.topic}"])
            if again_from is not None and tx.one(
                _LATELY,
                sync=MESSAGES,
                slot=message.slot,
                topic=message.topic,
                since=milliseconds(again_from),
                latest=held_until(now),
            ):
                return False
            wanted = tx.run(
                _WANT,
                sync=MESSAGES,
                slot=message.slot,
                subject=message.occasion,
                connection=message.connection,
                topic=message.topic,
                now=milliseconds(now),
            )
            if wanted > 0:
                key = content_key(message.slot, message.occasion)
                tx.run(_CONTENT, connection=MESSAGES, key=key, value=message.content)
            return wanted > 0
