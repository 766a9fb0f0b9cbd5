"""The rules of the architecture, checked in the source: which package may import which, what the core may not
use, and that the guide agrees with the code.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.documents import GUIDE, ROOT

SOURCES = sorted([*ROOT.glob("voicegw/**/*.py"), *ROOT.glob("clients/**/*.py")])
MAX_LINES = 300
MAX_PUBLIC_METHODS = 15  # properties are attributes, and not counted
MAX_CONSTRUCTOR_ARGUMENTS = 8
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
PROPERTIES = ("property", "cached_property", "setter")

# Each package, and the packages that it may import beside itself; those with more imports stand later.
MAY_IMPORT = {
    "voicegw": set(),
    "voicegw.errors": set(),
    "voicegw.core": {"voicegw.errors"},
    "voicegw.dialects": {"voicegw.errors", "voicegw.core"},
    "voicegw.log_writer": set(),
    "voicegw.log_configuration": {"voicegw.log_writer"},
    "voicegw.child_process": set(),
    "voicegw.instruments": set(),
    "voicegw.cluster_metrics": {"voicegw.instruments"},
    "voicegw.traffic_metrics": {"voicegw.instruments", "voicegw.errors", "voicegw.core"},
    "voicegw.gpu_metrics": set(),
    "voicegw.telemetry": {
        *("voicegw.errors", "voicegw.core", "voicegw.log_configuration", "voicegw.instruments"),
        *("voicegw.cluster_metrics", "voicegw.traffic_metrics", "voicegw.gpu_metrics"),
    },
    "voicegw.tracing": {"voicegw", "voicegw.errors", "voicegw.core"},
}
BASE = {
    *("voicegw.errors", "voicegw.core", "voicegw.dialects"),
    *("voicegw.log_writer", "voicegw.log_configuration", "voicegw.telemetry", "voicegw.tracing"),
    "voicegw.child_process",
    *("voicegw.instruments", "voicegw.cluster_metrics", "voicegw.traffic_metrics", "voicegw.gpu_metrics"),
}
MAY_IMPORT |= {sibling: BASE for sibling in ("voicegw.asr", "voicegw.cluster.redis")}
REPLY_BASE = {"voicegw.reply.endpoints", "voicegw.reply.functions"}  # what other packages of it may import
REPLY = {f"voicegw.reply.{name}" for name in ("llm", "tools", "voice", "moderators", "offline")}
MAY_IMPORT |= {part: BASE for part in REPLY_BASE} | {"voicegw.reply": set()}
MAY_IMPORT["voicegw.reply.llm"] = MAY_IMPORT["voicegw.reply.voice"] = BASE | {"voicegw.reply.endpoints"}
MAY_IMPORT |= {part: BASE | REPLY_BASE for part in ("voicegw.reply.tools", "voicegw.reply.moderators")}
MAY_IMPORT["voicegw.reply.offline"] = BASE
CLUSTER = {f"voicegw.cluster.{name}" for name in ("jobs", "sessions", "tools")}
MAY_IMPORT |= {part: BASE | {"voicegw.cluster.redis"} for part in CLUSTER} | {"voicegw.cluster": set()}
GATEWAY = BASE | {"voicegw.gateway.single_waiter_event"}  # what all of its packages may import
MAY_IMPORT["voicegw.gateway.single_waiter_event"] = set()
MAY_IMPORT["voicegw.gateway.services"] = BASE
MAY_IMPORT["voicegw.gateway.limits"] = GATEWAY
MAY_IMPORT["voicegw.gateway.auth"] = GATEWAY | {"voicegw.gateway.limits"}
MAY_IMPORT["voicegw.gateway.session"] = MAY_IMPORT["voicegw.gateway.auth"] | {
    "voicegw.gateway.auth",
    "voicegw.gateway.services",
}
MAY_IMPORT["voicegw.gateway.http"] = MAY_IMPORT["voicegw.gateway.session"] | {"voicegw.gateway.session"}
MAY_IMPORT["voicegw.gateway.rest"] = MAY_IMPORT["voicegw.gateway.http"] | {"voicegw.gateway.http"}
MAY_IMPORT["voicegw.gateway"] = MAY_IMPORT["voicegw.gateway.rest"] | {"voicegw.gateway.rest"}
MAY_IMPORT["voicegw.wyoming"] = BASE | {"voicegw"}
MAY_IMPORT["voicegw.settings_loader"] = {"voicegw.errors"}
MAY_IMPORT["voicegw.config"] = MAY_IMPORT["voicegw.gateway"] | CLUSTER | REPLY
MAY_IMPORT["voicegw.config"] |= {
    *("voicegw.gateway", "voicegw.asr", "voicegw.cluster.redis", "voicegw.settings_loader"),
    "voicegw.wyoming",
}
MAY_IMPORT["voicegw.assistant"] = MAY_IMPORT["voicegw.config"] | {"voicegw.config"}
MAY_IMPORT["voicegw.commands"] = MAY_IMPORT["voicegw.assistant"] | {"voicegw.assistant"}
MAY_IMPORT["voicegw.commands.client_programs"] = {"clients"}
MAY_IMPORT["voicegw.commands"].add("voicegw.commands.client_programs")
MAY_IMPORT["voicegw.cli"] = MAY_IMPORT["voicegw.commands"] | {"voicegw.commands", "voicegw"}
MAY_IMPORT["clients"] = {"voicegw.errors", "voicegw.core", "voicegw.dialects"}

PURE = {
    *("__future__", "array", "bisect", "collections", "dataclasses", "enum", "math", "typing", "_typeshed"),
    *("difflib", "functools", "itertools", "re", "unicodedata", "msgspec", "numpy"),
}


def module_of(path: Path) -> str:
    """The dotted name of a source file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(module: str) -> str:
    """The package of the table that a module belongs to: the longest name that begins it."""
    return max((part for part in MAY_IMPORT if f"{module}.".startswith(f"{part}.")), key=len)


def imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Every name a module imports, wherever it does so: lazily, for types only, relative to `package`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            source = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{source}.{name.name}" for name in node.names)


def violations(module: str, tree: ast.AST, *, is_package: bool = False) -> list[str]:
    """The imports of a module that the direction of the packages or the purity of the core forbids."""
    part = part_of(module)
    package = module if is_package else module.rpartition(".")[0]
    found = []
    for name in imports(tree, package):
        ours = name.split(".")[0] in ("voicegw", "clients")
        allowed = part_of(name) in MAY_IMPORT[part] | {part} if ours else is_pure(name) or part != CORE
        if not allowed:
            found.append(name)
    return found


CORE = "voicegw.core"


def is_pure(name: str) -> bool:
    """Whether the core may import it: nothing that waits, asks the time or touches the world."""
    return name.split(".")[0] in PURE and not name.startswith("numpy.random")


def body(source: Path) -> ast.Module:
    return ast.parse(source.read_text())


Modules = dict[str, ast.Module]
PACKAGES = {module_of(path) for path in SOURCES if path.name == "__init__.py"}


@pytest.fixture(scope="module")
def modules() -> Modules:
    """All modules by name. Parsed once, because that is most of the time of these tests."""
    return {module_of(path): body(path) for path in SOURCES}


def those_with(check: Callable[[str, ast.Module], Any], modules: Modules) -> dict[str, Any]:
    """What a check finds, by the names of the modules in which it finds something."""
    return {name: found for name, tree in modules.items() if (found := check(name, tree))}


def test_imports_point_one_way(modules: Modules) -> None:
    assert those_with(lambda name, tree: violations(name, tree, is_package=name in PACKAGES), modules) == {}


def unsaid(tree: ast.AST) -> list[int]:
    """The lines of those matches that do not say what becomes of what no case is for. Over a closed set that
    is `assert_never`, by which mypy finds the case that is missing."""
    matches = (node for node in ast.walk(tree) if isinstance(node, ast.Match))
    return [match.lineno for match in matches if not _takes_all(match.cases[-1])]


