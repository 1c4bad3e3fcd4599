"""Text messages through any HTTP gateway that the settings describe (`gateway.py`); docs/adding-a-channel.md walks through this folder.

`parse` reads what the gateway posts (messages and receipts), `signature` says whether it is the gateway's, `gsm` counts what a text
really takes, `render` makes texts within that, `send` is the channel object, and `errors.yml` says what each refusal means. The route is
in `bot.sms`. May import `bot.messages`, `bot.settings` and the helpers of `bot.channels`; nothing else of the app.
"""

from bot.channels.sms.gateway import Gateway, gateway_of
from bot.channels.sms.parse import Event, events, parse
from bot.channels.sms.render import numbered_tokens, render
from bot.channels.sms.send import SmsChannel
from bot.channels.sms.signature import verify

__all__ = ["Event", "Gateway", "SmsChannel", "events", "gateway_of", "numbered_tokens", "parse", "render", "verify"]
