"""In: a client's websocket. Out: the same, closed for good."""

from __future__ import annotations

import asyncio

from tornado.websocket import WebSocketClientConnection

#: Seconds that the other side may take to say goodbye.
PATIENCE = 120


async def closed(connection: WebSocketClientConnection) -> None:
    """Close a connection and wait for the other side, so that no socket outlives the event loop."""
    connection.close()

    async def goodbye() -> None:
        while await connection.read_message() is not None:
            pass

    await asyncio.wait_for(goodbye(), PATIENCE)
