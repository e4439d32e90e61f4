"""Draws the state tables of the code in docs/states.md.

Made by: `PYTHONPATH=. .venv/bin/python tools/draw_states.py`
"""

import enum
from collections.abc import Iterable, Mapping
from pathlib import Path

from softphone.call import state as call
from softphone.sip import leg, refer, registration_state
from softphone.sip.client_transaction import INVITE_CLIENT, NON_INVITE_CLIENT
from softphone.sip.server_transaction import INVITE_SERVER, NON_INVITE_SERVER
from softphone.sip.transaction import Machine, State

TARGET = Path(__file__).parent.parent / "docs" / "states.md"
HEAD = """# States

Made from the tables of the code by `tools/draw_states.py`; a test compares the two. An arrow reads
*what happens / what is done*. What has no arrow in a state is absorbed there; only where the owner of a leg
asks it for something that its state does not allow is that the owner's error.
"""

Table = Mapping[tuple[enum.Enum, enum.Enum], tuple[enum.Enum, tuple[enum.Enum, ...]]]


def diagram(table: Table, initial: Iterable[enum.Enum], final: enum.Enum) -> str:
    """A Mermaid state diagram of *table*."""
    states = dict.fromkeys(state for (before, _), (after, _) in table.items() for state in (before, after))
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f'    state "{state.value}" as {state.name}' for state in states]
    lines += [f"    [*] --> {state.name}" for state in initial]
    arrows: dict[tuple[enum.Enum, enum.Enum, tuple[enum.Enum, ...]], list[str]] = {}
    for (before, signal), (after, actions) in table.items():
        arrows.setdefault((before, after, actions), []).append(signal.value)
    for (before, after, actions), signals in arrows.items():
        done = ", ".join(action.value for action in actions) or "nothing"
        lines.append(f"    {before.name} --> {after.name} : {' | '.join(signals)} / {done}")
    return "\n".join([*lines, f"    {final.name} --> [*]", "```"])


def transaction(machine: Machine, source: str) -> str:
    """The section about one transaction machine."""
    timers = "; ".join(
        f"{state.value}: {', '.join(timer.value for timer in running)}"
        for state, running in machine.timers.items()
    )
    return (
        f"## {machine.name} transaction\n\n`softphone/sip/{source}`. Timers that run in each state: {timers}."
        + "\n\n"
        + diagram(machine.transitions, [machine.initial], State.TERMINATED)
    )


def document() -> str:
    """The whole of docs/states.md."""
    legs = (leg.LegState.CALLING, leg.LegState.INCOMING)
    return (
        "\n\n".join(
            (
                HEAD.rstrip(),
                "## Call\n\n`softphone/call/state.py`: what a user of the phone sees.\n\n"
                + diagram(call.TRANSITIONS, [call.State.CALLING, call.State.INCOMING], call.State.ENDED),
                "## Leg\n\n`softphone/sip/leg.py`: our end of one SIP dialog, below the call.\n\n"
                + diagram(leg.LEG, legs, leg.LegState.ENDED),
                "## Transfer\n\n`softphone/sip/refer.py`: a REFER of ours, or one of the peer, within a leg.\n\n"
                + diagram(
                    refer.REFER, (refer.ReferState.ASKED, refer.ReferState.DECIDING), refer.ReferState.OVER
                ),
                "## Registration\n\n`softphone/sip/registration_state.py`: one contact of ours at one registrar.\n\n"
                + diagram(
                    registration_state.REGISTRATION,
                    (registration_state.RegState.REGISTERING,),
                    registration_state.RegState.ENDED,
                ),
                transaction(INVITE_CLIENT, "client_transaction.py"),
                transaction(NON_INVITE_CLIENT, "client_transaction.py"),
                transaction(INVITE_SERVER, "server_transaction.py"),
                transaction(NON_INVITE_SERVER, "server_transaction.py"),
            )
        )
        + "\n"
    )


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
