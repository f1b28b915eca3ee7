"""What erasing somebody would do and what it did, for people."""

from __future__ import annotations

from collections import Counter

from npsync.subjects.erasing import Erased, ErasePlan

_WORDS = {
    "answers": "answers, with all versions (they become anonymous monthly counts)",
    "states": "what became of them in each sync",
    "journal": "values before and after writes",
    "dead_letters": "dead letters",
    "outbox": "what was made and told because of them",
    "groups": "what a report groups them by",
    "pushed": "pushes as they came",
    "events": "events",
    "verdicts": "what triggers said about them",
    "invitations": "invitations",
    "messages": "messages of invitations",
    "ledger": "who was asked when",
    "ledger_names": "names in the ledger",
    "suppressions": "suppressions (a tombstone keeps them from being asked)",
    "memory": "what connections remember",
    "cursors": "places to read on from (that source is read from its beginning once more)",
}


def lines(plan: ErasePlan) -> list[str]:
    """The plan. Each line stands for itself."""
    told = [f"To forget {plan.subject.asked}:"]
    if plan.is_empty:
        told.append(
            "  nobody by this name is known here; a tombstone keeps them from being taken in or asked"
        )
    told += [
        f"  store   {count:>5}  {_WORDS.get(name, name.replace('_', ' '))}"
        for name, count in plan.held.items()
    ]
    for one in plan.crm.fields:
        place = one.place
        told.append(f"  {place.connection}  {place.object} {place.id}: clear {', '.join(sorted(one.after))}")
    made = Counter((one.kind, one.connection) for one in plan.crm.made)
    for (kind, connection), count in made.items():
        single, many = _MADE[kind]
        told.append(f"  {connection}  delete {count} {single if count == 1 else many}")
    if plan.kept_in_crm:
        told.append("  the CRM stays as it is (privacy.erase.crm: keep)")
    told += [f"  file    {path}" for path in plan.files]
    shared = [place for place in plan.subject.records if place.shared]
    told += [
        f"  {one.connection}  {one.id} shows other people's answers, too: the next run shows those"
        for one in shared
    ]
    if plan.crm.left:
        told.append("Left as it is:")
        told += [f"  {one}" for one in plan.crm.left]
    if plan.subject.doubts:
        told.append("In doubt, and left: it may be somebody else. If it is theirs, name it with --also:")
        told += [f"  {one.text}: {one.why}" for one in plan.subject.doubts]
    told.append("Elsewhere, where npsync cannot reach:")
    told += [f"  {one}" for one in plan.elsewhere]
    return told


_MADE = {
    "history": ("history record", "history records"),
    "task": ("task", "tasks"),
    "list": ("place on a list", "places on lists"),
}


def done(told: Erased) -> list[str]:
    records = "record" if told.made == 1 else "records"
    there = f"{told.fields} CRM fields, {told.made} {records} made in CRMs"
    refused = [f"  not taken back: {one}" for one in told.refused]
    if told.kept:
        return [
            f"Not forgotten yet: {there} are gone, and these are not:",
            *refused,
            "Nothing here was erased, so that this is not lost from sight; nothing of them is taken in any more.",
            "Delete it there, or let npsync's user do so; then the same again. With --leave-refused it stays there.",
        ]
    rows = Counter(told.rows)
    said = [f"Forgotten: {rows.total()} rows here, {there}.", *refused]
    said += [f"  delete this file yourself: {path}" for path in told.left_files]
    if not told.scrubbed:
        said.append(
            "  its bytes are still in the store's file, because others are using it: stop them and run it again, or "
            "npsync db prune"
        )
    said.append("The receipt: npsync subject receipts")
    return said
