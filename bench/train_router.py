"""Makes tools/guess.npz, the weights of the router's guess, from tests/tools/questions_train.tsv. The test questions are not read.

    python bench/train_router.py

One logistic regression an intent over the features of tools/guess.py, on what is left of a question without its greetings and part
numbers, as in the router. The weights are kept as whole numbers of -127 to 127. The same questions give the same file.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from kenpin.tools import guess, router
from kenpin.tools.intents import HELP, INTENTS, OFF_TOPIC

ROOT = Path(__file__).parents[1]
INTENT_NAMES = [*(intent.name for intent in INTENTS if intent.tools), HELP, OFF_TOPIC, guess.UNCLEAR]
WEAKNESS_OF_PENALTY = 30.0  # of 10, 30 and 100 the best in 8-fold cross-validation on the training questions


def questions(path: Path) -> list[tuple[set[str], str]]:
    """Names of intents and the question; follow-ups are left out, as they ask with the words of another question."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [(_names(row[0]), router.without_asides(row[2])) for row in rows if len(row) == 3]


def _names(wanted: str) -> set[str]:
    return {{"cannot": OFF_TOPIC, "default": guess.UNCLEAR}.get(name, name) for name in wanted.split(",")}


def train(asked: Sequence[tuple[set[str], str]]) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]]:
    """Weights (BUCKETS, K), and what they and nothing are multiplied with and added to: scales (K,), biases (K,)."""
    rows = [guess.features(text) for _, text in asked]
    starts = np.cumsum([0, *(len(buckets) for buckets, _ in rows)])
    pieces = csr_matrix(
        (np.concatenate([v for _, v in rows]), np.concatenate([b for b, _ in rows]), starts), shape=(len(rows), guess.BUCKETS)
    )
    models = [
        LogisticRegression(C=WEAKNESS_OF_PENALTY, solver="liblinear").fit(pieces, [name in wanted for wanted, _ in asked])
        for name in INTENT_NAMES
    ]
    exact = np.stack([model.coef_[0] for model in models], axis=1)
    scales = np.abs(exact).max(axis=0) / 127
    bias = np.array([model.intercept_[0] for model in models], np.float32)
    return np.round(exact / scales).astype(np.int8), scales.astype(np.float32), bias


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=Path, default=ROOT / "tests/tools/questions_train.tsv")
    parser.add_argument("--out", type=Path, default=guess.WEIGHTS)
    options = parser.parse_args()
    asked = questions(options.questions)
    weights, scales, bias = train(asked)
    np.savez_compressed(options.out, names=np.array(INTENT_NAMES), weights=weights, scales=scales, bias=bias)
    print(f"{options.out}: {len(asked)} questions, {len(INTENT_NAMES)} intents, {options.out.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
