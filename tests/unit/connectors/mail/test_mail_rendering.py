"""What a survey mail says: a text that works by itself, an HTML part with real links, nothing that breaks a header."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from builders_sending import ANN, message, recipient

from connectors.mail.rendering import TemplateFiles, Templates, render
from nps.asking import StepKind
from nps.branding import Branding
from nps.errors import ConfigError, RejectedError

ACME = Branding(company="Acme & Sons", postal_address="1 Main Street\nSpringfield", color="#0f766e")


class Parsed(HTMLParser):
    """The links of a page with their text, its tags, and the attributes of <html>."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str, dict[str, str | None]]] = []
        self.tags: list[str] = []
        self.root: dict[str, str | None] = {}
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "html":
            self.root = dict(attrs)
        if tag == "a":
            self.links.append((str(dict(attrs)["href"]), "", dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.links and not self.links[-1][1] and data.strip():
            href, _, attributes = self.links[-1]
            self.links[-1] = (href, data.strip(), attributes)


def own(**sources: str) -> Templates:
    """Templates of an operator, as files in no folder."""
    return Templates.of(TemplateFiles(**sources), Path())


def test_every_number_of_the_scale_is_a_link_with_real_text():
    parsed = Parsed(render(message(metric="nps"), ACME).html)
    scores = [
        (text, parse_qs(urlsplit(href).query)["score"]) for href, text, _ in parsed.links if "score=" in href
    ]
    assert scores == [(str(score), [str(score)]) for score in range(11)]


@pytest.mark.parametrize(("metric", "numbers"), [("csat", range(1, 6)), ("ces", range(1, 8))])
def test_a_scale_has_the_numbers_of_its_metric(metric, numbers):
    parsed = Parsed(render(message(metric=metric), ACME).html)
    assert [text for href, text, _ in parsed.links if "score=" in href] == [str(one) for one in numbers]


def test_a_number_says_aloud_what_it_means():
    parsed = Parsed(render(message(metric="nps"), ACME).html)
    aloud = {
        text: attributes["aria-label"] for _, text, attributes in parsed.links if "aria-label" in attributes
    }
    assert aloud["0"] == "0: Not at all likely"
    assert aloud["9"] == "9 / 10"
    assert aloud["10"] == "10: Extremely likely"


def test_the_text_part_works_by_itself():
    mail = render(
        message(deadline=datetime(2026, 12, 6, tzinfo=UTC), why="because your case was closed"), ACME
    )
    for said in (
        "How satisfied are you with the help you got?",
        f"https://nps.acme.example/s/{message().invitation}",
        f"https://nps.acme.example/u/{message().invitation}",
        "You can answer until 6 December 2026.",
        "You receive this message because your case was closed.",
        "Acme & Sons\n1 Main Street\nSpringfield",
    ):
        assert said in mail.text
    assert "\n\n\n" not in mail.text


def test_the_html_part_says_the_same():
    mail = render(
        message(deadline=datetime(2026, 12, 6, tzinfo=UTC), why="because your case was closed"), ACME
    )
    parsed = Parsed(mail.html)
    for said in (
        "How satisfied are you with the help you got?",
        "You can answer until 6 December 2026.",
        "because your case was closed",
        "Acme & Sons, 1 Main Street, Springfield",
    ):
        assert said in parsed.text
    assert f"https://nps.acme.example/u/{message().invitation}" in [href for href, _, _ in parsed.links]


def test_the_html_part_has_no_form_no_script_no_picture_and_is_small():
    mail = render(message(metric="nps"), ACME)
    assert not {"form", "script", "img", "input", "iframe"} & set(Parsed(mail.html).tags)
    assert len(mail.html) < 20_000


def test_a_logo_that_anybody_can_fetch_is_shown_with_its_name():
    look = ACME.model_copy(update={"logo": "https://acme.com/logo.png"})
    assert '<img src="https://acme.com/logo.png" alt="Acme &amp; Sons"' in render(message(), look).html


@pytest.mark.parametrize(
    "hostile",
    ["<script>alert(1)</script>", '"><a href="https://evil.example">', "{{ 7 * 7 }}", "O'Brien & Søn"],
)
def test_a_hostile_name_stays_text(hostile):
    mail = render(message(to=recipient(name=hostile), ask=hostile), ACME)
    assert hostile in mail.text
    assert Parsed(mail.html).text.count(hostile) >= 2
    assert "<script" not in mail.html
    assert "evil.example" not in [urlsplit(href).hostname for href, _, _ in Parsed(mail.html).links]


@pytest.mark.parametrize("value", ["a\r\nBcc: all@example.com", "a\nb", "a\x00b"])
def test_a_value_that_would_break_the_subject_is_refused(value):
    with pytest.raises(RejectedError, match="one line") as raised:
        render(message(to=recipient(name=value)), ACME, templates=own(subject="Hello {{ name }}"))
    assert raised.value.code == "header_injection"


def test_a_reminder_says_that_it_is_one():
    mail = render(message(kind=StepKind.REMINDER), ACME)
    assert mail.subject == "Reminder: one question from Acme & Sons"
    assert "a few days ago" in mail.text
    assert "a few days ago" in mail.html


def test_without_a_name_nobody_is_called_none():
    mail = render(message(to=recipient(name=None)), ACME)
    assert mail.text.startswith("Hello,\n")
    assert "None" not in mail.text + mail.html


def test_without_a_company_the_address_of_the_page_says_who_asks():
    assert render(message(), Branding()).subject == "One question from nps.acme.example"


def test_a_mail_in_arabic_runs_from_right_to_left_and_leads_to_a_page_that_does():
    mail = render(message(language="ar", ask="ما رأيك؟"), ACME)
    parsed = Parsed(mail.html)
    assert (parsed.root["lang"], parsed.root["dir"]) == ("ar", "rtl")
    assert all("lang=ar" in href for href, _, _ in parsed.links if "/s/" in href)
    assert "You receive" not in mail.text


def test_a_reason_that_is_only_known_in_english_is_left_out_elsewhere():
    mail = render(message(language="de", why="because your case was closed"), ACME)
    assert "because" not in mail.text
    assert "weil Sie mit Acme & Sons in Kontakt stehen" in mail.text


def test_the_deadline_is_a_day_in_the_business_zone():
    late = datetime(2026, 12, 6, 3, 0, tzinfo=UTC)
    mail = render(message(deadline=late), ACME, zone=ZoneInfo("America/New_York"))
    assert "until 5 December 2026" in mail.text


# ---------------------------------------------------------------- an operator's own templates


def test_a_missing_variable_is_found_before_any_mail_with_its_line_and_what_was_meant(tmp_path):
    (tmp_path / "invitation.html").write_text("<p>{{ ask }}</p>\n<p>{{ naem }}</p>\n")
    [problem] = Templates.of(TemplateFiles(html="invitation.html"), tmp_path).problems()
    assert str(problem) == 'invitation.html:2: there is no variable "naem"; did you mean "name"?'


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("{{ ask }}\n{% if %}", 2),
        ("a\nb\n{{ words.nothing }}", 3),
        ("{% for one in scale %}\n{{ one.numbre }}\n{% endfor %}", 2),
        ("{{ ask | shout }}", 1),
        ("{{ ''.__class__.__mro__ }}", 1),
    ],
    ids=["syntax", "attribute", "in-a-loop", "filter", "a-way-out"],
)
def test_what_else_is_wrong_with_a_template_is_found_too(source, line):
    [problem] = own(subject=source).problems()
    assert problem.line == line


