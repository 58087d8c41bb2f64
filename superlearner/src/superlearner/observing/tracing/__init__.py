"""Message traces of processes, and recordings of a whole node.

    node's events → Trace (admits, pairs, bounds) → Captured, Mark, Person → patterns, diagram (pure) → operations
                                                                              └→ svg, mermaid

The platform owns `Traces`, whose traces receive the events themselves, so a crash of the `MessageTracer` service loses
no message and stops no trace. The service starts and stops traces on request and runs what is due.
"""

from superlearner.observing.tracing.captured import Captured, Mark, MarkKind, Person, Way
from superlearner.observing.tracing.diagram import Diagram, DiagramLane, DiagramStep, StepKind, diagram_of
from superlearner.observing.tracing.mermaid import as_mermaid
from superlearner.observing.tracing.patterns import (
    Chatter,
    LatencyFigures,
    LatencyRow,
    Patterns,
    causes_of,
    chatter_of,
    latencies_of,
    latency_of,
    patterns_of,
    unanswered_of,
)
from superlearner.observing.tracing.recordings import (
    MAX_EVENTS,
    BadRecording,
    NoRecording,
    Recordings,
    RecordingsFull,
    RecordingsUnavailable,
    RecordingsUse,
    StillRecording,
)
from superlearner.observing.tracing.saved import as_recording
from superlearner.observing.tracing.server import TRACER, MessageTracer
from superlearner.observing.tracing.svg import as_svg
from superlearner.observing.tracing.trace import MAX_PIDS, Ended, Trace, TraceOptions
from superlearner.observing.tracing.traces import AlreadyTracing, NoTrace, TooManyTraces, Traces

__all__ = [
    "MAX_EVENTS",
    "MAX_PIDS",
    "TRACER",
    "AlreadyTracing",
    "BadRecording",
    "Captured",
    "Chatter",
    "Diagram",
    "Ended",
    "DiagramLane",
    "LatencyFigures",
    "LatencyRow",
    "Mark",
    "MarkKind",
    "MessageTracer",
    "NoRecording",
    "NoTrace",
    "Patterns",
    "Person",
    "Recordings",
    "RecordingsFull",
    "RecordingsUnavailable",
    "RecordingsUse",
    "DiagramStep",
    "StepKind",
    "StillRecording",
    "TooManyTraces",
    "Trace",
    "TraceOptions",
    "Traces",
    "Way",
    "as_mermaid",
    "as_recording",
    "as_svg",
    "causes_of",
    "chatter_of",
    "diagram_of",
    "latencies_of",
    "latency_of",
    "patterns_of",
    "unanswered_of",
]
