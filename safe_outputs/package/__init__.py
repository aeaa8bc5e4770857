"""A release package: a folder with the approved bytes, how they came out, and a signature over all of it.

`contents.py` makes its files and `verify.py` examines them, both pure; `folder.py` writes and opens the folder,
`zipped.py` is the same files as one download; `keys.py` signs and knows keys; `crate.py` and `sacro.py` say the record
in the forms that others read.
"""
