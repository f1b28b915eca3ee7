"""Which records belong together, beside contacts, companies and tickets: tasks, notes, an account's own objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Kind = str
Place = tuple[Kind, str]  # an object's name and the id of a record

# from, to → the id of the association's type
_TASKS = {"contacts": (204, 203), "companies": (192, 191), "tickets": (230, 229)}
_NOTES = {"contacts": (202, 201), "companies": (190, 189), "tickets": (228, 227)}
STANDARD_TYPES: Mapping[tuple[Kind, Kind], int] = {
    pair: type
    for kind, others in (("tasks", _TASKS), ("notes", _NOTES))
    for other, (there, back) in others.items()
    for pair, type in (((kind, other), there), ((other, kind), back))
}


class Links:
    def __init__(self) -> None:
        self.types: dict[tuple[Kind, Kind], int] = dict(STANDARD_TYPES)
        self.own: set[int] = set()  # types somebody of the account defined
        self._others: dict[Place, dict[Place, None]] = {}

    def type_between(self, one: Kind, other: Kind) -> int | None:
        return self.types.get((one, other))

    def category(self, type: int) -> str:
        return "USER_DEFINED" if type in self.own else "HUBSPOT_DEFINED"

    def define(self, one: Kind, other: Kind, number: int) -> None:
        """A type there and one back, under the next two numbers."""
        self.types[one, other], self.types[other, one] = number, number + 1
        self.own |= {number, number + 1}

    def undefine(self, kind: Kind) -> None:
        self.types = {pair: type for pair, type in self.types.items() if kind not in pair}

    def put(self, one: Place, other: Place) -> None:
        self._others.setdefault(one, {})[other] = None
        self._others.setdefault(other, {})[one] = None

    def of(self, place: Place, kind: Kind) -> list[str]:
        """Ids of the records of one kind, in the order in which they were put."""
        return [id for other, id in self._others.get(place, {}) if other == kind]

    def drop(self, place: Place) -> None:
        for other in self._others.pop(place, {}):
            self._others[other].pop(place, None)

    def follow(self, kind: Kind, old: Iterable[str], new: str) -> None:
        """After a merge the survivor has what the others had."""
        for id in old:
            if id == new:
                continue
            for other in list(self._others.get((kind, id), {})):
                self.put((kind, new), other)
            self.drop((kind, id))
