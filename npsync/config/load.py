"""From a path to a `Config`, or to everything that is wrong with the file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from connectors import registry
from connectors.contract import Connector, Settings
from mapping.spec import PeopleSpec
from nps.branding import Branding
from nps.errors import ConfigError
from nps.policy import ContactPolicy
from nps.privacy import PrivacySpec, RetentionSpec
from nps.surveys import SurveySpec
from npsync.alerting.spec import AlertSpec, ReportingSpec
from npsync.config.accountcheck import accountcheck
from npsync.config.aftercheck import aftercheck, followed_twice
from npsync.config.alertcheck import alertcheck
from npsync.config.askcheck import askcheck
from npsync.config.askwarnings import warnings
from npsync.config.crosscheck import Known, crosscheck, write_only_syncs
from npsync.config.document import LARGEST, Document, Unreadable, fill, read, whole_text
from npsync.config.fieldcheck import fieldcheck
from npsync.config.later import TOP_LEVEL, comes_later
from npsync.config.lookcheck import look_warnings, lookcheck
from npsync.config.model import Config, Connection, FileSpec
from npsync.config.privacycheck import privacycheck
from npsync.config.problems import ConfigProblems, Path, Problem, dotted, meant_or_known
from npsync.config.reportcheck import reportcheck
from npsync.config.secrets import register
from npsync.config.signcheck import signcheck
from npsync.config.single_keys import SingleKeys
from npsync.config.variables import BadReference, Missing, Variables
from npsync.config.wording import Found, tell, without_values
from npsync.sign_in.spec import SignInSpec
from sync.spec import SyncSpec
from triggers.spec import TriggerSpec

Spec = TypeVar("Spec", bound=BaseModel)

_SECTIONS = ("connections", "people", "surveys", "sync", "triggers")


def load(
    path: str | FilePath,
    env: Mapping[str, str] = os.environ,
    *,
    without_variables: bool = False,
    provisioning: bool = False,
    content: bytes | None = None,
) -> Config:
    """Read and check the file; raises ConfigProblems with every problem, ConfigError when there is no file.

    Credentials of `connections.NAME.provision` need only be set for `provisioning`: else a block without is left out.
    `without_variables`: references to variables that are not set stay as they are written, for a look at the
    file where its secrets are not at hand. Such a Config must not be used to connect. `content`: what stands there,
    as it was read before.
    """
    file = FilePath(path)
    try:
        document = read(content_of(file) if content is None else content, str(path))
        if (config := _Reading(document, file, env, without_variables, provisioning).config()) is not None:
            return config
    except Unreadable as unreadable:
        raise ConfigProblems(unreadable.problems) from None
    raise ConfigProblems(document.problems)


def content_of(file: FilePath) -> bytes:
    """As far as it is read at all. Raises ConfigError with what to do where there is none."""
    try:
        with file.open("rb") as opened:
            return opened.read(LARGEST + 1)
    except FileNotFoundError:
        raise ConfigError(
            f"there is no file {file}; `npsync init` writes one, --config or NPSYNC_CONFIG names another"
        ) from None
    except IsADirectoryError:
        raise ConfigError(f"{file} is a folder; --config names a file") from None
    except OSError as error:
        raise ConfigError(f"{file} can't be read: {error.strerror}") from None


class _Reading:
    """One pass over one file, gathering problems as it goes."""

    def __init__(
        self,
        document: Document,
        file: FilePath,
        env: Mapping[str, str],
        without_variables: bool,
        provisioning: bool,
    ) -> None:
        self.document = document
        self.file = file
        self.env = env
        self.without_variables = without_variables
        self.provisioning = provisioning
        self.keys = SingleKeys(document, file, without_variables)
        self.connectors: dict[str, Connector] = {}

    def config(self) -> Config | None:
        """None when there were problems."""
        fill(self.document, Variables(self.env, self._secrets_folder()), self._is_for_provisioning)
        if self.without_variables:
            self._forgive_missing()
        if not isinstance(self.document.value, dict):
            self._tell(
                Found(
                    (), "wrong_type", "the file has to be a map of keys: connections, people, surveys, sync"
                )
            )
            return None
        self._check_top_level()
        self.keys.text("secrets_folder", None)
        connections = self._connections()
        people = self._entries("people", PeopleSpec)
        surveys = self._entries("surveys", SurveySpec)
        syncs = self._entries("sync", SyncSpec)
        triggers = self._entries("triggers", TriggerSpec)
        policy = self._block("contact_policy", ContactPolicy)
        branding = self._block("branding", Branding)
        report = self._block("report", ReportingSpec) if "report" in self.document.value else None
        privacy = self._block("privacy", PrivacySpec)
        retention = self._block("retention", RetentionSpec)
        sign_in = self._block("sign_in", SignInSpec)
        _register_secrets(sign_in)
        pepper = self.keys.pepper()
        alerts = self._alerts()
        zone, region, store = self.keys.time_zone(), self.keys.phone_region(), self.keys.store()
        public_url = self.keys.public_url()
        settings = {name: each.settings for name, each in connections.items()}
        known = Known(self.document, self.connectors, settings)
        self._check(known, lookcheck(branding, settings, self.keys.folder()))
        self._check_descriptions(connections)
        if self.document.problems or zone is None or store is None or policy is None or branding is None:
            return None
        return Config(
            file=self.file,
            time_zone=zone,
            phone_region=region,
            store=store,
            connections=connections,
            people=people,
            surveys=surveys,
            sync=syncs,
            triggers=triggers,
            contact_policy=policy,
            branding=branding,
            report=report,
            alerts=alerts,
            public_url=public_url,
            pepper=pepper,
            privacy=privacy or PrivacySpec(),
            retention=retention or RetentionSpec(),
            sign_in=sign_in or SignInSpec(),
            warnings=self._warnings(known, branding),
            document=self.document,
        )

    def _check(self, known: Known, looks: Iterable[Found]) -> None:
        """What no block shows by itself."""
        for found in (
            *crosscheck(known),
            *fieldcheck(known),
            *aftercheck(known),
            *askcheck(known),
            *reportcheck(known),
            *alertcheck(known),
            *accountcheck(known),
            *privacycheck(known),
            *signcheck(known),
            *looks,
        ):
            if found.code == "plain_http":  # the connector's own model may have seen it, too
                self.document.problems = [
                    each for each in self.document.problems if each.path != dotted(found.path)
                ]
            self._tell(found)

    # ------------------------------------------------------------ top level

    def _check_top_level(self) -> None:
        known = FileSpec.model_fields
        for key, value in self.document.value.items():
            name = str(key)
            if name in known:
                if name in _SECTIONS and not isinstance(value, dict):
                    given = "a list" if isinstance(value, list) else "empty" if value is None else "text"
                    message = f"has to be a map from names to blocks; it is {given}"
                    self._tell(Found((name,), "wrong_type", message))
            elif later := comes_later((name,)):
                self._tell(Found((name,), "not_yet", later))
            elif not name.startswith("x-"):
                hint = meant_or_known(name, {*known, *TOP_LEVEL})
                if "did you mean" not in hint:
                    hint += "; keys of your own begin with x-"
                message = f'there is no top-level key "{name}"{hint}'
                self._tell(Found((name,), "unknown_key", message))

    def _secrets_folder(self) -> FilePath | None:
        node = self.document.node(("secrets_folder",))
        if node is None or not isinstance(node.value, str):
            return None
        try:
            text = Variables(self.env).resolve(whole_text(node.value) or "").text
        except (Missing, BadReference):
            text = ""
        if not text:
            return None  # told where the scalar is built
        folder = self.keys.folder() / FilePath(text).expanduser()
        if not folder.is_dir() and not self.without_variables:
            self._tell(Found(("secrets_folder",), "no_folder", f'there is no folder "{text}"'))
        return folder

    # ------------------------------------------------------------ blocks

    def _warnings(self, known: Known, look: Branding) -> tuple[Problem, ...]:
        return tuple(
            Problem.at(
                self.document.place(found.path),
                found.path,
                found.code,
                without_values(found.message, found.path, self.document),
            )
            for found in (
                *warnings(known),
                *write_only_syncs(known),
                *followed_twice(known),
                *look_warnings(look),
            )
        )

    def _connections(self) -> dict[str, Connection]:
        found: dict[str, Connection] = {}
        for name, given in self._named("connections"):
            path: Path = ("connections", name)
            connector = self._connector(given, path)
            if connector is None:
                continue
            self.connectors[name] = connector
            rest = {key: value for key, value in given.items() if key != "type"}
            if self._lacks_credential(connector, rest, (*path, "provision")):
                del rest["provision"]
            settings: Settings | None = self._valid(connector.settings, rest, path)
            if settings is not None:
                _register_secrets(settings)
                found[name] = Connection(name, connector.name, settings, connector)
        return found

    def _is_for_provisioning(self, path: Path) -> bool:
        """A credential that only `npsync provision` uses."""
        return not self.provisioning and path[:1] == ("connections",) and path[2:3] == ("provision",)

    def _lacks_credential(self, connector: Connector, given: Mapping[str, Any], path: Path) -> bool:
        known = "provision" in connector.settings.model_fields  # else the key is told as an unknown one
        return known and not self.without_variables and self._is_unset(given.get("provision"), path)

    def _is_unset(self, value: Any, path: Path) -> bool:
        """Whether a variable in it is not set."""
        if isinstance(value, dict):
            return any(self._is_unset(each, (*path, key)) for key, each in value.items())
        return isinstance(value, str) and bool(self.document.unset.get(id(self.document.node(path))))

    def _check_descriptions(self, connections: Mapping[str, Connection]) -> None:
        """Files beside this one in which connections describe their APIs; what is wrong there has its place there."""
        described = {name: each.settings for name, each in connections.items() if each.type == "http"}
        if not described:
            return
        from npsync.config.described import describedcheck  # only for those who describe an API

        for found in describedcheck(described, self.document, self.file.parent):
            if isinstance(found, Problem):
                self.document.problems.append(found)
            else:
                self._tell(found)

    def _connector(self, given: Any, path: Path) -> Connector | None:
        types = registry.names()
        if not isinstance(given, dict):
            self._tell(Found(path, "wrong_type", "has to be a map of keys, beginning with type"))
            return None
        if "type" not in given:
            message = f'"type" is missing: the connector, one of {", ".join(types)}'
            self._tell(Found((*path, "type"), "missing_key", message))
            return None
        kind = given["type"]
        path = (*path, "type")
        if id(self.document.node(path)) in self.document.unset:
            return None
        if not isinstance(kind, str):
            self._tell(
                Found(
                    path,
                    "wrong_type",
                    "has to be text: the name of a connector; npsync connectors lists them",
                )
            )
            return None
        if kind not in types:
            meant = meant_or_known(kind, types) or "; npsync connectors lists them"
            self._tell(Found(path, "unknown_type", f'there is no connector "{kind}"{meant}'))
            return None
        try:
            return registry.load(kind)
        except (ImportError, AttributeError, ConfigError) as error:
            self._tell(Found(path, "broken_connector", f'the connector "{kind}" can\'t be loaded: {error}'))
            return None

    def _entries(self, section: str, model: type[Spec]) -> dict[str, Spec]:
        found: dict[str, Spec] = {}
        for name, given in self._named(section):
            spec = self._valid(model, given, (section, name))
            if spec is not None:
                found[name] = spec
        return found

    def _block(self, key: str, model: type[Spec]) -> Spec | None:
        """One top-level block, all of whose keys may be left out."""
        if key not in self.document.value:
            return model()
        if not isinstance(self.document.value[key], dict):
            self._tell(Found((key,), "wrong_type", "has to be a map of keys"))
            return None
        return self._valid(model, self.document.value[key], (key,))

    def _alerts(self) -> tuple[AlertSpec, ...]:
        given = self.document.value.get("alerts", [])
        if not isinstance(given, list):
            self._tell(
                Found(("alerts",), "wrong_type", "has to be a list: - {connection: …, on: [run_failed]}")
            )
            return ()
        specs = [self._valid(AlertSpec, one, ("alerts", at)) for at, one in enumerate(given)]
        return tuple(spec for spec in specs if spec is not None)

    def _named(self, section: str) -> Iterator[tuple[str, Any]]:
        given = self.document.value.get(section)
        if isinstance(given, dict):
            for name, block in given.items():
                yield str(name), block

    def _valid(self, model: type[Spec], given: Any, path: Path) -> Spec | None:
        try:
            return model.model_validate(given)
        except ValidationError as error:
            for found in tell(error, self.document, path, model):
                self._tell(found)
        return None

    # ------------------------------------------------------------ problems

    def _tell(self, found: Found) -> None:
        message = without_values(found.message, found.path, self.document)
        self.document.problem(found.path, found.code, message)

    def _forgive_missing(self) -> None:
        self.document.problems = [each for each in self.document.problems if each.code != "missing_variable"]


def _register_secrets(found: object) -> None:
    """Secrets written into the file itself are masked like those from the environment."""
    if isinstance(found, SecretStr):
        if not found.get_secret_value().startswith("${"):  # a variable that is not set
            register(found.get_secret_value())
    elif isinstance(found, BaseModel):
        for name in type(found).model_fields:
            _register_secrets(getattr(found, name))
    elif isinstance(found, tuple | list):
        for each in found:
            _register_secrets(each)
