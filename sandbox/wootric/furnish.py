"""Put the world's customers and their answers into empty books."""

from __future__ import annotations

from datetime import timedelta

from sandbox.wootric.books import Answer, Books, Decline, EndUser
from sandbox.world import OTHER_SURVEY, RELATIONSHIP_SURVEY, Customer, World

FIRST_PERSON = 9_000_000
FIRST_DECLINE = 77_000_001
_CHANNELS = ("email", "email", "web", "mobile:ios")
_PLANS = ("free", "team", "enterprise")
_DECLINES_ONE_IN = 25
_TAGGED_ONE_IN, _COMPLETED_ONE_IN = 30, 10


def furnish(books: Books, world: World) -> None:
    start = world.until - timedelta(days=world.days)
    for customer in world.customers():
        if customer.in_wootric:
            books.welcome(_person(customer, int(start.timestamp())))
        if customer.in_wootric and customer.number % _DECLINES_ONE_IN == 0:
            asked_at = int(start.timestamp()) + customer.number * 3600 % (world.days * 86_400)
            number = FIRST_DECLINE + len(books.declines)
            person = FIRST_PERSON + customer.number
            books.declines.add(Decline(number, person, int(RELATIONSHIP_SURVEY), asked_at, asked_at))
    for answer in world.answers():
        if answer.survey == OTHER_SURVEY:
            score = min(answer.score, 5) or 1  # customer satisfaction, 1 to 5, in the same field
        else:
            score = answer.score
        books.record(
            Answer(
                id=answer.id,
                end_user=FIRST_PERSON + answer.customer,
                survey=int(answer.survey),
                score=score,
                text=answer.text,
                created=int(answer.created_at.timestamp()),
                updated=int(answer.updated_at.timestamp()),
                excluded=answer.excluded,
                # False beside a finished answer in the vendor's own sample: it says nothing of the answer.
                completed=answer.id % _COMPLETED_ONE_IN == 0,
                channel=_CHANNELS[answer.customer % len(_CHANNELS)],
                tags=("PERFORMANCE",) if answer.id % _TAGGED_ONE_IN == 0 else (),
            )
        )


def _person(customer: Customer, start: int) -> EndUser:
    # Known before anybody was asked, and not all in one second: lists of end users have the same page wall.
    known_since = start - 30 * 86_400 + customer.number % (30 * 86_400)
    return EndUser(
        id=FIRST_PERSON + customer.number,
        created=known_since,
        updated=known_since,
        email=customer.survey_email,
        external_id=customer.survey_external_id,
        phone=customer.phone if customer.number % 3 == 0 or not customer.survey_email else None,
        properties={"plan": _PLANS[customer.number % len(_PLANS)], "role": customer.role},
        surveys_disabled=customer.opted_out,
    )
