# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planted secrets: where they must not be found."""

from __future__ import annotations

import base64
import json
from typing import Any, Iterable, Mapping

from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.reconcile import Decision

from .lab import Lab


def forms(secret: str) -> list[str]:
    """A secret as it may turn up: as it is, in base64, as JSON escapes it."""
    return sorted({secret, base64.b64encode(secret.encode()).decode(), json.dumps(secret)[1:-1]})


def found_in(text: str, secrets: Iterable[str]) -> list[str]:
    """Which of the secrets are in the text, in any form."""
    return [secret for secret in secrets if any(form in text for form in forms(secret))]


def assert_not_in(places: Mapping[str, str], secrets: Iterable[str]) -> None:
    """None of the places holds any of the secrets."""
    planted = list(secrets)
    leaks = {place: found_in(text, planted) for place, text in places.items()}
    assert not any(leaks.values()), "secrets found in: %s" % ", ".join(place for place, found in leaks.items() if found)


def everything_said(lab: Lab, decision: Decision) -> dict[str, str]:
    """All that a run says or leaves: its objects as they print, its result, the documents, the annotation."""
    places: dict[str, Any] = {"decision": decision, "request": decision.request, "work": decision.work, "actual": decision.actual,
                              "annotation": decision.annotation, "error": decision.error}
    said = {name: "%r %s" % (value, value) for name, value in places.items()}
    if decision.result is not None:
        said["result"] = json.dumps(decision.result.to_dict(), default=str)
        said["brief result"] = json.dumps(decision.result.to_dict(brief=True), default=str)
    said.update({"document " + key: text for key, text in lab.public_documents().items()})
    return said


def assert_secrets_secret(lab: Lab, name: str, raw: Mapping[str, Any], secrets: Iterable[str]) -> None:
    """Law 10 for one declaration: in check mode, in the real run and in the second one."""
    planted = list(secrets)
    for check in (True, False, False):
        run, decision = lab.decide(name, raw)
        if check:
            run.report(decision, check_mode=True)
        else:
            run.apply()
            run.wait(decision)
        assert_not_in(everything_said(lab, decision), planted)
