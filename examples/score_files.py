"""Two sound files, what was sent and what was heard of it: prints a score, what is wrong, and the worst part.

python examples/score_files.py HEARD.wav [SENT.wav]
"""

import sys

from softphone import score_file

if len(sys.argv) < 2:
    sys.exit("usage: python examples/score_files.py HEARD.wav [SENT.wav]")
heard, sent = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "builtin:man"
score = score_file(heard, sent)
print(score["mos_lqo"], score["verdict"], f"{score['delay_ms']} ms late")
for part in score["worst"][:1]:
    print(f"worst from {part['from_s']} to {part['to_s']} s: {part['mos_lqo']}")
