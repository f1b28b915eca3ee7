"""Qualtrics XM: answers, exported by jobs and fetched as ZIP files."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import Confidence, Connector, Needs, Source, Tools
from connectors.qualtrics.settings import QualtricsSettings


def _source(settings: QualtricsSettings, tools: Tools) -> Source:
    from connectors.qualtrics.source import Qualtrics

    return Qualtrics(settings, tools)


def _grants(settings: QualtricsSettings, needs: Needs) -> Sequence[str]:
    return [
        "A contract with Qualtrics that includes the API.",
        "The API token of a user (account settings, Qualtrics IDs) to whom the surveys are shared with the right to "
        "view and export responses, and no more.",
    ]


CONNECTOR = Connector(
    name="qualtrics",
    title="Qualtrics XM",
    settings=QualtricsSettings,
    grants=_grants,
    source=_source,
    channels=("email", "sms", "anonymous", "qr"),
    edits="Answers are read by the time they were recorded: later edits are seen with --full.",
    limits="Exports are jobs of Qualtrics' own pace, started one at a time; npsync waits for them, over several runs "
    "if it has to.",
    confidence=Confidence.EXPERIMENTAL,
    starter="""\
type: qualtrics
data_center: fra1                       # from "Qualtrics IDs" in the account settings
api_token: "${QUALTRICS_TOKEN}"
surveys:
  SV_1a2b3c:
    score_field: QID1                   # the column of the 0 to 10 question
    comment_field: QID2_TEXT            # the column of its reason; null where there is none
""",
)
