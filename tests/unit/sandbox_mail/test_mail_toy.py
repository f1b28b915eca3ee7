"""The toy inbox: what it takes, what it shows, and how it misbehaves."""

import email
import smtplib
import ssl
from email import policy
from email.message import EmailMessage

import pytest
from browsing import chromium
from sandbox_process import running_sandbox

LONG = "https://npsync.example.com/u/" + "a" * 90


@pytest.fixture(scope="module")
def sandbox():
    with running_sandbox("--vendor", "mail", customers=1, responses=0) as running:
        yield running


@pytest.fixture(autouse=True)
def clean(sandbox):
    yield
    sandbox.control("DELETE", "/faults")
    do(sandbox, "set", auth="offered", starttls="off")
    do(sandbox, "clear")


def do(sandbox, command, **arguments):
    return sandbox.control("POST", f"/mail/do/{command}", arguments)


def client(sandbox):
    return smtplib.SMTP(sandbox.env["SMTP_HOST"], int(sandbox.env["SMTP_PORT"]), timeout=10)


def invitation(
    to="ann@unit.example", html='<p>Hello <a href="https://npsync.example.com/s/1?a=1&amp;b=2">9</a>'
):
    message = EmailMessage(policy=policy.SMTP.clone(max_line_length=998, cte_type="7bit"))
    message["From"], message["To"], message["Subject"] = (
        "Acme <feedback@acme.example>",
        to,
        "Zoë, how was it?",
    )
    message["Message-ID"] = "<inv-1@acme.example>"
    message["List-Unsubscribe"] = f"<{LONG}>"
    message.set_content("Hello. https://npsync.example.com/s/1\n")
    message.add_alternative(html, subtype="html")
    return message


def mailed(sandbox, *to, sender="bounce+1@acme.example"):
    with client(sandbox) as smtp:
        return smtp.send_message(invitation(), sender, list(to or ["ann@unit.example"]))


def inbox(sandbox):
    return sandbox.rows("mail", "messages")


def refusal(sandbox, *to):
    with pytest.raises((smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused)) as refused:
        mailed(sandbox, *to)
    problem = refused.value
    if isinstance(problem, smtplib.SMTPRecipientsRefused):
        return next(iter(problem.recipients.values()))
    return problem.smtp_code, problem.smtp_error


def test_a_mail_is_shown_as_it_came_with_its_bodies_and_links(sandbox):
    mailed(sandbox)
    (mail,) = inbox(sandbox)
    assert (mail["mail_from"], mail["rcpt_to"]) == ("bounce+1@acme.example", ["ann@unit.example"])
    assert mail["subject"] == "Zoë, how was it?"
    assert mail["text"].startswith("Hello.")
    assert mail["links"] == ["https://npsync.example.com/s/1", "https://npsync.example.com/s/1?a=1&b=2"]
    assert ["List-Unsubscribe", f"<{LONG}>"] in mail["raw_headers"]
    assert sandbox.control("GET", f"/mail/messages/{mail['id']}") == mail


def test_a_header_that_was_encoded_or_folded_is_seen_as_such(sandbox):
    with client(sandbox) as smtp:
        body = f"Subject: x\r\nList-Unsubscribe: =?utf-8?q?=3Chttps?=\r\n =?utf-8?q?=3A//x?=\r\n\r\n{LONG}"
        smtp.sendmail("a@acme.example", ["ann@unit.example"], body)
    raw = dict(inbox(sandbox)[0]["raw_headers"])
    assert raw["List-Unsubscribe"] == "=?utf-8?q?=3Chttps?=\r\n =?utf-8?q?=3A//x?="


def test_one_address_is_refused_and_the_others_get_theirs(sandbox):
    sandbox.fault("mail", "refuse_recipient", path="nobody@", times=None)
    refused = mailed(sandbox, "nobody@unit.example", "ann@unit.example")
    assert refused["nobody@unit.example"][0] == 550
    assert refused["nobody@unit.example"][1].startswith(b"5.1.1")
    assert [mail["rcpt_to"] for mail in inbox(sandbox)] == [["ann@unit.example"]]
    assert refusal(sandbox, "Nobody@unit.example")[0] == 550


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("defer_recipient", 451, b"4.3.0"),
        ("refuse_sender", 550, b"5.7.1"),
        ("defer_message", 451, b"4.7.1"),
        ("refuse_message", 554, b"5.7.1"),
        ("busy", 421, b"4.3.2"),
    ],
)
def test_a_refusal_comes_once_and_then_the_mail_is_taken(sandbox, kind, code, words):
    sandbox.fault("mail", kind)
    found = refusal(sandbox)
    assert (found[0], found[1].startswith(words)) == (code, True)
    assert inbox(sandbox) == []
    mailed(sandbox)
    assert len(inbox(sandbox)) == 1


def test_a_rule_may_say_its_own_words(sandbox):
    sandbox.fault("mail", "refuse_recipient", detail={"reply": "552 5.2.2 Mailbox full"})
    assert refusal(sandbox) == (552, b"5.2.2 Mailbox full")


