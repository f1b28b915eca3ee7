"""One survey mail as it goes over the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header

import pytest
from builders_sending import INVITATION, message, recipient
from fake_clock import FakeClock, fake_tools
from played_relay import Taken
from pydantic import ValidationError
from sharers import PacingInMemory

from connectors.limits import Limiter
from connectors.mail import CONNECTOR as MAIL
from connectors.mail.composing import BadAddress, Letter, Unsafe, letter, reference, reference_in
from connectors.mail.rendering import Rendered
from connectors.mail.sender import Mail
from connectors.mail.settings import MailSettings
from nps.errors import BudgetError
from nps.sending import Message

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WORDS = Rendered(
    "Wie war unsere Hilfe?", "Schön, dass Sie da sind.\n" + "x" * 1_200 + "\n.\n", "<p>Grüße</p>"
)


def settings(**more: object) -> MailSettings:
    return MailSettings.model_validate(
        {"host": "smtp.acme.example", "sender": "Acme <feedback@acme.example>"} | more
    )


def written(asked: Message | None = None, words: Rendered = WORDS, **more: object) -> Letter:
    return letter(asked or message(), words, settings(**more), NOON, language="de")


def on_the_wire(made: Letter) -> Taken:
    return Taken(made.sender, [made.to], made.content)


LONG = "https://surveys.customers.acme.example/unsubscribe/" + "u" * 120


def test_the_unsubscribe_headers_are_neither_folded_nor_encoded_however_long_the_link():
    made = on_the_wire(written(message(unsubscribe=LONG), unsubscribe_mailto="unsub@acme.example"))
    called = reference(INVITATION, 1)
    assert made.header("List-Unsubscribe") == (
        f"List-Unsubscribe: <{LONG}>, <mailto:unsub@acme.example?subject={called}>"
    )
    assert made.header("List-Unsubscribe-Post") == "List-Unsubscribe-Post: List-Unsubscribe=One-Click"
    assert "=?" not in made.header("List-Unsubscribe")


def test_what_it_will_be_called_is_known_before_it_is_written():
    sends = MAIL.sends(settings())
    assert sends.called(INVITATION, 1) == written().reference


def test_a_mail_waits_a_while_for_its_turn_and_not_until_its_claim_has_run_out():
    clock = FakeClock(NOON)
    tools = fake_tools("mailer", clock=clock, pacing=PacingInMemory(clock.monotonic))
    Limiter(tools).pause(600)  # another process was asked to
    with pytest.raises(BudgetError):
        Mail(settings(), tools).send(message())
    assert sum(clock.slept) < 300


def test_one_click_is_promised_over_https_alone():
    made = on_the_wire(written(message(unsubscribe="http://nps.acme.example/u/abc")))
    assert made.header("List-Unsubscribe") == "List-Unsubscribe: <http://nps.acme.example/u/abc>"
    assert made.mail["List-Unsubscribe-Post"] is None


def test_without_a_page_of_ours_there_is_no_unsubscribe_header():
    assert on_the_wire(written(message(unsubscribe=""))).mail["List-Unsubscribe"] is None


def test_it_says_who_when_what_and_that_no_person_wrote_it():
    mail = on_the_wire(written(reply_to="Acme Support <support@acme.example>")).mail
    assert mail["From"] == "Acme <feedback@acme.example>"
    assert mail["To"] == "Ann O'Brien <ann@petrov.example>"
    assert mail["Reply-To"] == "Acme Support <support@acme.example>"
    assert mail["Subject"] == "Wie war unsere Hilfe?"
    assert mail["Date"].datetime == NOON
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "de"


def test_text_comes_first_and_html_last_and_both_arrive_as_they_were():
    mail = on_the_wire(written()).mail
    assert mail.get_content_type() == "multipart/alternative"
    text, html = mail.iter_parts()
    assert text.get_content().replace("\r\n", "\n") == WORDS.text
    assert html.get_content().strip() == "<p>Grüße</p>"


def test_every_line_is_ascii_and_short_enough():
    made = written(
        message(to=recipient(name="李 " + "é" * 90)), WORDS._replace(subject="Wie zufrieden? " + "ü" * 90)
    )
    assert made.content.isascii()
    head, _, body = made.content.partition(b"\r\n\r\n")
    assert max(map(len, head.split(b"\r\n"))) < 100
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert b"\n" not in made.content.replace(b"\r\n", b"")
    assert str(make_header(decode_header(message_from_bytes(made.content)["To"]))) == (
        "李 " + "é" * 90 + " <ann@petrov.example>"
    )


def test_the_message_is_called_the_same_at_each_attempt_and_its_name_does_not_open_the_survey():
    first, again = written(), written()
    assert first.reference == again.reference == reference(INVITATION, 1)
    assert on_the_wire(first).mail["Message-ID"] == f"<{first.reference}@acme.example>"
    assert INVITATION.lower() not in first.reference
    assert reference(INVITATION, 2) != first.reference
    assert reference(INVITATION[:-1], 1) != first.reference


def test_the_envelope_names_the_message_where_bounces_have_a_mailbox():
    assert written().sender == "feedback@acme.example"
    made = written(bounce_to="bounces@acme.example")
    assert made.sender == f"bounces+{made.reference}@acme.example"
    assert reference_in(f"Delivered-To: {made.sender.upper()}") == made.reference


def test_a_reference_is_found_only_whole():
    called = reference("a", 1)
    assert reference_in(f"<{called}@acme.example>") == called
    assert reference_in(f"{called}0") is None
    assert reference_in(f"x{called}") is None
    assert reference_in("inv-") is None


@pytest.mark.parametrize(
    "name", ["Ann\r\nBcc: all@acme.example", "Ann\nX: y", "Ann\rX", "Ann\x00", "Ann\u2028X"]
)
def test_a_name_that_would_forge_a_header_is_refused_and_not_quoted(name):
    with pytest.raises(Unsafe, match="the person's name holds a line break") as caught:
        written(message(to=recipient(name=name)))
    assert "Ann" not in str(caught.value)


def test_a_subject_that_would_forge_a_header_is_refused():
    with pytest.raises(Unsafe, match="the subject"):
        written(words=WORDS._replace(subject="Hello\r\nBcc: all@acme.example"))


@pytest.mark.parametrize("link", ["https://x.example/u/a>, <mailto:evil@evil.example", "https://x.example/ü"])
def test_an_unsubscribe_link_that_would_break_out_of_its_brackets_is_refused(link):
    with pytest.raises(Unsafe, match="the unsubscribe link"):
        written(message(unsubscribe=link))


@pytest.mark.parametrize("name", ["Renée Ünïcode", "O'Brien, Ann", '"Ann" <evil@evil.example>', "李小龙", ""])
def test_any_other_name_stands_in_to_as_it_is(name):
    [to] = on_the_wire(written(message(to=recipient(name=name)))).mail["To"].addresses
    assert (to.display_name, to.addr_spec) == (name, "ann@petrov.example")


@pytest.mark.parametrize(
    ("held", "sent"),
    [
        (" Ann.O'Brien+tag@Petrov.Example ", "Ann.O'Brien+tag@petrov.example"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("Ann <ann@petrov.example>", "ann@petrov.example"),
        ("mailto:ann@petrov.example", "ann@petrov.example"),
    ],
)
def test_the_address_is_the_one_of_the_crm_with_the_domain_as_dns_knows_it(held, sent):
    assert written(message(to=recipient(email=held))).to == sent


@pytest.mark.parametrize(
    "held", [None, "", "ann", "ann@", "ann@a.example, bob@b.example", "ann@a.example\nBcc: x@y.z"]
)
def test_what_is_no_address_is_refused_and_not_quoted(held):
    with pytest.raises(BadAddress) as caught:
        written(message(to=recipient(email=held)))
    assert "ann" not in str(caught.value)


def test_a_mailbox_outside_ascii_is_written_as_smtputf8_wants_it():
    made = written(message(to=recipient(email="jürgen@petrov.example", name="Jürgen")))
    assert made.international
    assert "To: Jürgen <jürgen@petrov.example>".encode() in made.content


def test_a_letter_shows_nothing_of_the_person():
    shown = repr(written()) + repr(message()) + repr(recipient())
    assert "ann" not in shown.lower().replace("channel", "")
    assert "petrov" not in shown


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"security": "plain"}, "unencrypted"),
        ({"username": "acme"}, "username and password together"),
        ({"sender": "Acme"}, "is no mail address"),
        ({"sender": "Acme <feedback@acme.example>\nBcc: x@y.example"}, "one line"),
        ({"sender": "Acme <fëedback@acme.example>"}, "ASCII"),
        ({"bounce_to": "Bounces <bounces@acme.example>"}, "the address alone"),
        ({"port": 0}, "greater than or equal"),
        ({"hello": "two words"}, "pattern"),
    ],
)
def test_settings_that_would_not_work_are_refused_with_the_reason(given, problem):
    with pytest.raises(ValidationError, match=problem):
        settings(**given)


def test_ports_follow_the_security_and_plain_is_fine_towards_this_machine():
    assert settings().address == ("smtp.acme.example", 587)
    assert settings(security="tls").address == ("smtp.acme.example", 465)
    assert settings(security="plain", host="localhost").address == ("localhost", 25)
    assert settings(security="plain", allow_plain=True, port=2525).address == ("smtp.acme.example", 2525)
