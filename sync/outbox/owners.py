"""Who gets a task: the owner the YAML names, else the record's, else the account's, else those named as a way out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from connectors.contract import GivesTasks, Owner


@dataclass
class Owners:
    """The colleagues of one CRM, each asked for once in a run."""

    giver: GivesTasks
    known: dict[str, Owner | None] = field(default_factory=dict)  # by id or e-mail
    refused: set[str] = field(default_factory=set)  # ids the CRM gave no task to

    def learn(self, named: Iterable[str]) -> None:
        """Ask for all of these ids and addresses together."""
        missing = sorted({one for one in named if one and one not in self.known})
        ids = [one for one in missing if "@" not in one]
        found = self.giver.owners(ids) if ids else {}
        self.known |= {id: found.get(id) for id in ids}
        for address in missing:
            if "@" in address:
                self.known[address] = self.giver.owner_of(address)

    def who_may(self, named: Sequence[str]) -> list[Owner]:
        """Those of these who can be given a task, in this order, each once."""
        found: dict[str, Owner] = {}
        for one in named:
            owner = self.known.get(one)
            if owner is not None and owner.active and owner.id not in self.refused:
                found.setdefault(owner.id, owner)
        return list(found.values())

    def why_nobody(self, named: Sequence[str]) -> str:
        """Without names: ids and addresses stand in the YAML or in the CRM."""
        if not named:
            return "its record has no owner, and the rule names nobody under `otherwise`"
        left = sum(1 for one in named if (owner := self.known.get(one)) is not None and not owner.active)
        gone = sum(1 for one in named if self.known.get(one) is None)
        words = [f"{left} inactive"] * bool(left) + [f"{gone} unknown to the CRM"] * bool(gone)
        return f"nobody is left to give it to: of {len(named)} named, {', '.join(words) or 'none may own it'}"
