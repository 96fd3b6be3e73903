"""Reads annotations of Python as JSON Schema. Runs before harness.py, in the same namespace; never evaluates foreign code."""
import ast as _ast
import json as _json

_STRINGS = ('str', 'date', 'datetime', 'time', 'UUID', 'Text', 'LiteralString', 'AnyStr')
_ARRAYS = ('list', 'List', 'tuple', 'Tuple', 'set', 'Set', 'frozenset', 'FrozenSet', 'AbstractSet', 'MutableSet', 'Sequence',
           'MutableSequence', 'Iterable', 'Iterator', 'Collection', 'deque', 'Deque')
_OBJECTS = ('dict', 'Dict', 'Mapping', 'MutableMapping', 'OrderedDict', 'defaultdict', 'DefaultDict', 'Counter')
_KINDS = {'int': 'integer', 'float': 'number', 'bool': 'boolean', 'Decimal': 'number', 'Number': 'number', 'None': 'null',
          'NoneType': 'null', **dict.fromkeys(_STRINGS, 'string'), **dict.fromkeys(_ARRAYS, 'array'),
          **dict.fromkeys(_OBJECTS, 'object')}
_WRAPPERS = ('Required', 'NotRequired', 'ReadOnly', 'Final', 'ClassVar')
# Models take schemas of a few levels; what is deeper, or would be larger, is left open.
_DEPTH = 8
_NODES = 500
# Beyond it JSON readers change the number (IEEE 754 doubles).
_EXACT = 2 ** 53 - 1


