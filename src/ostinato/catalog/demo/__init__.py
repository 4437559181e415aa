"""The demo catalogue: public-domain scores, played to real audio files on this machine, the same bytes each time.

`works` says which scores, `scores` reads one, `recipe` draws how a clip is played, `render` plays it, `catalogue` builds the
folder and its table, `events` simulates who listened, and `batch` makes new clips that the catalogue has never held.
"""
