"""The made-up people and answers: the same for one seed, and ugly in every way promised."""

from datetime import UTC, datetime

from sandbox.world import OTHER_SURVEY, RELATIONSHIP_SURVEY, UGLY_TEXTS, Ugly, World

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def world(**given):
    return World(**{"seed": 7, "size": 1000, "responses": 1500, "until": NOON, **given})


def customers(**given):
    return list(world(**given).customers())


def test_one_seed_gives_one_world():
    assert customers() == customers()
    assert list(world().answers()) == list(world().answers())
    assert customers(seed=8) != customers()


def test_every_kind_of_ugliness_occurs_and_in_its_share():
    found = [customer.ugly for customer in customers() if customer.ugly]
    assert set(found) == set(Ugly)
    assert len(found) == 20
    assert not any(customer.ugly for customer in customers(ugly=0))


def test_emails_are_unique_but_for_what_is_ugly():
    emails = [customer.email.lower() for customer in customers() if customer.email]
    assert len(emails) == len(set(emails))


def test_a_conflict_names_one_person_by_id_and_another_by_email():
    people = customers()
    by_email = {customer.email: customer for customer in people if customer.email}
    for customer in (customer for customer in people if customer.ugly is Ugly.CONFLICT):
        assert customer.survey_external_id == customer.external_id
        assert by_email[customer.survey_email] is not customer


def test_strangers_are_in_no_crm_and_twins_twice_in_salesforce():
    for customer in customers():
        if customer.ugly is Ugly.STRANGER:
            assert (customer.in_salesforce, customer.in_hubspot, customer.in_wootric) == (False, False, True)
        if customer.ugly is Ugly.TWINS:
            assert (customer.salesforce_contacts, customer.survey_external_id) == (2, None)


def test_answers_rise_in_time_end_before_the_end_and_share_seconds():
    answers = list(world().answers())
    times = [answer.created_at for answer in answers]
    assert len(answers) == 1500
    assert times == sorted(times)
    assert len(set(times)) < len(times)
    assert max(answer.updated_at for answer in answers) <= NOON
    assert [answer.id for answer in answers] == sorted({answer.id for answer in answers})


def test_everybody_surveyed_answers_before_anybody_answers_more_often():
    surveyed = {customer.number for customer in customers() if customer.in_wootric}
    assert {answer.customer for answer in world().answers()} == surveyed
    few = [answer.customer for answer in world(responses=100).answers()]
    assert len(set(few)) == 100


def test_answers_are_of_every_sort():
    answers = list(world().answers())
    assert {answer.score for answer in answers} == set(range(11))
    assert {answer.survey for answer in answers} == {RELATIONSHIP_SURVEY, OTHER_SURVEY}
    assert any(answer.excluded for answer in answers)
    assert any(answer.updated_at > answer.created_at for answer in answers)
    assert {answer.text for answer in answers} >= set(UGLY_TEXTS) | {None}
    assert max(len(text) for text in UGLY_TEXTS) == 5000
