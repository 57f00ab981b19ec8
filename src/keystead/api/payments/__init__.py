"""The webhook of the payment provider: not an API of the cloud's, a path of its own on the API's listeners.

What must always hold: nothing of an event is believed before its signature is proved; a refusal changes nothing; neither secret,
signature nor payload reaches a log or an answer.
"""
