# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What engines whose commands store and set at once have in common: what is noted of a guest, what waits for its start, how it is stopped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from .._reconcile.contract import Work
from .._reconcile.errors import EngineError
from .._reconcile.plan import Actual

WAITING = "waiting"
Boot = Optional[Tuple[int, int]]


def declared_facts(work: Work, making: bool) -> Dict[str, Any]:
    """Of the declaration what the engine itself does not keep: the password's seal, and tags. None where it is not declared any more."""
    facts: Dict[str, Any] = {}
    if making or any(change.pattern == "root_password" for change in work.changes):
        facts["root_password"] = work.annotation.applied.get("root_password")
    if making or any(change.route[:1] == ("tags",) for change in work.changes):
        facts["tags"] = dict(work.want["tags"]) if work.want.get("tags") else None
    return facts


def set_facts(work: Work, facts: Mapping[str, Any]) -> None:
    """Note these facts; one that is None is noted no more."""
    work.note(facts=facts)
    work.annotation = replace(work.annotation, facts={name: value for name, value in work.annotation.facts.items()
                                                      if facts.get(name, value) is not None})


def same_boot(noted: Any, now: Boot) -> bool:
    """Whether two starts of a guest are one: when it was, exact to a second, and its init's own start."""
    return bool(noted) and now is not None and abs(noted[0] - now[0]) <= 2 and noted[1] == now[1]


def waiting(noted: Mapping[str, Any], actual: Actual, boot: Callable[[], Boot]) -> Optional[Mapping[str, Any]]:
    """What runs otherwise than it is stored, if this is still the start in which that was noted; else it is noted no more.

    One that does not say which start it is, since it is paused, is taken for the same.
    """
    if not noted:
        return None
    values: Mapping[str, Any] = noted.get("values") or {}
    now = boot()
    if now is None or same_boot(noted.get("boot"), now):
        return values
    actual.facts[WAITING] = None
    return None


def to_wait(running: Mapping[str, Any], earlier: Mapping[str, Any], boot: Boot) -> Optional[Dict[str, Any]]:
    """What goes on running as it is now although something else is to be stored, with the start that it is noted for.

    What an earlier run of the same start noted came first, and is what runs.
    """
    if boot is None:
        return None
    values = dict(earlier.get("values") or {}) if same_boot(earlier.get("boot"), boot) else {}
    return {"boot": list(boot), "values": {**running, **values}}


def stop(work: Work, what: str, gently: Callable[[float], Any], hard: Callable[[], Any], timeout: float) -> None:
    """Let a guest shut down in its time; what does not is killed only where `force_stop` is declared. Raises EngineError."""
    limit = float(work.request.option("stop_timeout", timeout))
    with work.step("stop %s" % what):
        try:
            gently(limit)
        except EngineError as error:
            if not work.request.option("force_stop", False):
                raise EngineError("%s did not shut down: %s" % (what, error.message),
                                  "give it more time (stop_timeout), or declare force_stop: true") from error
            hard()
