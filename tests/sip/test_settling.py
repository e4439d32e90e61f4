"""What an endpoint still has to see answered, so that a program knows when it may leave."""

from support.sip_calls import OFFER  # noqa: F401
