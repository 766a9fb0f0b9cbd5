"""Each module of the core is tested by a module of its own, unless it only declares."""

import ast
import inspect
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

import voicegw.core

MODULES = [module.name for module in iter_modules(voicegw.core.__path__)]


def has_logic(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether the body is more than a docstring and `...`."""
    return any(not isinstance(each, ast.Expr) for each in function.body)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_with_logic_has_a_test_module(name: str) -> None:
    tree = ast.parse(inspect.getsource(import_module(f"voicegw.core.{name}")))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert not any(map(has_logic, functions)) or Path(__file__).with_name(f"test_{name}.py").exists()
