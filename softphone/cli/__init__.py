"""The command `softphone`: arguments in, results and exit statuses out."""

from softphone.cli.command import main

__all__ = ["main"]
