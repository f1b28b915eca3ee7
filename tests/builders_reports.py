"""Delivery reports as mail servers write them, about a message of ours."""

from __future__ import annotations

from connectors.mail.composing import reference

CALLED = reference("Zk3vQ9xT7bH2mN5pL8sR1w", 1)

POSTFIX = """\
Return-Path: <>
Delivered-To: bounces@acme.example
From: MAILER-DAEMON@mx.acme.example (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B/mx"

--B/mx
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.
<ann@petrov.example>: {diagnostic}

--B/mx
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.acme.example
X-Postfix-Queue-ID: 4F1
Arrival-Date: Mon,  2 Mar 2026 12:00:00 +0000

Final-Recipient: rfc822; ann@petrov.example
Original-Recipient: rfc822;ann@petrov.example
Action: {action}
Status: {status}
Remote-MTA: dns; mx.petrov.example
Diagnostic-Code: smtp; {diagnostic}

--B/mx
Content-Type: {third}

{original}

--B/mx--
"""
ORIGINAL = "From: Acme <feedback@acme.example>\nTo: ann@petrov.example\nMessage-ID: <{called}@acme.example>\nSubject: x"


def dsn(
    status: str = "5.1.1",
    action: str = "failed",
    *,
    to: str = "feedback@acme.example",
    third: str = "text/rfc822-headers",
    original: str = ORIGINAL,
) -> bytes:
    text = POSTFIX.format(
        to=to,
        action=action,
        status=status,
        third=third,
        diagnostic=f"550 {status} said so",
        original=original.format(called=CALLED),
    )
    return text.replace("\n", "\r\n").encode()