@pytest.mark.parametrize(("kind", "kept"), [("drop_before_data", 0), ("drop_after_data", 1)])
def test_the_line_goes_dead_before_or_after_the_mail_is_kept(sandbox, kind, kept):
    sandbox.fault("mail", kind)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        mailed(sandbox)
    assert len(inbox(sandbox)) == kept
    mailed(sandbox)
    assert len(inbox(sandbox)) == kept + 1


def test_signing_in_is_checked_and_can_be_required(sandbox):
    do(sandbox, "set", auth="required")
    assert refusal(sandbox)[0] == 530
    with client(sandbox) as smtp, pytest.raises(smtplib.SMTPAuthenticationError) as wrong:
        smtp.login(sandbox.env["SMTP_USER"], "guess")
    assert wrong.value.smtp_code == 535
    with client(sandbox) as smtp:
        smtp.login(sandbox.env["SMTP_USER"], sandbox.env["SMTP_PASSWORD"])
        smtp.send_message(invitation())
    assert inbox(sandbox)[0]["login"] == sandbox.env["SMTP_USER"]


def test_starttls_has_a_certificate_a_client_can_trust(sandbox):
    certificate = do(sandbox, "set", starttls="required")["certificate"]
    assert refusal(sandbox)[0] == 530
    with client(sandbox) as smtp:
        smtp.starttls(context=ssl.create_default_context(cafile=certificate))
        smtp.send_message(invitation())
    assert inbox(sandbox)[0]["tls"] is True


def test_a_delivery_report_names_the_mail_the_person_and_the_status(sandbox):
    mailed(sandbox)
    told = do(sandbox, "bounce", id=inbox(sandbox)[0]["id"])
    assert told["to"] == "bounce+1@acme.example"
    report = email.message_from_string(told["raw"], policy=policy.default)
    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    text, status, original = report.iter_parts()
    assert text.get_content_type() == "text/plain"
    per_message, per_person = status.get_payload()
    assert per_message["Reporting-MTA"]
    assert (per_person["Action"], per_person["Status"]) == ("failed", "5.1.1")
    assert per_person["Final-Recipient"] == "rfc822; ann@unit.example"
    assert "Message-ID: <inv-1@acme.example>" in original.get_content().replace("\r\n", "\n").split("\n")


def test_a_soft_bounce_a_complaint_and_an_absence_note_differ(sandbox):
    mailed(sandbox)
    id = inbox(sandbox)[0]["id"]
    soft = email.message_from_string(do(sandbox, "bounce", id=id, status="4.2.2")["raw"])
    assert soft.get_payload()[1].get_payload()[1]["Action"] == "delayed"
    complaint = email.message_from_string(do(sandbox, "complain", id=id)["raw"])
    assert complaint.get_param("report-type") == "feedback-report"
    assert "Feedback-Type: abuse" in complaint.get_payload()[1].as_string()
    away = email.message_from_string(do(sandbox, "away", id=id)["raw"])
    assert (away["Auto-Submitted"], away["In-Reply-To"]) == ("auto-replied", "<inv-1@acme.example>")


def test_people_see_the_list_and_the_html_in_a_cage(sandbox):
    with client(sandbox) as smtp:
        smtp.send_message(invitation(html="<p>Hi</p><script>alert(1)</script>"))
    look = sandbox.url + "/look/mail/"
    assert "Zoë, how was it?" in sandbox.session.get(look, timeout=10).text
    id = inbox(sandbox)[0]["id"]
    page = sandbox.session.get(f"{look}{id}", timeout=10).text
    assert '<iframe class="mail" title="The mail&#39;s HTML part"' in page.replace("'", "&#39;")
    assert "<script>" not in page
    html = sandbox.session.get(f"{look}{id}/html", timeout=10)
    assert html.headers["Content-Security-Policy"].startswith("sandbox allow-popups")
    assert "allow-scripts" not in html.headers["Content-Security-Policy"]
    assert "<p>Hi</p>" in html.text
    assert "List-Unsubscribe" in sandbox.session.get(f"{look}{id}/raw", timeout=10).text
    assert sandbox.session.get(f"{look}none", timeout=10).status_code == 404


def test_mails_can_be_removed_one_by_one_or_all(sandbox):
    mailed(sandbox)
    mailed(sandbox)
    first, second = inbox(sandbox)
    sandbox.control("DELETE", f"/mail/messages/{first['id']}")
    assert [mail["id"] for mail in inbox(sandbox)] == [second["id"]]
    assert do(sandbox, "clear") == {"cleared": 1}
    assert inbox(sandbox) == []


def test_the_traffic_counts_mails_and_refusals(sandbox):
    sandbox.forget_traffic()
    sandbox.fault("mail", "refuse_recipient")
    refusal(sandbox)
    mailed(sandbox)
    assert sandbox.traffic("mail")["statuses"] == {"250": 1, "550": 1}


@pytest.mark.parametrize("width", [320, 375])
def test_the_list_fits_a_phone_however_long_an_address_is(sandbox, width):
    mailed(sandbox, f"{'a-long-name-' * 5}@{'sub.' * 8}unit.example")
    with chromium() as browser:
        page = browser.new_context(viewport={"width": width, "height": 700}).new_page()
        for address in ("", inbox(sandbox)[0]["id"]):
            page.goto(f"{sandbox.url}/look/mail/{address}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
