"""A refusal in the vendor's words.

Documented for us are 21610 (opted out), 21211 (not a number), 21614 (not a mobile number) and 20429; callers must not
read anything into the other codes, which are this toy's.
"""

from __future__ import annotations

import orjson
from starlette.responses import Response


class Refusal(Exception):
    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def reply(self) -> Response:
        body = {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }
        return Response(orjson.dumps(body), self.status, media_type="application/json")
