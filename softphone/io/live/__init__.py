"""The live filter: a thread that moves blocks from a port through a chain back to the port, and the ports."""
