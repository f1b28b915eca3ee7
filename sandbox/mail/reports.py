"""What comes back about a mail: delivery reports (RFC 3464), complaints (RFC 5965), absence notes."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage, Message
from email.policy import SMTP
from email.utils import format_datetime

from sandbox.mail.message import Mail

_HOST = "mx.sandbox.example"
_POSTMASTER = f"Mail Delivery System <mailer-daemon@{_HOST}>"


def delivery_report(
    mail: Mail, recipient: str, *, action: str, status: str, diagnostic: str, at: datetime, number: int
) -> bytes:
    """`action` is failed or delayed; the original's headers are the third part."""
    words = "could not be delivered" if action == "failed" else "has not been delivered yet"
    told = Message()
    told["Content-Type"] = "message/delivery-status"
    message, person = Message(), Message()
    message["Reporting-MTA"] = f"dns; {_HOST}"
    message["Arrival-Date"] = format_datetime(mail.moment)
    person["Original-Recipient"] = f"rfc822; {recipient}"
    person["Final-Recipient"] = f"rfc822; {recipient}"
    person["Action"] = action
    person["Status"] = status
    person["Diagnostic-Code"] = f"smtp; {diagnostic}"
    told.set_payload([message, person])
    return _report(
        mail,
        kind="delivery-status",
        subject="Undelivered Mail Returned to Sender" if action == "failed" else "Delayed Mail",
        text=f"Your message to {recipient} {words}:\n\n{diagnostic}\n",
        told=told,
        at=at,
        number=number,
    )


def complaint(mail: Mail, recipient: str, *, at: datetime, number: int) -> bytes:
    """The person pressed "this is spam"."""
    told = Message()
    told["Content-Type"] = "message/feedback-report"
    told.set_payload(
        "Feedback-Type: abuse\r\nUser-Agent: sandbox/1\r\nVersion: 1\r\n"
        f"Original-Mail-From: <{mail.sender}>\r\nOriginal-Rcpt-To: <{recipient}>\r\n"
    )
    return _report(
        mail,
        kind="feedback-report",
        subject=f"FW: {mail.subject}",
        text="This is an email abuse report for a message you sent.\n",
        told=told,
        at=at,
        number=number,
    )


def absence_note(mail: Mail, recipient: str, *, at: datetime, number: int) -> bytes:
    """An out-of-office reply: nothing anybody should act on."""
    note = EmailMessage(policy=SMTP)
    note["From"], note["To"] = recipient, mail.sender
    note["Subject"] = f"Automatic reply: {mail.subject}"
    note["Date"] = format_datetime(at)
    note["Message-ID"] = f"<note-{number}@{_HOST}>"
    note["Auto-Submitted"] = "auto-replied"
    if original := mail.message["message-id"]:
        note["In-Reply-To"] = str(original).strip()
    note.set_content("I am away until Monday.\n")
    return note.as_bytes()


def _report(
    mail: Mail, *, kind: str, subject: str, text: str, told: Message, at: datetime, number: int
) -> bytes:
    report = Message(policy=SMTP)
    report["Return-Path"] = "<>"
    report["From"], report["To"], report["Subject"] = _POSTMASTER, mail.sender, subject
    report["Date"] = format_datetime(at)
    report["Message-ID"] = f"<report-{number}@{_HOST}>"
    report["Auto-Submitted"] = "auto-replied"
    report["MIME-Version"] = "1.0"
    report["Content-Type"] = f'multipart/report; report-type={kind}; boundary="report-{number}-{mail.id}"'
    words = Message()
    words["Content-Type"] = "text/plain; charset=utf-8"
    words.set_payload(text)
    original = Message()
    original["Content-Type"] = "text/rfc822-headers; charset=utf-8"
    original.set_payload("\r\n".join(f"{name}: {value}" for name, value in mail.raw_headers()) + "\r\n")
    report.set_payload([words, told, original])
    return report.as_bytes()
