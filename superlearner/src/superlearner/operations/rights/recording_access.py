"""Access to recordings for operations: parameters, errors, and the line that describes one."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Final

from pydantic import Field

from superlearner.control.terms import clip
from superlearner.observing.tracing import (
    BadRecording,
    NoRecording,
    Recordings,
    RecordingsFull,
    RecordingsUnavailable,
    StillRecording,
)
from superlearner.operations.declaration import Picker
from superlearner.operations.failures import OperationError
from superlearner.operations.results.recordings import RecordingLine
from superlearner.store import NameTaken, Recording, StoreUnavailable

__all__ = ["STORED", "THERE", "KnownRecording", "describe_recording", "recording_errors"]

STORED: Final = ("store_unavailable", "service_unavailable")
THERE: Final = ("recording_not_found", *STORED)

KnownRecording = Annotated[
    str, Field(max_length=200, description="the name of a recording", examples=["morning"]), Picker("recording")
]


@contextmanager
def recording_errors() -> Generator[None]:
    """Convert exceptions about recordings to errors of operations."""
    try:
        yield
    except NoRecording as error:
        raise OperationError("recording_not_found", clip(str(error), 400), hint="see GET /api/v1/recordings") from None
    except NameTaken as error:
        raise OperationError("name_taken", clip(str(error), 400), hint="choose another name") from None
    except StillRecording as error:
        raise OperationError("conflict", str(error), hint="POST /api/v1/recordings/{name}/stop stops it") from None
    except RecordingsFull as error:
        raise OperationError("conflict", str(error)) from None
    except BadRecording as error:
        hint = "load the readable part with damaged=true" if "damaged" in str(error) else None
        raise OperationError("validation_error", clip(f"content: {error}", 600), hint=hint) from None
    except RecordingsUnavailable as error:
        raise OperationError("service_unavailable", clip(str(error), 400), hint="check the data directory") from None
    except StoreUnavailable as error:
        raise OperationError("store_unavailable", error.why, hint="see GET /api/v1/store, with a credential") from None


def describe_recording(recordings: Recordings, row: Recording) -> RecordingLine:
    """Describe a recording, also while it runs."""
    recorder = recordings.recorder(row.name)
    return RecordingLine(
        name=row.name,
        kind=row.kind,
        owner=row.owner,
        recording=recorder is not None and not recorder.ended,
        at=row.at,
        events=row.events if recorder is None else recorder.events,
        size=row.size,
        dropped=None if recorder is None else recorder.dropped,
        error=None if recorder is None or recorder.error is None else str(recorder.error.strerror or recorder.error),
        about=row.about,
    )
