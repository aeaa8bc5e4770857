"""How the review is doing, in numbers: how long it takes, what comes back and why, how far checkers agree.

`spread`, `passage`, `agreement` and `summary` compute and read nothing; `history` reads the register, `present` keeps
what it computed for a while. No number is of a turn that is still open, so the review stays blind.
"""
