"""Signalling without I/O: messages, transactions, dialogs and a user agent (RFC 3261)."""
