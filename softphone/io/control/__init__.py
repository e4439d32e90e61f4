"""Remote control over the network: one port for the page and the WebSocket, with its tokens, limits, tickets and TLS."""
