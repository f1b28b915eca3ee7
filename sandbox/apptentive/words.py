"""What the account is known by: its key, its apps, and the ids of its surveys and their questions."""

from __future__ import annotations

from sandbox.surveys import Survey

KEY = "apptentive-sandbox-key-9B31"
APPS = {"5f1a00000000000000000a01": ("Acme for iOS", "ios"), "5f1a00000000000000000a02": ("Acme Web", "web")}
SCORE, COMMENT, RATING, REASON = (f"5f1b0000000000000000000{digit}" for digit in "1234")
REASONS = {
    f"5f1c0000000000000000000{digit}": text
    for digit, text in zip("123", ("Speed", "Price", "Other"), strict=True)
}
RELATIONSHIP = Survey("5f1d00000000000000000001", "How likely are you to recommend us?", "nps")
SATISFACTION = Survey("5f1d00000000000000000002", "How was the checkout?", "csat")
