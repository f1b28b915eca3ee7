"""What to grant on a master, and whether everything npsync needs works: the fields, the list, the search, an update."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.contract import Grant, Needs, Verdict
from connectors.declared.placeholders import filled_path
from connectors.rest_master.finding import Finding
from connectors.rest_master.master import Master
from connectors.rest_master.remembering import Remembered
from connectors.rest_master.rows import Row
from connectors.rest_master.searching import Asked, is_safe
from connectors.rest_master.settings import RestMasterSettings
from nps.errors import AccessError, ConfigError
from nps.schema import FieldType
from nps.values import Json

_NOBODY = "npsync-tests-its-permission"


def grants(settings: RestMasterSettings, needs: Needs) -> list[str]:
    """In words: every master calls it otherwise."""
    objects = ", ".join(sorted({*needs.read, *needs.write})) or ", ".join(settings.objects)
    wanted = [f"read {objects}: list the records, search them, see their fields"]
    if needs.write:
        wanted.append(
            f"update {', '.join(sorted(needs.write))}: existing records only; npsync creates and deletes none"
        )
    return wanted


def tested(master: Master, needs: Needs) -> list[Grant]:
    """Nothing is written. AccessError when the credential itself is refused."""
    found: list[Grant] = []
    for object in sorted({*needs.read, *needs.write}):
        master.values(object)  # a credential that is refused ends here
        found += _of(master, object, needs)
    return found


def _of(master: Master, object: str, needs: Needs) -> Iterator[Grant]:
    fields = f"see the fields of {object}"
    try:
        known = master.table(object)
    except AccessError as error:
        yield Grant(fields, "find mistakes before anything is written", Verdict.MISSING, str(error))
        return
    yield Grant(fields, "find mistakes before anything is written", Verdict.OK)
    finding = Finding(master, object, Remembered(master.tools.memory, object))
    some: list[Row] = []
    if master.settings.list is not None:
        listing = f"list {object}"
        try:
            some = next(iter(finding.reading.everything()), [])
        except AccessError as error:
            yield Grant(listing, "read values and versions", Verdict.MISSING, str(error))
            return
        yield Grant(listing, "read values and versions", Verdict.OK)
    yield _search(master, finding, object, needs, some)
    if object in needs.write:
        yield _update(master, object)
    personal = sorted(
        name for name in needs.read.get(object, ()) if name in known.fields and known.fields[name].personal
    )
    if personal:
        yield Grant(f"read personal data of {object}", "match people", Verdict.OK, ", ".join(personal))


def _search(master: Master, finding: Finding, object: str, needs: Needs, some: list[Row]) -> Grant:
    """Whether the search finds a record that the list shows, by a field the YAML reads: how masters write a search is
    the least documented part of them."""
    permission, why = f"search {object}", "find records by their keys"
    known = master.table(object)
    names = [name for name in sorted(needs.read.get(object, ())) if name in known.fields]
    for name in [one for one in names if known.fields[one].schema.type is FieldType.TEXT]:
        kind = "email" if "mail" in name.lower() else "text"
        for row in some:
            value = row.fields.get(name)
            if not isinstance(value, str) or not value.strip() or not is_safe(master.settings.find, value):
                continue
            asked = Asked(known.field(name), kind, [value])
            try:
                hits = [one for one in finding.searched(name, asked.values) if one.id == row.id]
            except AccessError as error:
                return Grant(permission, why, Verdict.MISSING, str(error))
            except ConfigError as error:
                return Grant(permission, why, Verdict.UNTESTED, str(error))
            if hits:
                return _shown(permission, why, row, hits[0], name, needs, object, master)
            return Grant(
                permission,
                why,
                Verdict.MISSING,
                f"a record that the list shows was not found by {name}: check find.term and find.query, or the index",
            )
    return Grant(permission, why, Verdict.UNTESTED, "no record was listed that could be searched for")


def _shown(
    permission: str, why: str, row: Row, hit: Row, name: str, needs: Needs, object: str, master: Master
) -> Grant:
    """A search that leaves fields out makes them look empty: every run would write them again."""
    wanted = {*needs.read.get(object, ()), *needs.write.get(object, ())}
    unseen = sorted(one for one in wanted if row.fields.get(one) is not None and one not in hit.fields)
    if unseen and master.settings.find.values == "found":
        told = f"the search does not show {', '.join(unseen)}, which the record has: set find.values to read"
        return Grant(permission, why, Verdict.MISSING, told)
    return Grant(permission, why, Verdict.OK, f"a record of the list was found by {name}")


def _update(master: Master, object: str) -> Grant:
    permission, why = f"update {object}", "write the mapped fields"
    update = master.settings.update
    if not update.probe:
        return Grant(
            permission, why, Verdict.UNTESTED, "an update would change a record; the first run shows"
        )
    values = {**master.values(object), "id": _NOBODY}
    body: dict[str, Json] = {update.version_name: 0} if update.version == "body" else {}
    reply = master.lenient.request(
        update.method,
        filled_path(update.path, values),
        json=body,
        what=f"update nobody of {object}",
        idempotent=True,
    )
    if reply.status == 403:
        return Grant(permission, why, Verdict.MISSING, "the master answers 403")
    if reply.status in (400, 404):
        return Grant(permission, why, Verdict.OK)
    return Grant(permission, why, Verdict.UNTESTED, f"the master answered {reply.status}")
