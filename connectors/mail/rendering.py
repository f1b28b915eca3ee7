"""What a survey mail says: subject, plain text and HTML of one message. Pure but for reading an operator's templates.

The sender hands in a `Message` and the look of the company; nothing here knows SMTP. Templates are Jinja2 with every
value escaped in HTML, and a name that does not exist is an error with its file and line, never a gap in a mail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from jinja2 import (
    BaseLoader,
    Environment,
    StrictUndefined,
    Template,
    TemplateSyntaxError,
    UndefinedError,
    nodes,
)
from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from connectors.mail.settings import TemplateFiles as TemplateFiles
from nps.asking import StepKind
from nps.branding import Branding
from nps.errors import ConfigError, RejectedError
from nps.phrases import LANGUAGES, choose, date_in
from nps.score import SCALES
from nps.sending import Message, Recipient

_OURS = Path(__file__).parent / "templates"


class Rendered(NamedTuple):
    subject: str
    text: str
    html: str


class TemplateProblem(NamedTuple):
    """What is wrong with one template: `part` is html, text or subject, `file` as it was named."""

    part: str
    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Choice:
    """One number of the scale: what is shown, where it leads, and what it is called aloud."""

    score: int
    link: str
    name: str


@dataclass(frozen=True)
class Source:
    """The text of one template and what to call it in messages."""

    part: str
    file: str
    text: str = field(repr=False)


@dataclass(frozen=True)
class Templates:
    """The three templates of a mail connection."""

    subject: Source
    text: Source
    html: Source

    def __iter__(self) -> Iterator[Source]:
        return iter((self.subject, self.text, self.html))

    @classmethod
    def ours(cls) -> Templates:
        return cls.of(None, Path())

    @classmethod
    def of(cls, files: TemplateFiles | None, folder: Path) -> Templates:
        """Ours, but for those that `files` names, relative to `folder`. Raises ConfigError for a file that cannot be
        read."""
        files = files or TemplateFiles()
        subject = files.subject
        return cls(
            subject=_our("subject", "subject.txt")
            if subject is None
            else Source("subject", "subject", subject),
            text=_our("text", "invitation.txt")
            if files.text is None
            else theirs("text", files.text, files, folder),
            html=_our("html", "invitation.html")
            if files.html is None
            else theirs("html", files.html, files, folder),
        )

    def problems(self) -> list[TemplateProblem]:
        """Everything that would stop a mail from being written, found without one: syntax, unknown names."""
        return [problem for source in self for problem in _problems(source)]


def render(
    message: Message, look: Branding, *, templates: Templates | None = None, zone: tzinfo = UTC
) -> Rendered:
    """The mail for this message. `zone` is the business zone the deadline is a day in.

    Raises ConfigError, with file and line, for a template that cannot be filled in (it would fail for everybody), and
    RejectedError for a value that must not stand in a header.
    """
    chosen = templates or Templates.ours()
    names = variables(message, look, zone)
    return Rendered(
        subject=_one_line(_filled(chosen.subject, names)),
        text=_tidy(_filled(chosen.text, names)),
        html=_filled(chosen.html, names),
    )


def variables(message: Message, look: Branding, zone: tzinfo) -> dict[str, Any]:
    """All names a template may use."""
    language = choose([message.language, message.to.language])
    words = LANGUAGES[language]
    company = look.company or urlsplit(message.link).hostname or words.a_company
    low, high = SCALES[message.metric]
    low_label, high_label = message.labels or _ends(language, message.metric)
    deadline = "" if message.deadline is None else date_in(language, message.deadline.astimezone(zone).date())
    said_why = words.why.format(why=message.why.rstrip(". ")) if words.why and message.why else ""
    link = message.link if message.language is None else with_query(message.link, lang=language)
    return {
        "ask": message.ask,
        "scale": [
            Choice(
                score,
                with_query(link, score=str(score)),
                _aloud(score, low, high, low_label, high_label),
            )
            for score in range(low, high + 1)
        ],
        "low": low,
        "high": high,
        "low_label": low_label,
        "high_label": high_label,
        "link": link,
        "unsubscribe": message.unsubscribe,
        "deadline": deadline,
        "why": said_why or words.why_general.format(company=company),
        "reminder": message.kind is StepKind.REMINDER,
        "name": message.to.name or "",
        "event": dict(message.facts),
        "survey": message.survey,
        "metric": message.metric,
        "company": company,
        "logo": look.logo if look.logo and look.logo.startswith("https://") else "",
        "sender": _sender(company, look),
        "privacy_url": look.privacy_url or "",
        "color": look.color,
        "on_color": look.ink,
        "color_on_light": look.on_light,
        "color_on_dark": look.on_dark,
        "language": language,
        "direction": "rtl" if words.right_to_left else "ltr",
        "words": words,
    }


def with_query(address: str, **more: str) -> str:
    """The address with these query parameters added."""
    if not address:
        return ""
    parts = urlsplit(address)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *more.items()])
    return urlunsplit(parts._replace(query=query))


def _sender(company: str, look: Branding) -> list[str]:
    """Who sends it and where they are: the company, unless its address begins with its name, and the address."""
    address = [line.strip() for line in look.postal_address.splitlines() if line.strip()]
    return address if address and address[0].startswith(company) else [company, *address]


def _ends(language: str, metric: str) -> tuple[str, str]:
    ends = getattr(LANGUAGES[language], metric)
    return ends.low, ends.high


def _aloud(score: int, low: int, high: int, low_label: str, high_label: str) -> str:
    """What a screen reader says for a bare digit."""
    ends = {low: low_label, high: high_label}
    return f"{score}: {ends[score]}" if score in ends else f"{score} / {high}"


# ---------------------------------------------------------------- templates


@cache
def _our(part: str, file: str) -> Source:
    return Source(part, f"npsync's {file}", (_OURS / file).read_text("utf-8"))


def theirs(part: str, named: str, files: TemplateFiles, folder: Path) -> Source:
    """Raises ConfigError for a file that cannot be read."""
    return Source(part, named, files.text_of(part, partial(_text, named, folder)))


def _text(named: str, folder: Path) -> str:
    try:
        return (folder / Path(named).expanduser()).read_text("utf-8")
    except FileNotFoundError:
        raise ConfigError(f"there is no file {named}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise ConfigError(f"{named} can't be read: {reason}") from None


def _environment(part: str) -> Environment:
    return ImmutableSandboxedEnvironment(
        autoescape=part == "html",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=BaseLoader(),
    )


@cache
def _compiled(source: Source) -> Template:
    return _environment(source.part).from_string(source.text)


def _filled(source: Source, names: Mapping[str, Any]) -> str:
    try:
        return _compiled(source).render(names)
    except TemplateSyntaxError as error:
        raise ConfigError(f"{source.file}:{error.lineno}: {error.message}") from None
    except (UndefinedError, SecurityError, TemplateRuntimeError) as error:
        line = _line_of(error)
        # Jinja names the variable, never its value.
        raise ConfigError(f"{source.file}:{line}: {error.message}; `npsync check` lists the names") from None


def _line_of(error: BaseException) -> int:
    """Where in the template it happened: Jinja rewrites the traceback to the template's own lines."""
    line, step = 1, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == "<template>":
            line = step.tb_lineno
        step = step.tb_next
    return line


