"""Insight: numbers for those who pay for and run Wren, without anybody in them.

What was done is counted once a day, after the day is over, into rows of numbers that outlive the people counted (`collect`, by the
`measures`); searches for services are counted at the turn (`searches`). A fixed set of tables is made of the counts (`tables`), and
nothing leaves this room but by way of `disclosure`, which holds back what is too small to show. How many came by campaigns and links is
told by `campaigns`.

May import storage, library, languages, settings and the vocabulary of the directory; never conversation, channels, delivery, people, handoff
or the console. Its command line (`cli`) puts it together with the rest.
"""
