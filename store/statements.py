"""The hot statements, as SQL text for both databases (`store.database` says how parameters are written)."""

from __future__ import annotations

from datetime import timedelta

from nps.newest import AHEAD
from store.rows import CHANGE, RESPONSE

# SQLite keeps no statistics of tables that grow in one run, so where its guess would scan a million rows the index is
# named (PostgreSQL, which does not know INDEXED BY, never sees it). A partial index is used only where its own
# condition is part of the question.
_CLOSED = ("written", "unchanged", "superseded", "excluded", "planned")
OPEN = " AND ".join(f"s.state <> '{state}'" for state in _CLOSED)

# ------------------------------------------------------------ inbox

KNOWN = """
    SELECT source_id, id, version, digest, updated_at, status FROM response
    WHERE source = :source AND source_id IN LIST(:ids) AND newest"""

OVERTAKEN = "UPDATE response SET newest = FALSE WHERE id = ?"

ANSWER = f"""
    SELECT r.id, {RESPONSE} FROM response r WHERE r.source = :source AND r.source_id = :id AND r.newest"""

RESPONSES = f"SELECT r.id, {RESPONSE} FROM response r WHERE r.id IN LIST(:numbers)"

STORE_CURSOR = """
    INSERT INTO cursor (connection, state, stored_at) VALUES (:connection, :state, :now)
    ON CONFLICT (connection) DO UPDATE SET state = excluded.state, stored_at = excluded.stored_at"""

# ------------------------------------------------------------ taking up

# SQLite reads the tables of a CROSS JOIN in the order written: the few first, then their rows.
_MOVE = """
    INSERT INTO work (sync, person, response, record_id)
    SELECT s.sync, s.person, s.response, COALESCE(s.record_id, '')
    FROM answer_state s{index} CROSS JOIN response r
    WHERE s.sync = :sync AND r.id = s.response AND r.source IN LIST(:sources)"""
_MOVE_OPEN = _MOVE.format(index=" INDEXED BY ix_answer_state_open") + f" AND {OPEN}"

# What a person may take out at the same moment is either moved or taken out (SQLite, with its one writer, needs no lock
# for that and never sees it).
_OR_TAKEN_OUT = " FOR UPDATE OF s"

MOVE_PENDING = f"{_MOVE_OPEN} AND s.state = 'pending'"
MOVE_UNMATCHED = f"{_MOVE_OPEN} AND (s.state = 'waiting' OR s.state = 'review'){_OR_TAKEN_OUT}"
MOVE_DUE = f"{_MOVE_OPEN} AND s.state = 'waiting' AND s.look_again <= :now{_OR_TAKEN_OUT}"
# What a person took out stays out: only its next version is judged anew.
MOVE_ALL = f"""{_MOVE.format(index="")} AND r.newest
    AND NOT (s.state = 'excluded' AND s.code IN ('discarded', 'ignored')){_OR_TAKEN_OUT}"""
MOVE_ASKED = f"""
    INSERT INTO work (sync, person, response, record_id)
    SELECT s.sync, s.person, s.response, COALESCE(s.record_id, '')
    FROM response r CROSS JOIN answer_state s
    WHERE r.id IN LIST(:numbers) AND r.source IN LIST(:sources)
    AND s.sync = :sync AND s.person = r.person AND s.response = r.id AND s.state <> 'planned'{_OR_TAKEN_OUT}"""
_MOVE_DECIDING = """
    INSERT INTO work (sync, person, response, record_id)
    SELECT s.sync, s.person, s.response, COALESCE(s.record_id, '')
    FROM response r CROSS JOIN answer_state s
    WHERE s.sync = :sync AND s.person = r.person AND s.response = r.id AND r.source IN LIST(:sources)
    AND s.state IN ('written', 'unchanged') AND r.newest"""
FUTURE = f"answered_at - received_at > {AHEAD // timedelta(milliseconds=1)}"  # counts by when it was received
MOVE_EXPIRED = f"{_MOVE_DECIDING} AND r.answered_at >= :since AND r.answered_at < :before"
MOVE_EXPIRED_FUTURE = (
    f"{_MOVE_DECIDING} AND r.{FUTURE} AND r.received_at >= :since AND r.received_at < :before"
)

LEAVE_STATES = """
    DELETE FROM answer_state
    WHERE sync = :sync AND (person, response) IN (SELECT person, response FROM work WHERE sync = :sync)"""

TAKE_NEW = """
    INSERT INTO work (sync, person, response)
    SELECT :sync, person, id FROM response WHERE source = :source AND id > :above AND id <= :top"""

SET_WATERMARK = """
    INSERT INTO watermark (sync, source, response) VALUES (:sync, :source, :top)
    ON CONFLICT (sync, source) DO UPDATE SET response = excluded.response"""

# An edit counts from when the sync takes it up; until then the version before it stays the newest.
# CASE, because SQLite looks at both sides of an OR.
_NEWEST = """(CASE WHEN r.newest THEN TRUE ELSE NOT EXISTS (
        SELECT 1 FROM watermark m JOIN response n ON n.source = m.source
        WHERE m.sync = {of}.sync AND m.source = r.source AND n.source_id = r.source_id
        AND n.version > r.version AND n.id <= m.response) END)"""