def _takes_all(case: ast.match_case) -> bool:
    return isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and case.guard is None


def test_every_match_says_what_becomes_of_the_rest(modules: Modules) -> None:
    assert those_with(lambda _, tree: unsaid(tree), modules) == {}


def test_a_match_that_does_not_is_found() -> None:
    source = "match 1:\n    case 1:\n        pass\nmatch 2:\n    case _:\n        pass"
    assert unsaid(ast.parse(source)) == [1]


PLANTED = {
    "core to the gateway": ("voicegw.core.session", "from voicegw.gateway import server"),
    "core to the clock": ("voicegw.core.session", "import time"),
    "core to the environment": ("voicegw.core.audio", "from os import environ"),
    "core to randomness": ("voicegw.core.audio", "from numpy.random import default_rng"),
    "lazily": ("voicegw.core.turn", "def f():\n    import asyncio"),
    "for types only": ("voicegw.core.turn", "if TYPE_CHECKING:\n    from voicegw.asr.pool import WorkerPool"),
    "by a relative path": ("voicegw.core.turn", "from ..gateway import server"),
    "by a bare relative path": ("voicegw.core.turn", "from .. import telemetry"),
    "by the package's own name": ("voicegw.core.turn", "from voicegw import telemetry"),
    "errors to core": ("voicegw.errors", "import voicegw.core.jobs"),
    "sibling to sibling": ("voicegw.asr.pool", "from voicegw.reply.llm.llm_responder import LLMResponder"),
    "connections to jobs": ("voicegw.cluster.redis.connect", "from voicegw.cluster.jobs import messages"),
    "jobs to sessions": ("voicegw.cluster.jobs.remote", "from voicegw.cluster.sessions import store"),
    "the model to its tools": (
        "voicegw.reply.llm.failover",
        "from voicegw.reply.tools import toolbox",
    ),
    "tools to the model": ("voicegw.reply.tools.toolbox", "from voicegw.reply.llm.chunks import Chunk"),
    "the voice to the model": (
        "voicegw.reply.voice.espeak",
        "from voicegw.reply.llm import reasoning",
    ),
    "the voice to functions": ("voicegw.reply.voice.espeak", "from voicegw.reply.functions import threads"),
    "moderators to tools": (
        "voicegw.reply.moderators.function_moderator",
        "from voicegw.reply.tools import tool_backends",
    ),
    "offline to endpoints": ("voicegw.reply.offline.offline_rules", "from voicegw.reply import endpoints"),
    "endpoints to the model": ("voicegw.reply.endpoints.redaction", "from ..llm import prompt"),
    "functions to tools": ("voicegw.reply.functions.threads", "from ..tools import tool_backends"),
    "reply to the gateway": ("voicegw.reply.llm.llm_responder", "import voicegw.gateway.server"),
    "dialects to telemetry": ("voicegw.dialects.native", "from voicegw.telemetry import Metrics"),
    "telemetry to dialects": ("voicegw.telemetry", "from voicegw.dialects import native"),
    "a dialect to a recogniser": ("voicegw.dialects.native", "from voicegw.asr.pool import WorkerPool"),
    "the gateway to a recogniser": ("voicegw.gateway.server", "from voicegw.asr.pool import WorkerPool"),
    "limits to tokens": ("voicegw.gateway.limits.seats", "from voicegw.gateway.auth.access import Access"),
    "tokens to sessions": ("voicegw.gateway.auth.access", "from voicegw.gateway.session import sessions"),
    "sessions to HTTP": ("voicegw.gateway.session.runner", "from voicegw.gateway.http import pages"),
    "HTTP to the server": ("voicegw.gateway.http.pages", "from voicegw.gateway.server import Gateway"),
    "the gateway to the configuration": ("voicegw.gateway.server", "from voicegw.config import Settings"),
    "the configuration to the command": ("voicegw.config", "from voicegw import cli"),
    "clients to the gateway": ("clients.client", "from voicegw.gateway.session import outbox"),
    "the server to its clients": ("voicegw.gateway.server", "from clients import client"),
}


