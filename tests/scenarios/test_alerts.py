"""What people are told, in Slack and by mail: once per occasion, never failing a run, and digests that name nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cli_process import Npsync, config, to_contacts
from townspeople import Town

HEADER = "id,answered_at,score,channel,email"
EXPORT = {
    "type": "file",
    "path": "answers.csv",
    "columns": {name: name for name in HEADER.split(",")},
}
SLACK = {"type": "slack", "webhook_url": "${SLACK_URL}"}
MAILER = {
    "type": "mail",
    "host": "${SMTP_HOST}",
    "port": "${SMTP_PORT}",
    "security": "plain",
    "username": "${SMTP_USER}",
    "password": "${SMTP_PASSWORD}",
    "sender": "npsync <reports@acme.example>",
}


def yaml(**keys: Any) -> dict[str, Any]:
    given = config(contacts=to_contacts())
    del given["sync"]["marketing"], given["people"]["hub"], given["connections"]["hub"]
    given["connections"] |= {"slack": SLACK, "mailer": MAILER}
    return given | keys


@pytest.fixture
def slack(town: Town) -> Town:
    """The toy, with no message in it."""
    for row in town.sandbox.rows("slack", "messages"):
        town.sandbox.control("DELETE", f"/slack/messages/{row['id']}")
    return town


def messages(town: Town) -> list[str]:
    return [str(one) for one in town.sandbox.rows("slack", "messages")]


def test_a_try_arrives_in_slack_and_by_mail(npsync: Npsync, slack: Town):
    npsync.configured(yaml(alerts=[{"connection": "mailer", "to": "ops@acme.example", "on": ["run_failed"]}]))
    assert "Look whether it arrived" in npsync("alerts", "test", "slack").out
    assert "for ops@acme.example" in npsync("alerts", "test", "mailer").out
    [told] = messages(slack)
    assert "A try of npsync" in told
    assert any("ops@acme.example" in mail["rcpt_to"] for mail in slack.sandbox.rows("mail", "messages"))
    refused = npsync("alerts", "test", "crm", exits=2).err
    assert "cannot tell anybody anything; these types can: mail, outgoing_webhook, slack" in refused


def test_a_failed_run_is_told_once_a_day_and_a_dead_channel_fails_nothing(npsync: Npsync, slack: Town):
    ann = slack.person("ann")
    slack.answers(ann, 9)
    npsync.configured(yaml(alerts=[{"connection": "slack", "on": ["run_failed"]}]))
    npsync.run("contacts")
    assert messages(slack) == []

    town_config = yaml(alerts=[{"connection": "slack", "on": ["run_failed"]}])
    town_config["connections"]["email-nps"]["client_secret"] = "wrong"
    npsync.configured(town_config)
    slack.sandbox.fault("slack", "status", times=None, status=429, retry_after=0)
    failed = npsync("run", "contacts", exits=1)
    assert "slack" in failed.err
    slack.sandbox.control("DELETE", "/faults")
    assert messages(slack) == []
    assert "(alerts)" in npsync("runs").out

    with npsync.store() as store:  # five minutes later
        store.execute("UPDATE outbox SET look_again = 0 WHERE sync = '(alerts)'")
    npsync("run", exits=(0, 1, 3))
    npsync("run", "contacts", exits=1)
    [told] = messages(slack)
    assert "contacts failed" in told
    assert "npsync runs " in told
    assert ann.email not in told
    assert "! alerts: slack: post an alert" in npsync("runs", "3").out
    assert npsync("undo", "3", exits=(0, 1, 2, 3)).err.count("Traceback") == 0


def times(town: Town, words: str) -> int:
    """How many messages say so."""
    return sum(words in message for message in messages(town))


def test_runs_that_never_ended_are_told_before_the_next_begins_and_so_is_their_end(
    npsync: Npsync, slack: Town
):
    slack.answers(slack.person("ann"), 9)
    npsync.configured(yaml(alerts=[{"connection": "slack", "on": ["run_failed"]}]))
    npsync.run("contacts")
    died = """INSERT INTO run (sync, kind, status, started_at, facts, report)
        VALUES ('contacts', 'run', 'running', 0, '{}', '{}')"""
    with npsync.store() as store:
        store.execute(died)
    npsync.run("contacts")
    assert messages(slack) == []  # one that was killed has been taken up again
    with npsync.store() as store:
        store.execute(died)
        store.execute(died)
    npsync.run("contacts")
    earlier, later = messages(slack)
    assert "contacts failed" in earlier
    assert "its process ended before the run did, 2 times in a row or more" in earlier
    assert "contacts runs again" in later


def test_refused_credentials_are_told_once_and_so_is_their_end(npsync: Npsync, slack: Town):
    ann = slack.person("ann")
    slack.answers(ann, 9)
    alerts = [{"connection": "slack", "on": ["run_failed", "credentials", "dead_letters"]}]
    wrong = yaml(alerts=alerts)
    wrong["connections"]["email-nps"]["client_secret"] = "wrong"
    npsync.configured(wrong)
    npsync("run", "contacts", exits=1)
    npsync("run", "contacts", exits=1)
    assert times(slack, "contacts failed") == 1
    assert times(slack, "email-nps refuses our credentials") == 1
    assert times(slack, "npsync connect email-nps") == 1

    npsync.configured(yaml(alerts=alerts))
    npsync.run("contacts")
    npsync.run("contacts")
    assert times(slack, "contacts runs again") == 1
    assert times(slack, "takes our credentials again") == 0  # not before half an hour without a refusal
    with npsync.store() as store:  # half an hour later
        refused = "json_set(value, '$.at', '2026-01-01T00:00:00Z')"
        store.execute(
            f"UPDATE memory SET value = {refused} WHERE connection = 'quota/email-nps' AND key = 'failed'"
        )
    npsync.run("contacts")
    assert times(slack, "email-nps takes our credentials again") == 1
    assert times(slack, ann.email) == 0


def answers(*, before: int, now: int, channel: str, first: int) -> Iterator[str]:
    """Forty people each time, of whom so many are happy."""
    for place, happy in ((100, before), (10, now)):
        at = (datetime.now(UTC) - timedelta(days=place)).strftime("%Y-%m-%dT12:00:00Z")
        for n in range(40):
            number = first + place * 100 + n
            score = 10 if n < happy else 2
            yield f"a{number},{at},{score},{channel},p{number}@customers.example"


@pytest.fixture
def fallen(npsync: Npsync, slack: Town) -> Npsync:
    """The NPS of those asked by mail fell, that of the others stayed."""
    rows = [
        *answers(before=36, now=12, channel="sms", first=0),
        *answers(before=20, now=20, channel="web", first=50_000),
    ]
    (npsync.folder / "answers.csv").write_text("\n".join([HEADER, *rows]) + "\n", "utf-8")
    given = yaml(
        alerts=[{"connection": "slack", "on": ["fall"], "by": ["channel"]}],
        report={
            "targets": {"relationship": 40},
            "digests": [
                {
                    "audience": "Leadership",
                    "connection": "mailer",
                    "to": "boss@acme.example",
                    "by": ["channel"],
                    "over": "90 days",
                }
            ],
        },
    )
    given["connections"]["email-nps"] = EXPORT
    given["surveys"]["relationship"] |= {"at": ["email-nps"]}
    npsync.configured(given)
    npsync("check", "--offline")
    npsync("run", "contacts", exits=(0, 3))
    return npsync


def test_a_fall_that_is_no_chance_is_told_once_and_names_the_group(fallen: Npsync, slack: Town):
    fallen("run", exits=(0, 3))
    told = messages(slack)
    assert [one for one in told if "channel sms fell by" in one]
    assert not [one for one in told if "channel web" in one]
    assert all("comparisons were tried together" in one for one in told)
    assert not [one for one in told if "customers.example" in one]

    with fallen.store() as store:  # a day later
        store.execute("UPDATE schedule SET due_at = 0 WHERE sync = 'alerts/falls'")
    fallen("run", exits=(0, 3))
    assert messages(slack) == told


def digests(town: Town) -> list[dict[str, Any]]:
    return [one for one in town.sandbox.rows("mail", "messages") if "boss@acme.example" in one["rcpt_to"]]


def test_a_digest_shows_figures_and_names_nobody(fallen: Npsync, slack: Town):
    shown = fallen("alerts", "digest", "--preview").out
    for said in ("NPS for Leadership", "±", "short of the target of 40", "channel sms", "more than chance"):
        assert said in shown
    assert "Nothing was sent." in shown
    assert digests(slack) == []

    fallen("alerts", "digest", "Leadership")
    [mail] = digests(slack)
    assert "NPS for Leadership" in str(mail)
    assert "customers.example" not in str(mail)

    with fallen.store() as store:  # three Mondays passed while nothing ran
        store.execute("UPDATE schedule SET due_at = 0 WHERE sync = 'digest/Leadership'")
        store.execute(
            "INSERT INTO schedule (sync, due_at, paused) VALUES ('digest/Leadership', 0, 0) ON CONFLICT DO NOTHING"
        )
    fallen("run", exits=(0, 3))
    assert len(digests(slack)) == 2
    fallen("run", exits=(0, 3))
    assert len(digests(slack)) == 2
