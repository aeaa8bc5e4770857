"""Everything that a page does, as JSON (below /api), with an OpenAPI description at /api/openapi.json.

An endpoint is one statement (`statement.endpoint`): method, path, who may use it, the models of body, query and answer,
what it refuses, and whether it needs a version. Route, strict reading, answer and description are made from it. Who may
do what is asked of the same predicates as on the pages (I13).
"""
