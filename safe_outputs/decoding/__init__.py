"""Pictures, drawings and workbooks, read in a process of their own that has little memory, little time and no secrets.

    safe_outputs.files ──content──▶ child process ──▶ the same thing written anew, and facts about it
                                        │ killed, out of time or out of memory: a refusal

The modules here import nothing of ours, so that the process starts fast and holds nothing worth stealing.
"""