# {where} narrows it: to what follows, to persons
WORK = f"""
    SELECT w.person, r.id, {_NEWEST.format(of="w")}, r.received_at, r.version, w.record_id, {RESPONSE}
    FROM work w JOIN response r ON r.id = w.response
    WHERE w.sync = :sync{{where}}
    ORDER BY w.person, w.response LIMIT :limit"""

EARLIER = """
    SELECT r.id, o.id FROM response r CROSS JOIN response o CROSS JOIN answer_state s
    WHERE r.id IN LIST(:numbers) AND o.source = r.source AND o.source_id = r.source_id
    AND o.version < r.version AND s.sync = :sync AND s.person = o.person AND s.response = o.id ORDER BY o.id"""

PERSONS = """
    SELECT DISTINCT w.person FROM work w JOIN response r ON r.id = w.response
    WHERE w.sync = :sync AND (lower(r.email) = :folded OR r.email = :who OR r.external_id = :who
        OR r.phone = :who OR r.source_id = :who OR w.record_id = :who
        OR w.person IN (SELECT s.person FROM answer_state s WHERE s.sync = :sync AND s.record_id = :who))
    ORDER BY w.person"""

SCORED = """
    SELECT DISTINCT w.person FROM work w JOIN response r ON r.id = w.response
    WHERE w.sync = :sync AND r.score <= :most AND NOT EXISTS (
        SELECT 1 FROM work o JOIN response n ON n.id = o.response
        WHERE o.sync = :sync AND o.person = w.person AND n.answered_at > r.answered_at AND n.score > :most)
    ORDER BY w.person LIMIT :limit"""

COUNTING = "'written', 'unchanged', 'superseded', 'pending', 'planned'"

COUNTED = f"""
    SELECT s.response, s.record_id, r.source, r.source_id, r.answered_at, r.received_at, r.score, r.raw_score, s.state
    FROM answer_state s INDEXED BY ix_answer_state_sync_record_id CROSS JOIN response r
    WHERE s.sync = :sync AND s.record_id IN LIST(:records) AND r.id = s.response
    AND s.state IN ({COUNTING}) AND {_NEWEST.format(of="s")}"""

COUNTED_SINCE = f"{COUNTED} AND r.answered_at >= :since"

_SETTLED = (
    "SELECT s.response, s.state, s.record_id, s.rule, s.code, s.reason, s.look_again, s.field, s.candidates"
)

STATES = f"""
    {_SETTLED} FROM response r CROSS JOIN answer_state s
    WHERE r.id IN LIST(:numbers) AND s.sync = :sync AND s.person = r.person AND s.response = r.id"""

MATCHED_BEFORE = """
    SELECT DISTINCT r.id, s.record_id FROM response r CROSS JOIN answer_state s
    WHERE r.id IN LIST(:numbers) AND s.sync = :sync AND s.person = r.person AND s.record_id IS NOT NULL"""

LEFT_OPEN = f"""
    {_SETTLED} FROM answer_state s INDEXED BY ix_answer_state_open
    WHERE s.sync = :sync AND s.state = :state AND {OPEN} AND s.run = :run
    ORDER BY s.response LIMIT :limit"""

# Responses whose change was planned or opened and has no outcome. {its}: which batches
_UNWRITTEN = """
    SELECT response FROM change WHERE run IN LIST(:runs) AND batch IS NULL
    UNION ALL
    SELECT c.response FROM batch b CROSS JOIN change c
    WHERE {its} AND b.state IN ('planned', 'open') AND c.run = b.run AND c.batch = b.id"""
UNWRITTEN = _UNWRITTEN.format(its="b.sync = :sync AND b.state <> 'settled'")

LEFT_PLANNED = f"""
    {_SETTLED} FROM response r CROSS JOIN answer_state s
    WHERE r.id IN ({_UNWRITTEN.format(its="b.run IN LIST(:runs)")})
    AND s.sync = :sync AND s.person = r.person AND s.response = r.id AND s.state = 'planned'
    ORDER BY s.response LIMIT :limit"""

# ------------------------------------------------------------ plan

LEAVE_WORK = """
    DELETE FROM work WHERE sync = :sync
    AND (person, response) IN (SELECT r.person, r.id FROM response r WHERE r.id IN LIST(:numbers))
    RETURNING response, person"""

LEAVE_STRETCH = """
    DELETE FROM work WHERE sync = :sync AND person >= :first AND person <= :last AND response IN LIST(:numbers)"""

DEMOTE = """
    UPDATE answer_state SET state = ?, code = ?, reason = '', look_again = NULL
    WHERE sync = ? AND response = ? AND person = (SELECT person FROM response WHERE id = ?)"""

LET_GO = """
    UPDATE answer_state SET state = 'pending' WHERE sync = :sync AND state = 'planned'
    AND (person, response) IN (SELECT r.person, r.id FROM response r WHERE r.id IN LIST(:numbers))"""

WITHDRAW_CHANGES = """
    DELETE FROM change INDEXED BY ix_change_record_id
    WHERE record_id IN LIST(:records) AND run = :run AND batch IS NULL AND connection = :connection
    RETURNING before, response"""

