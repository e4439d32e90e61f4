"""Calls: SIP and SDP joined into one state machine per call; the only place that knows both."""
