"""The names of all phrases, and what may stand in braces in each."""

from __future__ import annotations

import msgspec


class Ends(msgspec.Struct, frozen=True):
    """What the lowest and the highest number of a scale mean."""

    low: str
    high: str


class Phrases(msgspec.Struct, frozen=True, kw_only=True):
    """One language. `right_to_left`: its text runs that way."""

    name: str
    months: tuple[str, ...]
    day: str  # {day} {month} {year}
    right_to_left: bool = False

    # the scale
    nps: Ends
    csat: Ends
    ces: Ends

    # the page
    your_opinion: str
    go_on: str
    preselected: str  # {score}
    noted: str
    your_score: str
    promoter: str  # the open question after the score, by segment
    passive: str
    detractor: str
    neutral: str
    optional: str
    send: str
    thanks: str
    what_next: str  # {company}
    may_change: str  # {date}
    again: str  # {date}
    already: str
    already_text: str
    problem: str
    none_chosen: str
    off_scale: str  # {low} {high}
    too_long: str  # {given} {most}
    gone: str
    gone_text: str
    busy: str
    busy_text: str
    privacy: str
    preview: str

    # unsubscribing
    unsubscribe: str
    unsubscribe_ask: str
    unsubscribe_text: str  # {company}
    unsubscribe_do: str
    unsubscribed: str
    unsubscribed_text: str  # {company}
    by_mistake: str
    by_mistake_text: str
    resubscribed: str
    resubscribed_text: str  # {company}

    # the mail
    subject: str  # {company}
    subject_reminder: str  # {company}
    hello: str
    hello_name: str  # {name}
    how_to: str
    reminder: str
    answer_here: str
    until: str  # {date}
    why: str = ""  # {why}, which is English: "" elsewhere
    why_general: str  # {company}
    a_company: str  # stands for {company} where the YAML names none
