"""Elements of multi and multiRead, as the (op, body) pairs that `multi_request` takes."""

from lib.records import Op, path_version_request, path_watch_request, set_data_request
from lib.scenery import create_body


def create(path, flags=0, op=Op.CREATE, **fields) -> tuple:
    """A create element of any type; `fields` as for `create_body`."""
    return op, create_body(op, path, flags, **fields)


def delete(path, version=-1) -> tuple:
    """A delete element."""
    return Op.DELETE, path_version_request(path, version)


def set_data(path, data=b"", version=-1) -> tuple:
    """A setData element."""
    return Op.SET_DATA, set_data_request(path, data, version)


def check(path, version=-1) -> tuple:
    """A check element."""
    return Op.CHECK, path_version_request(path, version)


def get_data(path, watch=False) -> tuple:
    """A getData element of multiRead."""
    return Op.GET_DATA, path_watch_request(path, watch)


def get_children(path, watch=False) -> tuple:
    """A getChildren element of multiRead."""
    return Op.GET_CHILDREN, path_watch_request(path, watch)
