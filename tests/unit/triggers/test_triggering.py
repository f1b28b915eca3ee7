"""From the YAML to triggers at work: what is watched, read and asked, and where a reply goes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from builders_asking import claim, queue, reserve
from builders_config import config_of
from fake_clock import NOON, FakeClock

from connectors.salesforce.ids import long_id
from nps.asking import Channel, InvitationState
from nps.errors import ConfigError
from nps.sending import Accepted
from nps.surveys import OWN_PAGE
from npsync.asking.gatekeeper import Named, keys_of
from npsync.asking.triggering import (
    POLL_EVERY,
    POLL_SPREAD,
    REOPEN_AFTER,
    Compiled,
    Connected,
    Triggering,
    answers_of,
    channels_of,
    desk_of,
    heeding_pauses,
    mark_of,
    surveys_of,
)
from npsync.config import Config
from npsync.opening import opened
from npsync.pauses import pause, resume, trigger_place
from store import open_store
from store.sql import SqlStore

CONFIG = """
public_url: https://ask.acme.example
phone_region: US
connections:
  crm:
    type: salesforce
    login_host: acme.my.salesforce.com
    auth: {flow: client_credentials, client_id: a, client_secret: b}
  mailer: {type: mail, host: smtp.acme.example, sender: Acme <feedback@acme.example>}
people:
  crm:
    object: Contact
    only: {IsPersonAccount: false}
    match: [{response: external_id, record: Customer_Id__c}, {response: email, record: Email}]
    account: {object: Account, by: AccountId}
    name: Name
    email: Email
    opted_out: HasOptedOutOfEmail
surveys:
  support-csat:
    metric: csat
    kind: transactional
    ask: How satisfied are you?
    through: [{use: mailer, when: 'record.Role__c != "Bot"'}]
    remind: [3 days]
    expires: 10 days
triggers:
  after-support:
    mode: on
    event: {connection: crm, kind: case_closed}
    where: 'event.Priority != "Low" && account.Tier__c != "Internal"'
    wait: 2 hours
    cancel_on: case_reopened
    stale_after: 3 days
    survey: support-csat
sync:
  csat-to-case:
    every: 1 hours
    survey: support-csat
    to: {connection: crm, object: Case, match: [{response: event.id, record: Id}]}
    fields: {CSAT__c: score, Reason__c: event.Origin}
contact_policy:
  never_ask: ['record.Vip__c == true']
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return config_of(CONFIG, tmp_path)


@pytest.fixture
def store(sqlite_url: str) -> Iterator[SqlStore]:
    store = open_store(sqlite_url)
    yield store
    store.close()


def test_a_trigger_is_what_its_lines_say(config: Config):
    rule = Compiled(config).rules["after-support"]
    assert (rule.live, rule.wait, rule.stale_after) == (True, timedelta(hours=2), timedelta(days=3))
    assert [watch.kind for watch in rule.watches] == ["case_closed", "case_reopened"]
    assert rule.asking.remind == (timedelta(days=3),)
    assert rule.asking.expires == timedelta(days=10)
    assert [way.sends.channel for way in rule.asking.ways] == [Channel.EMAIL]
    assert rule.why


def test_the_events_fields_that_conditions_and_answers_use_are_asked_for(config: Config):
    facts = set(Compiled(config).rules["after-support"].facts)
    assert {"Priority", "Origin"} <= facts


def test_all_fields_that_some_condition_reads_are_read_of_a_person(config: Config):
    people = Compiled(config).people("crm")
    assert {"Vip__c", "Role__c"} <= people.names
    assert people.account_names == {"Tier__c"}
    assert (people.email, people.external_id, people.only) == (
        "Email",
        "Customer_Id__c",
        {"IsPersonAccount": False},
    )


def test_channels_and_surveys_are_known_by_their_connections(config: Config):
    assert channels_of(config)["mailer"] is Channel.EMAIL
    told = surveys_of(config)(OWN_PAGE, "support-csat")
    assert told is not None
    assert (told.survey, told.metric, told.kind) == ("support-csat", "csat", "transactional")
    assert surveys_of(config)("mailer", "unheard of") is None


