"""Audio of a call: what is captured becomes packets, what arrives becomes sound. Pure: time comes in as ``now``."""
