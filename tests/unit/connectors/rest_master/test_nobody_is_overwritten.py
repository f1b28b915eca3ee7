"""Whoever else edits the records, whenever they do: what they changed since the plan saw it is never overwritten, what
they changed beside it stays, and every change has one outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fake_clock import FakeClock, MemoryInMemory
from hypothesis import given, settings
from hypothesis import strategies as st
from played_pretectum import Played, opened, playing_pretectum, tools

from connectors.contract import Lookup
from connectors.rest_master.destination import RestMaster
from nps.changes import Batch, Change, Outcome, Written

US = "US Customers"
IDS = ("do-1", "do-2", "do-3")

Edit = tuple[str, str, Any]  # whose, which field, to what
edits = st.tuples(
    st.sampled_from(IDS),
    st.sampled_from(["NPS Score", "Last Name"]),
    st.integers(min_value=0, max_value=10),
)


@dataclass(frozen=True)
class World:
    hits_show_versions: bool
    search_lags: bool
    by_id: bool
    lag: str
    step: int
    rounds: tuple[dict[str, int], ...]  # what is to be written, round by round
    edits: dict[int, list[Edit]] = field(default_factory=dict)  # before which call somebody edits


worlds = st.builds(
    World,
    hits_show_versions=st.booleans(),
    search_lags=st.booleans(),
    by_id=st.booleans(),
    lag=st.sampled_from(["0 minutes", "10 minutes"]),
    step=st.sampled_from([1, 2, 7]),
    rounds=st.lists(
        st.dictionaries(st.sampled_from(IDS), st.integers(min_value=0, max_value=10), min_size=1), max_size=3
    ).map(tuple),
    edits=st.dictionaries(
        st.integers(min_value=0, max_value=30), st.lists(edits, min_size=1, max_size=3), max_size=8
    ),
)


class Story:
    """One world, lived through. `seen` is what the plan in hand saw of each score, None outside of a plan."""

    def __init__(self, world: World, master: Played) -> None:
        self.world, self.master = world, master
        self.theirs: dict[tuple[str, str], Any] = {}  # the last edit of somebody else, until we write over it
        self.calls = 0
        master.step, master.by_id = world.step, world.by_id
        for id in IDS:
            master.add(id, Email=f"{id}@acme.example", NPS_Score=5, Last_Name="Adler")
        self.index = {id: dict(record) for id, record in master.records.items()}
        master.shown = self._shown
        master.before = self._before

    def _shown(self, record: dict[str, Any]) -> dict[str, Any]:
        shown = self.index[record["_dataObjectId"]] if self.world.search_lags else record
        hidden = () if self.world.hits_show_versions else ("_version",)
        return {name: value for name, value in shown.items() if name not in hidden}

    def _before(self, method: str, path: str) -> None:
        for id, name, value in self.world.edits.get(self.calls, ()):
            told = value if name == "NPS Score" else f"Name {value}"
            self.master.edit(id, **{name.replace(" ", "_"): told})
            self.theirs[id, name] = told
        self.calls += 1

    def round(self, crm: RestMaster, wanted: dict[str, int]) -> None:
        emails = [f"{id}@acme.example" for id in wanted]
        hits = crm.find(US, [Lookup("Email", "email", emails)], ["NPS Score"], {})
        saw = {hit.record.id: hit.record.fields["NPS Score"] for hit in hits}
        changes = tuple(
            Change(object=US, record_id=id, before={"NPS Score": saw[id]}, after={"NPS Score": score})
            for id, score in wanted.items()
            if saw[id] != score
        )
        stored = {id: self.master.records[id]["NPS Score"] for id in IDS}
        update = self.master._updated

        def watched(id: str, body: dict[str, Any]) -> Any:
            before = self.master.records[id]["NPS Score"]
            reply = update(id, body)
            if reply[0] == 204 and before != saw[id]:
                # It may only be our own, which a search did not show yet.
                assert (id, "NPS Score") not in self.theirs, (
                    f"{id}: {before} was overwritten, the plan saw {saw[id]}"
                )
            if reply[0] == 204:
                self.theirs.pop((id, "NPS Score"), None)
            return reply

        self.master._updated = watched  # type: ignore[method-assign]
        outcomes: list[Outcome] = list(crm.write(Batch(1, US, "one_by_one", changes), lambda handle: None))
        self.master._updated = update  # type: ignore[method-assign]
        assert sorted(one.record_id for one in outcomes) == sorted(change.record_id for change in changes)
        for change in changes:
            [outcome] = [one for one in outcomes if one.record_id == change.record_id]
            now = self.master.records[change.record_id]["NPS Score"]
            if isinstance(outcome, Written):
                assert now in (change.after["NPS Score"], self.theirs.get((change.record_id, "NPS Score")))
            else:
                assert now in (stored[change.record_id], self.theirs.get((change.record_id, "NPS Score")))


@settings(max_examples=120, deadline=None)
@given(worlds)
def test_nobody_is_overwritten(world: World) -> None:
    memory, clock = MemoryInMemory(), FakeClock()
    with playing_pretectum() as master:
        story = Story(world, master)
        for wanted in world.rounds:
            crm = opened(
                tools(memory, clock),
                find={"lag": world.lag},
                read={"by": "id"} if world.by_id else {"by": "list"},
            )
            story.round(crm, wanted)
            crm.close()
        for (id, name), value in story.theirs.items():
            assert master.records[id][name] == value
