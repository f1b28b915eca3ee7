"""The file as frozen values, and the pydantic model of its top level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from connectors.contract import Connector, Settings
from mapping.names import root_of
from mapping.spec import PeopleSpec
from nps.branding import PLAIN, Branding
from nps.forgetting import Forgetting
from nps.policy import ContactPolicy
from nps.privacy import PrivacySpec, RetentionSpec
from nps.surveys import SurveySpec
from npsync.alerting.spec import AlertSpec, ReportingSpec
from npsync.config.document import Document
from npsync.config.problems import Place, Problem
from npsync.sign_in.spec import SignInSpec
from sync.spec import SyncSpec
from triggers.spec import TriggerSpec

DEFAULT_STORE = "sqlite:///npsync.db"


class ConnectionSpec(BaseModel):
    """One account at one vendor. The other keys are the settings of its type."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str = Field(description="The connector: `npsync connectors` lists them.")


class FileSpec(BaseModel):
    """Where answers come from, who the customers are, what their records shall show, and who is asked when."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="npsync")

    time_zone: str = Field(
        default="UTC", description="The business time zone, like America/New_York: dates are taken here."
    )
    phone_region: str | None = Field(
        default=None, description="The country (two letters, like US) of phone numbers written without +."
    )
    store: str = Field(
        default=DEFAULT_STORE,
        description="Where npsync remembers: sqlite:///FILE (relative to this file) or postgresql://… "
        "with npsync[postgres].",
    )
    public_url: str | None = Field(
        default=None,
        description="The address at which others reach `npsync serve`: vendors that tell of events, people "
        "who answer on our own page. A reverse proxy with TLS stands there.",
    )
    secrets_folder: str | None = Field(
        default=None, description="The folder ${file:NAME} reads from, relative to this file."
    )
    connections: Mapping[str, ConnectionSpec] = Field(
        default={}, description="Accounts at survey tools and CRMs, by a name of your own."
    )
    people: Mapping[str, PeopleSpec] = Field(
        default={}, description="Who a customer is in a connection; the key is the connection's name."
    )
    surveys: Mapping[str, SurveySpec] = Field(
        default={}, description="The questions, and where each is answered."
    )
    sync: Mapping[str, SyncSpec] = Field(default={}, description="What is written where, and when.")
    triggers: Mapping[str, TriggerSpec] = Field(
        default={}, description="Which event, or whose turn, asks for which survey."
    )
    contact_policy: ContactPolicy = Field(
        default=ContactPolicy(), description="Who may be asked, over all surveys, channels and tools."
    )
    branding: Branding = Field(default=PLAIN, description="How our own survey page and mails look.")
    report: ReportingSpec | None = Field(
        default=None,
        description="What reports group answers by, what is at stake, what is aimed at, and who gets a digest.",
    )
    alerts: tuple[AlertSpec, ...] = Field(
        default=(), description="Who is told when a run fails, a source falls silent, or an NPS falls."
    )
    pepper: SecretStr | None = Field(
        default=None,
        description="A secret of at least 16 characters with which people who were erased are known again without "
        "their address. It never changes while anybody is forgotten.",
    )
    privacy: PrivacySpec = Field(
        default=PrivacySpec(),
        description="Anonymous surveys, and what is done for somebody who wants to be forgotten.",
    )
    retention: RetentionSpec = Field(default=RetentionSpec(), description="How long what is kept.")
    sign_in: SignInSpec = Field(default=SignInSpec(), description="Who may sign in at the dashboard.")


@dataclass(frozen=True)
class Connection:
    """One account at one vendor, its settings checked by the connector's own model."""

    name: str
    type: str
    settings: Settings = field(repr=False)
    connector: Connector = field(repr=False)


@dataclass(frozen=True)
class Config:
    """Everything a person decided, checked."""

    file: Path
    time_zone: ZoneInfo
    phone_region: str | None
    store: str = field(repr=False)  # may hold a password
    connections: Mapping[str, Connection]
    people: Mapping[str, PeopleSpec]
    surveys: Mapping[str, SurveySpec]
    sync: Mapping[str, SyncSpec]
    document: Document = field(repr=False, compare=False)
    triggers: Mapping[str, TriggerSpec] = field(default_factory=dict)
    contact_policy: ContactPolicy = field(default_factory=ContactPolicy)
    warnings: tuple[Problem, ...] = ()  # what works, and may not be what was meant
    public_url: str = ""  # without a slash at its end; "" when the file names none
    branding: Branding = PLAIN
    pepper: SecretStr | None = None
    privacy: PrivacySpec = field(default_factory=PrivacySpec)
    retention: RetentionSpec = field(default_factory=RetentionSpec)
    sign_in: SignInSpec = field(default_factory=SignInSpec)
    alerts: tuple[AlertSpec, ...] = ()
    report: ReportingSpec | None = None  # None: no `report:`, so nothing is remembered of records for it

    def customer_since(self, people: str) -> str | None:
        """The field that says since when a person of this `people:` block is a customer."""
        connection = self.connections[people]
        return self.people[people].customer_since or connection.connector.created or None

    def opted_out(self, people: str) -> str | None:
        """The field that says this person must not be mailed: the YAML's, else the CRM's own."""
        spec = self.people[people]
        if spec.opted_out is not None:
            return spec.opted_out or None
        return self.connections[people].connector.opted_out.get(spec.object)

    def traits(self, sync: str) -> dict[str, str]:
        """What reports remember of this sync's records, by the name it is kept under; empty without a `report:`."""
        if self.report is None:
            return {}
        to = self.sync[sync].to
        people = self.people.get(to) if isinstance(to, str) else None
        connection = to if isinstance(to, str) else to.connection
        known = self.report.traits(connection, people.owner if people is not None else None)
        has_account = people is not None and people.account is not None
        return {name: path for name, path in known.items() if has_account or root_of(path) != "account"}

    @property
    def forgetting(self) -> Forgetting | None:
        """Knows again who was forgotten; None without a pepper."""
        if self.pepper is None:
            return None
        return Forgetting(self.pepper.get_secret_value(), self.phone_region)

    def is_anonymous(self, connection: str) -> bool:
        """Whether nothing but anonymous surveys is answered there: then nothing is remembered of its people either."""
        answered = [name for name, survey in self.surveys.items() if connection in survey.at]
        return bool(answered) and set(answered) <= set(self.privacy.anonymous)

    @property
    def has_to_ask(self) -> bool:
        """Whether there may be something to ask or to heed: triggers, or what is pushed to us (somebody says STOP)."""
        return bool(self.triggers or self.public_url)

    def sources_of(self, survey: str) -> dict[str, tuple[str, ...]]:
        """Where this survey's answers are read, with its ids there, in the YAML's order. `at` may also name a tool that
        only sends it."""
        return {
            name: ids
            for name, ids in self.surveys[survey].at.items()
            if self.connections[name].connector.source is not None
        }

    def place(self, path: Sequence[str | int]) -> Place:
        """Where `("sync", NAME, "fields", FIELD)` stands in the file."""
        return self.document.place(path)
