"""A toy Twilio, written from the vendor's documentation: messages, status callbacks, replies, opt-outs."""

from sandbox.toy import Room
from sandbox.twilio.account import Twilio


def toy(room: Room) -> Twilio:
    return Twilio(room)
