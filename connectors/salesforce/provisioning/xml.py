"""Definitions as the Metadata API's XML, and its SOAP calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, ParseError, SubElement, indent, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from connectors.wire import FateUnknown

METADATA = "http://soap.sforce.com/2006/04/metadata"
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"


def document(tag: str, told: Mapping[str, Any]) -> str:
    """One file of a package."""
    root = Element(tag, xmlns=METADATA)
    _fill(root, told)
    indent(root, "    ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _fill(parent: Element, told: Mapping[str, Any]) -> None:
    """The name first and the rest by the alphabet, as the vendor's schema has it."""
    for name in sorted(told, key=lambda each: (each != "fullName", each)):
        value = told[name]
        for one in value if isinstance(value, Sequence) and not isinstance(value, str) else [value]:
            child = SubElement(parent, name)
            if isinstance(one, Mapping):
                _fill(child, one)
            else:
                child.text = str(one).lower() if isinstance(one, bool) else str(one)


# ---------------------------------------------------------------- SOAP


def create_call(session: str, type: str, full_name: str, told: Mapping[str, Any]) -> bytes:
    envelope, body = _envelope(session)
    metadata = SubElement(SubElement(body, "createMetadata"), "metadata", {"xsi:type": type})
    _fill(metadata, {"fullName": full_name, **told})
    return bytes(tostring(envelope, encoding="utf-8", xml_declaration=True))


def delete_call(session: str, type: str, full_name: str) -> bytes:
    envelope, body = _envelope(session)
    call = SubElement(body, "deleteMetadata")
    SubElement(call, "type").text = type
    SubElement(call, "fullNames").text = full_name
    return bytes(tostring(envelope, encoding="utf-8", xml_declaration=True))


def _envelope(session: str) -> tuple[Element, Element]:
    # Names are written out with their prefixes: what the library would invent (ns0) xsi:type could not name.
    envelope = Element(
        "soapenv:Envelope", {"xmlns:soapenv": _ENVELOPE, "xmlns": METADATA, "xmlns:xsi": _INSTANCE}
    )
    header = SubElement(SubElement(envelope, "soapenv:Header"), "SessionHeader")
    SubElement(header, "sessionId").text = session
    return envelope, SubElement(envelope, "soapenv:Body")


@dataclass(frozen=True)
class Said:
    """What a call came to; without a code it is done."""

    code: str = ""
    message: str = ""


def said(body: bytes, what: str) -> Said:
    """FateUnknown for what is no answer of the Metadata API."""
    try:
        root = fromstring(body)
    except (ParseError, DefusedXmlException, ValueError):
        root = None
    if root is None:
        raise FateUnknown(f"{what}: the answer is cut off or is not XML")
    found = {_plain(node.tag): (node.text or "").strip() for node in root.iter()}
    if "faultcode" in found:
        code = found["faultcode"].rpartition(":")[2]
        return Said(code or "FAULT", found.get("faultstring", "").removeprefix(f"{code}: "))
    if found.get("success") == "true":
        return Said()
    if found.get("success") != "false":
        raise FateUnknown(f"{what}: the answer does not say what became of it")
    return Said(found.get("statusCode") or "UNKNOWN_ERROR", found.get("message", ""))


def _plain(tag: str) -> str:
    return tag.rpartition("}")[2]
