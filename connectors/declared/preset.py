"""A description in a file of its own: what it says about the tool, its parameters, and the description they fill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    create_model,
    model_validator,
)

from connectors.contract import Confidence, Settings
from connectors.declared.description import Description, Expression, Fields, Part, as_list, later_names
from connectors.declared.placeholders import ALWAYS_LATER, Filled, fill, names_in
from nps.durations import Period, in_words
from nps.faults import Fault, Faults
from nps.surveys import Metric
from nps.values import Json

_NAME = r"^[a-z][a-z0-9_]*$"


def _not_kept(name: str) -> str:
    if name in ALWAYS_LATER - {"token"}:
        raise ValueError(f'"{name}" is kept for what is known only when calls are made; choose another name')
    return name


class Parameter(Part):
    """What a connection gives, to be filled in where {name} stands."""

    about: str = Field(description="What it is, as on a form.")
    kind: Literal["text", "whole number", "yes or no", "period", "list", "expression", "per survey"] = Field(
        "text",
        description="What it takes. An expression is JMESPath; per survey is a text, or one for each survey by its id.",
    )
    secret: bool = Field(False, description="It must not be seen in logs and messages.")
    default: Any = Field(None, description="What it is when nothing is given.")
    required: bool | None = Field(
        None, description="False: it may be left out, and so is every line that names it."
    )

    @property
    def must_be_given(self) -> bool:
        return self.default is None and self.required is not False


ParameterName = Annotated[str, Field(pattern=_NAME), AfterValidator(_not_kept)]


class About(Part):
    """What a description's file says about the tool, and which parameters it has."""

    title: str = Field("", description="The tool's name.")
    confidence: Confidence = Field(
        Confidence.EXPERIMENTAL, description="How sure the facts are: verified, partial or experimental."
    )
    limits: str = Field("As the tool says.", description="The tool's limits, in a sentence.")
    edits: str = Field(
        "What the cursor's overlap reads again.",
        description="How an edited answer is noticed, in a sentence.",
    )
    channels: tuple[str, ...] = Field((), description="The channels it tells.")
    metrics: tuple[Metric, ...] = Field(
        (), description="What its scores are, where they cannot be anything else: [csat]."
    )
    grants: tuple[str, ...] = Field((), description="What to grant there, a sentence each.")
    starter: str = Field("", description="The YAML block that `npsync init` writes.")
    parameters: Mapping[ParameterName, Parameter] = Field(
        default={}, description="What a connection gives: name → what it is."
    )


ABOUT = frozenset(About.model_fields)


@dataclass(frozen=True)
class Preset:
    """`data` is the description with its placeholders."""

    about: About
    data: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Of a file's content. ValidationError for what it says about itself; the description waits to be filled."""
        about = About.model_validate({key: value for key, value in data.items() if key in ABOUT})
        return cls(about, {key: value for key, value in data.items() if key not in ABOUT})

    @property
    def signs_in_by(self) -> tuple[str, ...]:
        """The parameters that the credential is made of."""
        named = set(names_in(self.data.get("auth")))
        return tuple(name for name in self.about.parameters if name in named)

    def parameters(self) -> type[Settings]:
        """The model of what a connection gives: every parameter, and no other."""
        each = {name: _field(parameter) for name, parameter in self.about.parameters.items()}
        made: type[Settings] = create_model("Parameters", __base__=Settings, **cast(dict[str, Any], each))
        return made

    def values(self, given: Mapping[str, Any]) -> dict[str, Json]:
        """What is filled in; ValidationError for what is no parameter, or is none of its kind."""
        checked = self.parameters().model_validate(dict(given))
        return {name: plain(getattr(checked, name)) for name in self.about.parameters}

    def filled(self, values: Mapping[str, Json]) -> Filled:
        """`values` by parameter; what is missing is its default."""
        parameters = self.about.parameters
        known: dict[str, Json] = {name: each.default for name, each in parameters.items()}
        known |= {name: value for name, value in values.items() if value is not None}
        by_survey = {name: value for name, value in known.items() if _is_by_survey(parameters, name, value)}
        known |= dict.fromkeys(by_survey)
        later = ALWAYS_LATER | later_names(self.data)
        data = {key: value for key, value in self.data.items() if key != "push" or self._can_prove(known)}
        filled = fill(cast(Json, data), known, later=later)
        return Filled(_with_given(filled.value, by_survey), (*filled.faults, *self._two_tokens()))

    def _can_prove(self, known: Mapping[str, Json]) -> bool:
        """Whether what is pushed can be told from a forgery: without the secret nothing is taken."""
        push = self.data.get("push")
        auth = push.get("auth") if isinstance(push, Mapping) else None
        return all(known.get(name) is not None for name in names_in(auth) if name in known)

    def _two_tokens(self) -> Iterator[Fault]:
        auth = self.data.get("auth")
        if "token" in self.about.parameters and isinstance(auth, Mapping) and auth.get("kind") == "oauth2":
            yield Fault(
                ("parameters", "token"),
                "with auth of kind oauth2, {token} is the access token it gets; choose another name",
            )

    def described(self, values: Mapping[str, Json], changes: Mapping[str, Any] | None = None) -> Description:
        """`changes` go before what the file says: `fields` one by one, the others as a whole. Faults when a
        placeholder is unknown, ValidationError when what comes out is no description."""
        filled = self.filled(values)
        if filled.faults:
            raise Faults(filled.faults)
        return Description.model_validate(_changed(filled.value, changes or {}))


