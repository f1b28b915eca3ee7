"""Who the account is, and what it is known by."""

ACCOUNT_SID = "AC" + "5a7d" * 8
AUTH_TOKEN = "twilio-sandbox-auth-token"
KEY_SID, KEY_SECRET = "SK" + "5a7d" * 8, "twilio-sandbox-key-secret"
SERVICE_SID = "MG" + "5a7d" * 8
NUMBER = "+14155550100"
VERSION = "2010-04-01"
