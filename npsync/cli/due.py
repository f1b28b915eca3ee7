"""Everything that is due, once: runs, answers that were pushed, messages, and what the triggers have to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from npsync.cli.running import code_of_run, roll_up_told, run_told

if TYPE_CHECKING:
    from npsync.clockwork.claims import Claim
    from npsync.config import Config
    from store.api import Store
    from sync.options import Options


def gather_anonymous(config: Config, store: Store, options: Options) -> None:
    """Read the anonymous surveys, when they are due: no sync does."""
    if not config.privacy.anonymous:
        return
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.syncing.anonymous import Gathering

    gathered = Gathering(config, store, SystemClock(), stop=options.stop).turn()
    for survey in gathered.published:
        output.tell(f"{survey}: its figures moved on (npsync report {survey})")
    for problem in gathered.problems:
        output.tell(f"anonymous surveys: {problem}")


def run_due(config: Config, store: Store, options: Options, json: bool) -> int:
    """Everything due, once each. The exit code is the worst one."""
    from itertools import chain

    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.clockwork.claims import Claims, pushed_done
    from npsync.clockwork.rescuing import rescue, resume_killed
    from npsync.schedule import installation_of
    from store.owners import this_process
    from triggers.followed import none_is_followed

    clock = SystemClock()
    worst = output.SUCCEEDED
    ran = False
    done: set[str] = set()
    rescue(store, clock.now())
    resume_killed(config, store, clock.now(), surely=True)
    claims = Claims(config, store, this_process(), installation_of(store))
    due = chain(
        claims.runs(clock.now()),
        claims.pushes(clock.now()),
        # What is due of these after a run of the sync, that run has done.
        claims.account_nights(clock.now()),
    )
    for claim in due:
        if claim.skipped:
            continue  # noted; a cron job stays quiet about it
        if claim.pushed and claim.sync in done:
            pushed_done(store, claim)
            continue
        ran = True
        code = _done(config, store, claim, options, json)
        if options.stop():
            # Due again at once, as what was not looked at yet still is.
            store.schedule(claim.place, claim.due_at)
            break
        worst = output.worst(worst, code)
        done.add(claim.sync)
    told = _tell(config, store, options)
    ran = ran or told.said
    worst = output.worst(worst, told.code)
    if config.has_to_ask:
        asked = _ask(config, store, options, json)
        ran = ran or asked.said
        worst = output.worst(worst, asked.code)
    else:
        none_is_followed(store)
    if not ran and not json:
        output.say("Nothing is due. npsync run SYNC runs a sync anyway.")
        if config.has_to_ask:
            _tell_messages(store)
    return worst


def _tell_messages(store: Store) -> None:
    """Whether any waits for its hour, and why none would go out."""
    from nps.asking import InvitationState
    from npsync.cli import output
    from triggers.ledger import why_none_is_sent

    if store.invitations(state=InvitationState.QUEUED, limit=1):
        output.say("Messages that wait: npsync invitations --state queued")
    if (halted := why_none_is_sent(store)) is not None:
        output.say_wrapped(f"Nothing is sent: {halted}.")


def _done(config: Config, store: Store, claim: Claim, options: Options, json: bool) -> int:
    """What is due, once; the exit code it came to."""
    from dataclasses import replace

    from nps.errors import NpsyncError
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.clockwork.claims import pushed_done

    try:
        if claim.accounts:
            code = output.code_of(roll_up_told(config, store, claim.sync, options, json).status)
        else:
            read = replace(options, read=not claim.pushed)
            code = code_of_run(run_told(config, store, claim.sync, read, json))
        pushed_done(store, claim)
        return code
    except NpsyncError as error:
        output.tell_error(error)
        return output.exit_code(error)
    finally:
        if claim.tick is not None:
            store.end_tick(claim.tick, now=SystemClock().now())


def settle_pushed(config: Config, store: Store, options: Options) -> int:
    """What was pushed and not taken in yet, also into a web that is gone."""
    from nps.errors import NpsyncError
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.operating.carrying_over import carry_over
    from npsync.syncing.pushed import PushedAnswers

    clock = SystemClock()
    try:
        carry_over(config, store, clock)
        settled = PushedAnswers(config, store, clock, stop=options.stop).settle()
    except NpsyncError as error:
        output.tell_error(error)
        return output.exit_code(error)
    for problem in settled.problems:
        output.tell(problem)
    return output.PARTIAL if settled.problems else output.SUCCEEDED


def _tell(config: Config, store: Store, options: Options) -> _Asked:
    """Alerts about figures, digests that are due, and messages that could not be handed over before. A connection that
    fails makes no run fail."""
    from nps.errors import NpsyncError
    from npsync.alerting.turn import Telling, is_used
    from npsync.cli import output
    from npsync.clock import SystemClock

    if not is_used(config):
        return _Asked(output.SUCCEEDED, False)
    try:
        told = Telling(config, store, SystemClock(), stop=options.stop).turn()
    except NpsyncError as error:
        output.tell(f"alerts: {error}")
        return _Asked(output.SUCCEEDED, True)
    for problem in told.problems:
        output.tell(problem)
    return _Asked(output.SUCCEEDED, told.did_something)


class _Asked(NamedTuple):
    code: int
    said: bool  # anything, to the person who runs it


def _ask(config: Config, store: Store, options: Options, json: bool) -> _Asked:
    """What the triggers have to do now, once."""
    from nps.errors import NpsyncError
    from npsync.asking.triggering import ask_once
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.words import asking_text

    clock = SystemClock()
    try:
        done = ask_once(config, store, clock, stop=options.stop)
    except NpsyncError as error:
        output.tell_error(error)
        return _Asked(output.exit_code(error), True)
    lines = list(asking_text.round_lines(done))
    if json and config.triggers:
        output.say_json({"asking": done.as_json()})
    elif not json:
        for line in lines:
            output.say(line)
    return _Asked(output.PARTIAL if done.problems else output.SUCCEEDED, bool(lines))