def test_people_that_have_left_the_yaml_are_a_mistake_of_its_and_no_crash(config: Config, store: SqlStore):
    with (
        opened(config, store, FakeClock(NOON)) as connections,
        pytest.raises(ConfigError, match="there is no old-crm"),
    ):
        Connected(Compiled(config), connections).registry("old-crm")


def test_a_record_has_one_name_in_the_ledger_however_its_id_is_spelt(config: Config):
    short, whole = "003A000001abcDE", long_id("003A000001abcDE")
    assert whole is not None
    assert len(whole) == 18
    names = {keys_of(config, Named(connection="crm", record_id=id)) for id in (short, whole)}
    assert names == {(f"record:crm.Contact/{whole}",)}


def sent(store: SqlStore, id: str = "i" * 22) -> str:
    queue(store, id, survey="support-csat")
    [held] = claim(store)
    reserve(store, held)
    store.settle_step(
        held, Accepted("SM1"), via="mailer", channel="email", now=NOON, expires_at=NOON + timedelta(days=10)
    )
    return id


def test_a_score_replied_by_text_message_is_an_answer_like_one_of_the_page(config: Config, store: SqlStore):
    id = sent(store)
    take = answers_of(config, store, FakeClock(NOON + timedelta(days=1)))
    invitation = store.invitation(id)
    assert invitation is not None
    assert take(invitation, 4, "quick and friendly") is None
    answer = store.answer(OWN_PAGE, id)
    assert answer is not None
    assert (answer.score, answer.comment, answer.survey) == (4, "quick and friendly", "support-csat")
    after = store.invitation(id)
    assert after is not None
    assert after.state is InvitationState.ANSWERED


def test_a_reply_that_comes_too_late_is_told_and_not_taken(config: Config, store: SqlStore):
    id = sent(store)
    take = answers_of(config, store, FakeClock(NOON + timedelta(days=11)))
    invitation = store.invitation(id)
    assert invitation is not None
    assert take(invitation, 4, None) == "its invitation takes no answer any more (over)"
    assert store.answer(OWN_PAGE, id) is None


def test_the_mark_of_settings_changes_with_a_secret_and_shows_none(tmp_path: Path):
    def mark(password: str) -> str:
        mailer = "sender: Acme <feedback@acme.example>"
        login = f"username: npsync, password: {password}, {mailer}"
        return mark_of(config_of(CONFIG.replace(mailer, login), tmp_path), "mailer")

    assert mark("first") == mark("first")
    assert mark("first") != mark("second")
    assert len(mark("first")) == 4


def test_what_somebody_pauses_rests_beside_what_the_file_pauses(store: SqlStore, config: Config):
    with opened(config, store, FakeClock()) as connections:
        desk = desk_of(config, Compiled(config), connections, store)
        assert heeding_pauses(desk, store) is desk
        pause(store, trigger_place("after-support"), "user:ann", NOON)
        pause(store, trigger_place("gone from the file"), "user:ann", NOON)
        assert heeding_pauses(desk, store).rules["after-support"].paused
        resume(store, trigger_place("after-support"), NOON)
        assert not heeding_pauses(desk, store).rules["after-support"].paused


def test_a_connection_is_polled_in_a_rhythm_of_its_own_also_after_the_clock_was_put_back(
    store: SqlStore, config: Config
):
    clock = FakeClock()
    triggering = Triggering(config, store, clock)
    desk = triggering._desk()

    def polled() -> bool:
        return list(triggering._due(desk)) != []

    assert polled()
    clock.advance(POLL_EVERY.total_seconds() - 1)
    assert not polled()
    clock.advance(1 + POLL_SPREAD.total_seconds())
    assert polled()
    clock.advance(-3600)
    assert polled()
    assert not polled()
    triggering.close()


def test_connections_are_opened_anew_also_when_the_clock_was_years_ahead(
    store: SqlStore, config: Config, monkeypatch: pytest.MonkeyPatch
):
    clock = FakeClock()
    triggering = Triggering(config, store, clock)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: NOON + timedelta(days=1000))
        then = triggering._desk()
    assert triggering._desk() is then
    clock.advance(REOPEN_AFTER.total_seconds())
    assert triggering._desk() is not then
    triggering.close()