def _is_exact(value):
    """Whether a value comes through JSON as it is: no integer beyond the doubles, no half of a character."""
    if isinstance(value, str):
        return not any('\ud800' <= letter <= '\udfff' for letter in value)
    if isinstance(value, (list, tuple)):
        return all(map(_is_exact, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_exact(key) and _is_exact(item) for key, item in value.items())
    return not isinstance(value, int) or abs(value) <= _EXACT


def _name_of(node):
    if isinstance(node, _ast.Name):
        return node.id
    if isinstance(node, _ast.Attribute):
        return node.attr
    if isinstance(node, _ast.Constant) and node.value is None:
        return 'None'
    return None


def _kinds_of(schema):
    kinds = schema.get('type', [])
    return kinds if isinstance(kinds, list) else [kinds]


def _typed(kinds):
    kinds = list(dict.fromkeys(kinds))
    return {'type': kinds[0] if len(kinds) == 1 else kinds}


def _union(schemas):
    """One schema for all alternatives; open when one of them is."""
    flat = []
    for schema in schemas:
        for part in schema['anyOf'] if set(schema) == {'anyOf'} else [schema]:
            if not part:
                return {}
            if part not in flat:
                flat.append(part)
    plain = [kind for schema in flat if set(schema) == {'type'} for kind in _kinds_of(schema)]
    rest = [schema for schema in flat if set(schema) != {'type'}]
    if not rest:
        return _typed(plain)
    if not plain:
        return rest[0] if len(rest) == 1 else {'anyOf': rest}
    return {'anyOf': rest + [_typed(plain)]}


def _nullable(schema):
    if not schema or 'null' in _kinds_of(schema):
        return schema
    if 'enum' in schema:
        return schema if None in schema['enum'] else {**schema, 'enum': schema['enum'] + [None]}
    if 'anyOf' in schema:
        if any('null' in _kinds_of(part) or None in part.get('enum', []) for part in schema['anyOf']):
            return schema
        return {**schema, 'anyOf': schema['anyOf'] + [{'type': 'null'}]}
    return {**schema, 'type': _kinds_of(schema) + ['null']} if 'type' in schema else schema


def _array(items):
    return {'type': 'array', 'items': items}


def _literal(nodes):
    """Literal values that JSON has, each once; open when there is another."""
    values, seen = [], set()
    for node in nodes:
        try:
            value = _ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return {}
        if not (value is None or isinstance(value, (str, int))) or not _is_exact(value):
            return {}
        key = _json.dumps(value)
        if key not in seen:
            seen.add(key)
            values.append(value)
    return {'enum': values} if values else {}


class _Annotations:
    """What the names of a source stand for: aliases, NewType and TypedDict, without running it."""

    def __init__(self, tree):
        self.names, self.open, self.nodes = {}, set(), 0
        for node in tree.body:
            if isinstance(node, _ast.ClassDef):
                self.names[node.name] = node
            elif isinstance(node, _ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], _ast.Name):
                self.names[node.targets[0].id] = node.value
            elif isinstance(node, _ast.AnnAssign) and isinstance(node.target, _ast.Name) and node.value is not None:
                self.names[node.target.id] = node.value
            elif type(node).__name__ == 'TypeAlias' and not node.type_params:
                self.names[node.name.id] = node.value

    def schema(self, node, depth=0):
        """A JSON schema; empty, which accepts anything, for what JSON cannot say."""
        self.nodes += 1
        if node is None or depth > _DEPTH or self.nodes > _NODES:
            return {}
        if isinstance(node, _ast.Constant) and isinstance(node.value, str):
            return self._quoted(node.value, depth)
        if isinstance(node, _ast.BinOp) and isinstance(node.op, _ast.BitOr):
            return self._alternatives(node, depth)
        if isinstance(node, _ast.Subscript):
            inner = node.slice.elts if isinstance(node.slice, _ast.Tuple) else [node.slice]
            return self._generic(_name_of(node.value), inner, depth)
        name = _name_of(node)
        if name in self.names and isinstance(node, _ast.Name):
            return self._named(name, depth)
        kind = _KINDS.get(name)
        return _array({}) if kind == 'array' else {'type': kind} if kind else {}

    def _quoted(self, text, depth):
        try:
            return self.schema(_ast.parse(text.strip(), mode='eval').body, depth + 1)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return {}

    def _alternatives(self, node, depth):
        """A chain of `|` leans to the left, however long; it is read without a level for each."""
        found = []
        while isinstance(node, _ast.BinOp) and isinstance(node.op, _ast.BitOr):
            found.append(node.right)
            node = node.left
        return self._union(reversed(found + [node]), depth)

    def _union(self, nodes, depth):
        return _union([self.schema(node, depth + 1) for node in nodes])

    def _generic(self, outer, inner, depth):
        if outer == 'Optional':
            return _nullable(self.schema(inner[0], depth + 1))
        if outer == 'Union':
            return self._union(inner, depth)
        if outer == 'Literal':
            return _literal(inner)
        if outer == 'Annotated':
            return self._annotated(inner, depth)
        if outer in _WRAPPERS:
            return self.schema(inner[0], depth)
        if outer in ('tuple', 'Tuple'):
            return _array(self._union([node for node in inner if not self._is_ellipsis(node)], depth))
        if outer in _ARRAYS:
            return _array(self.schema(inner[0], depth + 1))
        if outer in _OBJECTS:
            values = self.schema(inner[1], depth + 1) if len(inner) == 2 else {'type': 'integer'} if outer == 'Counter' else {}
            return {'type': 'object', 'additionalProperties': values} if values else {'type': 'object'}
        return {}

    @staticmethod
    def _is_ellipsis(node):
        empty = isinstance(node, _ast.Tuple) and not node.elts
        return empty or isinstance(node, _ast.Constant) and node.value is ...

    def _annotated(self, inner, depth):
        schema = dict(self.schema(inner[0], depth + 1))
        for item in inner[1:]:
            text = item
            if isinstance(item, _ast.Call):
                named = [keyword.value for keyword in item.keywords if keyword.arg == 'description']
                text = (named or item.args or [None])[0]
            if isinstance(text, _ast.Constant) and isinstance(text.value, str) and _is_exact(text.value):
                schema['description'] = text.value
        return schema

    def _named(self, name, depth):
        if name in self.open:
            return {}
        self.open.add(name)
        try:
            return self._meaning(self.names[name], depth)
        finally:
            self.open.discard(name)

    def _meaning(self, node, depth):
        if isinstance(node, _ast.ClassDef):
            return self._typed_dict(node, depth)
        if not isinstance(node, _ast.Call):
            return self.schema(node, depth + 1)
        called = _name_of(node.func)
        if called == 'NewType' and len(node.args) == 2:
            return self.schema(node.args[1], depth + 1)
        if called == 'TypedDict' and len(node.args) == 2 and isinstance(node.args[1], _ast.Dict):
            fields = [(key.value, value) for key, value in zip(node.args[1].keys, node.args[1].values)
                      if isinstance(key, _ast.Constant) and isinstance(key.value, str)]
            return self._fields(fields, self._is_total(node.keywords), depth)
        return {}

    @staticmethod
    def _is_total(keywords):
        return not any(word.arg == 'total' and isinstance(word.value, _ast.Constant) and word.value.value is False
                       for word in keywords)

    def _typed_dict(self, node, depth):
        """Other classes get plain objects of JSON, which they are none: their form is left open."""
        bases = [_name_of(base) for base in node.bases]
        if 'TypedDict' not in bases:
            parents = [self._named(base, depth) for base in bases if base in self.names]
            if not parents or any('properties' not in parent for parent in parents):
                return {}
        else:
            parents = []
        own = self._fields([(line.target.id, line.annotation) for line in node.body
                            if isinstance(line, _ast.AnnAssign) and isinstance(line.target, _ast.Name)],
                           self._is_total(node.keywords), depth)
        properties = {}
        for schema in parents + [own]:
            properties.update(schema['properties'])
        return {'type': 'object', 'properties': properties,
                'required': list(dict.fromkeys(name for schema in parents + [own] for name in schema['required']))}

    def _fields(self, fields, total, depth):
        properties, required = {}, []
        for name, annotation in fields:
            wrapper = _name_of(annotation.value) if isinstance(annotation, _ast.Subscript) else None
            if wrapper == 'Required' or total and wrapper != 'NotRequired':
                required.append(name)
            properties[name] = self.schema(annotation, depth + 1)
        return {'type': 'object', 'properties': properties, 'required': required}


def _guess(value):
    if isinstance(value, (list, tuple)):
        return _array({})
    for kind, name in ((bool, 'boolean'), (int, 'integer'), (float, 'number'), (str, 'string'), (dict, 'object')):
        if isinstance(value, kind):
            return {'type': name}
    return {}


def _with_default(schema, node):
    """Defaults that JSON has are named; None may always be sent where it is the default."""
    try:
        value = _ast.literal_eval(node)
        _json.dumps(value, allow_nan=False)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return schema
    if value is None:
        return _nullable(schema)
    schema = schema or _guess(value)
    return {**schema, 'default': value} if _is_exact(value) else schema
