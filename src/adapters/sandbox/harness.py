"""Runs inside the Python interpreter of a sandbox: reads a tool's source, runs its function, describes what happened."""
import ast as _ast
import ast as _ast
import asyncio as _asyncio
import dataclasses as _dataclasses
import datetime as _datetime
import decimal as _decimal
import enum as _enum
import inspect as _inspect
import io as _io
import json as _json
import linecache as _linecache
import os as _os
import re as _re
import sys as _sys
import time as _time
import traceback as _traceback
import uuid as _uuid

# Loaded once for the snapshot, so that tools that need them start at once.
import base64, collections, fractions, functools, hashlib, itertools, math, random, statistics, string, textwrap, typing, urllib.parse  # noqa: F401,E401

_TOOL = '<tool>'


class _OutputLimit(Exception):
    pass


class _Log(_io.TextIOBase):
    """Keeps what is printed, up to a limit; what goes beyond it ends the call."""

    def __init__(self, limit):
        self.parts, self.size, self.limit, self.exceeded = [], 0, limit, False

    def writable(self):
        return True

    def write(self, text):
        text = str(text)
        room = self.limit - self.size
        if len(text) > room:
            self.parts.append(text[: max(0, room)])
            self.size = self.limit
            self.exceeded = True
            raise _OutputLimit('the call printed more than %d characters' % self.limit)
        self.parts.append(text)
        self.size += len(text)
        return len(text)

    def text(self):
        return ''.join(self.parts)


def _plain(value):
    if isinstance(value, (_datetime.datetime, _datetime.date, _datetime.time)):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if isinstance(value, (_decimal.Decimal, _uuid.UUID, fractions.Fraction)):
        return str(value)
    if isinstance(value, _enum.Enum):
        return value.value
    if _dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _dataclasses.asdict(value)
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, (range, map, filter, zip)) or _inspect.isgenerator(value):
        return list(value)
    raise TypeError('a result of type %s cannot be written as JSON' % type(value).__name__)


def _line_of(error):
    if isinstance(error, SyntaxError) and error.filename == _TOOL:
        return error.lineno
    line = None
    for frame in _traceback.extract_tb(error.__traceback__):
        if frame.filename == _TOOL:
            line = frame.lineno
    return line


def _failure(error):
    try:
        message = str(error)[:4000]
    except BaseException:  # noqa: B902 - the foreign class of the exception decides what happens here
        message = ''
    return {'type': type(error).__name__, 'message': message or type(error).__name__, 'line': _line_of(error)}


class _NeverResolves(Exception):
    pass


class _Selector:
    """There is nothing to wait for but the time."""

    def select(self, timeout):
        if timeout is None:
            raise _NeverResolves('the function waits for something that never happens')
        if timeout > 0:
            _time.sleep(timeout)
        return []


