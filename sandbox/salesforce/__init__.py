"""A toy Salesforce, written from the vendor's documentation: REST, SOQL, collections, Bulk 2.0 ingest.

Its own fault kinds, beside those the front plays: expired_token, daily_quota (this call), quota_spent (until the
day is over), concurrent_limit, lost_locator, shuffle, schema_drift (detail: object, field, change), locked_row,
validation, record_error (detail: statusCode, message), batch_refused (the whole request, unnamed), missing_row,
bulk_slow (detail: polls, seconds), bulk_failed and bulk_aborted (detail: processed); and those of what it sends out
(deliveries.py). Limits: daily, page, token_seconds, token_calls, bulk_polls, upload_bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox import deliveries
from sandbox.faults import Fault
from sandbox.knobs import Knob, turn
from sandbox.salesforce.activities import Tasks
from sandbox.salesforce.api import Api
from sandbox.salesforce.auth import ADMIN_ID, ADMIN_SECRET, CLIENT_ID, CLIENT_SECRET, Gate
from sandbox.salesforce.automation import Automation
from sandbox.salesforce.bulk import Bulk
from sandbox.salesforce.customizing import Customizing
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.faces import FACES
from sandbox.salesforce.metadata import Metadata
from sandbox.salesforce.org import Org
from sandbox.salesforce.records import Records
from sandbox.salesforce.schema import CASE_STATUSES
from sandbox.salesforce.stripping import strip
from sandbox.salesforce.tables import Column, Table
from sandbox.salesforce.tooling import Tooling
from sandbox.serving import WithoutLastSlash
from sandbox.toy import NoSuchRecord, Room, Row


def toy(room: Room) -> Salesforce:
    return Salesforce(room)


class Salesforce:
    faces = FACES
    fault_kinds = frozenset(
        {"expired_token", "daily_quota", "quota_spent", "concurrent_limit", "lost_locator", "shuffle"}
        | {"schema_drift", "locked_row", "validation", "record_error", "batch_refused", "missing_row"}
        | {"bulk_slow", "bulk_failed", "bulk_aborted"}
        | deliveries.FAULT_KINDS
    )

    def __init__(self, room: Room) -> None:
        self.org = Org(room)
        self.gate = Gate(room, self.org.integration_user, self.org.administrator)
        self.api = Api(self.org, self.gate)
        self.bulk = Bulk(self.api)
        self.automation = Automation(self.org)
        self.customizing = Customizing(self.org)
        self.app: ASGIApp = WithoutLastSlash(Starlette(routes=self._routes()))

    def env(self, url: str) -> dict[str, str]:
        usual = {"SALESFORCE_URL": url, "SF_ID": CLIENT_ID, "SF_SECRET": CLIENT_SECRET}
        return {**usual, "SF_ADMIN_ID": ADMIN_ID, "SF_ADMIN_SECRET": ADMIN_SECRET}

    def refusal(self, fault: Fault) -> Response:
        # This vendor knows no Retry-After and no 429; a test may want them all the same.
        code = {503: "SERVER_UNAVAILABLE", 403: "REQUEST_LIMIT_EXCEEDED", 429: "REQUEST_LIMIT_EXCEEDED"}
        message = fault.detail.get(
            "message", "An unexpected error occurred. Please include this ErrorId: 1-2 (3)"
        )
        reply = ApiError(
            fault.status, fault.detail.get("code", code.get(fault.status, "UNKNOWN_EXCEPTION")), message
        ).reply()
        if fault.retry_after is not None:
            reply.headers["Retry-After"] = f"{fault.retry_after:g}"
        return reply

    # ------------------------------------------------------------ state, for control and the pages

    def objects(self) -> Mapping[str, int]:
        return {name: len(table.rows) for name, table in self.org.tables.items()}

    def rows(self, object: str) -> Iterator[Row]:
        table = self._table(object)
        return (table.shown(row) for row in list(table.rows.values()))

    def row(self, object: str, id: str) -> Row:
        table = self._table(object)
        return table.shown(table.row(id))

    def pointing(self, object: str, field: str, id: str) -> list[Row]:
        """Records whose indexed reference is this one; none where there is no such object."""
        table = self.org.table(object)
        if table is None or field.lower() not in table.columns:
            return []
        return [table.shown(row) for row in table.pointing(field, id)]

    def change(self, object: str, id: str, fields: Row) -> None:
        self.org.change(object, id, fields)

    def add(self, object: str, fields: Row) -> str:
        return self.org.add(object, fields)

    def remove(self, object: str, id: str) -> None:
        self.org.remove(object, id)

    def merge(self, object: str, winner: str, loser: str) -> None:
        self.org.merge(object, winner, loser)

    def command(self, name: str, arguments: Row) -> Any:
        """hide_field, show_field {object, field} · rename_field {object, field, to}
        · alter_field {object, field, …} · permit {object, may: [read, edit, create, delete]} · expire_tokens
        · allow_key {username, public_key} · refresh_token {rotate} · use_calls, use_batches {used}
        · reader (credentials that may only read)
        · add_field {name: "Task.Key__c", definition: as Metadata has it, visible: true}
        · strip (an org nobody prepared: no NPS fields, no kept answers, no permission sets of ours)
        · administrator {gone} (revokes the provisioning credential, or gives it back)
        · settings {inactive_owner, duplicate_field} (error codes that are not documented for sure)
        · flow {object, set: {field: value}} (what a record-triggered flow does to every record saved; {} ends it)
        · close_case {id, status}, reopen_case {id, status} · bounce_email {id} (a mail to this contact came back)
        · convert_lead {id} (a new contact and account go on, and the lead can no longer be written)
        · callout {name, url, headers, hmac: {header, secret}, body, when: {object, field, to, on_create}} (a flow
        that calls out; url null ends it) · outbound_message {name, url, fields, when, org_id, id_length, nil, most}"""
        commands: dict[str, Knob] = {
            "hide_field": self._hide,
            "show_field": self._show,
            "rename_field": self._rename,
            "alter_field": self._alter,
            "permit": self._permit,
            "expire_tokens": self._expire,
            "allow_key": self._allow_key,
            "refresh_token": self._refresh_token,
            "use_calls": self._use_calls,
            "use_batches": self._use_batches,
            "reader": self._reader,
            "flow": self._flow,
            "close_case": self._close_case,
            "reopen_case": self._reopen_case,
            "bounce_email": self._bounce_email,
            "add_field": self._add_field,
            "strip": lambda _: strip(self.org, self.api),
            "administrator": self._administrator,
            "settings": self._settings,
            "convert_lead": lambda given: self.org.people.convert(str(given["id"])),
            "callout": self.automation.callout,
            "outbound_message": self.automation.outbound_message,
        }
        return turn(commands, name, arguments)

    # ------------------------------------------------------------ knobs

    def _hide(self, given: Row) -> None:
        self._column(given)
        self._table(given["object"]).hidden.add(given["field"].lower())

    def _show(self, given: Row) -> None:
        self._table(given["object"]).hidden.discard(given["field"].lower())

    def _flow(self, given: Row) -> None:
        self._table(given["object"])
        self.org.flows[given["object"]] = given["set"]

    def _rename(self, given: Row) -> None:
        self._column(given)
        self._table(given["object"]).rename(given["field"], given["to"])

    def _alter(self, given: Row) -> None:
        column = self._column(given)
        changes = {name: value for name, value in given.items() if name not in ("object", "field")}
        if "values" in changes:
            changes["values"] = tuple(changes["values"])
        self._table(given["object"]).alter(column, replace(column.field, **changes))

    def _permit(self, given: Row) -> None:
        self.api.permissions[self._table(given["object"]).name] = set(given["may"])

    def _expire(self, given: Row) -> int:
        gone = len(self.gate.tokens)
        self.gate.tokens.clear()
        return gone

    def _allow_key(self, given: Row) -> dict[str, str]:
        self.gate.clients[CLIENT_ID].keys[given["username"]] = given["public_key"]
        if "audience" in given:
            self.gate.audiences.add(given["audience"])
        return {"client_id": CLIENT_ID}

    def _refresh_token(self, given: Row) -> dict[str, str]:
        self.gate.rotate = given.get("rotate", True)
        return {"refresh_token": self.gate.new_refresh_token(self.gate.clients[CLIENT_ID])}

    def _use_calls(self, given: Row) -> None:
        self.api.allowance.used = given["used"]

    def _use_batches(self, given: Row) -> None:
        self.api.allowance.batches_used = given["used"]

    def _reader(self, given: Row) -> dict[str, str]:
        reader = next(client for client in self.gate.clients.values() if not client.may_write)
        return {"client_id": reader.id, "client_secret": reader.secret}

    def _add_field(self, given: Row) -> dict[str, str]:
        """Somebody makes a field on the screen, where the profiles that see it are ticked."""
        id = self.customizing.add_field(given["name"], given["definition"])
        object, _, name = given["name"].partition(".")
        if given.get("visible", True):
            table = self._table("Task" if object.lower() == "activity" else object)
            table.guarded.discard(name.lower())
        return {"id": id}

    def _administrator(self, given: Row) -> dict[str, str]:
        client = self.gate.clients[ADMIN_ID]
        client.may_customize = not given.get("gone", False)
        return {"client_id": client.id, "client_secret": client.secret}

    def _settings(self, given: Row) -> dict[str, str]:
        tasks = cast(Tasks, self.org.keepers["Task"])
        tasks.inactive_owner = given.get("inactive_owner", tasks.inactive_owner)
        self.customizing.duplicate = given.get("duplicate_field", self.customizing.duplicate)
        return {"inactive_owner": tasks.inactive_owner, "duplicate_field": self.customizing.duplicate}

    def _close_case(self, given: Row) -> Row:
        return self._status(given, "Closed", closed=True)

    def _reopen_case(self, given: Row) -> Row:
        return self._status(given, "Working", closed=False)

    def _bounce_email(self, given: Row) -> Row:
        self.org.bounce_email(given["id"])
        return self.row("Contact", given["id"])

    def _status(self, given: Row, usual: str, *, closed: bool) -> Row:
        status = given.get("status", usual)
        if CASE_STATUSES.get(status) is not closed:
            raise ValueError(f"{status} is not a status of {'a closed' if closed else 'an open'} case")
        self.org.change("Case", given["id"], {"Status": status})
        return self.row("Case", given["id"])

    def _column(self, given: Row) -> Column:
        column = self._table(given["object"]).columns.get(given["field"].lower())
        if column is None:
            raise NoSuchRecord(f"no field {given['field']}")
        return column

    def _table(self, object: str) -> Table:
        table = self.org.table(object)
        if table is None:
            raise NoSuchRecord(f"no object {object}")
        return table

    # ------------------------------------------------------------ addresses

    def _routes(self) -> list[Route]:
        api, records, bulk, of = self.api, Records(self.api), self.bulk, self.api.endpoint
        tooling, metadata = Tooling(api, self.customizing), Metadata(api, self.customizing)
        data = "/services/data/v{version}"
        job = f"{data}/jobs/ingest/{{job}}"
        many = f"{data}/composite/sobjects"
        one = f"{data}/sobjects/{{object}}"
        field = f"{data}/tooling/sobjects/CustomField"
        deployment = f"{data}/metadata/deployRequest"
        return [
            Route("/services/oauth2/token", self.gate.token, methods=["POST"]),
            Route("/services/oauth2/introspect", self.gate.introspect, methods=["POST"]),
            Route(f"{data}/query", of("query", api.query)),
            Route(f"{data}/query/{{locator}}", of("query_more", api.next_page)),
            Route(f"{data}/queryAll", of("query_all", api.query_all)),
            Route(f"{data}/queryAll/{{locator}}", of("query_more", api.next_page)),
            Route(many, of("collections_update", records.update_many), methods=["PATCH"]),
            Route(many, of("collections_create", records.create_many), methods=["POST"]),
            Route(many, of("collections_delete", records.delete_many), methods=["DELETE"]),
            Route(f"{many}/{{object}}", of("collections_read", records.read_many), methods=["GET", "POST"]),
            Route(
                f"{many}/{{object}}/{{field}}",
                of("collections_upsert", records.upsert_many),
                methods=["PATCH"],
            ),
            Route(f"{data}/jobs/ingest", of("bulk_create", bulk.create), methods=["POST"]),
            Route(f"{data}/jobs/ingest", of("bulk_list", bulk.jobs_list), methods=["GET"]),
            Route(f"{job}/batches", of("bulk_upload", bulk.upload), methods=["PUT"]),
            Route(f"{job}/successfulResults", of("bulk_results", bulk.successful)),
            Route(f"{job}/failedResults", of("bulk_results", bulk.failed)),
            Route(f"{job}/unprocessedrecords", of("bulk_results", bulk.unprocessed)),
            Route(job, of("bulk_state", bulk.change_state), methods=["PATCH"]),
            Route(job, of("bulk_status", bulk.status), methods=["GET"]),
            Route(job, of("bulk_delete", bulk.remove), methods=["DELETE"]),
            Route(field, of("tooling_create", tooling.create), methods=["POST"]),
            Route(f"{field}/{{id}}", of("tooling", tooling.single), methods=["GET", "PATCH", "DELETE"]),
            Route(f"{data}/tooling/query", of("tooling_query", tooling.query)),
            Route(deployment, of("deploy", metadata.deploy_rest), methods=["POST"]),
            Route(f"{deployment}/{{id}}", of("deploy_status", metadata.deploy_status)),
            Route("/services/Soap/m/{version}", metadata.soap, methods=["POST"]),
            Route("/services/Soap/m/{version}/{org}", metadata.soap, methods=["POST"]),
            Route(f"{data}/limits", of("limits", api.limits)),
            Route(f"{data}/sobjects", of("objects", api.objects)),
            Route(f"{one}/describe", of("describe", api.describe)),
            Route(one, of("create", records.create), methods=["POST"]),
            Route(f"{one}/{{id}}", of("single", records.single), methods=["GET", "PATCH", "DELETE"]),
            Route(
                f"{one}/{{field}}/{{value:path}}",
                of("single_by_key", records.single_by_key),
                methods=["GET", "PATCH"],
            ),
        ]
