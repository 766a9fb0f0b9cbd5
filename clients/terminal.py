"""Shows a conversation in progress: a live view on a terminal, plain lines elsewhere.

Stable text is bright, tentative text is dim, the reply has its own colour, and a turn ends with its
latencies. In a pipe or a log nothing is redrawn: each partial, final, reply and latency is one line.
"""

import sys
from types import TracebackType
from typing import IO, Protocol, Self

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from clients.conversation import Turn
from voicegw.core.events import ReplyReason
from voicegw.dialects import native

REFRESHES_PER_S = 15
METER_WIDTH = 30
OPEN_TURNS = 4  # the live region shows the newest open turns; older ones are printed as they are


class View(Protocol):
    """Shows messages as they arrive; a context manager, since a live view controls the terminal."""

    def show(self, message: native.ServerMessage, turn: Turn | None) -> None:
        """Draw what this message has changed; `turn` includes it already."""
        ...

    def hear(self, level: float | None) -> None:
        """Draw the level of what is sent, from 0 to 1; None while the microphone is closed."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def view(console: Console) -> View:
    """The view for the console: live on a terminal, lines in a pipe or a log."""
    return LiveView(console) if console.is_terminal else LineView(console)


_SEPARATE = (  # shown as lines of their own, not in the turn; some arrive after it is finished
    native.ToolCallMessage,
    native.ToolProgressMessage,
    native.ToolResultMessage,
    native.NoticeMessage,
    native.ModeratedMessage,
)


class _PrintingView:
    """What is printed stays: there is nothing to redraw, and nothing to clear at the end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def hear(self, level: float | None) -> None:
        """Nothing: a level is not printed."""


class LineView(_PrintingView):
    """One line for each partial, final, reply and latency."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, message: native.ServerMessage, turn: Turn | None) -> None:
        """Print a line for this message, if it has one."""
        line = _line(message)
        if line is not None:
            label = f"turn {turn.number} " if turn else ""
            self._console.print(Text(label, style="dim") + line, soft_wrap=True)


class JsonView(_PrintingView):
    """Each message of the server as a line of JSON, for other programs."""

    def __init__(self, output: IO[str] | None = None) -> None:
        self._output = output or sys.stdout

    def show(self, message: native.ServerMessage, turn: Turn | None) -> None:
        """Print the message."""
        print(msgspec.json.encode(message).decode(), file=self._output, flush=True)


def _line(message: native.ServerMessage) -> Text | None:
    match message:
        case native.PartialMessage():
            return Text("partial  ") + words(message.stable, message.tentative, joined=message.joined)
        case native.FinalMessage():
            return Text("final    ") + Text(message.text or "(no words)", style="bold")
        case native.ReplyDoneMessage():
            return Text("reply    ") + reply(message.text, message.reason)
        case native.LatencyMessage():
            return Text("latency  ") + latency(message)
        case native.ToolCallMessage():
            return Text(f"tool     {message.name}({message.arguments})", style="dim")
        case native.ToolProgressMessage() | native.ToolResultMessage():
            return Text(f"tool     {message.name}: {message.content}", style="dim")
        case native.NoticeMessage():
            return Text(f"notice   {message.code}: {message.message}", style="yellow")
        case native.ModeratedMessage():
            return Text(f"stopped  {message.what}: {', '.join(message.categories)}", style="red")
        case native.ErrorMessage():
            return Text(f"error    {message.code}: {message.message}", style="red")
        case native.GoingAwayMessage():
            return Text("the server is going away", style="red")
        case _:
            return None


class LiveView:
    """Open turns are redrawn in place; a turn is printed for the last time when its latency is known."""

    def __init__(self, console: Console) -> None:
        self._open: list[Turn] = []
        self._meter: Text | None = None
        self._live = Live(console=console, refresh_per_second=REFRESHES_PER_S, transient=True)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._print_finished(len(self._open))
        self._live.__exit__(kind, error, trace)

    def show(self, message: native.ServerMessage, turn: Turn | None) -> None:
        """Redraw the open turns with this message in them."""
        if turn is None or isinstance(message, _SEPARATE):
            line = _line(message)
            if line is not None:
                self._live.console.print(line)
            return
        if turn not in self._open and not isinstance(message, native.LatencyMessage):
            self._open.append(turn)
        if turn in self._open and _is_empty(turn):
            self._open.remove(turn)
        self._print_finished(self._settled())
        self._draw()

    def hear(self, level: float | None) -> None:
        """Redraw the meter."""
        self._meter = meter(level)
        self._draw()

    def _draw(self) -> None:
        blocks = [*map(_block, self._open), *([self._meter] if self._meter else [])]
        self._live.update(Group(*blocks))

    def _settled(self) -> int:
        """How many of the oldest open turns are finished, in order."""
        settled = 0
        while settled < len(self._open) and (
            self._open[settled].latency is not None or len(self._open) - settled > OPEN_TURNS
        ):
            settled += 1
        return settled

    def _print_finished(self, count: int) -> None:
        for turn in self._open[:count]:
            self._live.console.print(_block(turn))
        del self._open[:count]
        self._draw()


def _is_empty(turn: Turn) -> bool:
    """Whether nothing was said: the answer to a commit without an utterance."""
    return turn.final is not None and not turn.final.text and not turn.reply and turn.reason is None


def _block(turn: Turn) -> Text:
    """A turn: its text, the reply, the latencies."""
    text = (
        Text(turn.final.text, style="bold")
        if turn.final
        else words(turn.stable, turn.tentative, joined=turn.joined)
    )
    lines = [Text("  you  ", style="dim") + text]
    if turn.reply or turn.reason:
        lines.append(Text("reply  ", style="dim") + reply(turn.reply, turn.reason))
    if turn.latency:
        lines.append(Text("       ") + latency(turn.latency))
    return Text("\n").join(lines)


def meter(level: float | None) -> Text:
    """The level of what is sent, of the microphone or a file, as a bar."""
    if level is None:
        return Text("  mic  off; press the space bar to talk", style="dim")
    filled = round(level * METER_WIDTH)
    bar = Text("█" * filled, style="green") + Text("░" * (METER_WIDTH - filled), style="dim")
    return Text("level  ", style="dim") + bar


def words(stable: str, tentative: str, *, joined: bool = False) -> Text:
    """Stable text bright, tentative text dim; without a blank between them if `joined`."""
    blank = " " if stable and tentative and not joined else ""
    return Text(stable + blank) + Text(tentative, style="dim italic")


def reply(text: str, reason: ReplyReason | None) -> Text:
    """The reply so far, and how it ended if it was not completed."""
    ending = "" if reason in {None, ReplyReason.COMPLETED} else f" [{reason}]"
    return Text(text, style="cyan") + Text(ending, style="yellow")


def latency(message: native.LatencyMessage) -> Text:
    """The latencies of a turn: ms after the end of speech, and the times of queueing and decoding."""
    steps = {
        "endpoint": message.endpoint_ms,
        "final": message.final_ms,
        "first token": message.first_token_ms,
        "first audio": message.first_audio_ms,
        "done": message.done_ms,
        "queue": message.queue_ms,
        "decode": message.decode_ms,
    }
    shown = (f"{name} {value}" for name, value in steps.items() if value is not None)
    return Text(" · ".join(shown) + " ms", style="dim green")