def _problems(source: Source) -> Iterator[TemplateProblem]:
    environment = _environment(source.part)
    try:
        tree = environment.parse(source.text)
    except TemplateSyntaxError as error:
        yield TemplateProblem(source.part, source.file, error.lineno, error.message or "cannot be read")
        return
    known = _example_names()
    own = {node.name for node in tree.find_all(nodes.Name) if node.ctx in ("store", "param")}
    own |= {node.name for node in tree.find_all(nodes.Macro)} | {"loop", "caller", "varargs", "kwargs"}
    told: set[str] = set()
    for node in tree.find_all(nodes.Name):
        name = node.name
        if node.ctx == "load" and name not in known and name not in own and name not in environment.globals:
            if name not in told:
                yield TemplateProblem(source.part, source.file, node.lineno, _unknown(name, known))
            told.add(name)
    if not told:
        yield from _tried(source, known)


def _tried(source: Source, names: Mapping[str, Any]) -> Iterator[TemplateProblem]:
    """What only shows when it is filled in: an attribute or filter that is not there. `event.*` is the event's own, so
    whether it will be there cannot be said."""
    try:
        _compiled(source).render({**names, "event": _Anything()})
    except TemplateSyntaxError as error:
        yield TemplateProblem(source.part, source.file, error.lineno, error.message or "cannot be read")
    except (UndefinedError, SecurityError, TemplateRuntimeError) as error:
        yield TemplateProblem(
            source.part, source.file, _line_of(error), error.message or "cannot be filled in"
        )


class _Anything(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return key


def _unknown(name: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1)
    hint = f'did you mean "{close[0]}"?' if close else f"known: {', '.join(sorted(known))}"
    return f'there is no variable "{name}"; {hint}'


@cache
def _example_names() -> Mapping[str, Any]:
    return variables(example(), Branding(company="Acme", postal_address="1 Main Street"), UTC)


def example(**changes: Any) -> Message:
    """A message such as a customer gets: for checks and for a look at the wording."""
    facts: dict[str, Any] = {
        "invitation": "example",
        "step": 1,
        "kind": StepKind.ASK,
        "to": Recipient(
            connection="crm", object="Contact", record_id="1", name="Ann O'Brien", email="ann@example.com"
        ),
        "survey": "support",
        "metric": "nps",
        "ask": "How likely are you to recommend Acme to a colleague?",
        "link": "https://ask.example.com/s/example",
        "unsubscribe": "https://ask.example.com/u/example",
        "deadline": datetime(2026, 12, 6, tzinfo=UTC),
        "why": "because your support case was closed",
    }
    return Message(**(facts | changes))


# ---------------------------------------------------------------- tidying


def _one_line(subject: str) -> str:
    line = subject.strip()
    if not line.isprintable():
        raise RejectedError(
            "the subject would not be one line of text", code="header_injection", field="subject"
        )
    return line


def _tidy(text: str) -> str:
    """Lines without trailing blanks, never two empty ones in a row."""
    lines: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if line.strip() or (lines and lines[-1]):
            lines.append(line.rstrip())
    return "\n".join(lines).strip() + "\n"
