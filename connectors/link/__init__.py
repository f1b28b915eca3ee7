"""A link for somebody else to send: a file, an address, or a list to look at."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import Connector, Needs, Sender, Sends, Tools
from connectors.link.settings import LinkSettings
from nps.asking import Channel


def _sender(settings: LinkSettings, tools: Tools) -> Sender:
    from connectors.link.sender import LinkFile, LinkPost, Listed

    if settings.file is not None:
        return LinkFile(settings, tools, tools.path(settings.file))
    return Listed() if settings.url is None else LinkPost(settings, tools, settings.url)


def _sends(settings: LinkSettings) -> Sends:
    return Sends(
        channel=Channel(settings.channel),
        needs=settings.needs,
        can_remind=settings.file is not None or settings.url is not None,
        can_find=settings.url is None,
        looked_up=settings.file is None and settings.url is None,
    )


def _grants(settings: LinkSettings, needs: Needs) -> Sequence[str]:
    if settings.file is not None:
        return [
            f"Write permission on {settings.file} for the user npsync runs as; whoever sends may read it."
        ]
    if settings.url is not None:
        return ["Whoever runs the address takes a JSON POST per person, and drops repeated Idempotency-Keys."]
    return ["None: whoever sends looks at `npsync invitations --links`."]


CONNECTOR = Connector(
    name="link",
    title="A link for somebody else to send",
    settings=LinkSettings,
    grants=_grants,
    sender=_sender,
    sends=_sends,
    limits="None of its own; npsync keeps to per_minute.",
    starter="""\
type: link
file: survey-links.csv                  # a line per invitation, for the tool that sends
# url: https://hooks.example.com/surveys   # or a JSON POST each
# secret: "${LINK_SECRET}"
# channel: email                        # which opt-outs count
""",
)
