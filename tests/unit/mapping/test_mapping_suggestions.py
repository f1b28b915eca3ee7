"""What is suggested for a word nobody knows: the one that was meant, or nothing."""

from __future__ import annotations

import pytest

from mapping.problems import did_you_mean
from npsync.config import problems

FIELDS = ["Email", "Plan__c", "SMS_Consent__c", "Region__c", "Tier__pc", "NPS_Score__c", *map(str, range(12))]


@pytest.mark.parametrize("suggest", [did_you_mean, problems.meant_or_known])
class TestAFieldOfACrm:
    @pytest.mark.parametrize("word", ["NPS_Comment__c", "NPS__c", "__c", "Flag__pc"])
    def test_strangers_that_share_the_ending_alone_are_not_suggested(self, suggest, word):
        assert suggest(word, FIELDS) == ""

    @pytest.mark.parametrize(
        ("word", "meant"),
        [
            ("Regoin__c", "Region__c"),
            ("Region_c", "Region__c"),
            ("Region", "Region__c"),
            ("Tier__c", "Tier__pc"),
            ("NPS_Scor__c", "NPS_Score__c"),
            ("Emial", "Email"),
        ],
    )
    def test_what_was_meant_is_suggested_by_its_whole_name(self, suggest, word, meant):
        assert suggest(word, FIELDS) == f'; did you mean "{meant}"?'
