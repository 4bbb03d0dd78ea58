"""From an author's books to a corpus: reading files, removing what is not prose, cutting passages.

`curate.curate` is the way in, `corpus.read_corpus` reads what it wrote (or a corpus of the user's own).
"""
