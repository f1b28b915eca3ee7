from __future__ import annotations

import pytest
from builders_mapping import answer
from hypothesis import given
from hypothesis import strategies as st

from nps import phones
from nps.keys import (
    email_domain,
    email_key,
    id_key,
    is_free_mail,
    is_role_mailbox,
    person_number,
    phone_key,
)


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ("  Ann@Example.COM ", "ann@example.com"),
        ("Ann Smith <ann@example.com>", "ann@example.com"),
        ('"Smith, Ann" <ann@example.com>', "ann@example.com"),
        ("mailto:ann@example.com?subject=hi", "ann@example.com"),
        ("O'Brien@example.com", "o'brien@example.com"),
        ("Jo@MÜNCHEN.example", "jo@xn--mnchen-3ya.example"),
        ("jo@xn--mnchen-3ya.example", "jo@xn--mnchen-3ya.example"),
        ("Ünïcode@example.com", "ünïcode@example.com"),
        ("u\u0308@example.com", "ü@example.com"),
        ("ann@crm.local", "ann@crm.local"),
        ("ann@sandbox.test", "ann@sandbox.test"),
    ],
)
def test_two_spellings_of_one_address_become_equal(raw, key):
    assert email_key(raw) == key


def test_sharp_s_is_not_double_s():
    assert email_key("Straße@example.com") == "straße@example.com" != email_key("strasse@example.com")


def test_dots_and_plus_tags_are_not_folded():
    assert email_key("a.nn+nps@gmail.com") == "a.nn+nps@gmail.com"


NO_ADDRESS = ["", "  ", "ann", "ann@", "@example.com", "ann@localhost", "a b@example.com", "a..b@example.com"]
TWO_ADDRESSES = "ann@example.com, bob@example.com"
TOO_LONG = f"{'a' * 64}@{'.'.join(['b' * 60] * 3)}.example"  # 255 characters
NO_INTERNATIONAL_DOMAIN = "ann@xn--a.example"


@pytest.mark.parametrize(
    "raw", [None, *NO_ADDRESS, "ann@exam ple.com", TWO_ADDRESSES, TOO_LONG, NO_INTERNATIONAL_DOMAIN]
)
def test_what_is_no_address_is_no_key(raw):
    assert email_key(raw) is None


@given(
    st.one_of(
        st.emails(), st.text(), st.from_regex(r"[a-zßüİ.+'-]{1,9}@[a-zü-]{1,9}\.(de|test)", fullmatch=True)
    )
)
def test_normalising_an_address_twice_changes_nothing(raw):
    key = email_key(raw)
    assert key is None or email_key(key) == key


@given(st.emails())
def test_case_and_blanks_never_make_two_people(raw):
    assert email_key(f" {raw.upper()} ") == email_key(raw.lower())


@pytest.mark.parametrize(
    ("raw", "region", "key"),
    [
        ("(202) 555-0143", "US", "+12025550143"),
        ("202.555.0143", "US", "+12025550143"),
        ("+1 202 555 0143", None, "+12025550143"),
        ("+12025550143", None, "+12025550143"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("+44 (0)20 7946 0958", "US", "+442079460958"),
        ("0049 30 901820", "DE", "+4930901820"),
    ],
)
def test_a_phone_becomes_e164(raw, region, key):
    assert phone_key(raw, region) == key


@pytest.mark.parametrize(
    ("raw", "region"),
    [
        ("202 555 0143", None),
        ("+1 202 555 0143 ext. 5", None),
        ("202 555 0143 x5", "US"),
        ("555-0143", "US"),
        ("call me", "US"),
        ("", "US"),
        (None, "US"),
    ],
)
def test_no_region_an_extension_or_a_part_of_a_number_is_no_key(raw, region):
    assert phone_key(raw, region) is None


@given(st.one_of(st.text("+0123456789 ()-", max_size=18), st.from_regex(r"\+[0-9]{8,14}", fullmatch=True)))
def test_normalising_a_phone_twice_changes_nothing(raw):
    key = phone_key(raw, "US")
    assert key is None or phone_key(key, None) == key


@pytest.mark.parametrize("key", ["+12025550143", "+442079460958", "+4930901820"])
def test_every_spelling_we_ask_for_is_the_same_phone(key):
    region = {"+1": "US", "+4": "GB" if key.startswith("+44") else "DE"}[key[:2]]
    spellings = phones.spellings(key)
    assert spellings[0] == key
    assert len(set(spellings)) == len(spellings)
    for spelling in spellings:
        assert key in (phone_key(spelling, region), phone_key(f"+{spelling}", None))


def test_external_ids_are_exact_leading_zeros_and_case_included():
    assert id_key("00042") == "00042" != id_key("42")
    assert id_key("aB") == "aB"
    assert id_key(42) == "42"
    assert id_key(" ") is id_key("") is id_key(None) is id_key(True) is id_key(4.2) is id_key(["x"]) is None


def test_role_mailboxes_are_known_whatever_their_tag():
    assert is_role_mailbox("info@example.com")
    assert is_role_mailbox("support+eu@example.com")
    assert not is_role_mailbox("ann.info@example.com")


def test_free_mail_says_nothing_about_an_account():
    assert is_free_mail("ann@gmail.com")
    assert not is_free_mail("ann@gmail.com.example.com")


def test_a_domain_is_a_key_where_it_may_say_which_company():
    assert email_domain("Ann <ann+x@Sub.ACME.example>") == "sub.acme.example"
    assert email_domain("jo@bücher.example") == "xn--bcher-kva.example"
    assert email_domain("ann@gmail.com") is email_domain("ann") is email_domain(None) is None


def test_the_answers_of_one_person_share_a_number():
    one = answer(email="Ann@example.com", external_id="7")
    other = answer(id="a2", source="app", email=" ann@EXAMPLE.com")
    assert person_number(one, "US") == person_number(other, "US")
    assert person_number(one, "US") != person_number(answer(email="bob@example.com"), "US")


def test_without_an_address_a_phone_says_who_somebody_is_however_it_is_written():
    one, other = answer(phone="(202) 555-0143", external_id="7"), answer(id="a2", phone="+1 202 555 0143")
    assert person_number(one, "US") == person_number(other, "US")


def test_an_answer_without_any_key_has_a_number_of_its_own():
    first, again, other = answer(), answer(4), answer(id="a2")
    assert person_number(first, None) == person_number(again, None) != person_number(other, None)


def test_a_phone_and_an_id_of_the_same_digits_are_two_people():
    assert person_number(answer(phone="+12025550143"), None) != person_number(
        answer(external_id="+12025550143"), None
    )


@given(st.text(), st.text())
def test_a_persons_number_fits_a_signed_64_bit_column(email, external_id):
    number = person_number(answer(email=email, external_id=external_id), "US")
    assert -(2**63) <= number < 2**63
