"""The Metadata API: SOAP calls that make and remove components at once, and packages that are deployed.

The vendor file names createMetadata and its ten components a call; how a package is deployed over REST and SOAP it
does not tell, so those two follow common knowledge.
"""

from __future__ import annotations

import base64
import binascii
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from sandbox.salesforce.api import Api
from sandbox.salesforce.auth import Client
from sandbox.salesforce.customizing import Customizing
from sandbox.salesforce.errors import ApiError, RecordError, json_reply
from sandbox.salesforce.granting import Granting
from sandbox.salesforce.ids import record_id
from sandbox.salesforce.package import METADATA, BadPackage, Component, as_json, components
from sandbox.toy import name_call

MOST_COMPONENTS = 10
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}type"
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_REFUSED = "use of the Metadata API requires a user with the ModifyAllData or ModifyMetadata permissions"


@dataclass
class Deployed:
    id: str
    failures: list[dict[str, Any]] = field(default_factory=list)
    successes: list[dict[str, Any]] = field(default_factory=list)
    check_only: bool = False
    looks: int = 0  # until it is done

    def told(self) -> dict[str, Any]:
        done = self.looks <= 0
        status = "InProgress" if not done else "Failed" if self.failures else "Succeeded"
        total = len(self.failures) + len(self.successes)
        told = {"id": self.id, "done": done, "status": status, "success": done and not self.failures}
        counts = {"numberComponentsTotal": total, "numberComponentErrors": len(self.failures)}
        counts["numberComponentsDeployed"] = 0 if self.failures else len(self.successes)
        details = {"componentFailures": self.failures, "componentSuccesses": self.successes}
        return {**told, **counts, "checkOnly": self.check_only, "details": details if done else {}}


