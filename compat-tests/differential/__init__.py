"""Differential test: the same requests to our server and to Apache ZooKeeper, answers compared.

sequence.py            scripts: steps on named sessions, as JSON and as text
operations.py          the requests of a script as bytes
random_sequences.py    scripts from a seed
runner.py, tracing.py  runs a script against one server and records a trace
normalise.py           what makes two traces comparable: zxids, times, session ids, unordered sets
compare.py             the first difference between two traces, as text
shrink.py              a shorter script that still shows the difference
known_differences.py   where 3.9 and 3.8 differ on purpose, with reasons
__main__.py            `python3 -m differential replay FILE` and other commands
"""
