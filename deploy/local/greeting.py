"""Ask a broker for its versions: the smallest question that only a ready Kafka answers."""

import socket
import struct

from deploy.local.ports import HOST

_CORRELATION = 17
_API_VERSIONS = struct.pack(">hhih", 18, 0, _CORRELATION, -1)  # key, version, correlation id, no client id
_ANSWER_SECONDS = 2.0


def broker_answers(port: int) -> bool:
    """Whether a Kafka broker at this port takes requests now."""
    try:
        with socket.create_connection((HOST, port), timeout=_ANSWER_SECONDS) as connection:
            connection.sendall(struct.pack(">i", len(_API_VERSIONS)) + _API_VERSIONS)
            with connection.makefile("rb") as answer:
                head = answer.read(10)  # size, correlation id, error code
    except OSError:
        return False
    return len(head) == 10 and struct.unpack(">ih", head[4:]) == (_CORRELATION, 0)
