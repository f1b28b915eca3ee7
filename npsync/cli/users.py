"""`npsync users`: who may sign in at the dashboard with a password."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from npsync.cli.output import ConfigOption, JsonOption
from npsync.sign_in.roles import Role

if TYPE_CHECKING:
    from store.api import LocalUser

users = typer.Typer(
    help="Users of the dashboard with a password: made, listed, revoked.", no_args_is_help=True
)

_NAME = Annotated[str, typer.Argument(help="How they sign in, like ann.")]
_ROLE = Annotated[
    Role,
    typer.Option(
        help="viewer sees all and changes nothing, operator also acts, admin also undoes; reports: figures."
    ),
]
_FILE = Annotated[
    Path | None,
    typer.Option(help="The password is the first line of this file.", show_default="asked, or from stdin"),
]


@users.command("create")
def create(
    name: _NAME,
    role: _ROLE,
    password_file: _FILE = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Make a user. The password is asked for, or read from stdin or a file; never an argument."""
    from npsync import opening
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.sign_in import users as made

    loaded = output.load_config(config)
    password = _password(password_file)
    with opening.open_store(loaded) as store:
        made.create(store, name, role, password, now=SystemClock().now())
    if json:
        output.say_json({"name": name, "role": role.value})
        return
    output.say(f'"{name}" may sign in as {role}.')


@users.command("list")
def show(json: JsonOption = False, config: ConfigOption = None) -> None:
    """Show all users, also those that were revoked."""
    from npsync import opening
    from npsync.cli import output

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        found = store.users()
    if json:
        output.say_json({"users": [_facts(user) for user in found]})
        return
    if not found:
        output.say("There is no user. npsync users create NAME --role admin makes one.")
        return
    zone = loaded.time_zone

    def day(at: Any) -> str:
        return "" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M}"

    rows = [
        (one.name, one.role, day(one.created_at), day(one.signed_in_at) or "never", day(one.revoked_at))
        for one in found
    ]
    output.table(("name", "role", "made", "signed in last", "revoked"), rows)


@users.command("password")
def password(name: _NAME, password_file: _FILE = None, config: ConfigOption = None) -> None:
    """Give a user another password. All their sessions end."""
    from npsync import opening
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.sign_in import users as made

    loaded = output.load_config(config)
    given = _password(password_file)
    with opening.open_store(loaded) as store:
        made.set_password(store, name, given, now=SystemClock().now())
    output.say(f'"{name}" has another password; all their sessions ended.')


@users.command("role")
def change_role(name: _NAME, role: _ROLE, config: ConfigOption = None) -> None:
    """Give a user another role. All their sessions end."""
    from npsync import opening
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.sign_in import users as made

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        made.set_role(store, name, role, now=SystemClock().now())
    output.say(f'"{name}" is {role} now; all their sessions ended.')


@users.command("revoke")
def revoke(name: _NAME, config: ConfigOption = None) -> None:
    """Take a user out. Their sessions end at once."""
    from npsync import opening
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.sign_in import users as made

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        made.revoke(store, name, now=SystemClock().now())
    output.say(f'"{name}" is revoked; all their sessions ended.')


def _password(file: Path | None) -> str:
    """Never an argument: those are seen by everybody on the machine, and kept in histories."""
    import sys

    from nps.errors import ConfigError

    if file is not None:
        try:
            return file.read_text("utf-8").partition("\n")[0].rstrip("\r")
        except (OSError, UnicodeDecodeError):
            raise ConfigError(f"--password-file: {file} can't be read") from None
    if sys.stdin is not None and sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    given = "" if sys.stdin is None else sys.stdin.readline().rstrip("\r\n")
    if not given:
        raise ConfigError("there is no password: type it at a terminal, pipe it in, or name --password-file")
    return given


def _facts(user: LocalUser) -> dict[str, Any]:
    return {
        "name": user.name,
        "role": user.role,
        "created_at": user.created_at.isoformat(),
        "signed_in_at": user.signed_in_at and user.signed_in_at.isoformat(),
        "revoked_at": user.revoked_at and user.revoked_at.isoformat(),
    }