@pytest.mark.parametrize(("module", "source"), PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_violation_is_found(module: str, source: str) -> None:
    assert len(violations(module, ast.parse(source))) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("voicegw.core.turn", "from .state_machine import StateMachine"),
        ("voicegw.core.turn", "import numpy as np\nfrom voicegw.errors import InvalidValue"),
        ("voicegw.asr.pool", "import time\nfrom voicegw.telemetry import Metrics"),
        ("voicegw.cli", "from voicegw import __version__, config"),
    ],
)
def test_what_is_allowed_is_not(module: str, source: str) -> None:
    assert violations(module, ast.parse(source)) == []


ENGINE = re.compile(r"whisper|ctranslate|\bct2", re.IGNORECASE)
ENGINE_PARTS = {"config", "commands.recognition", "assistant"}  # which put the parts together
ENGINE_PARTS |= {
    f"asr.{name}"
    for name in ("whisper", "whisper_options", "whisper_loader", "model", "weights", "packaged_weights")
}
ENGINE_PARTS |= {"asr.end_of_turn", "asr.vad"}  # which use files and functions of its package


def names(tree: ast.AST) -> Iterator[str]:
    """Everything that code names: identifiers, imports, and strings other than docstrings."""
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value
        fields = ("id", "attr", "arg", "name", "asname", "module", "rest", "kwd_attrs", "names")
        for value in (getattr(node, name, None) for name in fields):
            yield from (
                each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)
            )


def engine_names(module: str, tree: ast.AST) -> list[str]:
    """Where code that is to work with any speech engine names the one there is."""
    if module.removeprefix("voicegw.") in ENGINE_PARTS:
        return []
    return [name for name in names(tree) if ENGINE.search(name)]


def test_only_its_own_modules_name_the_speech_engine(modules: Modules) -> None:
    assert those_with(engine_names, modules) == {}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("voicegw.core.jobs", "import faster_whisper"),
        ("voicegw.core.jobs", "def f():\n    from ctranslate2 import StorageView"),
        ("voicegw.gateway.server", "from voicegw.asr import whisper_loader as loader"),
        ("voicegw.gateway.server", "def f(options): return options.whisper"),
        ("voicegw.dialects.native", "raise ValueError('no language that Whisper knows')"),
        ("voicegw.dialects.native", "raise ValueError(f'Whisper knows no {language}')"),
        ("voicegw.core.languages", "WHISPER_CODES = ()"),
        ("voicegw.asr.worker", "from voicegw.asr.whisper import load"),
        ("voicegw.asr.pool", "def f(whisper): pass"),
        ("voicegw.asr.pool", "class WhisperPool: pass"),
        ("voicegw.asr.process", "environment = {'CT2_FORCE_CPU_ISA': 'AVX512'}"),
        ("voicegw.asr.calibration", "load(whisper=1)"),
    ],
)
def test_a_name_of_the_speech_engine_elsewhere_is_found(module: str, source: str) -> None:
    assert engine_names(module, ast.parse(source))


def test_documentation_and_its_own_modules_may_name_it() -> None:
    documented = ast.parse('"""As Whisper does."""\nx = 1\n"""Of Whisper."""')
    assert engine_names("voicegw.core.jobs", documented) == []
    assert engine_names("voicegw.asr.whisper_loader", ast.parse("import ctranslate2")) == []


DIALECTS = {path.parent.name for path in ROOT.glob("voicegw/dialects/*/__init__.py")}
NEUTRAL = ("voicegw.core", "voicegw.gateway")  # what works with any dialect


