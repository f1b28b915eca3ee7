"""The YAML file, watched while it is in use: a changed one is checked before it is taken, a bad one is refused."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.mail.settings import MailSettings
from nps.errors import ConfigError, NpsyncError
from nps.values import Json
from npsync.config.secrets import redact
from npsync.logs import notice

if TYPE_CHECKING:
    from connectors.contract import Clock
    from npsync.config import Config

LOOKED_EVERY = 2.0  # seconds; what changes between two looks is still being written
TRIED_EVERY = 30.0  # while there is something wrong: it may have been elsewhere than in the file
_SECRET = re.compile(r"\$\{file:([^}]+)\}")
_FOLDER = re.compile(r"^secrets_folder:\s*[\"']?([^\"'\s#]+)", re.MULTILINE)


@dataclass(frozen=True)
class Taken:
    """A configuration and the bytes it was read from."""

    config: Config
    content: bytes = field(repr=False)
    as_before: bool = (
        False  # nothing of it is new, nor of the files it names: secrets, descriptions, logo, templates
    )

    @property
    def mark(self) -> str:
        """By which processes know that they go by the same file; too short to find out anything that stands there."""
        return hashlib.sha256(self.content).hexdigest()[:8]


def read(file: Path) -> Taken:
    """Read and check it, the tests it has of its own too. Raises ConfigError."""
    from npsync.config import load
    from npsync.config.load import content_of

    content = content_of(file)
    config = load(file, content=content)
    return Taken(config, content)


class Watched:
    """Looks at the file now and then, and at once when somebody asks. `take` goes by what was read (and may refuse it
    with a NpsyncError); `tell` shows people why the file as it is now was not taken, or None."""

    def __init__(
        self,
        running: Taken,
        clock: Clock,
        *,
        take: Callable[[Taken], None],
        tell: Callable[[str | None], None],
    ) -> None:
        self._running, self._clock, self._take, self._tell = running, clock, take, tell
        self._asked = threading.Event()
        self._looked = self._tried = clock.monotonic()
        self._used = self._seen = _digest(running)
        self._refused: str | None = None

    def ask(self) -> None:
        """Look at it at the next tick, whether it changed or not (SIGHUP)."""
        self._asked.set()

    def tick(self) -> None:
        """Between two ticks of the clock, so that none goes by half of one file and half of another."""
        now = self._clock.monotonic()
        if self._asked.is_set():
            self._asked.clear()
            self.look()
        elif now - self._looked >= LOOKED_EVERY:
            self._looked = now
            self._look_if_changed(now)

    def look(self) -> dict[str, Json]:
        """What became of it: `taken`, and the `problem` if there is one. The same file, taken again, is harmless: its
        secrets may be new."""
        self._tried = self._clock.monotonic()
        digest = _digest(self._running)
        try:
            taken = read(self._running.config.file)
            refuse_what_needs_a_restart(self._running.config, taken.config)
            refuse_failing_tests(taken.config)
            changed = taken.content != self._running.content
            taken = replace(taken, as_before=not changed and digest == self._used)
            self._take(taken)
        except NpsyncError as error:
            self._refuse(redact(str(error)))
            return {"status": "failed", "taken": False, "problem": self._refused}
        if _named(taken) != _named(self._running):
            digest = _digest(taken)  # else what it names now would count as a change of it
        self._running, self._used, self._refused = taken, digest, None
        self._seen = digest
        self._tell(None)
        notice("config_taken", mark=taken.mark, changed=changed, syncs=len(taken.config.sync))
        return {"status": "succeeded", "taken": True, "mark": taken.mark, "changed": changed}

    def _look_if_changed(self, now: float) -> None:
        digest = _digest(self._running)
        if digest == self._used:
            if self._refused is not None:  # somebody put it back
                self._refused = None
                self._tell(None)
                notice("config_back", mark=self._running.mark)
        elif digest == self._seen and (self._refused is None or now - self._tried >= TRIED_EVERY):
            self.look()
        elif digest != self._seen and self._refused is not None:
            self._tried = now - TRIED_EVERY  # it changed again: looked at as soon as it rests
        self._seen = digest

    def _refuse(self, problem: str) -> None:
        if problem != self._refused:
            notice("config_refused", problems=problem.splitlines(), goes_on_with=self._running.mark)
        self._refused = problem
        self._tell(problem)


def _digest(taken: Taken) -> str:
    """Of the file and of what it names."""
    told = hashlib.sha256()
    for file in (taken.config.file, *_named(taken)):
        try:
            told.update(b"\0" + file.read_bytes())
        except OSError:
            told.update(b"\0missing")
    return told.hexdigest()


def _named(taken: Taken) -> list[Path]:
    """Secrets, descriptions of APIs, the logo, templates of mails."""
    config = taken.config
    folder = config.file.absolute().parent
    text = taken.content.decode("utf-8", "replace")
    secrets = _FOLDER.search(text)
    found = [] if secrets is None else [folder / secrets[1] / name for name in _SECRET.findall(text)]
    described = (getattr(each.settings, "description", None) for each in config.connections.values())
    look = (config.branding.logo, *_templates(config))
    named = (*described, *(one for one in look if one is not None and not one.startswith("https://")))
    return [*found, *(folder / Path(one).expanduser() for one in named if isinstance(one, str))]


def _templates(config: Config) -> Iterator[str | None]:
    """The files of the words of mails."""
    for connection in config.connections.values():
        settings = connection.settings
        if isinstance(settings, MailSettings) and settings.templates is not None:
            yield from (settings.templates.html, settings.templates.text)


def refuse_what_needs_a_restart(running: Config, new: Config) -> None:
    """What the store was opened with cannot change under it."""
    changed = [
        name
        for name, before, after in (
            ("store", running.store, new.store),
            ("pepper", running.pepper, new.pepper),
            ("phone_region", running.phone_region, new.phone_region),
            ("retention.answers", running.retention.answers, new.retention.answers),
            ("public_url", bool(running.public_url), bool(new.public_url)),
        )
        if before != after
    ]
    if changed:
        place = new.place(tuple(changed[0].split(".")))
        raise ConfigError(
            f"{place.file}:{place.line}:{place.column}: {', '.join(changed)}: cannot change while npsync serve runs; "
            "restart it"
        )


def refuse_failing_tests(config: Config) -> None:
    """The file's own tests say what its author meant."""
    from mapping.selftest import run_tests
    from npsync.syncing.jobs import compiled

    told = []
    for name, spec in config.sync.items():
        metric = config.surveys[spec.survey].metric.value
        for at, result in enumerate(run_tests(spec.tests, compiled(config, spec), metric=metric)):
            if not result.passed:
                place = config.place(("sync", name, "tests", at))
                why = "; ".join(result.differences)
                told.append(
                    f'{place.file}:{place.line}:{place.column}: sync.{name}: its test "{result.name}" fails: {why}'
                )
    if told:
        raise ConfigError("\n".join(told))
