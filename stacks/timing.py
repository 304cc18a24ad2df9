"""How long the functions work that nobody waits for.

Each stops beginning anything after its own time; what it began last waits for its deadline, and
a margin follows, in which it says what became of it. The three together are its time-out.
"""

# What a batch from the accept queue may take; what is not stored by then is left for later.
ACCEPT_BATCH_SECONDS = 20
# For a cold start, and to report what was left.
ACCEPT_MARGIN_SECONDS = 5

# The same for the delivery queues. Within the wider margin, what became of the last request is
# written down: that may take as long as the request, and ten seconds at most.
DELIVER_BATCH_SECONDS = 40
DELIVER_MARGIN_SECONDS = 15

# For how long one run of sweep looks for what is due, each second. The next begins after a minute:
# in the three seconds between nobody looks, and a run may begin that much late without meeting
# the next (decision 16).
SWEEP_SECONDS = 57
# The last look's step: its transaction has eight seconds in all.
SWEEP_STEP_SECONDS = 8
SWEEP_MARGIN_SECONDS = 2

# What one run of watch may take, whatever it waits for: the database and five queues. Then it
# writes its line, which says what gave no answer. Far from the next minute's run.
WATCH_SECONDS = 45
WATCH_MARGIN_SECONDS = 5

# For how long one run of rotate seals anew, a batch after the other; a step of a rotation takes
# seconds of it. The last batch, and then its line, have the margin.
ROTATE_SECONDS = 240
ROTATE_MARGIN_SECONDS = 30