def _is_by_survey(parameters: Mapping[str, Parameter], name: str, value: Json) -> bool:
    return name in parameters and parameters[name].kind == "per survey" and isinstance(value, dict)


def _with_given(data: Any, by_survey: Mapping[str, Any]) -> Any:
    """{score: {77: "q1"}} as {77: {score: "q1"}}, where the description takes it."""
    if not by_survey or not isinstance(data, dict):
        return data
    given: dict[str, dict[str, str]] = {}
    for name, values in by_survey.items():
        for survey, value in values.items():
            given.setdefault(str(survey), {})[name] = str(value)
    return data | {"surveys": {**(data.get("surveys") or {}), "given": given}}


def _changed(data: Any, changes: Mapping[str, Any]) -> Any:
    if "fields" in changes and isinstance(data.get("fields"), dict):
        changes = {**changes, "fields": _merged(data["fields"], changes["fields"])}
    return {**data, **changes}


def _merged(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    properties = {**(fields.get("properties") or {}), **(changes.get("properties") or {})}
    return {**fields, **changes, "properties": properties}


# ---------------------------------------------------------------- the settings of a connection


_any_field: dict[str, Any] = {
    name: (each.annotation | None, Field(None, description=each.description))  # type: ignore[operator]
    for name, each in Fields.model_fields.items()
}
SomeFields: Any = create_model(
    "SomeFields",
    __base__=Part,
    __doc__="Where a row holds what the preset looks for elsewhere.",
    **_any_field,
)


class PresetSettings(Settings):
    """What every connection of a described tool may say, beside the preset's own parameters."""

    preset: ClassVar[Preset]

    base_url: str | None = Field(None, description="Another address of the API.")
    allow_http: bool = Field(False, description="Allow a base_url without TLS on a host you trust.")
    records: Annotated[tuple[Expression, ...] | None, BeforeValidator(as_list)] = Field(
        None, description="Where the rows stand in a reply, if not where the preset looks for them."
    )
    fields: SomeFields | None = Field(
        None, description="What of a row is where, beside or instead of what the preset says."
    )

    @model_validator(mode="after")
    def _makes_a_description(self) -> Self:
        try:
            self.described()
        except ValidationError as error:
            raise Faults(faults_of(error)) from None
        return self

    def described(self) -> Description:
        """The preset's description with these settings."""
        preset = type(self).preset
        given = {name: plain(getattr(self, name)) for name in preset.about.parameters}
        return preset.described(given, self._changes())

    def _changes(self) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        if self.base_url is not None:
            changes["base_url"] = self.base_url
        if self.allow_http:
            changes["allow_http"] = True
        if self.records is not None:
            changes["records"] = self.records
        if self.fields is not None:
            changes["fields"] = self.fields.model_dump(exclude_unset=True)
        return changes


def settings_of(preset: Preset, name: str, base: type[Settings] = Settings) -> type[PresetSettings]:
    """The settings of a connection of this preset: those of `base` too, where the connector does more than read."""
    more: dict[str, Any] = {
        each: _field(parameter)
        for each, parameter in preset.about.parameters.items()
        if each not in base.model_fields
    }
    bases: Any = (PresetSettings,) if base is Settings else (base, PresetSettings)
    title = "".join(part.capitalize() for part in name.split("_"))
    about = base.__doc__ if base is not Settings else f"An account at {preset.about.title}."
    made: type[PresetSettings] = create_model(f"{title}Settings", __base__=bases, __doc__=about, **more)
    made.preset = preset
    return made


def _field(parameter: Parameter) -> tuple[Any, Any]:
    kind: Any = SecretStr if parameter.secret else _KINDS[parameter.kind]
    if parameter.must_be_given:
        return kind, Field(description=parameter.about)
    if parameter.default is None:
        return kind | None, Field(None, description=parameter.about)
    default = TypeAdapter(kind).validate_python(parameter.default)
    return kind, Field(default, description=parameter.about)


_KINDS: Mapping[str, Any] = {
    "text": str,
    "whole number": int,
    "yes or no": bool,
    "period": Period,
    "list": Annotated[tuple[str, ...], BeforeValidator(as_list)],
    "expression": Expression,
    "per survey": str | Mapping[str, str],
}


def plain(value: Any) -> Json:
    """A setting as it is filled in."""
    match value:
        case SecretStr():
            return value.get_secret_value()
        case timedelta():
            return in_words(value)
        case tuple():
            return [plain(each) for each in value]
        case Mapping():
            return {str(key): plain(each) for key, each in value.items()}
    return cast(Json, value)


def faults_of(error: ValidationError) -> Iterator[Fault]:
    """What is wrong with a description, where a message with places is made elsewhere or not at all. Nothing that was
    given is quoted: it may be a secret."""
    for each in error.errors(include_url=False, include_input=False):
        path = tuple(each["loc"])
        cause = each.get("ctx", {}).get("error")
        if isinstance(cause, Faults):
            yield from (Fault((*path, *fault.path), fault.message) for fault in cause.faults)
        elif isinstance(cause, ValueError):
            yield Fault(path, str(cause))
        else:
            yield Fault(path, each["msg"])
