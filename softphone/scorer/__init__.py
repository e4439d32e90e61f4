"""Scores and verdicts: pure functions on audio and counters."""
