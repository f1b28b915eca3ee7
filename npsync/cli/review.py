"""Answers that wait for a person's decision."""

from __future__ import annotations

from typing import Annotated

import typer

from npsync.cli.output import ConfigOption, JsonOption

review = typer.Typer(
    help="Look at answers that only a person can match, or that a program may have given, and decide.",
    no_args_is_help=True,
)

AnswerArgument = Annotated[
    list[str],
    typer.Argument(metavar="ANSWER", help="SOURCE:ID, SOURCE ID, or an id that only one source has."),
]
SyncOption = Annotated[str | None, typer.Option("--sync", metavar="SYNC", help="Only in this sync.")]


@review.command("list")
def list_(
    sync: SyncOption = None,
    state: Annotated[
        str,
        typer.Option(help="review (two or more records), waiting (no record yet), held (suspicious) or all."),
    ] = "all",
    limit: Annotated[int, typer.Option(min=1, help="How many answers of a sync to show.")] = 50,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List answers that are undecided, the newest first, those of one person together. Asks no CRM."""
    from npsync import opening
    from npsync.cli import output
    from npsync.cli.choosing import one_of, sync_named
    from npsync.deciding import inbox
    from npsync.words import review_text
    from store.api import State

    loaded = output.load_config(config)
    chosen = one_of(state, ["review", "waiting", "held", "all"], "state")
    states = (*inbox.UNDECIDED, State.HELD) if chosen == "all" else (State(chosen),)
    names = [sync_named(loaded, sync)] if sync is not None else list(loaded.sync)
    with opening.open_store(loaded) as store:
        found = {name: inbox.undecided(store, name, states, limit + 1) for name in names}
    if json:
        output.say_json({"undecided": [review_text.facts(i) for its in found.values() for i in its[:limit]]})
        return
    if not any(found.values()):
        output.say("Nothing is undecided.")
        return
    for name, its in found.items():
        if its:
            output.say(review_text.counted(name, its, limit))
            shown = review_text.rows(its[:limit], loaded.time_zone)
            output.table(["state", "given", "answer", "key", "why"], shown)
            output.say()
    items = [item for its in found.values() for item in its]
    for line in review_text.how_to_decide(items):
        output.say(line)


@review.command("show")
def show(
    answer: AnswerArgument, sync: SyncOption = None, json: JsonOption = False, config: ConfigOption = None
) -> None:
    """Show one answer: its keys, the records it may belong to as they are now, and the person's other answers."""
    from nps.errors import ConfigError
    from npsync import logs, opening
    from npsync.cli import output
    from npsync.cli.choosing import sync_named
    from npsync.deciding import inbox, looking
    from npsync.words import review_text

    loaded = output.load_config(config)
    logs.set_up(json=json)
    name = None if sync is None else sync_named(loaded, sync)
    with opening.open_store(loaded) as store, opening.opened(loaded, store) as connections:
        stored = inbox.named(loaded, store, " ".join(answer))
        items = inbox.settled_in(loaded, store, stored, name)
        if not items:
            raise ConfigError(
                f"{inbox.called(stored.response)} was not taken up yet; npsync run takes up what is new"
            )
        looked = [looking.look(loaded, store, connections, item) for item in items]
    if json:
        output.say_json(
            {
                "answer": inbox.called(stored.response),
                "syncs": [review_text.looked_facts(one) for one in looked],
            }
        )
    else:
        for one in looked:
            for line in review_text.looked_lines(one, loaded.time_zone):
                output.say(line)
    if any(one.problem for one in looked):
        raise typer.Exit(output.PARTIAL)


@review.command("link")
def link(
    what: Annotated[
        list[str], typer.Argument(metavar="ANSWER RECORD", help="The answer, and the record it belongs to.")
    ],
    only_this_answer: Annotated[
        bool, typer.Option("--only-this-answer", help="Remember it for this answer, not for its key.")
    ] = False,
    sync: SyncOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Decide that an answer belongs to a record. Remembered, stronger than any rule, and written at once.

    Also for an answer that was written to another record: what it changed there is taken back.
    """
    from nps.errors import ConfigError
    from npsync import logs, opening
    from npsync.cli import output
    from npsync.cli.choosing import sync_named
    from npsync.cli.writing import code_of, writer
    from npsync.deciding import inbox, linking
    from npsync.deciding.deciders import Decider
    from npsync.deciding.writing import write_now
    from npsync.stopping import stop_on_signal
    from npsync.words import review_text

    if len(what) < 2:
        raise ConfigError("say which answer and which record: npsync review link SOURCE:ID RECORD")
    loaded = output.load_config(config)
    logs.set_up(json=json)
    name = None if sync is None else sync_named(loaded, sync)
    stop = stop_on_signal()
    with opening.open_store(loaded) as store:
        with opening.opened(loaded, store, stop=stop) as connections:
            stored = inbox.named(loaded, store, " ".join(what[:-1]))
            items = inbox.settled_in(loaded, store, stored, name)
            if not items:
                raise ConfigError(
                    f"{inbox.called(stored.response)} was not taken up yet; npsync run takes up what is new"
                )
            decider = Decider.at_the_command_line(loaded, store)
            linked = linking.link(decider, connections, items, what[-1], only_this=only_this_answer)
        written = write_now(linked.again, writer(loaded, store, stop, quiet=json))
        became = linking.became(store, linked)
        answers = store.responses([number for its in became.values() for number in its])
    if json:
        output.say_json(
            review_text.linked_facts(stored, linked, became, answers, written.reports, written.busy)
        )
    else:
        for line in review_text.linked_lines(stored, linked, became, answers, written.reports, written.busy):
            output.say(line)
    raise typer.Exit(code_of(written.reports, settled=linking.is_settled(became)))


@review.command("ignore")
def ignore(
    answer: AnswerArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why: kept with the answer.")] = "",
    sync: SyncOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Leave an undecided answer out for good. An edited answer is judged anew."""
    from npsync import opening
    from npsync.cli import output
    from npsync.cli.choosing import sync_named
    from npsync.deciding import inbox
    from npsync.deciding.answers import ignore as left_out
    from npsync.deciding.deciders import Decider
    from npsync.words import review_text

    loaded = output.load_config(config)
    name = None if sync is None else sync_named(loaded, sync)
    with opening.open_store(loaded) as store:
        stored = inbox.named(loaded, store, " ".join(answer))
        items = inbox.settled_in(loaded, store, stored, name)
        ignored = left_out(Decider.at_the_command_line(loaded, store), items, reason)
        done, left = ([item.sync for item in its] for its in (ignored.done, ignored.left))
        states = {item.sync: item.settled for item in items}
    if json:
        output.say_json({"answer": inbox.called(stored.response), "ignored": done, "left": left})
    else:
        for line in review_text.ignored_lines(stored, done, left, states):
            output.say(line)
    raise typer.Exit(output.SUCCEEDED if done else output.PARTIAL)
