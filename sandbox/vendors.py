"""The systems the sandbox plays, in the order people see them."""

from __future__ import annotations

from dataclasses import dataclass

KNOWN, ASKED, SENT = "CRMs and customer masters", "Survey tools", "Senders and alerts"
GROUPS = (KNOWN, ASKED, SENT)


@dataclass(frozen=True)
class Vendor:
    name: str
    title: str
    role: str  # one line for people
    group: str = ASKED
    called: bool = True  # npsync calls it over HTTP, so that faults can meet its calls


EVERY = (
    Vendor("salesforce", "Salesforce", "scores arrive here, cases are closed here", KNOWN),
    Vendor("hubspot", "HubSpot", "scores arrive here, tickets are closed here", KNOWN),
    Vendor("pretectum", "Pretectum", "scores arrive here, on the customer master", KNOWN),
    Vendor("wootric", "Wootric", "asks people, survey answers come from here"),
    Vendor("mail", "Mail", "invitations arrive here", SENT, called=False),
    Vendor("twilio", "Twilio", "text messages arrive here", SENT),
    Vendor("slack", "Slack", "alerts and digests arrive here", SENT),
    Vendor("receiver", "Webhook receiver", "a system of your own: keeps what is posted to it", SENT),
    Vendor("promoter", "Promoter.io", "campaigns ask, answers come from here"),
    Vendor("segment", "Segment and RudderStack", "people use features here", KNOWN, called=False),
    Vendor("intercom", "Intercom", "scores arrive here, conversations are closed here", KNOWN),
    Vendor("mixpanel", "Mixpanel", "scores arrive here, people use features here", KNOWN),
    Vendor("apptentive", "Apptentive", "people answer inside the app"),
    Vendor("typeform", "Typeform", "forms are filled in here"),
    Vendor("surveymonkey", "SurveyMonkey", "surveys are answered here, on 500 calls a day"),
    Vendor("formbricks", "Formbricks", "people answer by link and in the app"),
    Vendor("retently", "Retently", "campaigns ask, feedback comes from here"),
    Vendor("asknicely", "AskNicely", "people answer by mail and text message"),
    Vendor("satismeter", "SatisMeter", "people answer in the product"),
    Vendor("zendesk", "Zendesk", "support is rated here"),
    Vendor("qualtrics", "Qualtrics", "answers leave as zipped exports"),
    Vendor("paged", "Paged", "a made-up survey tool: every way to page, every wall"),
)
VENDORS = tuple(vendor.name for vendor in EVERY)
CALLED = tuple(vendor.name for vendor in EVERY if vendor.called)
BY_NAME = {vendor.name: vendor for vendor in EVERY}


def described() -> str:
    """One line for each."""
    width = max(map(len, VENDORS))
    return "\n".join(f"  {vendor.name:<{width}}  {vendor.title}: {vendor.role}" for vendor in EVERY)
