"""Everything control may switch, and the words it takes."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.moments import WRITERS

CHOICES: dict[str, tuple[str, ...]] = {
    "times": tuple(WRITERS),
    "scores": ("number", "text", "label"),
    "counts": ("number", "text"),
    "ids": ("number", "text", "big", "objectid"),
    "people": ("inline", "beside", "elsewhere"),
    "compares": ("created_at", "updated_at"),
    "bound": ("inclusive", "exclusive"),
    "order": ("ascending", "descending", "shuffled"),
    "says": ("retry_after", "retry_date", "reset_unix", "reset_seconds", "nothing"),
}


@dataclass
class Settings:
    # ---- pages
    page: int = 25  # rows of a page when the call names no size
    largest: int = 100  # rows of a page at most, whatever the call asks for
    wall: int = 0  # pages after which a listing is refused; Wootric's is 30
    repeat_last: bool = False  # a page begins with the last row of the one before
    empty_page: int = 0  # this page is empty, and the rows go on after it
    stuck: int = 0  # from this page on every page is this page
    foreign_next: str = ""  # scheme and host that next links lead to; empty: here
    has_more: bool = True  # last-row and cursor: does the reply say whether there is more?
    skips: bool = True  # moving-start: is `skip` honoured?
    order: str = "ascending"  # of `compares`; newest-first goes its own way
    # ---- times
    compares: str = "created_at"  # what `since` and `until` are compared with
    bound: str = "inclusive"  # of `since`; `until` is exclusive
    days_back: int = 0  # without `since`, only so many days are listed; SatisMeter's are 30
    times: str = "iso"  # how rows write times
    # ---- shapes
    rows_at: str = "responses"  # where the reply holds the rows: a dotted path; empty: the reply is the list
    scores: str = "number"
    counts: str = "number"
    ids: str = "number"
    people: str = (
        "inline"  # beside: {"people": []} in the reply; elsewhere: only GET …/people/{id} knows them
    )
    # ---- limits
    per_minute: int = 0
    per_day: int = 0
    says: str = "retry_after"  # how a 429 tells when to call again
    redirect_above: int = 0  # a listing of more rows leads to a file on another host
    token_seconds: int = 3600  # of the oauth2 and raw doors

    def check(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is one of {', '.join(choices)}, not {getattr(self, name)}")
