"""Our reading of feelings beside vaderSentiment, on texts that people rated, in one run.

    pip install vaderSentiment
    cargo build --release -p waypost-insight --example feelings
    python3 tools/beside_vader.py TARGET/release/examples/feelings FILE...

A line of FILE is {"text", "sentiment": -1|0|1, "rating"}. Printed are, for both, the share of texts whose sign is
that of the rating, the correlation of scores with ratings, and texts read in a second by one core.
"""

import json
import math
import subprocess
import sys
import time

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

# From which compound score on its authors call a text positive.
VADER_SIGN = 0.05


def correlation(xs, ys):
    n = len(xs)
    mx, my = sum(xs) / n, sum(ys) / n
    product = sum((x - mx) * (y - my) for x, y in zip(xs, ys))
    return product / math.sqrt(sum((x - mx) ** 2 for x in xs) * sum((y - my) ** 2 for y in ys))


def line(who, rated, scores, signs, seconds):
    right = sum(s == r["sentiment"] for s, r in zip(signs, rated)) / len(rated)
    r = correlation(scores, [r["rating"] for r in rated])
    print(f"  {who:<16} sign {right:.3f}  correlation {r:.3f}  {len(rated) / seconds:>9.0f} texts/s")
    return len(rated) / seconds


def main():
    program, files = sys.argv[1], sys.argv[2:]
    answers = subprocess.run([program, *files], check=True, capture_output=True, text=True).stdout
    for answer in map(json.loads, answers.splitlines()):
        rated = [json.loads(text) for text in open(answer["file"])]
        analyzer = SentimentIntensityAnalyzer()
        started = time.perf_counter()
        vader = [analyzer.polarity_scores(r["text"])["compound"] for r in rated]
        seconds = time.perf_counter() - started
        print(f"{answer['file'].rsplit('/', 1)[-1]}: {len(rated)} texts")
        ours = line("ours", rated, answer["scores"], answer["signs"], answer["seconds"])
        signs = [(v >= VADER_SIGN) - (v <= -VADER_SIGN) for v in vader]
        theirs = line("vaderSentiment", rated, vader, signs, seconds)
        print(f"  ours reads {ours / theirs:.1f} times as many")


main()
