"""What `privacy:` and `retention:` say about other parts of the file: surveys that exist, what an anonymous one
must not feed, and whether answers are kept as long as somebody counts with them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from nps.durations import duration, in_words
from npsync.config.crosscheck import Known
from npsync.config.problems import Path, meant_or_known
from npsync.config.wording import Found

_OF_PEOPLE = ("history", "follow_up", "follow_up_since", "account", "valid_for")


def privacycheck(known: Known) -> Iterator[Found]:
    yield from _anonymous(known)
    yield from _kept_long_enough(known)


def _anonymous(known: Known) -> Iterator[Found]:
    given = known.section("privacy").get("anonymous")
    surveys = known.section("surveys")
    anonymous = [each for each in given if isinstance(each, str)] if isinstance(given, list) else []
    for at, name in enumerate(anonymous):
        if name not in surveys:
            message = f'there is no survey "{name}"{meant_or_known(name, surveys)}'
            yield Found(("privacy", "anonymous", at), "unknown_survey", message)
    if anonymous and not known.document.value.get("pepper"):
        message = (
            "anonymous answers are known again by a keyed hash of their ids, and there is no key: set pepper: to a "
            "secret (openssl rand -hex 32)"
        )
        yield Found(("privacy", "anonymous"), "no_pepper", message)
    for name, spec in known.section("sync").items():
        if isinstance(spec, dict) and spec.get("survey") in anonymous:
            yield from _told_of_people(name, spec, str(spec["survey"]))
    for name, spec in known.section("triggers").items():
        if (
            isinstance(spec, dict)
            and spec.get("survey") in anonymous
            and _on_our_page(surveys, spec["survey"])
        ):
            message = (
                f'"{spec["survey"]}" is anonymous, and an answer on our own page belongs to the invitation that led '
                "there; let a survey tool ask it (through:)"
            )
            yield Found(("triggers", name, "survey"), "anonymous", message)


def _told_of_people(name: str, spec: dict[str, Any], survey: str) -> Iterator[Found]:
    yield Found(
        ("sync", name, "fields") if "fields" in spec else ("sync", name, "survey"),
        "anonymous",
        f'"{survey}" is anonymous (privacy.anonymous): nothing of it is written to a record. Take this sync away; '
        "`npsync report` tells its figures",
    )
    for key in _OF_PEOPLE:
        if key in spec:
            message = (
                f'"{survey}" is anonymous (privacy.anonymous), so nobody is known whom {key} could be about'
            )
            yield Found(("sync", name, key), "anonymous", message)


def _on_our_page(surveys: dict[str, Any], name: str) -> bool:
    survey = surveys.get(name)
    return isinstance(survey, dict) and not survey.get("at")


def _kept_long_enough(known: Known) -> Iterator[Found]:
    kept = _period(known.section("retention").get("answers"))
    if kept is None:
        return
    for name, spec in known.section("sync").items():
        if not isinstance(spec, dict):
            continue
        account = spec.get("account")
        counted: list[tuple[Path, Any]] = [(("sync", name, "valid_for"), spec.get("valid_for"))]
        if isinstance(account, dict):
            window, compare = account.get("window", "365 days"), account.get("compare", "90 days")
            counted.append((("sync", name, "account"), _sum(window, compare)))
        for path, wanted in counted:
            needed = wanted if isinstance(wanted, timedelta) else _period(wanted)
            if needed is not None and needed > kept:
                message = (
                    f"counts with answers of {in_words(needed)}, and retention.answers "
                    f"(line {known.document.place(('retention', 'answers')).line}) keeps them for {in_words(kept)}"
                )
                yield Found(path, "kept_too_short", message)


def _sum(*given: Any) -> timedelta | None:
    periods = [_period(each) for each in given]
    return None if None in periods else sum((each for each in periods if each is not None), timedelta())


def _period(given: Any) -> timedelta | None:
    if not isinstance(given, str):
        return None
    try:
        return duration(given)
    except ValueError:
        return None  # told where it stands
