"""A telephone and a carrier of our own: Twilio's side of the wire, from its documents alone.

Nothing here is shared with `telephony.twilio`; two independent readings of one protocol that
work together are worth more than one reading tested against itself.
"""
