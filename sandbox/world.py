"""The people, companies and answers the toy vendors start with: ugly on purpose, the same for one seed."""

from __future__ import annotations

import itertools
import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache

TIME_ZONES = ("America/New_York", "America/Los_Angeles", "America/Chicago", "Europe/Berlin", "Asia/Kolkata")
RELATIONSHIP_SURVEY = "1146"
OTHER_SURVEY = "2002"


class Ugly(StrEnum):
    """What can be awkward about one customer. Each kind occurs once in every `len(Ugly)` ugly customers."""

    APOSTROPHE = "apostrophe"  # O'Brien, also in the e-mail
    UNICODE = "unicode"  # names beyond ASCII
    PLUS_TAG = "plus_tag"  # ann+crm@…: a different mailbox than ann@…
    UPPER_CASE = "upper_case"  # the CRM shouts the e-mail, the survey tool does not
    TWINS = "twins"  # two Salesforce contacts with one e-mail, and answers know nothing better
    CONFLICT = "conflict"  # the survey tool's external id is this customer, its e-mail is somebody else's
    STRANGER = "stranger"  # answers, but no CRM knows them
    NO_EMAIL = "no_email"  # known by external id (and phone) only
    ROLE_MAILBOX = "role_mailbox"  # info@…
    QUOTED_COMPANY = "quoted_company"  # Smith, "Bob" & Sons
    ONLY_SALESFORCE = "only_salesforce"
    ONLY_HUBSPOT = "only_hubspot"
    SILENT = "silent"  # in the CRMs, never surveyed
    FORMULA_NAME = "formula_name"  # a spreadsheet would calculate it
    PERSON_ACCOUNT = "person_account"  # Salesforce holds contact and account in one


@dataclass(frozen=True, slots=True)
class Company:
    number: int
    name: str
    domain: str


@dataclass(frozen=True, slots=True)
class Customer:
    """One person, and what each system knows of them.

    `email` is what the CRMs hold; `survey_email` and `survey_external_id` are what the survey tool holds.
    """

    number: int
    first_name: str
    last_name: str
    email: str | None
    external_id: str  # "C-000017": leading zeros matter
    phone: str  # E.164
    role: str
    company: Company | None
    opted_out: bool
    in_salesforce: bool
    in_hubspot: bool
    in_wootric: bool
    survey_email: str | None
    survey_external_id: str | None
    ugly: Ugly | None = None

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"

    @property
    def time_zone(self) -> str:
        return TIME_ZONES[self.number % len(TIME_ZONES)]

    @property
    def takes_texts(self) -> bool:
        """Agreed to get text messages."""
        return self.number % 3 == 0 and not self.opted_out

    @property
    def uses_the_product(self) -> bool:
        return self.role in ("User", "Administrator")

    @property
    def salesforce_contacts(self) -> int:
        """How many Salesforce contacts carry this customer's e-mail."""
        if not self.in_salesforce:
            return 0
        return 2 if self.ugly is Ugly.TWINS else 1


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as the survey tool holds it now. Ids rise with `created_at`."""

    id: int
    customer: int  # Customer.number
    survey: str
    score: int
    text: str | None
    created_at: datetime
    updated_at: datetime
    excluded: bool


def midnight() -> datetime:
    """When today began, UTC."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True)
