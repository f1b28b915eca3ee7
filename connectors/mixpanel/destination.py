"""Mixpanel profiles as a Destination. With a service account they are found and read; without one they are only
written, and what is known of them is what was written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import ceil

from connectors.contract import Allowance, Grant, Lookup, Needs, Only, Tools, Verdict, Way
from connectors.mixpanel import people
from connectors.mixpanel.profiles import Found, Profiles
from connectors.mixpanel.properties import (
    DISTINCT_ID,
    PROFILES,
    canonical,
    field_of,
    live,
    schema_of,
    typed,
)
from connectors.mixpanel.remembered import Remembered
from connectors.mixpanel.settings import WRITE_ONLY, MixpanelSettings
from connectors.mixpanel.updates import Update, Updates
from nps.changes import Batch, Cause, Change, Hit, Outcome, Record, Rejected, Unknown, Written
from nps.errors import ConfigError, NpsyncError, RejectedError
from nps.schema import FieldSchema, ObjectSchema
from nps.values import Json, Value

BATCH = 1_000  # changes: at most two operations each, and one question whether their profiles are there
_LOOKS = (0.0, 2.0, 8.0, 20.0)  # seconds to wait before each look whether the first updates show


class MixpanelProfiles:
    """Thread-safe. Never makes a profile, unless the YAML says that external ids are distinct ids."""

    def __init__(self, settings: MixpanelSettings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self._schema = schema_of(settings)
        self._profiles = Profiles(settings, tools) if settings.service_account is not None else None
        self._remembered = Remembered(tools.memory)
        self._updates = Updates(settings, tools)
        self._lock = threading.Lock()
        self._shown = False  # whether an update of ours was seen on a profile
        self.write_only = WRITE_ONLY if settings.write_only else ""

    # ------------------------------------------------------------ what there is

    def describe(self, object: str) -> ObjectSchema:
        if object != PROFILES:
            raise ConfigError(
                f'{self._tools.connection}: Mixpanel has no "{object}"; write object: {PROFILES}'
            )
        if self._settings.project_token is None:
            raise ConfigError(
                f"{self._tools.connection}: profiles are written with the project's token: say project_token"
            )
        return self._schema

    def canonical(self, object: str, field: str) -> Callable[[Value], Json]:
        return canonical(self._field(object, field))

    def typed(self, object: str, field: str) -> Callable[[Json], Value]:
        return typed(self._field(object, field))

    # ------------------------------------------------------------ reading

    def find(self, object: str, lookups: Sequence[Lookup], fields: Sequence[str], only: Only) -> list[Hit]:
        self._check(object, [*fields, *only])
        for lookup in lookups:
            if lookup.field != DISTINCT_ID:
                raise ConfigError(
                    f"{self._tools.connection}: profiles are matched by {DISTINCT_ID}, not by {lookup.field}"
                )
        asked = [(one.field, value) for one in lookups for value in one.values if _may_be(value)]
        records = self._records([value for _, value in asked], fields, only)
        return [Hit(field, value, records[value]) for field, value in asked if value in records]

    def get(self, object: str, ids: Sequence[str], fields: Sequence[str], only: Only) -> list[Record]:
        self._check(object, [*fields, *only])
        return list(self._records([id for id in ids if _may_be(id)], fields, only).values())

    def records(self, object: str, fields: Sequence[str], only: Only) -> Iterator[list[Record]]:
        self._check(object, [*fields, *only])
        if self._profiles is None:
            raise ConfigError(f"{self._tools.connection}: nobody can list the profiles: {WRITE_ONLY}")
        for page in self._profiles.all(self._asked(fields, only)):
            if records := list(self._shown_as(page, fields, only).values()):
                yield records

    # ------------------------------------------------------------ writing

    def ways(self, object: str, count: int) -> Sequence[Way]:
        calls = 1 if self._profiles is None else 2
        return [Way(api="batch", batch=BATCH, cost=lambda changes: calls * ceil(changes / BATCH))]

    def write(self, batch: Batch, remember: Callable[[str], None]) -> Iterable[Outcome]:
        token = self._settings.project_token
        self._check(batch.object, {name for change in batch.changes for name in change.after})
        assert token is not None  # `_check` describes, which demands it
        there = self._there([change.record_id for change in batch.changes])
        said: dict[str, Outcome] = {
            change.record_id: _gone(change.record_id)
            for change in batch.changes
            if change.record_id not in there
        }
        said |= self._unlisted(change for change in batch.changes if change.record_id not in said)
        yield from said.values()
        changes = [change for change in batch.changes if change.record_id not in said]
        after = {change.record_id: change.after for change in changes}
        for told in self._updates.send([Update.of(change, token) for change in changes]):
            written = {id: after[id] for id, one in told.items() if isinstance(one, Written)}
            try:
                self._note(written)
            except ConfigError:
                raise  # none of them arrived
            except NpsyncError as error:
                yield from (Unknown(id, str(error)) if id in written else one for id, one in told.items())
                raise
            yield from told.values()

    def resume(self, batch: Batch, handle: str) -> Iterable[Outcome] | None:
        return None  # the same values once more change nothing

    def allowance(self) -> Allowance | None:
        return None

    def close(self) -> None:
        self._updates.close()
        if self._profiles is not None:
            self._profiles.close()

    # ------------------------------------------------------------ access

    def access(self, needs: Needs) -> list[Grant]:
        found: list[Grant] = []
        wanted = self._settings.project_token is not None
        if self._profiles is not None and (wanted or not needs.events):
            self._profiles.read(["npsync-nobody"], [])
            found.append(Grant("Service account", "find profiles and read their values", Verdict.OK))
        if not wanted:
            return found
        if self._profiles is None:
            why = "compare before writing, undo, verify"
            found.append(Grant("Service account", why, Verdict.UNTESTED, WRITE_ONLY))
        told = (
            "Mixpanel thanks for updates with any token; nobody can look whether they arrive"
            if self._profiles is None
            else "Mixpanel thanks for updates with any token; the first ones are looked for after they are written"
        )
        return [*found, Grant("Project token", "write profiles", Verdict.UNTESTED, told)]

    # ------------------------------------------------------------ inside

    def _note(self, written: Mapping[str, Mapping[str, Json]]) -> None:
        if self._profiles is None:
            self._remembered.note(written.items())
        else:
            self._see(written)

    def _field(self, object: str, name: str) -> FieldSchema:
        return field_of(self.describe(object), name, self._tools.connection)

    def _check(self, object: str, names: Iterable[str]) -> None:
        for name in names:
            self._field(object, name)
        self.describe(object)

    def _asked(self, fields: Sequence[str], only: Only) -> list[str]:
        return [name for name in dict.fromkeys((*fields, *only)) if name != DISTINCT_ID]

    def _records(self, ids: Sequence[str], fields: Sequence[str], only: Only) -> dict[str, Record]:
        if not ids:
            return {}
        if self._profiles is None:
            if only:
                raise ConfigError(
                    f"{self._tools.connection}: `only` cannot be asked of profiles that nobody can look at: "
                    f"{WRITE_ONLY}"
                )
            return self._shown_as(self._remembered.read(ids), fields, only)
        return self._shown_as(self._profiles.read(ids, self._asked(fields, only)), fields, only)

    def _shown_as(self, found: Found, fields: Sequence[str], only: Only) -> dict[str, Record]:
        allowed = {name: _allowed(self._schema.fields[name], value) for name, value in only.items()}
        forms = {name: live(self._schema.fields[name]) for name in dict.fromkeys((*fields, *only))}
        records: dict[str, Record] = {}
        for id, properties in found.items():
            shown = {
                name: id if name == DISTINCT_ID else form(properties.get(name))
                for name, form in forms.items()
            }
            if all(shown[name] in values for name, values in allowed.items()):
                records[id] = Record(PROFILES, id, {name: shown[name] for name in fields})
        return records

    def _there(self, ids: Sequence[str]) -> set[str]:
        """Those that an update would not make."""
        possible = [id for id in ids if _may_be(id)]
        return set(possible) if self._profiles is None else set(self._profiles.read(possible, []))

    def _unlisted(self, changes: Iterable[Change]) -> dict[str, Outcome]:
        """Mixpanel takes any value, so it is the YAML's list that is kept to."""
        said: dict[str, Outcome] = {}
        for change in changes:
            for name, value in change.after.items():
                options = self._schema.fields[name].options
                if options is not None and value is not None and value not in options:
                    message = f"{name} has no such option"
                    said[change.record_id] = Rejected(
                        change.record_id, "not_an_option", message, field=name, cause=Cause.MAPPING
                    )
        return said

    def _see(self, written: Mapping[str, Mapping[str, Json]]) -> None:
        """Once per connection: whether updates arrive in this project at all. Nothing else tells a wrong token, or a
        project that lives elsewhere: both are thanked for. Raises ConfigError when none of them shows."""
        wanted = [
            (id, name, value)
            for id, after in written.items()
            for name, value in after.items()
            if value is not None  # that nothing shows proves nothing
        ]
        with self._lock:
            if self._shown or not wanted or self._profiles is None:
                return
            names = sorted({name for _, name, _ in wanted})
            forms = {name: live(self._schema.fields[name]) for name in names}
            for wait in _LOOKS:
                if wait:
                    self._tools.clock.sleep(wait)
                found = self._profiles.read(list(written), names)
                if any(forms[name](found.get(id, {}).get(name)) == value for id, name, value in wanted):
                    self._shown = True
                    return
        raise ConfigError(
            f"{self._tools.connection}: Mixpanel thanked for {len(written):,} updates and none of them shows on its "
            f"profile: is project_token that of project {self._settings.project_id}, and residency right?"
        )


def _may_be(id: str) -> bool:
    return len(id) <= people.LONGEST_ID and people.names_somebody(id)


def _allowed(known: FieldSchema, value: Json) -> list[Json]:
    form, found = canonical(known), []
    for one in value if isinstance(value, list) else [value]:
        try:
            found.append(one if isinstance(one, list | dict) else form(one))
        except RejectedError:
            continue  # no profile shows what the property cannot hold
    return found


def _gone(record_id: str) -> Rejected:
    return Rejected(
        record_id, "gone", "there is no such profile (any more), and none is made", cause=Cause.GONE
    )
