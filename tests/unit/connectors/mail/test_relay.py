"""Handing mails to a relay: each reply means what it says, and a broken connection never doubles a mail."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from datetime import timedelta

import pytest
from builders_sending import message, recipient
from fake_clock import FakeClock, MemoryInMemory, fake_tools
from played_relay import PASSWORD, PlayedRelay, certificate, played_relay

from connectors.contract import Needs, Verdict
from connectors.mail.composing import reference
from connectors.mail.sender import Mail
from connectors.mail.settings import MailSettings
from nps.errors import AccessError, UnavailableError
from nps.sending import Accepted, FailedPermanent, FailedRetryable, FateUnknown


@pytest.fixture
def relay() -> Iterator[PlayedRelay]:
    with played_relay() as running:
        yield running


def mail(relay: PlayedRelay, clock: FakeClock | None = None, **more: object) -> Mail:
    return Mail(
        MailSettings.model_validate(relay.settings(**more)), fake_tools("mailer", clock=clock or FakeClock())
    )


def test_one_send_is_one_mail(relay):
    asked = message()
    assert mail(relay).send(asked) == Accepted(reference(asked.invitation, 1))
    [taken] = relay.taken
    assert (taken.sender, taken.to) == ("feedback@acme.example", ["ann@petrov.example"])
    assert asked.link in taken.mail.get_body(("plain",)).get_content()


def test_one_connection_carries_many_mails_and_is_renewed_after_so_many(relay):
    sender = mail(relay, mails_per_connection=3)
    for step in range(7):
        assert isinstance(sender.send(message(step=step)), Accepted)
    assert (len(relay.taken), relay.connections) == (7, 3)
    sender.close()
    sender.close()


def test_a_connection_the_relay_gave_up_meanwhile_is_opened_again_and_the_mail_goes_once(relay):
    sender = mail(relay)
    sender.send(message(step=1))
    relay.hang_up_at, relay.hang_ups = "mail", 1
    assert isinstance(sender.send(message(step=2)), Accepted)
    assert len(relay.taken) == 2


def test_a_connection_that_lay_idle_is_asked_whether_it_lives(relay):
    clock = FakeClock()
    sender = mail(relay, clock)
    sender.send(message(step=1))
    clock.advance(3_600)
    assert isinstance(sender.send(message(step=2)), Accepted)
    assert (len(relay.taken), relay.connections) == (2, 1)


def test_a_relay_that_always_hangs_up_before_the_mail_surely_sent_nothing(relay):
    relay.hang_up_at = "mail"
    outcome = mail(relay).send(message())
    assert isinstance(outcome, FailedRetryable)
    assert outcome.code == "connection_lost"
    assert relay.taken == []


def test_a_connection_lost_after_the_last_dot_leaves_the_fate_unknown_and_nothing_is_repeated(relay):
    relay.hang_up_at = "content"
    sender = mail(relay)
    outcome = sender.send(message(step=1))
    assert isinstance(outcome, FateUnknown)
    assert outcome.message == reference(message().invitation, 1)  # by which a bounce still finds it
    assert len(relay.taken) == 1
    relay.hang_up_at = ""
    assert isinstance(sender.send(message(step=2)), Accepted)


@pytest.mark.parametrize(("said", "expected"), [("251 forwarded", Accepted), ("what?", FateUnknown)])
def test_an_answer_to_the_whole_mail_is_a_yes_a_no_or_an_unknown_fate(relay, said, expected):
    relay.say["data"] = said
    outcome = mail(relay).send(message(step=1))
    assert isinstance(outcome, expected)
    assert outcome.message == reference(message().invitation, 1)


@pytest.mark.parametrize(
    ("stage", "said", "expected"),
    [
        ("rcpt", "550 5.1.1 no such user", FailedPermanent("550 5.1.1", "", address=True)),
        ("rcpt", "550 5.1.10 null MX", FailedPermanent("550 5.1.10", "", address=True)),
        ("rcpt", "550 5.2.1 disabled", FailedPermanent("550 5.2.1", "", address=True)),
        ("rcpt", "550 mailbox unavailable", FailedPermanent("550", "")),
        ("rcpt", "554 transaction failed", FailedPermanent("554", "")),
        ("rcpt", "451 4.7.1 greylisted", FailedRetryable("451 4.7.1", "")),
        ("rcpt", "450 busy", FailedRetryable("450", "")),
        ("rcpt", "452 4.2.2 over quota", FailedRetryable("452 4.2.2", "")),
        ("rcpt", "552 5.2.2 mailbox full", FailedRetryable("552 5.2.2", "")),
        ("rcpt", "552 mailbox full", FailedRetryable("552", "")),
        ("rcpt", "550 5.2.2 mailbox full", FailedRetryable("550 5.2.2", "")),
        ("mail", "451 try later", FailedRetryable("451", "")),
        ("data", "552 over quota", FailedRetryable("552", "")),
        ("data", "550 5.1.1 no such user", FailedPermanent("550 5.1.1", "", address=True)),
        ("data", "554 5.6.0 content refused", FailedPermanent("554 5.6.0", "")),
        ("data", "552 5.3.4 too big", FailedPermanent("552 5.3.4", "")),
        ("data", "451 4.3.0 later", FailedRetryable("451 4.3.0", "")),
        ("data", "421 4.3.2 shutting down", FailedRetryable("421 4.3.2", "")),
    ],
)
def test_what_a_refusal_means_for_this_person(relay, stage, said, expected):
    relay.say[stage] = said
    outcome = mail(relay).send(message())
    assert type(outcome) is type(expected)
    assert outcome.code == expected.code
    assert getattr(outcome, "address", False) == getattr(expected, "address", False)
    assert relay.taken == []


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("rcpt", "550 5.7.1 relaying denied"),
        ("rcpt", "554 5.7.1 rejected by policy"),
        ("data", "550 5.7.26 unauthenticated mail is not accepted"),
        ("rcpt", "530 5.7.0 must issue STARTTLS first"),
        ("mail", "550 sender rejected"),
        ("mail", "530 login first"),
    ],
)
def test_a_refusal_by_policy_stops_all_sending_and_is_held_against_nobody(relay, stage, said):
    relay.say[stage] = said
    with pytest.raises(AccessError, match=r"^mailer: .*(the login|`sender`)") as caught:
        mail(relay).send(message())
    shown = "".join(traceback.format_exception(caught.value))
    assert "petrov" not in shown
    assert "O'Brien" not in shown


def test_a_mail_that_stops_all_sending_twice_makes_way_for_the_others(relay):
    """It is due first whenever sending is tried again: without this it would keep everybody waiting for ever."""
    relay.say["ann@petrov.example"] = "550 5.7.1 this group takes no mail from outside"
    memory, clock = MemoryInMemory(), FakeClock()

    def another_process() -> Mail:
        return Mail(
            MailSettings.model_validate(relay.settings()), fake_tools("mailer", clock=clock, memory=memory)
        )

    with pytest.raises(AccessError):
        another_process().send(message())
    outcome = another_process().send(message())
    assert isinstance(outcome, FailedRetryable)
    assert outcome.after == clock.now() + timedelta(hours=6)
    assert isinstance(another_process().send(message(to=recipient(email="bob@acme.example"))), Accepted)


def test_a_relay_that_refuses_everybody_stops_at_the_next_one_too(relay):
    relay.say["rcpt"] = "550 5.7.1 relaying denied"
    sender = mail(relay)
    with pytest.raises(AccessError):
        sender.send(message())
    assert isinstance(sender.send(message()), FailedRetryable)
    with pytest.raises(AccessError):
        sender.send(message(invitation="another", to=recipient(email="bob@acme.example")))


def test_a_login_that_is_missing_is_never_about_one_mail(relay):
    relay.say["rcpt"] = "530 5.7.0 authentication required"
    sender = mail(relay)
    for _ in range(3):
        with pytest.raises(AccessError):
            sender.send(message())


def test_one_refused_address_does_not_stop_the_next_mail_on_the_same_connection(relay):
    relay.say["ann@petrov.example"] = "550 5.1.1 <ann@petrov.example>: no such user"
    sender = mail(relay)
    refused = sender.send(message())
    assert isinstance(refused, FailedPermanent)
    assert "petrov" not in refused.reason
    assert isinstance(sender.send(message(to=recipient(email="bob@acme.example"))), Accepted)
    assert relay.connections == 1


def test_an_address_that_is_none_never_reaches_the_relay(relay):
    outcome = mail(relay).send(message(to=recipient(email="nobody")))
    assert isinstance(outcome, FailedPermanent)
    assert (outcome.code, outcome.address) == ("bad_address", True)
    outcome = mail(relay).send(message(to=recipient(name="Ann\r\nBcc: x@y.example")))
    assert isinstance(outcome, FailedPermanent)
    assert (outcome.code, outcome.address) == ("unsafe_text", False)
    assert relay.connections == 0


def test_a_mailbox_outside_ascii_goes_to_a_relay_that_takes_such():
    asked = message(to=recipient(email="jürgen@petrov.example"))
    with played_relay(options={"enable_SMTPUTF8": False}) as plain:
        outcome = mail(plain).send(asked)
        assert isinstance(outcome, FailedPermanent)
        assert outcome.code == "needs_smtputf8"
        assert plain.taken == []
    with played_relay(options={"enable_SMTPUTF8": True}) as able:
        assert isinstance(mail(able).send(asked), Accepted)
        assert able.taken[0].to == ["jürgen@petrov.example"]


def test_a_mail_above_the_relay_s_limit_is_not_begun():
    with played_relay(options={"data_size_limit": 500}) as small:
        outcome = mail(small).send(message())
        assert isinstance(outcome, FailedPermanent)
        assert outcome.code == "too_large"


def test_mails_are_paced_per_minute_and_per_domain(relay):
    clock = FakeClock()
    sender = mail(relay, clock, per_minute=4, per_minute_and_domain=2)
    for step in range(3):
        sender.send(message(step=step))
    assert sum(clock.slept) >= 60
    slept = sum(clock.slept)
    sender.send(message(to=recipient(email="bob@acme.example")))
    assert sum(clock.slept) == slept


def test_a_relay_that_cannot_be_reached_surely_sent_nothing():
    settings = MailSettings.model_validate(PlayedRelay(port=9).settings())
    outcome = Mail(settings, fake_tools("mailer")).send(message())
    assert isinstance(outcome, FailedRetryable)
    assert outcome.reason.startswith("mailer: 127.0.0.1:9: no connection")


# ---------------------------------------------------------------- encryption and login


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_goes_encrypted_and_logged_in(tmp_path, security):
    server, client = certificate(tmp_path)
    with played_relay(tls=server, login=True, implicit=security == "tls") as relay:
        given = relay.settings(security=security, username="acme", password=PASSWORD)
        sender = Mail(MailSettings.model_validate(given), fake_tools("mailer"), client)
        assert isinstance(sender.send(message()), Accepted)
        sender.close()
    assert len(relay.taken) == 1


def test_a_wrong_password_stops_all_sending_and_is_not_shown(tmp_path):
    server, client = certificate(tmp_path)
    with played_relay(tls=server, login=True) as relay:
        given = relay.settings(security="starttls", username="acme", password="wr0ng-s3cret")
        sender = Mail(MailSettings.model_validate(given), fake_tools("mailer"), client)
        with pytest.raises(AccessError, match=r"refuses the login \(535\)") as caught:
            sender.send(message())
    assert "wr0ng" not in "".join(traceback.format_exception(caught.value))


def test_a_certificate_nobody_vouches_for_is_not_talked_to(tmp_path):
    server, _ = certificate(tmp_path)
    with played_relay(tls=server) as relay:
        sender = Mail(MailSettings.model_validate(relay.settings(security="starttls")), fake_tools("mailer"))
        with pytest.raises(AccessError, match="certificate could not be verified"):
            sender.send(message())
    assert relay.taken == []


def test_a_relay_without_starttls_gets_no_mail(relay):
    with pytest.raises(AccessError, match="offers no STARTTLS"):
        mail(relay, security="starttls").send(message())
    assert relay.taken == []


def test_a_login_the_relay_does_not_offer_is_said(relay):
    with pytest.raises(AccessError, match="offers no"):
        mail(relay, username="acme", password=PASSWORD).send(message())


# ---------------------------------------------------------------- trying it out


def test_access_is_tried_without_sending_anything(relay):
    grants = mail(relay).access(Needs(sends=True))
    assert [grant.verdict for grant in grants] == [Verdict.OK, Verdict.UNTESTED]
    assert "DKIM" in grants[1].permission
    assert relay.taken == []


def test_a_sender_the_relay_does_not_let_through_is_found_out_before_anybody_is_asked(relay):
    relay.say["mail"] = "553 5.7.1 sender not owned by user"
    with pytest.raises(AccessError):
        mail(relay).access(Needs(sends=True))
    relay.say["mail"] = "451 later"
    with pytest.raises(UnavailableError):
        mail(relay).access(Needs(sends=True))
