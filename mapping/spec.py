"""The YAML of a mapping: who a person is (`people.*`), which fields show what (`fields:`), and its own tests.

The models are the one source of validation, JSON Schema and reference page. What needs more than one key is
told as a list of `Problem`s by `mapping.lint`, all at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from mapping.names import ACCOUNT, PERSON, Names
from mapping.problems import Problem as Problem
from mapping.problems import did_you_mean

Scalar = bool | int | float | str | date | datetime | None

KEY_NAMES = ("email", "phone", "external_id", "email_domain")
KEY_ROOTS = ("properties", "event")
SOURCES = ("from", "template", "value", "expr")

As = Literal["text", "integer", "number", "date", "datetime", "boolean", "multi"]
WhenEmpty = Literal["clear", "skip"]
Overwrite = Literal["if_ours", "if_empty", "if_newer", "always"]


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class MatchRule(_Block):
    """One way to find the person's record: a key of the answer compared with a field of the record."""

    response: str = Field(
        description="The key of the answer: email, phone, external_id, properties.NAME or event.NAME; for companies "
        "also email_domain, the part behind the @ unless it is a free-mail provider's.",
        examples=["email"],
    )
    record: str = Field(
        min_length=1, description="The field of the record it is compared with.", examples=["Email"]
    )

    @field_validator("response")
    @classmethod
    def _known_key(cls, name: str) -> str:
        root, _, rest = name.partition(".")
        if name in KEY_NAMES or (root in KEY_ROOTS and rest.strip()):
            return name
        listed = " (email, phone, external_id, email_domain, properties.NAME or event.NAME)"
        hint = did_you_mean(name, KEY_NAMES) or listed
        raise PydanticCustomError(
            "unknown_key", 'an answer has no key "{name}"{hint}', {"name": name, "hint": hint}
        )


class PersonRule(MatchRule):
    """A match rule for people."""

    @field_validator("response")
    @classmethod
    def _of_a_person(cls, name: str) -> str:
        if name == "email_domain":
            raise PydanticCustomError(
                "domain_of_a_person",
                "a domain says which company, not which person; use it in a sync onto companies: "
                "to: {{connection, object, match}}",
            )
        return name


class AccountLink(_Block):
    """How a person's record leads to its account."""

    object: str = Field(description="The account's object in the CRM.", examples=["Account", "companies"])
    by: str = Field(
        description="What links a person to it: a field of the record, or the vendor's own association.",
        examples=["AccountId", "primary_company"],
    )


class PeopleSpec(_Block):
    """Who a customer is in one connection, said once: syncs, triggers and the contact policy use it."""

    object: str = Field(description="The CRM object that holds people.", examples=["Contact", "contacts"])
    only: dict[str, Scalar | list[Scalar]] = Field(
        default_factory=dict,
        description="Narrows the records npsync sees: a value, or a list of allowed values, per field.",
        examples=[{"IsPersonAccount": False}],
    )
    match: tuple[PersonRule, ...] = Field(
        min_length=1,
        description="How an answer finds its record, strongest rule first. "
        "The first rule that finds anything decides.",
    )
    account: AccountLink | None = Field(
        default=None, description="How a person's record leads to its account."
    )
    name: str | None = Field(
        default=None, description="The field with the person's name, for reports and greetings."
    )
    email: str | None = Field(default=None, description="The field with the e-mail address.")
    phone: str | None = Field(default=None, description="The field with the mobile number.")
    opted_out: str | Literal[False] | None = Field(
        default=None,
        description="The yes/no field that says this person must not be mailed. Without it the CRM's own: Salesforce's "
        "HasOptedOutOfEmail, HubSpot's hs_email_optout, Intercom's unsubscribed_from_emails. "
        "One that cannot be read says no; `false`: look at none.",
    )
    owner: str | None = Field(
        default=None, description="The field with the colleague who owns the relationship."
    )
    consent: str | None = Field(
        default=None,
        description="The yes/no field with the consent to be surveyed: whoever has not given it is not asked. "
        "Text messages need it.",
    )
    time_zone: str | None = Field(
        default=None,
        description="The field with the person's time zone (America/New_York): quiet hours are theirs.",
    )
    language: str | None = Field(default=None, description="The field with the person's language.")
    customer_since: str | None = Field(
        default=None,
        description="The field that says since when they are a customer, for contact_policy.new_customers_wait; "
        "without it the day the record was made.",
    )


