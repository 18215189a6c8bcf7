"""The part of JSON Schema that the docs use."""

TYPES = dict(
    object=dict,
    array=list,
    string=str,
    integer=int,
    number=(int, float),
    boolean=bool,
    null=type(None),
)


def errors(value, root, schema):
    """What is wrong with a value, each a line.

    Args:
        value: Plain data.
        root: The whole schema, for references.
        schema: That of the value.
    """
    if '$ref' in schema:
        schema = root['$defs'][schema['$ref'].removeprefix('#/$defs/')]
    if 'anyOf' in schema:
        tried = [errors(value, root, one) for one in schema['anyOf']]
        return [] if [] in tried else [f'none of {len(tried)}: {tried}']
    found = []
    types = schema.get('type', [])
    types = [types] if isinstance(types, str) else types
    if types and not any(_is(value, name) for name in types):
        return [f'{str(value)[:60]} is no {types}']
    if 'const' in schema and value != schema['const']:
        found.append(f'{value!r} is not {schema["const"]!r}')
    if 'enum' in schema and value not in schema['enum']:
        found.append(f'{value!r} is none of {schema["enum"]}')
    if 'minimum' in schema and isinstance(value, (int, float)):
        if value < schema['minimum']:
            found.append(f'{value!r} is below {schema["minimum"]}')
    if isinstance(value, list):
        if not schema.get('minItems', 0) <= len(value) <= schema.get('maxItems', 1e9):
            found.append(f'{len(value)} items')
        for item in value:
            found += errors(item, root, schema.get('items', {}))
    if isinstance(value, dict):
        properties = schema.get('properties', {})
        found += [
            f'{key} is missing'
            for key in schema.get('required', ())
            if key not in value
        ]
        for key, item in value.items():
            rest = schema.get('additionalProperties', {})
            if rest is False and key not in properties:
                found.append(f'{key} is unknown')
            found += errors(item, root, properties.get(key, rest or {}))
    return found


def _is(value, name):
    return isinstance(value, TYPES[name]) and not (
        isinstance(value, bool) and name in ('integer', 'number')
    )
