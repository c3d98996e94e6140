"""A language model behind an OpenAI-compatible chat URL in place of the rule dialogue."""
