"""Our own Rasa components: intent classifier, one-turn channel, tracker store, speed patches. No app imports."""

ASK_TOPIC = "ask_topic"
TOPIC_PREFIX = "topic_"
