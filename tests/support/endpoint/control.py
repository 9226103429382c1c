"""Control over HTTP, for an endpoint in another process.

GET  /__audit__     the audit log: {"writes": [...], "requests": [...]}
GET  /__state__     {"tables": {name: {"status", "count", "items": [...]}}, "shortcut": {...} in count mode};
                    /__state__?items=0 leaves the items out
POST /__control__   any of {"rules": [...] replace, "add": [...] append, "clear": true, "seed": 1,
                    "capacity": {table: wcu_per_s or null}, "status": {table: status},
                    "limits": {...} or null, "clear_audit": true}; answers {"rules": [{"seen", "fired"}, …]}
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from .capacity import Limits
from .fast import Recorder
from .faults import Rule, set_capacity, set_status
from .reply import Reply

if TYPE_CHECKING:
    from .protocol import Shortcut
    from .service import HttpRequest, Service


class ControlledService:
    """A service, and its control paths beside it.

    Args:
        service: what is controlled, and answers everything else.
        shortcut: the one in use, for its summary.
    """

    def __init__(self, service: Service, shortcut: Shortcut | None) -> None:
        self._service = service
        self._shortcut = shortcut

    def handle(self, request: HttpRequest) -> Reply:
        """Answer one request."""
        path, _, query = request.target.partition("?")
        if not path.startswith("/__"):
            return self._service.handle(request)
        with self._service.lock:
            if path == "/__audit__":
                return Reply.of_json(200, self._service.audit.dump())
            if path == "/__state__":
                return Reply.of_json(200, self._state(with_items=query != "items=0"))
            if path == "/__control__" and request.method == "POST":
                try:
                    return Reply.of_json(200, self._control(json.loads(request.body)))
                except (TypeError, ValueError, KeyError) as error:
                    return Reply.of_json(400, {"message": f"{type(error).__name__}: {error}"})
        return Reply.of_json(404, {"message": f"no such path: {path}"})

    def _state(self, *, with_items: bool) -> dict[str, Any]:
        tables = {}
        for name, table in self._service.state.tables.items():
            tables[name] = {"status": table.status, "count": table.count}
            if with_items:
                tables[name]["items"] = list(table.items().values())
        answer: dict[str, Any] = {"tables": tables}
        if isinstance(self._shortcut, Recorder):
            answer["shortcut"] = self._shortcut.summary()
        return answer

    def _control(self, wanted: dict[str, Any]) -> dict[str, Any]:
        service, script = self._service, self._service.script
        known = {"rules", "add", "clear", "seed", "capacity", "status", "limits", "clear_audit"}
        if unknown := sorted(wanted.keys() - known):
            raise KeyError(", ".join(unknown))
        if wanted.get("clear") or "rules" in wanted:
            script.clear()
        for document in [*wanted.get("rules", []), *wanted.get("add", [])]:
            script.rules.append(Rule.from_json(document))
        if "seed" in wanted:
            script.chance = random.Random(wanted["seed"])
        changes = [set_capacity(name, wcu) for name, wcu in wanted.get("capacity", {}).items()]
        changes += [set_status(name, status) for name, status in wanted.get("status", {}).items()]
        for change in changes:
            service.change_table(change)
        if "limits" in wanted:
            limits = None if wanted["limits"] is None else Limits(**wanted["limits"])
            service.state.limits = limits
            for table in service.state.tables.values():
                table.set_limits(limits)
        if wanted.get("clear_audit"):
            service.audit.clear()
        return {"rules": [{"seen": rule.seen, "fired": rule.fired} for rule in script.rules]}
