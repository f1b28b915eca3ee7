"""`npsync quota`: the calls that were made, and those that are left."""

from __future__ import annotations

from npsync.cli.output import ConfigOption, JsonOption


def quota(json: JsonOption = False, config: ConfigOption = None) -> None:
    """Show the calls of every connection: today, the last 7 days, what its vendor says is left, and until when."""
    from npsync import opening
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.operating import calls
    from npsync.words import quota_text

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        found = calls.quotas(loaded, store, SystemClock().now())
    if json:
        output.say_json({"connections": [quota_text.facts(one) for one in found]})
        return
    for place, one in enumerate(found):
        if place:
            output.say()
        for line in quota_text.lines(one, loaded.time_zone):
            output.say(line)
