import subprocess
import sys
import textwrap

NOWHERE = textwrap.dedent("""
    import asyncio, gc
    from dataclasses import replace
    from rich.console import Console
    from agents.demonstration import Demonstration
    from streams.settings import Places, WebSettings, read_settings
    from streams.web import Web

    async def visit():
        settings = replace(read_settings(), places=Places(kafka="127.0.0.1:1"))
        show = Demonstration(settings, [], Console(quiet=True), stay=True)
        show.web = Web(WebSettings(), [], lambda: True)
        await show.start()
        await asyncio.wait_for(show.wait_until_stopped(), 20)
        await show.stop()
        print("ended for", type(show.crash_reason).__name__)

    asyncio.run(visit())
    gc.collect()
    """)
"""A demonstration whose broker is away, in a process of its own: pytest keeps what is logged, and so the clients."""


def test_a_demonstration_whose_broker_is_away_ends_and_leaves_nothing_open() -> None:
    done = subprocess.run([sys.executable, "-c", NOWHERE], capture_output=True, text=True, timeout=60, check=False)
    assert "ended for KafkaConnectionError" in done.stdout, done.stderr
    assert "Unclosed" not in done.stderr
