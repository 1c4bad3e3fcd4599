"""Campaigns: the ways in that posters, cards and links tell of. Their words and dates are files (`content/campaigns/`, read by
`bot.library.campaigns`); here is what is done with them: what a code means (`codes`), links and how many came by them (`store`), the
addresses that open each channel (`links`), the landing pages (`pages`), QR codes, posters and cards (`prints`).

May import the library, languages, messages, settings, storage, what insight may show (`bot.insight.campaigns`) and the look of
`bot.pages`; never conversation, channels or handoff.
"""
