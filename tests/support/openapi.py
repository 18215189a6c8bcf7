"""Answers of a service against what its OpenAPI says of them."""

import re


def check_answer(spec, answer):
    """
    Args:
        spec: Of ``/openapi.json``.
        answer: To a request.

    Returns:
        Name of its operation; None if the request is of none.

    Raises:
        AssertionError: Its status, type or content is not what OpenAPI says.
    """
    from jsonschema import Draft202012Validator

    asked = answer.request.url.path
    for path in spec['paths']:
        if re.fullmatch(re.sub(r'\{\w+\}', '[^/]+', path), asked):
            break
    else:
        return None
    operation = spec['paths'][path][answer.request.method.lower()]
    answers = operation['responses']
    assert str(answer.status_code) in answers, (path, answer.status_code)
    content = answers[str(answer.status_code)].get('content', {})
    kind = answer.headers.get('content-type', '').partition(';')[0]
    assert kind in content or not (kind or content), (path, kind)
    if kind == 'application/json':
        schema = dict(content[kind]['schema'], components=spec['components'])
        Draft202012Validator(schema).validate(answer.json())
    return operation['operationId']