class World:
    """Everything the toys are loaded from. `ugly` is the share of awkward customers and of awkward comments;
    answers lie in the `days` before `until` (midnight of today, so that a day gives one world per seed)."""

    seed: int = 7
    size: int = 1000
    responses: int = 1500
    ugly: float = 0.02
    until: datetime = field(default_factory=midnight)
    days: int = 180

    def customers(self) -> Iterator[Customer]:
        """Every customer in order of number, generated while you read."""
        rng = random.Random(f"{self.seed}-customers")
        before: Customer | None = None
        for number in range(1, self.size + 1):
            customer = self._customer(number, rng, before)
            yield customer
            if customer.ugly is None:
                before = customer

    def answers(self, tool: str = "", among: int | None = None) -> Iterator[Answer]:
        """Every answer, oldest first. Everybody surveyed answers once before anybody answers more often; the same
        people answer otherwise in another `tool`, where only the first `among` of them may have been asked."""
        asked = itertools.islice(self.customers(), among)
        surveyed = [customer.number for customer in asked if customer.in_wootric]
        if not surveyed or not self.responses:
            return
        rng = random.Random(f"{self.seed}-answers{tool}")
        rng.shuffle(surveyed)
        who = surveyed[: self.responses]
        who += rng.choices(surveyed, k=self.responses - len(who))
        rng.shuffle(who)
        start = self.until - timedelta(days=self.days)
        step = self.days * 86400 / self.responses
        at = start
        every = _every(self.ugly)
        for index, customer in enumerate(who):
            if index % 40:  # every fortieth shares its second with the one before
                at = max(at, start + timedelta(seconds=int(step * (index + rng.random() * 0.9))))
            yield self._answer(index, customer, at, rng, every)

    def company(self, number: int) -> Company:
        return _company(number)

    def _customer(self, number: int, rng: random.Random, before: Customer | None) -> Customer:
        every = _every(self.ugly)
        ugly = _UGLY[(number // every - 1) % len(_UGLY)] if every and number % every == 0 else None
        if ugly is Ugly.CONFLICT and before is None:
            ugly = None
        first, last = rng.choice(_FIRST), rng.choice(_LAST)
        company = _company(rng.randrange(max(1, self.size // 8)))
        if ugly is Ugly.APOSTROPHE:
            last = "O'Brien"
        elif ugly is Ugly.UNICODE:
            first, last = _UNICODE_NAMES[number % len(_UNICODE_NAMES)]
        elif ugly is Ugly.FORMULA_NAME:
            first = "=HYPERLINK(1)"
        elif ugly is Ugly.QUOTED_COMPANY:
            company = Company(_QUOTED + company.number, f'{last}, "{first}" & Sons', company.domain)
        email = _email(first, last, number, company, ugly)
        external_id = f"C-{number:06d}"
        knows_id = rng.random() < 0.7
        shouted = email.upper() if email and ugly is Ugly.UPPER_CASE else email
        survey_email = before.email if ugly is Ugly.CONFLICT and before else email
        if ugly in (Ugly.NO_EMAIL, Ugly.CONFLICT):
            knows_id = True
        elif ugly in (Ugly.TWINS, Ugly.STRANGER):
            knows_id = False
        return Customer(
            number=number,
            first_name=first,
            last_name=last,
            email=shouted,
            external_id=external_id,
            phone=_phone(number),
            role=rng.choice(_ROLES),
            company=company,
            opted_out=rng.random() < 0.03,
            in_salesforce=ugly not in (Ugly.STRANGER, Ugly.ONLY_HUBSPOT),
            in_hubspot=ugly not in (Ugly.STRANGER, Ugly.ONLY_SALESFORCE, Ugly.NO_EMAIL),
            in_wootric=ugly is not Ugly.SILENT,
            survey_email=survey_email,
            survey_external_id=external_id if knows_id else None,
            ugly=ugly,
        )

    def _answer(self, index: int, customer: int, at: datetime, rng: random.Random, every: int) -> Answer:
        score = any_score(rng)
        draw = rng.random()
        if every and index % every == every - 1:
            text: str | None = UGLY_TEXTS[index // every % len(UGLY_TEXTS)]
        elif draw < 0.45:
            text = rng.choice(
                _COMMENTS["promoter" if score >= 9 else "passive" if score >= 7 else "detractor"]
            )
        else:
            text = None
        edited = timedelta(0)
        if draw < 0.06:  # the comment came, or the score changed, a little later
            edited = timedelta(seconds=rng.randint(5, 900))
        elif draw > 0.99:
            edited = timedelta(days=rng.randint(1, 5))
        return Answer(
            id=505_000_001 + index,
            customer=customer,
            survey=OTHER_SURVEY if rng.random() < 0.02 else RELATIONSHIP_SURVEY,
            score=score,
            text=text,
            created_at=at,
            updated_at=min(at + edited, max(at, self.until)),
            excluded=rng.random() < 0.005,
        )


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_UGLY = tuple(Ugly)
_QUOTED = 1_000_000_000  # keeps a quoted company apart from the tidy one that shares its domain


def _every(share: float) -> int:
    return round(1 / share) if share > 0 else 0


def _email(first: str, last: str, number: int, company: Company, ugly: Ugly | None) -> str | None:
    match ugly:
        case Ugly.NO_EMAIL:
            return None
        case Ugly.APOSTROPHE:
            return f"{_ascii(first)}.o'brien{number}@{company.domain}"
        case Ugly.PLUS_TAG:
            return f"{_ascii(first)}{number}+crm@{company.domain}"
        case Ugly.ROLE_MAILBOX:
            return f"info@branch{number}.{company.domain}"
        case Ugly.FORMULA_NAME:
            return f"{_ascii(last)}{number}@{company.domain}"
        case _:
            return f"{_ascii(first)}.{_ascii(last)}{number}@{company.domain}"


@cache
def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.replace("ø", "o").replace("ß", "ss").replace("ł", "l"))
    return "".join(c for c in plain.lower() if c.isascii() and c.isalnum()) or "person"


def _phone(number: int) -> str:
    return f"+1{_AREAS[number // 10_000 % len(_AREAS)]}555{number % 10_000:04d}"


@cache
def _company(number: int) -> Company:
    first = _COMPANY_FIRST[number % len(_COMPANY_FIRST)]
    second = _COMPANY_SECOND[number // len(_COMPANY_FIRST) % len(_COMPANY_SECOND)]
    turn = number // (len(_COMPANY_FIRST) * len(_COMPANY_SECOND))
    name = f"{first} {second}" + (f" {turn + 1}" if turn else "")
    return Company(number, name, f"{first}{second}{turn + 1 if turn else ''}.example".lower())


def any_score(rng: random.Random) -> int:
    """As people give them: most are content."""
    return rng.choices(range(11), _WEIGHTS)[0]


_AREAS = (212, 213, 312, 415, 503, 617, 646, 702, 773, 917)
_ROLES = ("Executive", "Manager", "Buyer", "Administrator", "User", "User", "User")
_WEIGHTS = (2, 1, 1, 2, 2, 5, 6, 13, 19, 23, 26)  # by score, 0 first
_FIRST = _words(
    """
    Ann Ben Carla David Elena Felix Grace Hugo Ines Jonas Karin Luis Mara Nils Olga Paul Rita Simon Tara
    Uwe Vera Will Xenia Yusuf Zoe Amir Bella Chen Divya Emeka Farah Goran
    """
)
_LAST = _words(
    """
    Adler Baker Costa Dixon Evans Fischer Garcia Hansen Ito Jensen Kaya Lopez Meyer Novak Okafor Patel
    Quinn Rossi Schmidt Torres Ueda Vogel Weber Xu Young Zimmer Ahmed Brown Clark Dubois Eriksen Flores
    """
)
_UNICODE_NAMES = (
    ("Jürgen", "Müßig"),
    ("Zoë", "Nuñez-Åkerström"),
    ("李", "小龙"),
    ("Søren", "Łukasiewicz"),
    ("فاطمة", "الزهراء"),
)
_COMPANY_FIRST = _words(
    """
    Acme Borealis Cobalt Delta Ember Fjord Granite Harbor Indigo Juniper Keystone Lumen Meridian
    Northwind Orchard Pinnacle Quartz Redwood Summit Tidal Umbra Vertex Willow Zephyr
    """
)
_COMPANY_SECOND = _words(
    """
    Analytics Bank Care Dental Energy Foods Freight Health Insurance Labs Logistics Media Networks
    Optics Partners Robotics Software Studios Systems Telecom Textiles Tools Travel Works
    """
)
_COMMENTS = {
    "promoter": (
        "Support answered within the hour. Keep it up!",
        "Saves us a day every week.",
        "The new reports are exactly what we needed.",
        "Easy to roll out, the team loves it.",
        "Reliable and fairly priced.",
    ),
    "passive": (
        "Good, but the mobile app is slow.",
        "Does the job. Exports could be simpler.",
        "Happy overall, pricing is a bit confusing.",
        "Waiting for the calendar integration.",
    ),
    "detractor": (
        "Three tickets open for weeks, nobody calls back.",
        "The last update broke our import.",
        "Too expensive for what it does.",
        "Onboarding was a mess.",
        "I could not find how to cancel a seat.",
    ),
}
UGLY_TEXTS = (
    "She said \"never again\", then: 'maybe'.\nSecond line, with a comma; and a tab\t.",
    "Love it 😀👍🏽 – 10/10",
    "=cmd|' /C calc'!A0",
    "خدمة ممتازة وسريعة، شكرًا لكم",
    "Long story. " + "It goes on and on. " * 262 + "That's all",  # 5,000; cut at 255 it ends with a space
    "\n  White space at both ends \t",
    "#N/A",
    "",
    "   ",
    "<script>alert('hello')</script> & <b>bold</b>",
    "Null byte? No. Line\r\nbreaks\r\nfrom Windows.",
    "0",
    "O''Brien {{score}} ${HOME} %s \\u0041 \\",
)
