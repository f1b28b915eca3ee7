"""Commands up to the first run: a file to start from, what to grant, and whether the file is right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from npsync.cli.output import ConfigOption, JsonOption


def init(
    connector: Annotated[
        list[str] | None,
        typer.Option(help="A connector to begin with; repeat it. `npsync connectors` lists them."),
    ] = None,
    to: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Where to write.", show_default="npsync.yaml")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    config: ConfigOption = None,
) -> None:
    """Write a commented YAML file to start from."""
    from nps.errors import ConfigError
    from npsync.cli import output
    from npsync.config import starter

    file = to or output.config_path(config)
    named = [name.strip() for each in connector or starter.USUAL for name in each.split(",")]
    chosen = starter.chosen(named)
    text = starter.text(chosen)
    try:
        with file.open("w" if force else "x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise ConfigError(f"{file} is already there; --force replaces it, or name another file") from None
    except OSError as error:
        raise ConfigError(f"{file} can't be written: {error.strerror}") from None
    output.say(f"Wrote {file}.")
    if names := starter.variables(text):
        output.say(f"Set these variables: {', '.join(names)}")
    output.say("Then: npsync check --offline, npsync connect NAME, npsync plan SYNC")


def schema(
    out: Annotated[Path | None, typer.Option(help="Write it to this file instead of printing it.")] = None,
) -> None:
    """Print the JSON Schema of the YAML file, for completion in editors."""
    import json

    from nps.errors import ConfigError
    from npsync.cli import output
    from npsync.config.schema import json_schema

    text = json.dumps(json_schema(), indent=2, ensure_ascii=False)
    if out is None:
        output.say(text)
        return
    try:
        out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{out} can't be written: {error.strerror}") from None
    output.say(f"Wrote {out}. First line of the YAML file, for editors:")
    output.say(f"# yaml-language-server: $schema={out}")


def connect(
    name: Annotated[str, typer.Argument(help="The connection, as the YAML names it.")],
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Print the exact permissions to grant, test them, and name what the credential needn't have."""
    from npsync.cli import granting, output

    raise SystemExit(granting.show(output.load_config(config), name, as_json=json))


def check(
    config: ConfigOption = None,
    offline: Annotated[bool, typer.Option("--offline", help="Only the file; call nobody.")] = False,
    without_variables: Annotated[
        bool,
        typer.Option("--without-variables", help="Accept variables that are not set (needs --offline)."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Find what is wrong with the YAML file, and where it differs from the CRM."""
    from npsync.cli import checking, output

    if without_variables and not offline:
        raise typer.BadParameter("needs --offline: without its secrets nothing can be called")
    code = checking.show(
        output.config_path(config), offline=offline, without_variables=without_variables, as_json=json
    )
    raise SystemExit(code)


def run_tests(
    sync: Annotated[str | None, typer.Argument(help="Only the tests of this sync.")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Run the YAML file's own tests. Nobody is called."""
    from npsync.cli import checking, output

    raise SystemExit(checking.show_tests(output.load_config(config), sync, as_json=json))
