"""Web chat: a page of its own at `/chat`, by plain forms without JavaScript and live (server-sent events) with it; and the
same in a frame on a council's site (`/embed`), which one script puts there (`/embed.js`).

Here live the channel's parsing, the reading of a person's own history, what a visit shows of it, and the page with its
small scripts. A person is a random key in a cookie, or in the frame's own store; made only when something is sent. It may import
`bot.messages`, `bot.conversation.intake`, `bot.delivery.hub`, storage, library strings and the look of `bot.pages`;
never the router, triage, actions or another channel.
"""

from bot.channels.webchat.channel import WebChatChannel
from bot.channels.webchat.routes import routes
from bot.channels.webchat.views import Services

__all__ = ["Services", "WebChatChannel", "routes"]
