"""Every error that Latchwork raises on purpose. A message says what was given, what is needed and what to do."""


class LatchworkError(Exception):
    """Base of all errors raised by Latchwork."""


class LatchworkWarning(UserWarning):
    """Base of all warnings given by Latchwork."""


class CellError(LatchworkError, TypeError):
    """A cell's definition is refused; the message names the cell, the line and the fix."""


class ShapeError(LatchworkError, ValueError, RuntimeError):
    """A tensor or array has the wrong shape, dtype or device.

    torch raises ``ValueError`` for some of these and ``RuntimeError`` for others; this class is both, so code that
    catches torch's error catches Latchwork's.
    """


class ConfigError(LatchworkError, ValueError):
    """An option has a value it cannot have."""


class DataError(LatchworkError, ValueError):
    """Data given by the user cannot be used: the message names the file, row or column."""


class DownloadError(LatchworkError, OSError):
    """A data set could not be fetched, or what came is not what was pinned."""


class CompilerError(LatchworkError, RuntimeError):
    """Kernels could not be compiled: no compiler, or it failed. The message says which, and carries what it said."""


class MissingExtraError(LatchworkError, ImportError):
    """A feature needs an optional dependency; the message names the extra to install."""