class FieldMapping(_Block):
    """What one CRM field shows. A bare name is shorthand for `from`.

    Order: pick, `default` if empty, `map`, `as`, `truncate`, `when_empty`; then `overwrite` decides
    whether the record's live value may be replaced.
    """

    known: ClassVar[Names] = PERSON

    from_: str | None = Field(
        default=None,
        alias="from",
        description="The name to show: score, segment, comment, answered_at, properties.NAME, record.FIELD …",
        examples=["segment"],
    )
    template: str | None = Field(
        default=None,
        description="Text with names in braces; write {{ for a brace.",
        examples=["{record.Name} scored {score}"],
    )
    value: Scalar | list[str] = Field(default=None, description="The same value for everybody.")
    expr: str | None = Field(
        default=None,
        description="A CEL expression over the same names, for what the other keys cannot say.",
        examples=['score > previous_score ? "up" : "not up"'],
    )
    default: Scalar | list[str] = Field(default=None, description="Used when the picked value is empty.")
    map: dict[str, Scalar | list[str]] | None = Field(
        default=None,
        description="Your word for each value. One that is not listed is rejected, unless `other` is given.",
        examples=[{"promoter": "Promoter", "passive": "Passive", "detractor": "Detractor"}],
    )
    other: Scalar | list[str] = Field(
        default=None, description="What `map` shows for a value that is not listed."
    )
    as_: As | None = Field(
        default=None,
        alias="as",
        description="The type to show: text, integer, number, date, datetime, boolean or multi. "
        "A date is taken in the business time zone. What does not fit the type is rejected, never guessed.",
    )
    truncate: int | None = Field(default=None, ge=1, description="Keep at most this many characters.")
    when_empty: WhenEmpty = Field(
        default="clear",
        description="What an empty value does: clear the field (a new score never sits beside an old "
        "comment), or skip and leave it as it is. 0 and false are not empty.",
    )
    overwrite: Overwrite = Field(
        default="if_ours",
        description="When a live value may be replaced. if_ours: it is empty, ours, or we never "
        "wrote this field. if_empty: only when empty. if_newer: when the answer is newer than the date in "
        "`newer_than`. always: whatever is there.",
    )
    newer_than: str | None = Field(
        default=None,
        description="With overwrite: if_newer, the record's date field the answer must be newer than.",
    )

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"from": value}
        if isinstance(value, list):
            raise PydanticCustomError(
                "not_a_mapping",
                "a field is a name or a mapping with one of from, template, value, expr; not a list",
            )
        if value is None:
            raise PydanticCustomError(
                "empty_mapping", "say what this field shows, for instance a name like score"
            )
        return value

    @field_validator("map", mode="before")
    @classmethod
    def _keys_are_text(cls, value: Any) -> Any:
        """YAML reads `9:` as a number and `true:` as a truth value; both stand for the text looked up."""
        if not isinstance(value, Mapping):
            return value
        return {text_key(key): shown for key, shown in value.items()}

    @field_validator("from_")
    @classmethod
    def _known_name(cls, name: str | None) -> str | None:
        if name is not None and (problem := cls.known.problem_of(name)):
            raise PydanticCustomError("unknown_name", "{problem}", {"problem": problem})
        return name

    @model_validator(mode="after")
    def _one_of(self) -> FieldMapping:
        given = [name for name in SOURCES if self.says(name)]
        if not given:
            raise PydanticCustomError(
                "no_source", "say where the value comes from: one of from, template, value, expr"
            )
        if len(given) > 1:
            raise PydanticCustomError(
                "two_sources",
                "only one of {given} can be the value; keep one",
                {"given": " and ".join(given)},
            )
        if self.says("other") and self.map is None:
            raise PydanticCustomError(
                "other_without_map", "`other` is what `map` shows for an unlisted value: add `map`"
            )
        if self.overwrite == "if_newer" and self.newer_than is None:
            raise PydanticCustomError(
                "newer_than_missing",
                "overwrite: if_newer needs `newer_than`, the record's date field to compare with",
            )
        if self.newer_than is not None and self.overwrite != "if_newer":
            raise PydanticCustomError("newer_than_unused", "`newer_than` only works with overwrite: if_newer")
        return self

    def says(self, key: str) -> bool:
        """True when the YAML gives this key, even as null."""
        return key in self.model_fields_set or f"{key}_" in self.model_fields_set

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        full = handler(core)
        return {
            "anyOf": [{"type": "string", "description": "A name: shorthand for `from`."}, full],
            "description": "What one CRM field shows: a name, or one of from, template, value, expr.",
        }


class AccountMapping(FieldMapping):
    """What one field of an account shows: a bare name is shorthand for `from`. As for a person's fields, with the names
    of an account: nps, responses, promoters, passives, detractors, margin, coverage, previous_nps, last_answered_at,
    lowest_score, survey, account_id and account.FIELD."""

    known: ClassVar[Names] = ACCOUNT

    from_: str | None = Field(
        default=None,
        alias="from",
        description="The name to show: nps, responses, margin, coverage, last_answered_at, account.FIELD …",
        examples=["nps"],
    )
    template: str | None = Field(
        default=None,
        description="Text with names in braces; write {{ for a brace.",
        examples=["{nps} ± {margin} ({responses} answers)"],
    )
    expr: str | None = Field(
        default=None,
        description="A CEL expression over the same names, for what the other keys cannot say.",
        examples=['nps < 0 ? "at risk" : "fine"'],
    )

    @field_validator("overwrite")
    @classmethod
    def _has_no_date(cls, policy: Overwrite) -> Overwrite:
        if policy == "if_newer":
            raise PydanticCustomError(
                "newer_than_what",
                "a figure of an account is as of the run, so overwrite: if_newer has no answer to compare with; use "
                "if_ours, if_empty or always",
            )
        return policy


def text_key(key: object) -> str:
    """The text by which `map` finds a value: true, 9, or the text itself."""
    if isinstance(key, bool):
        return "true" if key else "false"
    return "" if key is None else str(key)


class FieldTest(_Block):
    """One example the YAML carries with it, run offline by `npsync test`."""

    name: str = Field(min_length=1, description="What the example shows, as a sentence.")
    given: dict[str, Any] = Field(
        description="What is known about the person: score, answered_at, comment, record.FIELD and so on.",
        examples=[{"score": 9, "answered_at": "2026-03-02T23:30:00Z"}],
    )
    expect: dict[str, Any] = Field(
        min_length=1,
        description="What the named CRM fields must show; null for empty. Dates are written as 2026-03-02.",
        examples=[{"NPS_Segment__c": "Promoter"}],
    )
