"""How the parts of a custom kind say no."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from syncer.core.fieldpaths import Misshapen, Place, place_text
from syncer.core.objects import Obj
from syncer.core.translator import Answer, Refusal, View


class Refused(Exception):
    """This object does not cross; `place` is the field that is to blame."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place, self.message = place, message


def refusing(function: Callable[[Obj, View], Answer]) -> Callable[[Obj, View], Answer]:
    """The same function, with what is raised in it as its answer."""

    @wraps(function)
    def asked(obj: Obj, view: View) -> Answer:
        try:
            return function(obj, view)
        except Refused as refused:
            return Refusal(place_text(refused.place), refused.message)
        except Misshapen as wrong:
            return Refusal(place_text(wrong.place), f"{wrong.wanted} is expected here")

    return asked
