"""What could not be written, and trying it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from npsync.cli.output import MOST_NUMBER, ConfigOption, JsonOption

if TYPE_CHECKING:
    from nps.changes import Cause
    from npsync.config import Config
    from npsync.deciding.letters import Chosen
    from store.api import Store

dead_letters = typer.Typer(
    help="What could not be written: why, who can help, and trying it again.", no_args_is_help=True
)

SyncOption = Annotated[str | None, typer.Option("--sync", metavar="SYNC", help="Only letters of this sync.")]
CauseOption = Annotated[
    str | None,
    typer.Option(
        "--cause",
        help="answer, mapping, record, permission, gone, transient or unknown: what stands behind it.",
    ),
]
CodeOption = Annotated[
    str | None, typer.Option("--code", help="Only letters with this code: npsync's own, or the vendor's.")
]


@dead_letters.command("list")
def list_(
    sync: SyncOption = None,
    cause: CauseOption = None,
    code: CodeOption = None,
    status: Annotated[str, typer.Option(help="open, retried, resolved, discarded or all.")] = "open",
    limit: Annotated[int, typer.Option(min=1, help="How many letters to show.")] = 50,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List what could not be written, the latest first, and what settles it."""
    from npsync import opening
    from npsync.cli import output
    from npsync.deciding import letters
    from npsync.words import letters_text

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        found = store.dead_letters(
            sync=_known(loaded, store, sync),
            cause=_cause(cause),
            code=code,
            status=None if status == "all" else _status(status),
            limit=letters.MOST,
        )
        shown = found[:limit]
        answers = store.responses([one.response for one in shown if one.response is not None])
    if json:
        groups = letters.grouped(one for one in found if one.status == "open")
        output.say_json(
            {
                "letters": [letters_text.facts(one, answers.get(one.response or 0)) for one in shown],
                "count": len(found),
                "groups": [letters_text.group_facts(group) for group in groups],
            }
        )
        return
    if not found:
        output.say(f"No dead letter{'' if status == 'all' else f' is {status}'}.")
        return
    output.table(
        ["letter", "since", "sync", "answer", "why"], letters_text.rows(shown, answers, loaded.time_zone)
    )
    for line in letters_text.hints(found, shown=len(shown), sync=sync):
        output.say(line)


@dead_letters.command("show")
def show(
    letter: Annotated[int, typer.Argument(min=1, max=MOST_NUMBER, help="Its number, as `list` shows it.")],
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show one letter: the answer as it came, what was tried and when, and what settles it."""
    from nps.errors import ConfigError
    from npsync import opening
    from npsync.cli import output
    from npsync.words import letters_text

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        beside = store.letters_beside(letter)
        found = next((one for one in beside if one.id == letter), None)
        if found is None:
            raise ConfigError(f"there is no dead letter {letter}; npsync dead-letters list shows them")
        number = found.response
        answer = None if number is None else store.responses([number]).get(number)
        tried = store.tried(found.sync, number, found.record_id)
        state = None if number is None else store.states(found.sync, [number]).get(number)
    if json:
        output.say_json(letters_text.story_facts(found, answer, beside, tried, state))
        return
    for line in letters_text.story(found, answer, beside, tried, state, loaded.time_zone):
        output.say(line)


@dead_letters.command("retry")
def retry(
    letters: Annotated[
        list[int] | None,
        typer.Argument(metavar="[LETTER...]", min=1, max=MOST_NUMBER, help="Which ones."),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every open letter.")] = False,
    code: CodeOption = None,
    cause: CauseOption = None,
    sync: SyncOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Try letters again, from the original answer with today's mapping. A newer answer is never written over."""
    from npsync import logs, opening
    from npsync.cli import output
    from npsync.cli.writing import again, code_of
    from npsync.deciding import letters as post
    from npsync.deciding.deciders import Decider
    from npsync.deciding.writing import write_now
    from npsync.stopping import stop_on_signal
    from npsync.words import letters_text

    loaded = output.load_config(config)
    logs.set_up(json=json)
    stop = stop_on_signal()
    with opening.open_store(loaded) as store:
        asked = post.choose(store, _chosen(loaded, store, letters, all_, code, cause, sync))
        retried = post.retry(Decider.at_the_command_line(loaded, store), asked)
        written = write_now(retried.again, again(loaded, store, stop, quiet=json))
        became = post.became(store, asked)
    if json:
        output.say_json(
            {
                "letters": [letters_text.became_facts(one) for one in became],
                "runs": [report.as_json() for report in written.reports],
                "busy": list(written.busy),
            }
        )
    elif not became:
        output.say("No open dead letter is meant; nothing was done.")
    else:
        for line in letters_text.became_lines(became, written.reports, written.busy):
            output.say(line)
    raise typer.Exit(code_of(written.reports, settled=not any(one.open for one in became)))


@dead_letters.command("discard")
def discard(
    letters: Annotated[
        list[int], typer.Argument(metavar="LETTER...", min=1, max=MOST_NUMBER, help="Which ones.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why: kept with the answer.")],
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Leave answers out for good, with a reason. An edited answer is judged anew."""
    from npsync import opening
    from npsync.cli import output
    from npsync.deciding import letters as post
    from npsync.deciding.deciders import Decider
    from npsync.words import letters_text

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        asked = post.choose(store, post.Chosen(ids=tuple(letters)))
        discarded = post.discard(Decider.at_the_command_line(loaded, store), asked, reason)
    done, left = list(discarded.done), list(discarded.left)
    if json:
        output.say_json({"discarded": done, "left": left})
    else:
        for line in letters_text.discarded_lines(done, left):
            output.say(line)
    raise typer.Exit(output.PARTIAL if left else output.SUCCEEDED)


def _chosen(
    config: Config,
    store: Store,
    letters: list[int] | None,
    all_: bool,
    code: str | None,
    cause: str | None,
    sync: str | None,
) -> Chosen:
    from nps.errors import ConfigError
    from npsync.deciding.letters import Chosen

    narrowed = code is not None or cause is not None or sync is not None
    if letters and (all_ or narrowed):
        raise ConfigError("name letters, or choose them by --all, --code, --cause or --sync; not both")
    if not (letters or all_ or narrowed):
        raise ConfigError("say which letters: their numbers, --code, --cause, --sync, or --all")
    return Chosen(ids=tuple(letters or ()), sync=_known(config, store, sync), cause=_cause(cause), code=code)


def _known(config: Config, store: Store, sync: str | None) -> str | None:
    from npsync.cli.choosing import sync_named

    if sync is None or store.dead_letters(sync=sync, limit=1):
        return sync  # one that left the YAML may have left letters
    return sync_named(config, sync)


def _cause(word: str | None) -> Cause | None:
    from nps.changes import Cause
    from npsync.cli.choosing import one_of

    if word is None:
        return None
    return Cause(one_of(word, [cause.value for cause in Cause], "cause"))


def _status(word: str) -> str:
    from npsync.cli.choosing import one_of

    return one_of(word, ["open", "retried", "resolved", "discarded", "all"], "status")
