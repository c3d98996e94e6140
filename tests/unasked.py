"""What deployments say whose tests are not about being asked."""

UNASKED = {"FRONTDESK_RECORDING_CONSENT": "none"}
"""Callers come to their business at once: that they are asked first is tried by itself."""
