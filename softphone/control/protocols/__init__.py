"""How requests, replies and events are written: JSON messages, and OSC addresses."""