class Metadata:
    def __init__(self, api: Api, customizing: Customizing) -> None:
        self._api = api
        self._customizing = customizing
        self._granting = Granting(api.org)
        self._numbers = itertools.count(1)
        self._deployed: dict[str, Deployed] = {}

    # ------------------------------------------------------------ one component

    def _make(self, one: Component) -> None:
        match one.type:
            case "CustomField":
                self._customizing.add_field(one.name, one.told)
            case "CustomObject":
                self._customizing.add_object(one.name, one.told)
            case "PermissionSet":
                self._granting.make(one.name, one.told)
            case _:
                raise RecordError("INVALID_TYPE", f"no metadata type {one.type} here")

    def _unmake(self, type: str, name: str) -> None:
        match type:
            case "CustomField":
                self._customizing.remove_field(name)
            case "CustomObject":
                self._customizing.remove_object(name)
            case "PermissionSet":
                self._granting.remove(name)
            case _:
                raise RecordError("INVALID_TYPE", f"no metadata type {type} here")

    # ------------------------------------------------------------ packages

    def deploy(self, raw: bytes, *, check_only: bool) -> Deployed:
        """One component that cannot be made, and nothing is (rollbackOnError)."""
        deployed = Deployed(record_id("0Af", next(self._numbers)), check_only=check_only, looks=1)
        self._deployed[deployed.id] = deployed
        try:
            wanted = list(components(raw))
        except BadPackage as problem:
            deployed.failures.append(_line("", "package.xml", "package.xml", str(problem)))
            return deployed
        made: list[Component] = []
        for one in wanted:
            try:
                if not self._there(one):
                    self._make(one)
                    made.append(one)
                deployed.successes.append(_line(one.type, one.name, one.file, None))
            except RecordError as problem:
                deployed.failures.append(_line(one.type, one.name, one.file, problem.message))
        if deployed.failures or check_only:
            for one in reversed(made):
                self._unmake(one.type, one.name)
        return deployed

    def _there(self, one: Component) -> bool:
        """A deployed component that exists already is changed, not refused."""
        if one.type == "PermissionSet":
            return False
        try:
            if one.type == "CustomField":
                self._customizing.change_field(one.name, one.told)
                return True
        except RecordError as problem:
            if problem.code != "INVALID_CROSS_REFERENCE_KEY":
                raise
            return False
        table = self._api.org.table(one.name)
        if table is None:
            return False
        for told in one.told.get("fields", []):
            name = f"{one.name}.{told.get('fullName')}"
            if str(told.get("fullName")).lower() in table.columns:
                self._customizing.change_field(name, told)
            else:
                self._customizing.add_field(name, told)
        return True

    async def deploy_rest(self, request: Request, client: Client) -> Response:
        """POST metadata/deployRequest, multipart: `json` with deployOptions, `file` with the zip."""
        self._insist(client)
        form = await request.form()
        file, told = form.get("file"), str(form.get("json", "{}"))
        if not isinstance(file, UploadFile):
            raise ApiError(400, "INVALID_MULTIPART_REQUEST", "A part named file with the package is missing")
        deployed = self.deploy(await file.read(), check_only='"checkOnly":true' in told.replace(" ", ""))
        return json_reply({"id": deployed.id, "deployResult": deployed.told()}, 201)

    async def deploy_status(self, request: Request, client: Client) -> Response:
        self._insist(client)
        deployed = self._deployed.get(request.path_params["id"])
        if deployed is None:
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        deployed.looks -= 1
        return json_reply({"id": deployed.id, "deployResult": deployed.told()})

    def _insist(self, client: Client) -> None:
        if not client.may_customize:
            raise ApiError(403, "INSUFFICIENT_ACCESS", _REFUSED)

    # ------------------------------------------------------------ SOAP

    async def soap(self, request: Request) -> Response:
        """POST /services/Soap/m/64.0: createMetadata, deleteMetadata, deploy, checkDeployStatus."""
        name_call(request.scope, "metadata")
        raw = await request.body()
        if b"<!DOCTYPE" in raw:
            return _fault("soapenv:Client", "a document type is not allowed")
        try:
            envelope = ElementTree.fromstring(raw)
        except ElementTree.ParseError as problem:
            return _fault("soapenv:Client", str(problem))
        session = envelope.findtext(f".//{{{METADATA}}}sessionId") or ""
        try:
            client = self._api.admit(session, request)
        except ApiError as refused:
            return _fault(f"sf:{refused.code}", f"{refused.code}: {refused.message}")
        if not client.may_customize:
            return _fault("sf:INSUFFICIENT_ACCESS", f"INSUFFICIENT_ACCESS: {_REFUSED}")
        body = envelope.find(f"{{{_ENVELOPE}}}Body")
        call = body[0] if body is not None and len(body) else None
        return self._answered(call) if call is not None else _fault("soapenv:Client", "no call")

    def _answered(self, call: ElementTree.Element) -> Response:
        name = call.tag.rpartition("}")[2]
        match name:
            case "createMetadata":
                wanted = [_component(node) for node in call]
                results = self._each([(one.name, partial(self._make, one)) for one in wanted])
            case "deleteMetadata":
                type = next((node.text or "" for node in call if node.tag.endswith("type")), "")
                names = [node.text or "" for node in call if node.tag.endswith("fullNames")]
                results = self._each([(one, partial(self._unmake, type, one)) for one in names])
            case "deploy":
                return self._deploy_soap(call, name)
            case "checkDeployStatus":
                return self._status_soap(call, name)
            case _:
                return _fault("sf:INVALID_OPERATION", f"INVALID_OPERATION: no call {name} here")
        if isinstance(results, Response):
            return results
        return _soap(f"<{name}Response>{''.join(results)}</{name}Response>")

    def _each(self, wanted: list[tuple[str, Callable[[], None]]]) -> list[str] | Response:
        if len(wanted) > MOST_COMPONENTS:
            said = f"LIMIT_EXCEEDED: at most {MOST_COMPONENTS} components in a call"
            return _fault("sf:LIMIT_EXCEEDED", said)
        results = []
        for name, do in wanted:
            try:
                do()
                results.append(_result(name, None))
            except RecordError as problem:
                results.append(_result(name, problem))
        return results

    def _deploy_soap(self, call: ElementTree.Element, name: str) -> Response:
        try:
            raw = base64.b64decode(call.findtext(f"{{{METADATA}}}ZipFile") or "", validate=False)
        except binascii.Error:
            return _fault("soapenv:Client", "ZipFile is no base64")
        check = call.findtext(f".//{{{METADATA}}}checkOnly") == "true"
        told = self.deploy(raw, check_only=check)
        return _soap(
            f"<{name}Response><result>{_xml({'done': False, 'id': told.id, 'state': 'Queued'})}</result>"
            f"</{name}Response>"
        )

    def _status_soap(self, call: ElementTree.Element, name: str) -> Response:
        deployed = self._deployed.get(next((node.text or "" for node in call), ""))
        if deployed is None:
            return _fault("sf:INVALID_ID_FIELD", "INVALID_ID_FIELD: no such deployment")
        deployed.looks -= 1
        return _soap(f"<{name}Response><result>{_xml(deployed.told())}</result></{name}Response>")


def _component(node: ElementTree.Element) -> Component:
    told = as_json(node)
    type = (node.get(_XSI) or "").rpartition(":")[2]
    return Component(type, str(told.pop("fullName", "")), told)


def _line(type: str, name: str, file: str, problem: str | None) -> dict[str, Any]:
    told = {"componentType": type, "fullName": name, "fileName": file, "success": problem is None}
    return told if problem is None else {**told, "problem": problem, "problemType": "Error"}


def _result(name: str, problem: RecordError | None) -> str:
    errors = ""
    if problem is not None:
        told = {"message": problem.message, "statusCode": problem.code}
        errors = f"<errors>{_xml(told)}</errors>"
    return f"<result>{errors}{_xml({'fullName': name, 'success': problem is None})}</result>"


def _xml(told: dict[str, Any]) -> str:
    return "".join(_element(name, value) for name, value in told.items())


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    inside = _xml(value) if isinstance(value, dict) else escape(_text(value))
    return f"<{name}>{inside}</{name}>"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _soap(inside: str, status: int = 200) -> Response:
    told = (
        f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{_ENVELOPE}" '
        f'xmlns="{METADATA}"><soapenv:Body>{inside}</soapenv:Body></soapenv:Envelope>'
    )
    return Response(told, status, media_type="text/xml;charset=UTF-8")


def _fault(code: str, message: str) -> Response:
    told = (
        f'<soapenv:Fault><faultcode xmlns:sf="{METADATA}" xmlns="">{code}</faultcode>'
        f'<faultstring xmlns="">{escape(message)}</faultstring></soapenv:Fault>'
    )
    return _soap(told, 500)
