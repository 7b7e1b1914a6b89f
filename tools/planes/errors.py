"""What can go wrong with a development control plane, as types a caller can tell apart."""


class PlaneError(RuntimeError):
    """A control plane could not do what was asked; the message holds what was waited for and the end of the log."""


class PortTakenError(PlaneError):
    """Somebody else bound the port between our choosing it and the server's binding it; worth another try."""


class BinariesUnavailableError(PlaneError):
    """A binary is missing and no way of getting it worked; the message names each way and why it failed."""
