"""`npsync invitations --links`: what waits for somebody else to send it."""

from __future__ import annotations

from datetime import timedelta

from builders_asking import NOON, claim, queue, reserve
from builders_config import config_of

from nps.sending import Accepted
from npsync import opening
from npsync.asking import invited

YAML = """\
store: "sqlite:///{folder}/npsync.db"
public_url: https://nps.acme.example
connections:
  desk: {type: link}
  export: {type: link, file: links.csv}
"""


def test_links_that_somebody_has_to_send_are_listed_until_they_are_void(tmp_path):
    config = config_of(YAML.replace("{folder}", str(tmp_path)), tmp_path)
    with opening.open_store(config) as store:
        queue(store, "by-desk", "by-export")
        for claimed in claim(store):
            reserve(store, claimed, [f"record:crm.Contact/{claimed.invitation.id}"])
            via = claimed.invitation.id.removeprefix("by-")
            until = NOON + timedelta(days=14)
            store.settle_step(claimed, Accepted(), via=via, channel="other", now=NOON, expires_at=until)
        [(one, link)] = invited.to_hand_on(config, store, NOON, limit=20)
        assert (one.id, link) == ("by-desk", "https://nps.acme.example/s/by-desk")
        assert invited.to_hand_on(config, store, NOON + timedelta(days=15), limit=20) == []
