"""What a refusal means for people: what stands behind it, who can do something about it, and what."""

from __future__ import annotations

import msgspec

from nps.changes import Cause

# What npsync itself refuses before anything is sent. Everything else it says of a value comes from a mapping, or from
# a field that cannot hold it.
_OF_THE_ANSWER = frozenset(
    {
        "unreadable",
        "no_key",
        "score_missing",
        "score_not_a_number",
        "score_not_whole",
        "score_out_of_range",
    }
)


class Advice(msgspec.Struct, frozen=True):
    """`then` is the command that comes after `do`, without "npsync"; {} is what the letters are chosen by."""

    who: str
    do: str
    then: str


_RETRY = "dead-letters retry {}"
_ADVICE: dict[Cause, Advice] = {
    Cause.ANSWER: Advice(
        "whoever runs the survey tool",
        "correct the answer there: its new version is taken up by itself; or leave it out",
        "dead-letters discard {} --reason TEXT",
    ),
    Cause.MAPPING: Advice("whoever keeps the YAML", "fix the mapping", _RETRY),
    Cause.RECORD: Advice(
        "the CRM's admin or the record's owner", "correct the record, or the rule that refuses it", _RETRY
    ),
    Cause.PERMISSION: Advice(
        "the CRM's admin", "let the credential write this field (npsync connect tells what to grant)", _RETRY
    ),
    Cause.GONE: Advice(
        "whoever keeps the CRM's contacts",
        "nothing if the record was to go: a retry looks for the person's record anew",
        _RETRY,
    ),
    Cause.TRANSIENT: Advice("nobody", "it is tried again by itself", _RETRY),
    Cause.UNKNOWN: Advice("whoever knows the CRM", "read the reason, and correct what it names", _RETRY),
}

# Where a code says more than its cause does.
_BY_CODE: dict[str, str] = {
    "no_key": "send an e-mail or id with the survey, or add a rule for one it has to `match`; or leave it out",
    "map_miss": "list the value in the mapping's `map`, or say what `other:` values become",
    "too_long": "add `truncate:` to the mapping, or lengthen the field",
    "not_an_option": "add the option in the CRM, or map to one it has",
    "wrong_type": "convert the value with `as:`",
    "expression_failed": "correct the expression",
    "deferred": "it is tried again by itself; if it stays locked, find out who holds it",
}


def cause_of(code: str) -> Cause:
    """What stands behind a rejection of npsync's own, before anything was sent."""
    return Cause.ANSWER if code in _OF_THE_ANSWER else Cause.MAPPING


def advice(cause: Cause, code: str, *, by_itself: bool = True) -> Advice:
    """`by_itself`: it is still tried again without anybody's help."""
    general = _ADVICE[cause]
    if cause is Cause.TRANSIENT and not by_itself:
        return Advice(
            "whoever knows the CRM", "find out why it stumbles: it is not tried by itself any more", _RETRY
        )
    return msgspec.structs.replace(general, do=_BY_CODE.get(code, general.do))
