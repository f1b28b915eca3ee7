"""`npsync review undo`: taking decisions back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from npsync.cli import review_held  # noqa: F401 (its commands)
from npsync.cli.output import ConfigOption, JsonOption
from npsync.cli.review import AnswerArgument, review

if TYPE_CHECKING:
    from npsync.deciding.answers import Undone
    from npsync.deciding.deciders import Decider


@review.command("undo")
def undo(
    answer: AnswerArgument,
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="KEY", help="Also what was decided about this e-mail, phone or id of theirs."
        ),
    ] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Take back what was decided about an answer: that it is left out or counts, and whose it is. The next run judges
    it anew; what a link had written is given back."""
    from npsync import opening
    from npsync.cli import output
    from npsync.deciding import answers, inbox
    from npsync.deciding.deciders import Decider

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        decider = Decider.at_the_command_line(loaded, store)
        stored = inbox.named(loaded, store, " ".join(answer))
        undone = [answers.undo(decider, stored)]
        if key is not None:
            undone += _unlinked(decider, key.strip())
    done = [one for one in undone if one.done]
    again = {sync for one in done for sync in one.again}
    name = inbox.called(stored.response)
    if json:
        output.say_json(
            {
                "answer": name,
                "left_out_of": [sync for one in done for sync in one.left_out],
                "held": any(one.held for one in done),
                "links": [value for one in done for value in one.links],
                "syncs": sorted(again),
            }
        )
    elif not done:
        output.say(f"Nothing was decided about {name}{' or that key' if key else ''}.")
    else:
        output.say(f"Undone: {name} is judged anew by the next run.")
        for sync in sorted(again):
            output.say(f"  npsync run {sync}")
    raise typer.Exit(output.SUCCEEDED if done else output.FAILED)


def _unlinked(decider: Decider, value: str) -> list[Undone]:
    """The key as it was linked, wherever it was."""
    from npsync.deciding.answers import unlink
    from npsync.syncing.jobs import scope_of

    scopes = dict.fromkeys(scope_of(decider.config, name) for name in decider.config.sync)
    return [unlink(decider, scope, value) for scope in scopes]
