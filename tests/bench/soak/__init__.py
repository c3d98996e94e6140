"""Calls that come and go for a long time, with faults: does anything grow, and does a call fail?"""
