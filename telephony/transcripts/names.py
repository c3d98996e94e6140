"""What the files of a call are called."""

JOURNAL = "journal.bin"
TRANSCRIPT = "transcript.jsonl"
SUMMARY = "call.json"
VOICEMAIL = "voicemail.json"
RECORDINGS = ("caller.wav", "agent.wav", "sent.wav")
"""What the caller said, what they heard, what was sent to them."""
