"""Match keys, normalised: two spellings of one identifier become equal, two people never do."""

from __future__ import annotations

import re
import unicodedata
from hashlib import blake2b

from nps.responses import SurveyResponse
from nps.values import Json

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"(?!xn--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# What nearly every address looks like. The library behind it says the same of these, forty times slower.
_PLAIN_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[A-Za-z]{{2,63}}", re.ASCII)
_DOUBLE_HYPHEN = re.compile(r"@(?:.*\.)?..--")
_IN_BRACKETS = re.compile(r"[^<>]*<([^<>]+)>\s*", re.DOTALL)
_NORTH_AMERICA = re.compile(r"\+1[2-9][0-9]{2}[2-9][0-9]{6}", re.ASCII)

_ROLES = """
abuse accounting accounts admin administrator billing contact customerservice enquiries finance hello help
helpdesk hostmaster hr info inquiries invoices it jobs mail marketing news no-reply noreply office orders
postmaster press privacy purchasing reception root sales security service support team webmaster
"""
_FREE = """
126.com 163.com aol.com att.net bigpond.com bluewin.ch btinternet.com comcast.net cox.net fastmail.com free.fr
freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hey.com hotmail.co.uk hotmail.com
hotmail.de hotmail.fr hotmail.it icloud.com laposte.net libero.it live.co.uk live.com mac.com mail.com mail.ru
me.com msn.com naver.com orange.fr outlook.com outlook.de pm.me proton.me protonmail.com qq.com rediffmail.com
rocketmail.com sbcglobal.net sfr.fr sina.com sky.com t-online.de tutanota.com verizon.net virgilio.it
wanadoo.fr web.de yahoo.ca yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.br yahoo.de yahoo.es
yahoo.fr yahoo.it yandex.ru ymail.com zoho.com
"""
ROLE_MAILBOXES = frozenset(_ROLES.split())
FREE_MAIL = frozenset(_FREE.split())


def email_key(raw: str | None) -> str | None:
    """The address as it is compared: without display name and `mailto:`, NFC, everything lower case, the
    domain in its ASCII form. Dots and +tags stay: they may be two people. None for what is no address."""
    if raw is None:
        return None
    text = raw.strip()
    if (
        len(text) <= 254
        and _PLAIN_EMAIL.fullmatch(text)
        and ("--" not in text or not _DOUBLE_HYPHEN.search(text))
    ):
        return text.lower()
    return _unusual_email(text)


def _unusual_email(text: str) -> str | None:
    from email_validator import EmailNotValidError, validate_email  # only here: most addresses never need it

    if bracketed := _IN_BRACKETS.fullmatch(text):
        text = bracketed[1].strip()
    if text[:7].lower() == "mailto:":
        text = text[7:].partition("?")[0].strip()
    try:
        address = validate_email(
            unicodedata.normalize("NFC", text), check_deliverability=False, globally_deliverable=False
        )
    except EmailNotValidError:
        return None
    # lower, not casefold: straße@ and strasse@ are two mailboxes.
    local = unicodedata.normalize("NFC", address.local_part.lower())
    return f"{local}@{address.ascii_domain.lower()}"


def phone_key(raw: str | None, region: str | None) -> str | None:
    """The number in E.164 (+12025550143). None without a region when it has no +, for what cannot be a
    number, and with an extension: a switchboard is not a person."""
    if raw is None:
        return None
    text = raw.strip()
    if _NORTH_AMERICA.fullmatch(text):
        return text
    if not text or (region is None and not text.startswith("+")):
        return None
    from nps import phones  # the library behind it costs a tenth of a second that most runs need not spend

    return phones.e164(text, region)


def id_key(raw: Json) -> str | None:
    """An external id exactly as it came, leading zeros and all; None when blank. A whole number is its
    digits."""
    if isinstance(raw, str):
        return raw if raw.strip() else None
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw)
    return None


def is_role_mailbox(email: str) -> bool:
    """A mailbox of a function (info@, support+eu@): it may match, but who answered is not sure. Takes a
    key."""
    return email.partition("@")[0].partition("+")[0] in ROLE_MAILBOXES


def is_free_mail(email: str) -> bool:
    """An address whose domain says nothing about an account. Takes a key."""
    return email.rpartition("@")[2] in FREE_MAIL


def email_domain(raw: str | None) -> str | None:
    """The domain of an address in its ASCII form, lower case, where it may say which company the person is of: None
    for a free-mail provider's."""
    key = email_key(raw)
    return None if key is None or is_free_mail(key) else key.rpartition("@")[2]


def person_number(response: SurveyResponse, region: str | None) -> int:
    """A signed 64-bit number of the person behind an answer, equal for all answers with the same strongest
    key (e-mail, else phone, else external id). An answer without any key has a number of its own."""
    if key := email_key(response.email):
        return key_number("email", key)
    if key := phone_key(response.phone, region):
        return key_number("phone", key)
    if key := id_key(response.external_id):
        return key_number("id", key)
    return key_number("answer", f"{response.source}\0{response.id}")


def key_number(kind: str, key: str) -> int:
    """The number of the person whose strongest key this is. `kind`: email, phone or id (`nps.asking.person_keys`)."""
    digest = blake2b(f"{kind}\0{key}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