CLEARINGS = """
    SELECT record_id FROM clearing WHERE sync = :sync AND record_id > :after
    ORDER BY record_id LIMIT :limit"""

CLEARED = "DELETE FROM clearing WHERE sync = :sync AND record_id IN LIST(:records)"

TO_CLEAR = "INSERT INTO clearing (sync, record_id) VALUES (?, ?)"

TO_CLEAR_AGAIN = f"{TO_CLEAR} ON CONFLICT DO NOTHING"

# Every so-many-th change; written without a percent sign, which PostgreSQL's driver takes for a parameter.
SAMPLED = """
    SELECT p.id FROM (
        SELECT q.id, q.place, (q.total + :most - 1) / :most AS step FROM (
            SELECT id, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS total
            FROM change WHERE run = :run AND batch IS NULL) q) p
    WHERE p.place = (p.place / p.step) * p.step ORDER BY p.id"""

UNPLAN = """
    DELETE FROM change INDEXED BY ix_change_record_id
    WHERE record_id IN LIST(:records) AND run = :run AND batch IS NULL RETURNING response"""

# Settled as unknown: the write may have happened, and nobody will ever say so.
CONFIRMED = """
    SELECT c.record_id, c.after, c.outcome FROM change c INDEXED BY ix_change_record_id
    CROSS JOIN batch b
    WHERE c.record_id IN LIST(:records) AND c.connection = :connection AND c.object = :object
    AND b.id = c.batch AND b.state IN ('answered', 'settled') AND (c.outcome IS NULL OR c.outcome = 'unknown')
    ORDER BY c.id"""

CHANGES = f"SELECT {CHANGE} FROM change c WHERE c.id IN LIST(:numbers)"

CHANGES_AND_OUTCOMES = f"""
    SELECT {CHANGE},
        COALESCE(c.outcome, CASE WHEN b.state IN ('answered', 'settled') THEN 'written' ELSE b.state END, 'planned')
    FROM change c LEFT JOIN batch b ON b.id = c.batch WHERE c.id IN LIST(:numbers)"""

# Positions follow the write order: the first `:first` changes, then `:size` at a time.
CUT = """
    UPDATE change SET batch = b.id
    FROM (SELECT id, row_number() OVER (ORDER BY rank, account, record_id, id) - 1 AS place FROM change
          WHERE run = :run AND batch IS NULL AND connection = :connection AND object = :object) p
    JOIN batch b ON b.run = :run AND b.position = :position
        + CASE WHEN p.place < :first THEN 0 ELSE :leading + (p.place - :first) / :size END
    WHERE change.id = p.id AND p.place < :count"""

# ------------------------------------------------------------ journal

BATCH_CHANGES = f"""
    SELECT c.batch, {CHANGE} FROM change c
    WHERE c.run IN LIST(:runs) AND c.batch IN LIST(:batches)
    ORDER BY c.batch, c.rank, c.account, c.record_id, c.id"""

NOT_WRITTEN = "UPDATE change SET outcome = ?, code = ?, message = ? WHERE id = ?"

ANSWERED = "sync = :sync AND state = 'answered' AND state <> 'settled'"

SETTLE_ANSWERED = f"UPDATE batch SET state = 'settled' WHERE {ANSWERED} RETURNING id"

ANSWERS_WRITTEN = """
    UPDATE answer_state SET state = 'written', code = '', reason = '', field = NULL
    WHERE sync = :sync AND state IN ('planned', 'pending') AND (person, response) IN (
        SELECT COALESCE(c.person, (SELECT r.person FROM response r WHERE r.id = c.response)), c.response
        FROM batch b CROSS JOIN change c
        WHERE b.id IN LIST(:batches) AND c.run = b.run AND c.batch = b.id
        AND c.outcome IS NULL AND c.response IS NOT NULL)"""

ANSWER_NOT_WRITTEN = """
    UPDATE answer_state SET state = ?, code = ?, reason = ?, field = ?
    WHERE sync = ? AND response = ? AND person = (SELECT person FROM response WHERE id = ?)
    AND state IN ('planned', 'pending')"""

RESOLVE = """
    UPDATE dead_letter SET status = :status WHERE sync = :sync AND status = 'open' AND response IN (
        SELECT o.id FROM response r JOIN response o ON o.source = r.source AND o.source_id = r.source_id
        WHERE r.id IN LIST(:numbers))"""

# What became of the changes of these records so far, the latest first.
TRIED_BEFORE = """
    SELECT c.record_id, c.response, c.outcome, c.code FROM change c INDEXED BY ix_change_record_id
    CROSS JOIN batch b
    WHERE c.record_id IN LIST(:records) AND b.id = c.batch AND b.sync = :sync
    AND b.state IN ('answered', 'settled') AND c.undoes IS NULL
    ORDER BY c.id DESC"""

NEWEST_OF = """
    SELECT r.id, o.id FROM response r CROSS JOIN response o
    WHERE r.id IN LIST(:numbers) AND o.source = r.source AND o.source_id = r.source_id AND o.newest"""
