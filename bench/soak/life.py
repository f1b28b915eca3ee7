"""What people do between two runs, and what every record must show because of it."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bench import by_hand
from bench.soak.toys import Row, Sandbox

WORDS = (
    None,
    None,
    "Fine.",
    'O\'Brien said "never"\nand hung up',
    "=1+1",
    "#N/A",
    "   ",
    "Zoë 😀 – 10/10",
    "Too long. " * 60,
)
USUAL = (2, 1, 1, 2, 2, 5, 6, 13, 19, 23, 26)  # how often each score is given, 0 first
STILL_READ = timedelta(days=5)  # later edits than these are not seen: Wootric cannot be asked for changes
NOTE = "Called on Monday, see task"
OBJECTS = {"salesforce": "Contact", "hubspot": "contacts"}
OURS = {"salesforce": ("NPS_Comment__c", "NPS_Trend__c"), "hubspot": ("nps_score",)}  # overwrite: if_ours
THEIRS = {"salesforce": "Role__c", "hubspot": "firstname"}  # a field nobody mapped
FIELDS = {"salesforce": by_hand.SALESFORCE_FIELDS, "hubspot": by_hand.HUBSPOT_FIELDS}


@dataclass
class Life:
    """Draws from its own seed, and remembers what a person left on a record."""

    sandbox: Sandbox
    rng: random.Random
    events: Counter[str] = field(default_factory=Counter)
    left: dict[tuple[str, str, str], Any] = field(
        default_factory=dict
    )  # vendor, record, field → a person's value
    merged: set[tuple[str, str]] = field(default_factory=set)  # records a merge touched
    _acts: Counter[int] = field(default_factory=Counter)  # by end user: answers, edits, withdrawals
    _answers: dict[str, int] = field(default_factory=dict)  # live answer → end user
    _withdrawn: list[str] = field(default_factory=list)
    _silent: set[int] = field(default_factory=set)  # whose record was merged away
    _settled_on: set[int] = field(default_factory=set)  # whose answers may not be withdrawn any more

    def __post_init__(self) -> None:
        self._people = [row["id"] for row in self.sandbox.rows("wootric", "end_users")]

    # ------------------------------------------------------------ between two runs

    def go_on(self) -> None:
        for _ in range(self.rng.choice((2, 4, 6, 8, 12, 40))):
            self._somebody_answers()
        for _ in range(self.rng.randint(0, 3)):
            self._somebody_edits()
        if self.rng.random() < 0.2:
            self._somebody_withdraws()
        if self.rng.random() < 0.15:
            self._counts_again()
        if self.rng.random() < 0.3:
            self._colleague_edits_another_field()
        if self.rng.random() < 0.2:
            self._colleague_edits_what_is_always_ours()

    def when_settled(self) -> None:
        """What only has a known end when nothing is on its way."""
        for vendor in OBJECTS:
            self._colleague_edits_ours(vendor)
            if self.rng.random() < 0.6:
                self._two_become_one(vendor)

    def _somebody_answers(self, person: int | None = None, *, late: bool | None = None) -> str:
        who = person or self.rng.choice([one for one in self._people if one not in self._silent])
        given: Row = {"end_user_id": who, "score": self._score(), "text": self.rng.choice(WORDS)}
        if self.rng.random() < 0.2 if late is None else late:
            given["created_at"] = self._moment_ago()
            self.events["late answers"] += 1
        else:
            self.events["answers"] += 1
        answer: str = self.sandbox.call("POST", "/wootric/responses", given)["id"]
        self._answers[answer] = who
        self._acts[who] += 1
        return answer

    def _score(self) -> int:
        """As people usually answer: another mix would be a swing of the segments, and the breaker's business."""
        return self.rng.choices(range(11), USUAL)[0]

    def _moment_ago(self) -> str:
        past = datetime.now(UTC) - self.rng.random() * STILL_READ
        return past.replace(microsecond=0).isoformat()

    def _somebody_edits(self) -> None:
        if self._answers:
            answer = self.rng.choice(list(self._answers))
            self._change(answer, score=self._score(), text=self.rng.choice(WORDS))
            self.events["edits"] += 1

    def _somebody_withdraws(self) -> None:
        free = [
            one
            for one, who in self._answers.items()
            if who not in self._settled_on and one not in self._withdrawn
        ]
        if free:
            self._withdrawn.append(answer := self.rng.choice(free))
            self._change(answer, excluded_from_calculations=True)
            self.events["withdrawals"] += 1

    def _counts_again(self) -> None:
        if self._withdrawn:
            answer = self._withdrawn.pop(0)
            self._change(answer, excluded_from_calculations=False)
            self.events["counted again"] += 1

    def _change(self, answer: str, **fields: Any) -> None:
        self.sandbox.call("PATCH", f"/wootric/responses/{answer}", fields)
        self._acts[self._answers[answer]] += 1

    def _colleague_edits_another_field(self) -> None:
        vendor = self.rng.choice(list(OBJECTS))
        record = str(self.rng.choice(self._records(vendor))["id"])
        self._leave(vendor, record, THEIRS[vendor], f"Edited {self.events['other fields edited']}")
        self.events["other fields edited"] += 1

    def _colleague_edits_what_is_always_ours(self) -> None:
        """`overwrite: always`: the next answer has the last word."""
        givers = self._givers("hubspot")
        if givers:
            record = self.rng.choice(sorted(givers))
            self._set("hubspot", record, "nps_comment", NOTE)
            self._acts[givers[record]] += 1
            self._somebody_answers(givers[record], late=False)
            self.events["our fields edited (always)"] += 1

    def _colleague_edits_ours(self, vendor: str) -> None:
        """`overwrite: if_ours`: what a person wrote over our value stays, whatever is answered afterwards."""
        givers, name = self._givers(vendor), self.rng.choice(OURS[vendor])
        shown = {str(row["id"]): row for row in self._records(vendor)}
        free = [
            record
            for record in sorted(givers)
            if shown[record][name] is not None
            and not any((vendor, record, one) in self.left for one in OURS[vendor])
        ]
        if free:
            record = self.rng.choice(free)
            value = "11" if name == "nps_score" else NOTE if "Comment" in name else "flat"
            self._leave(vendor, record, name, value)
            self._somebody_answers(givers[record], late=False)
            self.events["our fields edited (if_ours)"] += 1

    def _two_become_one(self, vendor: str) -> None:
        """Afterwards the winner's person answers twice, so that what is newest does not hang on the loser's answers."""
        givers = self._givers(vendor)
        taken = {record for of, record, name in self.left if of == vendor}
        shared = self._shared_addresses()
        free = sorted(record for record, who in givers.items() if record not in taken and who not in shared)
        if len(free) < 2:
            return
        winner, loser = self.rng.sample(free, 2)
        if givers[winner] == givers[loser]:
            return
        path = f"/{vendor}/{OBJECTS[vendor]}/{winner}/merge"
        survivor = str(self.sandbox.call("POST", path, {"loser": loser})["id"])
        self.merged |= {(vendor, record) for record in (winner, loser, survivor)}
        self._silent.add(givers[loser])
        self._forget_answers_of(givers[loser])
        self._settled_on.add(givers[winner])
        for _ in range(2):
            self._somebody_answers(givers[winner], late=False)
        self.events["merges"] += 1

    def _shared_addresses(self) -> set[int]:
        """End users whose address another one has as well: merging such a record changes who the other one is."""
        people = self.sandbox.rows("wootric", "end_users")
        count = Counter(row["email"] for row in people)
        return {row["id"] for row in people if row["email"] and count[row["email"]] > 1}

    def _forget_answers_of(self, person: int) -> None:
        self._answers = {one: who for one, who in self._answers.items() if who != person}
        self._withdrawn = [one for one in self._withdrawn if one in self._answers]

    def _leave(self, vendor: str, record: str, name: str, value: Any) -> None:
        self._set(vendor, record, name, value)
        self.left[vendor, record, name] = value

    def _set(self, vendor: str, record: str, name: str, value: Any) -> None:
        self.sandbox.call("PATCH", f"/{vendor}/{OBJECTS[vendor]}/{record}", {name: value})

    def _records(self, vendor: str) -> list[Row]:
        return self.sandbox.contacts() if vendor == "salesforce" else self.sandbox.leads()

    def _givers(self, vendor: str) -> dict[str, int]:
        """Records that one answering person has for themselves, without those a merge touched."""
        theirs = self.counted(vendor)
        givers: defaultdict[int, set[str]] = defaultdict(set)
        of = {record: {answer["end_user_id"] for answer in answers} for record, answers in theirs.items()}
        for record, people in of.items():
            for person in people:
                givers[person].add(record)
        return {
            record: person
            for record, people in of.items()
            if len(people) == 1
            and (vendor, record) not in self.merged
            and (person := next(iter(people))) not in self._silent
            and len(givers[person]) == 1
        }

    # ------------------------------------------------------------ what must be

    def counted(self, vendor: str) -> dict[str, list[by_hand.Row]]:
        """Record → the answers that count for it, oldest first."""
        answers, people = self.sandbox.rows("wootric", "responses"), self.sandbox.rows("wootric", "end_users")
        return by_hand.answers_of(answers, people, self._seen(vendor), _match(vendor))

    def truth(self, vendor: str) -> by_hand.Shown:
        """What every record must show: plain arithmetic, and what people left on it."""
        answers, people = self.sandbox.rows("wootric", "responses"), self.sandbox.rows("wootric", "end_users")
        records = self._records(vendor)
        expected = by_hand.on_salesforce if vendor == "salesforce" else by_hand.on_hubspot
        shown = expected(answers, people, records)
        for (of, record, name), value in self.left.items():
            if of == vendor and record in shown:
                shown[record][name] = value
        return shown

    def reasons(self, vendor: str) -> Counter[str]:
        """Record → how often its fields may have changed: once for each answer, edit, withdrawal and merge."""
        answers, people = self.sandbox.rows("wootric", "responses"), self.sandbox.rows("wootric", "end_users")
        every = [{**answer, "excluded_from_calculations": False} for answer in answers]
        theirs = by_hand.answers_of(every, people, self._seen(vendor), _match(vendor))
        return Counter(
            {
                record: len(of) + sum(self._acts[who] for who in {one["end_user_id"] for one in of})
                for record, of in theirs.items()
            }
        )

    def _seen(self, vendor: str) -> Iterable[Mapping[str, Any]]:
        return [row for row in self._records(vendor) if not row.get("IsPersonAccount")]


def _match(vendor: str) -> tuple[tuple[str, str], ...]:
    return by_hand.SALESFORCE_MATCH if vendor == "salesforce" else by_hand.HUBSPOT_MATCH
