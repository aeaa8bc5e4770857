"""Practice outputs: made-up requests whose defects are known, to train output checkers and to measure them.

The people and businesses are dummies from a seed, the tables and findings are made by the real rules of
`disclosure_control`. Practice has tables of its own in the register; it imports nothing that submits, votes, writes or
releases, so that no way leads from a case to a release.
"""
