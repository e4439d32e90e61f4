"""Real-time transport: one peer, audio and digits both ways (RFC 3550, RFC 4733)."""
