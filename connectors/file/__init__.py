"""Exported files: CSV, JSON and JSON Lines, one of them or a folder that fills up."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import Connector, Needs, Source, Tools
from connectors.file.settings import FileSettings


def _source(settings: FileSettings, tools: Tools) -> Source:
    from connectors.file.source import File

    return File(settings, tools)


def _grants(settings: FileSettings, needs: Needs) -> Sequence[str]:
    return [f"Read permission on {settings.path} for the user npsync runs as; no write permission."]


CONNECTOR = Connector(
    name="file",
    title="Exported files (CSV, JSON, JSON Lines)",
    settings=FileSettings,
    grants=_grants,
    source=_source,
    edits="A row that comes again with its id and other content is an edit; without an id column it is another answer.",
    limits="None.",
    starter="""\
type: file
path: exports/                          # a file, a folder watched for new ones, or exports/nps-*.csv
columns:                                # our name: the column's name (JSON Lines: a dotted path)
  id: Response ID
  score: Score
  answered_at: Answered at
  email: Email
  comment: Comment
# delimiter: ";"
# encoding: cp1252                      # default utf-8
# dates: "%d/%m/%Y %H:%M"               # default ISO 8601
# time_zone: Europe/Berlin              # for times that name none
""",
)
