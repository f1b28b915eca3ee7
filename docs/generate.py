"""Writes docs/reference/ from what the code declares: `make docs`.

The models' `description=`, the connectors' declared facts and the command line's own help are the only texts there
are; a page here adds headings. A test compares the committed pages with `pages()`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
import typer.main
from pydantic import BaseModel

from connectors import registry
from connectors.contract import Connector
from mapping.cel_text import CONVERSIONS, HELPERS, METHODS
from mapping.names import ACCOUNT, PLAIN, ROOTS
from mapping.reporting import ReportSpec
from mapping.spec import FieldMapping, FieldTest, MatchRule, PeopleSpec
from nps.branding import Branding
from nps.policy import ContactPolicy
from nps.surveys import SurveySpec, Translation
from npsync.cli import application
from npsync.cli.catalogue import kind_row
from npsync.config.aswritten import AsWritten
from npsync.config.model import FileSpec
from npsync.web.api import reference
from npsync.words.capabilities import NO, asks, capabilities, usual_grants
from sync.outbox.spec import FollowUpRule, HistorySpec
from sync.spec import BreakerSpec, SyncSpec, Target
from triggers.spec import TriggerSpec

HERE = Path(__file__).parent
GENERATED = "<!-- Written by docs/generate.py from the code: change the code, then run `make docs`. -->"

NAMES: Mapping[str, str] = {
    "score": "the score, a whole number",
    "segment": "promoter, passive or detractor; empty for csat and ces",
    "previous_score": "the score of the answer before this one, empty for a first answer",
    "previous_segment": "the segment of that answer",
    "comment": "what the person wrote",
    "answered_at": "when the answer was given (a time; `as: date` makes it a day in your time zone)",
    "invited_at": "when the person was asked, where the survey tool tells",
    "survey": "the survey's name in this file",
    "channel": "how the person was asked: email, web, …",
    "source": "the connection the answer came from; npsync for our own page",
    "answers": "how many answers of this person count",
    "record.id": "the id of the CRM record",
    "account_id": "the id of the record's account (needs `account` in `people`)",
}

ACCOUNT_NAMES: Mapping[str, str] = {
    "nps": "promoters less detractors in percent of all who answered, -100 to 100; empty below min_responses",
    "responses": "how many of the account's people have an answer in the window: each counts once, by the latest",
    "promoters": "how many of them gave 9 or 10",
    "passives": "how many of them gave 7 or 8",
    "detractors": "how many of them gave 0 to 6",
    "margin": "the 95 % margin of nps, narrower where the number of contacts is known; empty below 30 answers",
    "coverage": "the percentage of the account's contacts that answered; empty where nobody says how many there are",
    "previous_nps": "nps as of `compare` ago; empty where too few had answered then",
    "last_answered_at": "when the latest of these answers was given",
    "lowest_score": "the lowest of these scores",
    "survey": "the survey, as the YAML names it",
    "account_id": "the account's id in the CRM",
}

ROOT_NAMES: Mapping[str, str] = {
    "record": "a live field of the CRM record, in the vendor's own name",
    "account": "a live field of the record's account (needs `account` in `people`)",
    "properties": "a property that came with the answer",
    "event": "what made npsync ask: a field of the case, ticket or record, and its id as `event.id`; empty for other "
    "answers",
}

EXIT_CODES: Mapping[int, str] = {
    0: "Succeeded. Answers that only wait for their record are no failure.",
    1: "Failed: a vendor could not be reached or refused, a permission is missing, a test of the file failed.",
    2: "The command line, the file or the environment has to be changed.",
    3: "Partial: the run ended well, and some answers need a person or another run "
    "(rejected, review, held, pending).",
    4: "Stopped by the breaker or its canary.",
}


def pages() -> dict[Path, str]:
    """Every generated page by its path below docs/."""
    below = Path("reference")
    made = {below / "yaml.md": yaml_page(), below / "commands.md": commands_page()}
    made[below / "api.md"] = api_page()
    for name in registry.names():
        made[below / "connectors" / f"{name}.md"] = connector_page(registry.load(name))
    return made


# ---------------------------------------------------------------- the YAML


def yaml_page() -> str:
    sections: list[tuple[str, str, type[BaseModel]]] = [
        ("Top level", "", FileSpec),
        (
            "people.NAME",
            "Who a customer is in one connection. The name is the connection's name.",
            PeopleSpec,
        ),
        ("people.NAME.match[]", "", MatchRule),
        ("surveys.NAME", "", SurveySpec),
        ("surveys.NAME.translations.LANGUAGE", "", Translation),
        ("sync.NAME", "", SyncSpec),
        ("sync.NAME.to", "When it is not the name of a `people` block:", Target),
        ("sync.NAME.fields.FIELD", _field_order(), FieldMapping),
        ("sync.NAME.breaker", "", BreakerSpec),
        ("sync.NAME.history", "", HistorySpec),
        ("sync.NAME.follow_up[]", "", FollowUpRule),
        ("sync.NAME.tests[]", "", FieldTest),
        ("triggers.NAME", "", TriggerSpec),
        ("contact_policy", "", ContactPolicy),
        ("branding", "", Branding),
        ("report", "", ReportSpec),
    ]
    parts = [GENERATED, "# The YAML file", _yaml_intro()]
    for title, said, model in sections:
        parts.append(f"## {title}")
        if said:
            parts.append(said)
        parts += list(_tables(model, title))
    parts += [
        "## Names",
        _names_intro(),
        _names_table(),
        "### Names of an account",
        _account_names(),
        "## Expressions",
        _expressions(),
    ]
    return _page(parts)


def _yaml_intro() -> str:
    return (
        """\
