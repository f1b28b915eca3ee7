"""What the API answers, thing by thing. `npsync … --json` shows the same things in the same words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

RunStatus = Literal["running", "succeeded", "partial", "failed", "stopped"]
OpenState = Literal["review", "waiting", "held", "rejected", "pending"]
LetterStatus = Literal["open", "retried", "resolved", "discarded"]


class Shape(BaseModel):
    """Nothing is told that is not described."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RunHead(Shape):
    run: int = Field(description="Its number.", examples=[41])
    sync: str = Field(
        description="The sync; of accounts the name of their roll-up.", examples=["nps-to-contacts"]
    )
    kind: str = Field(description="run, undo, redo, verify or roll_up.", examples=["run"])
    status: RunStatus = Field(description="partial: some answers need a person or another run.")
    started_at: AwareDatetime
    ended_at: AwareDatetime | None = Field(description="null while it runs.")


class Left(Shape):
    """An answer that a run left open and that is open still."""

    state: OpenState
    source: str
    answer: str = Field(description="Its id at the source.")
    key: str | None = Field(description="What people know the person by.")
    record: str | None
    candidates: list[str] = Field(description="review: the records between which a person decides.")
    code: str
    reason: str
    field: str | None
    look_again: str | None = Field(description="When it is looked up again by itself.")


class Progress(Shape):
    """How far a run is: so many of so many in this phase."""

    phase: str
    done: int
    total: int | None = Field(description="null: nobody can know.")
    at: AwareDatetime


class Run(RunHead):
    progress: Progress | None = Field(description="While it runs.")
    report: dict[str, Any] = Field(
        description="What `npsync run --json` printed at its end: counts by state, writes, calls, problems …; "
        "empty while it runs."
    )


class RunInFull(Run):
    left: list[Left] = Field(description="What is open still, at most 100 of each state.")


class Change(Shape):
    """One record that a run wrote, or wanted to."""

    object: str
    id: str = Field(description="The record.")
    key: str = Field(description="The answer's key that led to it.")
    outcome: str = Field(description="planned, open, written, rejected, deferred or unknown.")
    fields: dict[str, list[Any]] = Field(
        description="By field: what stood there, and what was written.", examples=[{"NPS__c": [6, 9]}]
    )
    code: str = Field(description="Why it was not written, as a word.")
    message: str = Field(description="Why it was not written, in the vendor's words.")


class LastTick(Shape):
    """What the clock did about its last due time."""

    due_at: AwareDatetime
    outcome: str = Field(description="started, caught_up, skipped_overlap, skipped_paused or handed_back.")
    noted_at: AwareDatetime


class UnderWay(Shape):
    run: int
    kind: str
    started_at: AwareDatetime
    died: bool = Field(description="Its process is gone; it is taken up again.")
    progress: Progress | None


class Open(Shape):
    """Answers that wait, by state."""

    review: int
    held: int
    rejected: int
    waiting: int


class Sync(Shape):
    sync: str = Field(examples=["nps-to-contacts"])
    survey: str
    connection: str = Field(description="Where it writes.")
    object: str
    rhythm: str = Field(examples=["every 15 minutes"])
    due_at: AwareDatetime | None = Field(description="When it is due next; null before the clock saw it.")
    late: bool = Field(description="It is due, and nobody takes it: no `npsync serve` runs.")
    last_tick: LastTick | None
    paused: bool
    paused_in_file: bool
    paused_at: AwareDatetime | None
    paused_by: str | None
    verified_at: AwareDatetime | None = Field(description="When it is verified next.")
    under_way: UnderWay | None
    last_run: RunHead | None
    open: Open


class Undecided(Shape):
    """An answer in one sync that waits."""

    sync: str
    state: Literal["review", "waiting", "held"]
    answer: str = Field(description="SOURCE:ID, by which decisions name it.", examples=["email-nps:8121"])
    person: str = Field(description="The same for all answers of one person.")
    key: str = Field(description="What people know the person by.")
    given: AwareDatetime
    code: str = Field(examples=["ambiguous"])
    rule: str
    reason: str
    candidates: list[str] = Field(description="The records between which to decide.")
    record: str | None
    look_again: AwareDatetime | None


class Letter(Shape):
    """What could not be written, and who can help."""

    letter: int = Field(description="Its number.")
    sync: str
    run: int
    status: LetterStatus
    source: str | None
    answer: str | None
    record: str | None
    code: str
    cause: str
    reason: str
    field: str | None
    since: AwareDatetime
    attempts: int
    again_at: AwareDatetime | None = Field(description="When it is tried again by itself.")
    who: str = Field(description="Who can help.")
    do: str = Field(description="What helps.")
    next: str | None = Field(description="The command that settles it.")


class Tried(Shape):
    at: str
    what: str


class LetterInFull(Letter):
    kept: dict[str, Any] | None = Field(description="The answer as it came.")
    tried: list[Tried]
    state: str | None = Field(description="The answer's state now.")
    letters: list[int] = Field(description="All letters of the same answer.")
    now: int | None = Field(description="The letter it is now, when it was refused again.")