def dialects_named(tree: ast.AST) -> list[str]:
    """The dialects that code names: as a word of an identifier or an import, or of a string without blanks. A
    string with blanks is text for people."""
    words = (
        word.lower()
        for name in names(tree)
        if not re.search(r"\s", name)
        for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    )
    return [word for word in words if word in DIALECTS]


def test_neither_the_core_nor_the_gateway_names_a_dialect(modules: Modules) -> None:
    neutral = {name: tree for name, tree in modules.items() if part_of(name) in NEUTRAL}
    assert those_with(lambda _, tree: dialects_named(tree), neutral) == {}


@pytest.mark.parametrize(
    "source",
    [
        "from voicegw.dialects import native",
        "from voicegw.dialects.twilio import codec",
        "import voicegw.dialects.native.query as query",
        "from voicegw.dialects.native.query import parse",
        "x = dialects.native",
        "is_native = True",
        "class TwilioConnection: pass",
        "class HTTPTwilio: pass",
        "def serve_twilio(): pass",
        "def serve(twilio_token): pass",
        "serve(native=True)",
        "if dialect.name == 'native': pass",
        "if path == '/twilio': pass",
        "match dialect:\n    case Dialect(native=1): pass",
        "match dialect:\n    case twilio: pass",
    ],
)
def test_a_dialect_that_is_named_is_found(source: str) -> None:
    assert {"native", "twilio"} <= DIALECTS
    assert len(dialects_named(ast.parse(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "alternative = alternatives",
        '"""The native dialect."""',
        "raise InputError('not a native speaker')",
        "from voicegw.dialects.port import Dialect",
    ],
)
def test_words_that_are_no_dialect_are_not(source: str) -> None:
    assert dialects_named(ast.parse(source)) == []


def lines_of(tree: ast.AST, *kinds: type[ast.expr | ast.stmt | ast.excepthandler]) -> list[int]:
    """The lines of the nodes of these kinds."""
    return [node.lineno for node in ast.walk(tree) if isinstance(node, kinds)]


def test_the_core_never_waits(modules: Modules) -> None:
    core = {name: tree for name, tree in modules.items() if part_of(name) == CORE}
    waiting = (ast.Await, ast.AsyncFor, ast.AsyncWith)
    assert those_with(lambda _, tree: lines_of(tree, *waiting), core) == {}


def test_no_module_is_over_300_lines() -> None:
    assert [path for path in SOURCES if len(path.read_text().splitlines()) > MAX_LINES] == []


def oversized(tree: ast.AST) -> list[str]:
    """The classes with too many public methods or too many constructor arguments."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return [each.name for each in classes if _is_oversized(each)]


def _is_oversized(node: ast.ClassDef) -> bool:
    methods = [each for each in node.body if isinstance(each, FUNCTIONS)]
    public = [each for each in methods if not each.name.startswith("_") and not _is_property(each)]
    arguments = [_arguments(each) for each in methods if each.name == "__init__"]
    return len(public) > MAX_PUBLIC_METHODS or max(arguments, default=0) > MAX_CONSTRUCTOR_ARGUMENTS


def _is_property(method: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(ast.unparse(each).rpartition(".")[2] in PROPERTIES for each in method.decorator_list)


def _arguments(constructor: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    listed = constructor.args
    return len([*listed.posonlyargs, *listed.args, *listed.kwonlyargs]) - 1  # without self


def test_no_class_is_oversized(modules: Modules) -> None:
    assert those_with(lambda _, tree: oversized(tree), modules) == {}


def class_with(methods: int, arguments: int, decorator: str = "") -> str:
    lines = [f"    {decorator}\n    def method_{number}(self): pass" for number in range(methods)]
    names = ", ".join(["self", *(f"argument_{number}" for number in range(arguments))])
    return "\n".join(["class Planted:", f"    def __init__({names}): pass", *lines])


@pytest.mark.parametrize("source", [class_with(16, 0), class_with(0, 9), class_with(16, 0, "@override")])
def test_an_oversized_class_is_found(source: str) -> None:
    assert oversized(ast.parse(source)) == ["Planted"]


@pytest.mark.parametrize("source", [class_with(15, 8), class_with(20, 0, "@property")])
def test_a_class_within_the_limits_is_not(source: str) -> None:
    assert oversized(ast.parse(source)) == []


def globals_and_bare_excepts(tree: ast.AST) -> list[int]:
    """Their lines."""
    bare = (node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.type is None)
    return [*lines_of(tree, ast.Global), *(node.lineno for node in bare)]


def test_no_globals_and_no_bare_except(modules: Modules) -> None:
    assert those_with(lambda _, tree: globals_and_bare_excepts(tree), modules) == {}


def test_every_module_says_what_it_is(modules: Modules) -> None:
    assert [name for name, tree in modules.items() if not ast.get_docstring(tree)] == []


def file_named(path: str) -> Path:
    """What the guide means: paths in it are relative to its directory, or to the repository."""
    return next(filter(Path.exists, (GUIDE.parent / path, ROOT / path)), Path())


def missing_names(guide: str) -> list[str]:
    """Files and directories that are named but do not exist, and what is named in a file but not defined."""
    paths = set(re.findall(r"`([\w./-]+(?:\.py|/[\w-]+))(?:::\w+)?`", guide))
    pairs = re.findall(r"`([\w/]+\.py)` \(?`(\w+)`", guide)
    for symbols, path in re.findall(r"((?:`\w+`(?:, | and )?)+) in `([\w/]+\.py)`", guide):
        pairs += [(path, symbol) for symbol in re.findall(r"\w+", symbols.replace(" and ", " "))]
    defined = r"^\s*(?:(?:async )?def|class) {0}\b|^{0}\b"
    absent = {path for path in paths if file_named(path) == Path()}
    return [
        *sorted(absent),
        *(
            f"{path} {symbol}"
            for path, symbol in sorted(set(pairs))
            if path not in absent
            and not re.search(defined.format(symbol), file_named(path).read_text(), re.MULTILINE)
        ),
    ]


def test_everything_the_guide_names_exists() -> None:
    assert missing_names(GUIDE.read_text()) == []


@pytest.mark.parametrize(
    "text",
    [
        "`core/nothing.py`",
        "`cluster/redis/nothing.py`",
        "`gateway/nothing/tls.py`",
        "`nothing.py`",
        "`cluster/nothing`",
        "`tests/core/test_nothing.py`",
        "`cli.py` `nothing`",
        "`core/transcription.py` (`nothing`)",
        "`Dialect` and `Nothing` in `dialects/port.py`",
    ],
)
def test_a_name_that_does_not_exist_is_found(text: str) -> None:
    assert len(missing_names(text)) == 1


def test_a_name_that_exists_is_not_reported() -> None:
    assert missing_names("`cli.py` `main`; `Dialect` and `Codec` in `dialects/port.py`; `gateway/http`") == []


def test_the_guide_describes_every_package() -> None:
    text = GUIDE.read_text().partition("## Packages and directions")[2].partition("\n## ")[0]
    listed = set(re.findall(r"`([\w/.]+)`", text))
    packages = [path.parent for path in ROOT.glob("voicegw/*/**/__init__.py")]
    modules = [path for path in ROOT.glob("voicegw/*.py") if not path.name.startswith("__")]
    names = {path.relative_to(GUIDE.parent).as_posix() for path in (*packages, *modules)}
    outer = {"cluster", "gateway", "reply"}  # listed by their packages
    missing = names - outer - {name for name in names if {name, name.split("/")[-1]} & listed}
    assert not missing, "describe it in the table of packages of voicegw/README.md"


def test_every_test_that_proves_a_defence_exists() -> None:
    guide = GUIDE.read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", guide)
    assert len(named) > 20
    defined = {
        path: {node.name for node in ast.walk(body(ROOT / path)) if isinstance(node, FUNCTIONS)}
        for path in {path for path, _ in named}
    }
    assert not [f"{path}::{name}" for path, name in named if name not in defined[path]]
