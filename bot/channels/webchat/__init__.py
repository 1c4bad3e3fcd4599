"""Web chat: a page of its own at `/chat`, by plain forms without JavaScript and live (server-sent events) with it.

Here live the channel's parsing, the reading of a person's own history, the limits on making new people, and the page
with its one small script. A person is a random key in a cookie, made only when something is sent. It may import
`bot.messages`, `bot.conversation.intake`, `bot.delivery.hub`, storage, library strings and the look of `bot.pages`;
never the router, triage, actions or another channel.
"""

from bot.channels.webchat.channel import WebChatChannel
from bot.channels.webchat.views import Services, routes

__all__ = ["Services", "WebChatChannel", "routes"]