class _Loop(_asyncio.base_events.BaseEventLoop):
    """An event loop that needs nothing of the host: timers and tasks."""

    def __init__(self):
        super().__init__()
        self._selector = _Selector()

    def _process_events(self, events):
        pass

    def _write_to_self(self):
        pass

    def run_in_executor(self, executor, function, *args):
        future = self.create_future()
        try:
            future.set_result(function(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    async def shutdown_default_executor(self, timeout=None):
        pass


class _LoopPolicy(_asyncio.events._AbstractEventLoopPolicy):
    def __init__(self):
        self._loop = None

    def get_event_loop(self):
        if self._loop is None:
            raise RuntimeError('There is no current event loop.')
        return self._loop

    def set_event_loop(self, loop):
        self._loop = loop

    def new_event_loop(self):
        return _Loop()


def _run_coroutine(main, *, debug=None, loop_factory=None):
    """asyncio.run as Python has it; Pyodide's own would use the event loop of the host."""
    with _asyncio.Runner(debug=debug, loop_factory=loop_factory) as runner:
        return runner.run(main)


_DOORS = ('js', 'pyodide_js', '_pyodide_core', '_pyodide', 'pyodide', 'pyodide_js._api', 'ctypes', '_ctypes', 'webbrowser')


def _af_close_doors():
    """Called once, before any foreign code: what leads to the host is gone, and the event loop is one of our own."""
    _os.environ.clear()
    for finder in list(_sys.meta_path):
        if type(finder).__name__ == 'JsFinder':
            finder.jsproxies.clear()
            _sys.meta_path.remove(finder)
    for name in list(_sys.modules):
        if name.split('.')[0] in _DOORS:
            del _sys.modules[name]
    for name in _DOORS:
        _sys.modules[name] = None
    _asyncio.events._set_running_loop(None)
    _asyncio.events._event_loop_policy = _LoopPolicy()
    _asyncio.run = _asyncio.runners.run = _run_coroutine
    _os.chdir('/tmp')


class _Failed(Exception):
    def __init__(self, kind, message, line=None):
        self.args = (message,)
        self.kind, self.line = kind, line


def _result_text(value, room):
    try:
        text = _json.dumps(value, default=_plain, allow_nan=False, ensure_ascii=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise _Failed('result_not_json', str(error)[:4000] or type(error).__name__) from None
    if len(text) > room:
        raise _Failed('output_limit', 'result and output have more characters than the limit')
    return text


def _call(call):
    source, arguments = call['source'], _json.loads(call['arguments'])
    # The interpreter starts from a stored image: without this every call would draw the same numbers.
    random.seed()
    names = {'__name__': '__tool__', '__builtins__': __builtins__}
    code = compile(source, _TOOL, 'exec')
    _linecache.cache[_TOOL] = (len(source), None, source.splitlines(True), _TOOL)
    exec(code, names)
    value = names[call['name']](**arguments)
    if _inspect.isawaitable(value):
        value = _run_coroutine(_awaited(value))
    return value


async def _awaited(value):
    return await value


def _error_of(error, limit):
    if isinstance(error, _OutputLimit):
        return {'type': 'output_limit', 'message': str(error), 'line': _line_of(error)}
    if isinstance(error, _Failed):
        return {'type': error.kind, 'message': str(error), 'line': error.line}
    if isinstance(error, _NeverResolves):
        return {'type': 'never_resolved', 'message': str(error), 'line': None}
    if isinstance(error, MemoryError):
        return {'type': 'memory_limit', 'message': 'the call needs more memory than it may have', 'line': _line_of(error)}
    return _failure(error)


def _af_run(text):
    """Takes and gives JSON: {source, name, arguments (as JSON text), outputBytes} in, {ok, result, error, logs} out."""
    call = _json.loads(text)
    limit = call['outputBytes']
    log = _Log(limit)
    _sys.stdout = _sys.stderr = log
    result, error = 'null', None
    try:
        value = _call(call)
        result = _result_text(value, limit - log.size)
    except BaseException as caught:  # noqa: B902 - SystemExit and KeyboardInterrupt end the tool, not the sandbox
        error = _error_of(caught, limit)
    if log.exceeded:
        message = 'the call printed more than %d characters' % limit
        result, error = 'null', {'type': 'output_limit', 'message': message, 'line': error and error['line']}
    return '{"ok":%s,"result":%s,"error":%s,"logs":%s}' % (
        'true' if error is None else 'false', result, _json.dumps(error), _json.dumps(log.text()))


def _described(doc):
    """Descriptions of parameters in the Google, NumPy-like and Sphinx styles."""
    found = {}
    for match in _re.finditer(r'^[ \t]*(?::param\s+(?:\w+\s+)?(\w+):|(\w+)[ \t]*(?:\([^)\n]*\))?[ \t]*:)[ \t]*(\S.*)$', doc or '', _re.M):
        found.setdefault(match.group(1) or match.group(2), match.group(3).strip())
    return found


def _af_inspect(text):
    source = _json.loads(text)['source']
    try:
        tree = _ast.parse(source, _TOOL)
        compile(source, _TOOL, 'exec')
    except SyntaxError as error:
        return _json.dumps({'problem': 'does not compile: %s' % error.msg, 'line': error.lineno})
    except (ValueError, RecursionError, MemoryError) as error:
        return _json.dumps({'problem': 'does not compile: %s' % (str(error) or type(error).__name__), 'line': None})
    functions = [node for node in tree.body if isinstance(node, (_ast.FunctionDef, _ast.AsyncFunctionDef))]
    if len(functions) != 1:
        second = functions[1].lineno if len(functions) > 1 else None
        names = ', '.join(node.name for node in functions[:5]) or 'none'
        return _json.dumps({'problem': 'must hold exactly one top-level function, holds %d (%s)' % (len(functions), names), 'line': second})
    function = functions[0]
    doc = _ast.get_docstring(function) or ''
    texts = _described(doc)
    args = function.args
    if args.posonlyargs:
        return _json.dumps({'problem': 'parameters are passed by name; `/` makes %s positional only' % args.posonlyargs[0].arg, 'line': function.lineno})
    annotations = _Annotations(tree)
    properties, required = {}, []
    defaults = [None] * (len(args.args) - len(args.defaults)) + list(args.defaults)
    for argument, default in list(zip(args.args, defaults)) + list(zip(args.kwonlyargs, args.kw_defaults)):
        schema = annotations.schema(argument.annotation)
        if default is None:
            required.append(argument.arg)
        else:
            schema = _with_default(schema, default)
        if argument.arg in texts and 'description' not in schema:
            schema['description'] = texts[argument.arg]
        properties[argument.arg] = schema
    parameters = {'type': 'object', 'properties': properties, 'required': required,
                  'additionalProperties': args.kwarg is not None}
    return _json.dumps({
        'functionName': function.name,
        'isAsync': isinstance(function, _ast.AsyncFunctionDef),
        'parameters': parameters,
        'description': doc.split('\n\n')[0].strip() or None,
    })
