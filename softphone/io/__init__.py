"""Shells around the pure parts: sockets, devices, files, threads, processes, clock and randomness."""