class Allowance(Shape):
    """What the vendor said of the calls it allows."""

    left: int
    used: int | None
    limit: int | None
    kept_for_others: int | None
    resets_at: AwareDatetime | None
    as_of: AwareDatetime


class Trouble(Shape):
    """The last failure, unless calls got through since. Its words are in npsync's log."""

    kind: Literal["access", "budget", "unavailable"] = Field(
        description="access: credentials or permissions. budget: no calls left. unavailable: down or busy."
    )
    at: AwareDatetime


class Connection(Shape):
    connection: str
    type: str
    today: int = Field(description="Calls made today, in the business time zone.")
    days: dict[str, int] = Field(description="Calls of the last seven days.")
    allowance: Allowance | None
    spent_at: AwareDatetime | None = Field(description="When today's pace will have used up what is left.")
    fine_at: AwareDatetime | None = Field(description="When a call got through last, to the minute.")
    trouble: Trouble | None


class Invitation(Shape):
    """One person asked one survey once. The link by which the person answers is not told."""

    invitation: str = Field(
        description="What it is called here.", examples=["1772461800000-0f5a3c9d1b7e2f46"]
    )
    trigger: str
    survey: str
    connection: str
    object: str
    record: str
    state: str
    via: str | None = Field(description="The connection that sent it last.")
    created_at: AwareDatetime
    due_at: AwareDatetime
    sent_at: AwareDatetime | None
    answered_at: AwareDatetime | None
    expires_at: AwareDatetime | None
    code: str
    reason: str


class Suppressed(Shape):
    reason: str = Field(examples=["unsubscribe"])
    names: int = Field(description="Under how many names of people it is in force.")


class Suppressions(Shape):
    items: list[Suppressed]


class Sending(Shape):
    """Whether npsync sends at all."""

    sends: bool
    why_not: str | None
    ledger_entries: int
    stopped: Any = Field(description="By whom, when and why, where somebody stopped it.")
    ledger: Any = Field(description="Where the ledger of who was asked comes from, where somebody said so.")


class Story(Shape):
    """Why one customer's records show what they show: what `npsync why WHO --json` says."""

    asked: Mapping[str, Any] = Field(
        description="invitations, messages, not_asked, suppressions, elsewhere: our own asking."
    )
    found: bool
    records: list[dict[str, Any]] = Field(
        description="Each with its answers, fields, writes, links, what followed, and a `summary` for people."
    )
    loose: list[dict[str, Any]] = Field(description="Answers that are matched to no record.")
    accounts: list[dict[str, Any]]
    looked_in: list[str]
    offline: bool
    problems: list[str] = Field(description="Why a CRM could not be looked at.")
    unseen: list[str] = Field(description="Why one never can be, as it is set up.")


class ReportReply(Shape):
    report: dict[str, Any] | None = Field(
        description="What `npsync report SURVEY --json` says; null while it is counted for the first time."
    )
    as_of: AwareDatetime | None = Field(description="When it was counted.")
    counting: bool = Field(description="Something changed since; newer figures are on their way.")


class Account(Shape):
    account: str = Field(description="Its id in the CRM.")
    label: str
    nps: float | None
    margin: float | None
    people: int
    promoters: int | None = Field(
        description="Like nps and the others: null of fewer people than have a figure."
    )
    passives: int | None
    detractors: int | None
    ever_answered: int | None = Field(
        description="How many of its people ever answered; null to a token of scope reports."
    )
    latest: AwareDatetime | None = Field(description="When the last of them did; null likewise.")


class Accounts(Shape):
    items: list[Account]
    next: str | None
    all_of_them: int | None
    with_enough: int | None = Field(description="Accounts with enough people for a figure.")
    as_of: AwareDatetime | None
    counting: bool


class Settings(Shape):
    """The YAML as npsync read it, every secret hidden."""

    file: str
    config: dict[str, Any]
    warnings: list[str] = Field(description="What works, and may not be what was meant.")


class Planned(Shape):
    """One record that a run would change."""

    object: str
    id: str
    fields: dict[str, list[Any]] = Field(
        description="By field: what stands there, and what would.", examples=[{"NPS__c": [6, 9]}]
    )


class Act(Shape):
    """Something that was wanted: done by `npsync serve` (or a worker) as soon as one is free."""

    action: int = Field(description="Its number.")
    kind: str = Field(description="run, plan, verify, undo, redo, link, take_up, check or reload.")
    about: str
    arguments: dict[str, Any]
    state: Literal["wanted", "doing", "done", "failed"]
    who: str
    wanted_at: AwareDatetime
    began_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    run: int | None = Field(description="The run it came to.")
    outcome: dict[str, Any] | None = Field(description="What it came to, once it ended.")


class Audited(Shape):
    number: int
    at: AwareDatetime
    who: str = Field(examples=["token:nightly-job"])
    what: str = Field(examples=["run"])
    about: str
    facts: dict[str, Any]