One file says everything: `--config FILE`, else the variable `NPSYNC_CONFIG`, else `npsync.yaml` in the current
folder. Keys of your own begin with `x-`, at the top level; anchors (`&name`, `*name`, `<<:`) work.

| what you write | means |
|---|---|
| `${NAME}` | the environment variable NAME; inside `{ }` and `[ ]` put quotes around it |
| `${file:NAME}` | the text of the file NAME in `secrets_folder` |
| `$${` | the characters `${` |
| `15 minutes`, `2 hours`, `30 days` | a length of time: a whole number and one of these words |
| `40%` | a share |
| `10x` | so many times as much |
| `2025-01-31` | a day, in `time_zone` |

The keys of a connection depend on its `type`: """
        + ", ".join(f"[{name}](connectors/{name}.md)" for name in registry.names())
        + """. `npsync schema` prints all of this as JSON Schema, for completion in an editor. "–" in the column
*default* means: nothing unless you say so."""
    )


def _field_order() -> str:
    return """\
A bare name (`NPS_Score__c: score`) is short for `{from: score}`. What happens, in this order: the value is picked
(`from`, `template`, `value` or `expr`), `default` if it is empty, `map`, `as`, `truncate`, `when_empty`. Then
`overwrite` decides whether the live value of the record may be replaced."""


def _names_intro() -> str:
    return "What `from`, `template`, `expr`, `where` and the `given` of a test can name:"


def _names_table() -> str:
    assert set(NAMES) == set(PLAIN), "a name of mapping.names has no description here"
    assert set(ROOT_NAMES) == set(ROOTS)
    rows = [(f"`{name}`", said) for name, said in NAMES.items()]
    rows += [(f"`{root}.FIELD`", said) for root, said in ROOT_NAMES.items()]
    return _table(("name", "what"), rows)


def _account_names() -> str:
    assert set(ACCOUNT_NAMES) == set(ACCOUNT.plain), "a name of mapping.names.ACCOUNT has no description here"
    rows = [(f"`{name}`", said) for name, said in ACCOUNT_NAMES.items()]
    rows.append(("`account.FIELD`", "a field of the account itself"))
    return "What `sync.*.account.fields` can name:\n\n" + _table(("name", "what"), rows)


def _expressions() -> str:
    helpers = ", ".join(f"`{name}`" for name in HELPERS)
    return f"""\
