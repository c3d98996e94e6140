"""Tells others what happens in calls: signed, at least once, and only what is true."""
