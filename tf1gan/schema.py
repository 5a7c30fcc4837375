"""Schemas: what a JSON file may hold, as plain data beside its reader. NumPy only.

    int, float, str, bool   a value of that type; a whole number is a float too
    range(1, 10)            a whole number in it
    None                    null
    {'Adam', 'SGD'}         one of these
    (a, b)                  either, of two types
    [a]                     a list of such
    [a, b]                  a list of two, an a and a b
    {'x': a, '~y': b}       an object with x, and perhaps y; other names are free
    {str: a}                an object with such values, whatever their names
    object                  anything
"""

import json
from typing import Any

DEEPEST = 50        # lists and objects in one another
SIZE, COUNT = range(1, 2 ** 31), range(2 ** 53)
WORDS = {int: 'a whole number', float: 'a number', str: 'text', bool: 'true or false',
         dict: 'an object', list: 'a list', type(None): 'null'}


def loads(text: str) -> Any:
    """Return what a JSON text holds.

    Raises: ValueError when it is not JSON, or too deep.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError('lists in lists without end')
    level = [value]
    for _ in range(DEEPEST):
        level = [each for holder in level if isinstance(holder, (dict, list))
                 for each in (holder.values() if isinstance(holder, dict) else holder)]
    if level:
        raise ValueError(f'lists or objects {DEEPEST} deep')
    return value


def check(value: Any, schema: Any, name: str = '') -> None:
    """Check a value against its schema; `name` is the value's, for the message.

    Raises: ValueError when they do not fit.
    """
    either = schema if isinstance(schema, tuple) else (schema,)
    fits = [each for each in either if _fits(value, each)]
    if not fits:
        raise ValueError(f'{name or "all"} {value!r}'[:80] + ', not '
                         + ' or '.join(map(_in_words, either)))
    if isinstance(fits[0], list):
        for n, part in enumerate(value):
            check(part, fits[0][n % len(fits[0])], f'{name}[{n}]')
    for key, part in fits[0].items() if isinstance(fits[0], dict) else ():
        bare = [*value] if key is str else [key.lstrip('~')]
        if key is not str and bare[0] == key and key not in value:
            raise ValueError(f'{name or "one"} without {key!r}')
        for each in set(bare) & set(value):
            check(value[each], part, f'{name}.{each}'.lstrip('.'))


def _fits(value: Any, schema: Any) -> bool:
    """Return whether a value is of a schema's type, whatever is inside it."""
    if isinstance(schema, dict):
        return isinstance(value, dict)
    if isinstance(schema, list):
        return isinstance(value, (list, tuple)) and len(schema) in (1, len(value))
    if isinstance(value, bool):     # which is an int to Python
        return schema in (bool, object)
    if isinstance(schema, set):
        return isinstance(value, (str, int)) and value in schema
    if isinstance(schema, range) or schema in (int, float) and isinstance(value, int):
        return isinstance(value, int) and value in (
            schema if isinstance(schema, range) else range(-2 ** 53, 2 ** 53))
    return value is None if schema is None else isinstance(value, schema)


def _in_words(schema: Any) -> str:
    if isinstance(schema, range):
        return f'a whole number from {schema[0]} to {schema[-1]}'
    if isinstance(schema, set):
        return ' or '.join(sorted(map(str, schema)))
    if isinstance(schema, list) and len(schema) > 1:
        return f'a list of {len(schema)}'
    return WORDS[schema if isinstance(schema, type) else type(schema)]