`expr` and `where` are [CEL](https://cel.dev) over the names above, checked when the file is loaded.

- Functions: {helpers}; conversions {", ".join(f"`{name}`" for name in CONVERSIONS)}; on texts \
{", ".join(f"`{name}`" for name in METHODS)}.
- An empty value is `null`. `<`, `<=`, `>`, `>=`, `in` and the text methods are false with a null; `==` and `!=` \
compare it like a value; arithmetic with a null is null; a null condition counts as false.
- Whole numbers, decimals and texts never mix: write `double(score) * 1.5`.
- `has`, `map`, `filter`, `exists` and `all` are refused: write `x != null`.
- An expression that does not work for one answer rejects that answer, with the reason; the run goes on."""


# ---------------------------------------------------------------- connectors


def connector_page(connector: Connector) -> str:
    facts = [
        ("can", ", ".join(name for name, how in capabilities(connector).items() if how != NO)),
        ("writes records", ", ".join(connector.objects) if connector.destination else "no"),
        ("only writes", connector.write_only.when),
        ("matches by", ", ".join(f"{key} = `{field}`" for key, field in connector.match_fields.items())),
        ("asks people", asks(connector) or "no"),
        ("takes posts", "at `/hooks/CONNECTION`" if connector.inbound else ""),
        ("channels it tells", ", ".join(connector.channels)),
        ("its scores are", ", ".join(connector.metrics)),
        ("edited answers", connector.edits),
        ("limits", connector.limits),
        ("confidence", connector.confidence.value),
    ]
    parts = [
        GENERATED,
        f"# {connector.title}",
        f"`type: {connector.name}`. The same facts on a terminal: `npsync connectors {connector.name}`.",
        _table(("", ""), [fact for fact in facts if fact[1]]),
        *_events(connector),
        "## What to grant",
        "For everything it can do; `npsync connect CONNECTION` lists what your file needs, and tries it.",
        "\n".join(f"- {each}" for each in usual_grants(connector)),
        "## Settings",
        *_tables(connector.settings, ""),
        "## To begin with",
        f"```yaml block=connection\n{connector.starter.strip()}\n```",
    ]
    return _page(parts)


def _events(connector: Connector) -> Iterator[str]:
    """The kinds of event it tells, and what a trigger says beside their names."""
    if not connector.event_kinds:
        return
    yield "## Events"
    yield "What can ask for a survey: `triggers.NAME.event: {connection, kind, …}`."
    rows = [tuple(_code(name, *rest)) for name, *rest in map(kind_row, connector.event_kinds)]
    yield _table(("kind", "when", "keys beside it", "learnt by"), rows)
    models = dict.fromkeys(kind.parameters for kind in connector.event_kinds if kind.parameters.model_fields)
    for model in models:
        names = ", ".join(f"`{kind.name}`" for kind in connector.event_kinds if kind.parameters is model)
        yield f"Keys of {names}:"
        yield from _tables(model, "")


def _code(name: str, *rest: str) -> Iterator[str]:
    yield f"`{name}`"
    yield from rest


# ---------------------------------------------------------------- commands


def commands_page() -> str:
    group: Any = typer.main.get_command(application())
    parts = [
        GENERATED,
        "# Commands",
        "Every command takes `--help`. `--config FILE` (`-c`) works before and after the command's name.",
    ]
    for name, command in group.commands.items():
        parts += _command(f"npsync {name}", command)
    parts += [
        "## Exit codes",
        _table(("code", "means"), [(str(code), said) for code, said in EXIT_CODES.items()]),
        "`npsync run` without a name runs everything that is due and leaves with the worst code of its runs.",
    ]
    return _page(parts)


def api_page() -> str:
    return _page([GENERATED, *reference.parts()])


def _command(name: str, command: Any) -> Iterator[str]:
    if hasattr(command, "commands"):  # a group of commands
        if command.invoke_without_command:
            yield from _one_command(name, command)
        for each, part in command.commands.items():
            yield from _command(f"{name} {each}", part)
        return
    yield from _one_command(name, command)


def _one_command(name: str, command: Any) -> Iterator[str]:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and each.name != "config"]
    usage = [
        name,
        *(_placeholder(each) if each.required else f"[{_placeholder(each)}]" for each in arguments),
    ]
    yield f"## {name}"
    yield _sentence(command.help)
    yield f"    {' '.join(usage)}{' [options]' if options else ''}"
    rows = [(f"`{_placeholder(each)}`", each.help or "") for each in arguments]
    rows += [(f"`{_spelt(each)}`", _with_default(each)) for each in options]
    if rows:
        yield _table(("", ""), rows)


def _placeholder(param: Any) -> str:
    return str(param.metavar or param.name.upper()).strip("[]")


def _spelt(option: Any) -> str:
    names = ", ".join(option.opts)
    return names if option.is_flag else f"{names} {_placeholder(option)}"


def _with_default(option: Any) -> str:
    default = "" if option.is_flag or option.default in (None, "") else f" Default: {option.default}."
    return f"{option.help or ''}{default}".strip()


# ---------------------------------------------------------------- models as tables


def _tables(model: type[BaseModel], title: str) -> Iterator[str]:
    """The model's own keys, and a table for each block among them that has no section of its own."""
    schema = model.model_json_schema(schema_generator=AsWritten)
    own = _object(schema)
    yield _keys(own, schema)
    for key, each in own["properties"].items():
        if _has_a_section(title, key):
            continue
        for name, block in _blocks(each, schema):
            yield f"### {title + '.' if title else ''}{key}{name}"
            if said := block.get("description"):
                yield _sentence(said)
            yield _keys(block, schema)


def _has_a_section(title: str, key: str) -> bool:
    return title == "Top level" or (title, key) in {
        ("people.NAME", "match"),
        ("sync.NAME", "to"),
        ("sync.NAME", "fields"),
        ("sync.NAME", "breaker"),
        ("sync.NAME", "history"),
        ("sync.NAME", "follow_up"),
        ("sync.NAME", "tests"),
        ("sync.NAME.to", "match"),
    }


def _object(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a schema that has keys (a field may also be a bare name)."""
    if "$ref" in schema:
        return _object(_followed(schema, schema))
    if "properties" in schema:
        return schema
    return next(each for each in schema.get("anyOf", ()) if "properties" in each)


def _followed(each: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = each.get("$ref")
    return schema["$defs"][reference.rpartition("/")[2]] if reference else each


def _blocks(each: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The blocks a key may hold; with several, each is named by its `flow`."""
    choices = each.get("oneOf") or each.get("anyOf") or [each]
    found = [_followed(choice, schema) for choice in choices]
    found = [choice for choice in found if "properties" in choice]
    for choice in found:
        flow = choice["properties"].get("flow", {}).get("const")
        yield (f" (`flow: {flow}`)" if flow else ""), choice


def _keys(block: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    required = block.get("required", ())
    rows = []
    for key, each in block["properties"].items():
        default = "required" if key in required else _default(each)
        rows.append((f"`{key}`", _kind(each, schema), default, _sentence(each.get("description", ""))))
    return _table(("key", "takes", "default", "what"), rows)


def _kind(each: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    each = _followed(each, schema)
    if choices := each.get("anyOf") or each.get("oneOf"):
        kinds = dict.fromkeys(
            _kind(choice, schema) for choice in choices if choice.get("type") != "null" and choice != {}
        )
        return "any value" if len(kinds) > 4 else " or ".join(kinds)
    if "const" in each:
        return f"`{each['const']}`"
    if "enum" in each:
        return ", ".join(f"`{word}`" for word in each["enum"])
    if "pattern" in each and each.get("examples"):
        return f"like `{each['examples'][-1]}`"
    match each.get("type"):
        case "string":
            return "secret" if each.get("writeOnly") else "day" if each.get("format") == "date" else "text"
        case "integer":
            return "whole number"
        case "boolean":
            return "`true`, `false`"
        case "array":
            inside = _kind(each.get("items", {}), schema) if each.get("items") else "value"
            return f"list of {'blocks' if inside == 'block' else inside}"
        case "object":
            return "block"
        case ["string", "integer"]:
            return "text"
        case str() as plain:
            return plain
    return "any value"


def _default(each: Mapping[str, Any]) -> str:
    default = each.get("default")
    if default is None or default in ({}, [], ()) or isinstance(default, dict):
        return "–"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, list):
        return ", ".join(f"`{item}`" for item in default)
    return f"`{default}`"


# ---------------------------------------------------------------- Markdown


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    return "\n".join([line(columns), "|" + "---|" * len(columns), *map(line, rows)])


def _sentence(text: str) -> str:
    """One paragraph: source lines are wrapped, Markdown's need not be."""
    return " ".join(text.split())


def _page(parts: list[str]) -> str:
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def main() -> None:
    for path, text in pages().items():
        (HERE / path).parent.mkdir(parents=True, exist_ok=True)
        (HERE / path).write_text(text, encoding="utf-8")
        print(f"docs/{path}")


if __name__ == "__main__":
    main()