def test_our_own_templates_have_no_problem():
    assert Templates.ours().problems() == []


def test_a_template_may_use_names_of_its_own_and_facts_of_the_event():
    source = "{% set greeting = 'Hi' %}{{ greeting }} {{ event.Subject }}"
    source += "{% for one in scale %}{{ loop.index }}{% endfor %}"
    templates = own(subject=source)
    assert templates.problems() == []
    assert render(message(facts={"Subject": "Login"}), ACME, templates=templates).subject == "Hi Login12345"


def test_a_missing_fact_at_sending_names_the_file_and_line_and_no_value(tmp_path):
    (tmp_path / "invitation.txt").write_text("{{ ask }}\n{{ event.Subject }}\n")
    templates = Templates.of(TemplateFiles(text="invitation.txt"), tmp_path)
    with pytest.raises(ConfigError, match=r"^invitation\.txt:2: .*Subject") as raised:
        render(message(facts={"Other": "secret thing"}), ACME, templates=templates)
    assert "secret" not in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"there is no file mail/none\.html"):
        Templates.of(TemplateFiles(html="mail/none.html"), tmp_path)


def test_what_the_operator_leaves_out_stays_ours(tmp_path):
    (tmp_path / "own.html").write_text("<p>{{ ask }}</p>")
    mail = render(message(), ACME, templates=Templates.of(TemplateFiles(html="own.html"), tmp_path))
    assert mail.html == "<p>How satisfied are you with the help you got?</p>"
    assert mail.subject == "One question from Acme & Sons"
    assert ANN.name is not None
    assert ANN.name in mail.text


def test_rendering_is_the_same_every_time() -> None:
    once: Any = render(message(), ACME)
    assert once == render(message(), ACME)
