"""Files that our own words and look come from: a logo that is there, templates that can be filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath

from connectors.contract import Settings
from connectors.mail.settings import MailSettings
from nps.branding import READABLE, WHITE, Branding, contrast
from nps.errors import ConfigError
from npsync.config.problems import Path
from npsync.config.wording import Found

LARGEST_LOGO = 512 * 1024


def lookcheck(
    look: Branding | None, connections: Mapping[str, Settings], folder: FilePath
) -> Iterator[Found]:
    """`folder` is the YAML file's: paths are relative to it."""
    if look is not None and look.logo is not None and not look.logo.startswith("https://"):
        yield from _logo(look.logo, folder)
    for name, settings in connections.items():
        if isinstance(settings, MailSettings) and settings.templates is not None:
            yield from _templates(name, settings, folder)


def look_warnings(look: Branding) -> Iterator[Found]:
    """What is adapted so that people can read it. On a dark ground nearly every colour is: that needs no word."""
    if look.on_light != look.color:
        message = (
            f"{look.color} cannot be read on a light ground (contrast {contrast(look.color, WHITE):.1f}, needed "
            f"{READABLE}); links and marks there are {look.on_light}"
        )
        yield Found(("branding", "color"), "adapted_color", message)


def _logo(named: str, folder: FilePath) -> Iterator[Found]:
    path: Path = ("branding", "logo")
    file = folder / FilePath(named).expanduser()
    if not file.is_file():
        yield Found(path, "no_file", f'there is no file "{named}"')
    elif file.stat().st_size > LARGEST_LOGO:
        most = LARGEST_LOGO // 1024
        yield Found(
            path, "too_large", f'"{named}" is larger than {most} KiB; people open the page on a phone'
        )


def _templates(connection: str, settings: MailSettings, folder: FilePath) -> Iterator[Found]:
    from connectors.mail.rendering import Templates, theirs  # Jinja2: only where there are templates

    assert settings.templates is not None
    path: Path = ("connections", connection, "templates")
    readable = True
    for part in ("html", "text"):
        named = getattr(settings.templates, part)
        if named is None:
            continue
        try:
            theirs(part, named, settings.templates, folder)
        except ConfigError as error:
            readable = False
            yield Found((*path, part), "no_file", str(error))
    if readable:
        for problem in Templates.of(settings.templates, folder).problems():
            yield Found((*path, problem.part), "bad_template", str(problem))
