"""The case `permissions`: a caller's 50 statements judged for one action on one resource, in process, one thread."""

from __future__ import annotations

import json
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

from keystead.policy.model import Question
from keystead.policy.reading import read
from keystead.policy.rules import PolicySet

POLICIES: Final = 10
STATEMENTS: Final = 5
EVALUATIONS: Final = 20_000
ROUNDS: Final = 5
MICROSECONDS_MOST: Final = 30
KEYS: Final = 100


def permissions(_folder: Path) -> list[dict[str, Any]]:
    """Ten policies of five statements, each with a condition: the worst place for the one that allows is the last."""
    attached = PolicySet([(f"policy-{number}", read(_document(number))) for number in range(POLICIES)])
    context = {"acs:SourceIp": "10.0.0.7", "acs:CurrentTime": "2026-01-01T00:00:00Z"}
    asked = [Question("kms:Encrypt", f"acs:kms:r:1:key/key-{number}", context) for number in range(KEYS)]
    assert all(attached.judge(question).allowed for question in asked)
    seen = _row("warm", attached, asked)
    anew = [Question(one.action, one.resource, {**context, "acs:SourceIp": _address(n)}) for n, one in enumerate(asked * KEYS)]
    return [seen, _row("each from an address never seen", attached, anew)]


def _row(name: str, attached: PolicySet, asked: list[Question]) -> dict[str, Any]:
    costs = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for number in range(EVALUATIONS):
            attached.judge(asked[number % len(asked)])
        costs.append((time.perf_counter() - began) / EVALUATIONS * 1e6)
    cost = median(costs)
    return {
        "case": f"permissions: {POLICIES * STATEMENTS} statements, {name}",
        "ops_per_s": round(1e6 / cost),
        "cpu_us_per_op": round(cost, 2),
        "limit": MICROSECONDS_MOST,
        "ratio": round(cost / MICROSECONDS_MOST, 3),
        "rounds": [round(each, 2) for each in costs],
    }


def _address(number: int) -> str:
    return f"10.1.{number // 250}.{number % 250}"


def _document(number: int) -> str:
    """Statements that all match action and resource, and look at the context: none but the very last one allows."""
    statements: list[dict[str, Any]] = []
    for place in range(STATEMENTS):
        last = number == POLICIES - 1 and place == STATEMENTS - 1
        network = "10.0.0.0/8" if last else f"192.168.{number}.{place}/32"
        statements.append(
            {
                "Effect": "Allow",
                "Action": ["kms:Enc*", "kms:Decrypt"],
                "Resource": ["acs:kms:*:*:key/*"],
                "Condition": {"IpAddress": {"acs:SourceIp": network}},
            }
        )
    return json.dumps({"Version": "1", "Statement": statements})
