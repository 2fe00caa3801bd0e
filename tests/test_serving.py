"""`uv run app.py` for real: the shop and its companions start, are healthy and stop together, or say why not."""

from __future__ import annotations

import html
import json
import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import requests

from shop.hosts import in_url, listening_addresses
from shop.settings import ROOT

PATIENCE = 60
"""Seconds until a program that does not answer is given up."""
NOT_INHERITED = ("SHOP_", "OPENAI_", "DATABASE_URL", "PORT", "HOST")


class Program:
    """One `app.py` in a process of its own, on three ports and a data folder of its own."""

    def __init__(self, data_dir: Path, port: int | None = None, **environment: str) -> None:
        self.port = port or free_ports()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
        self.environment = inherited | {"PORT": str(self.port), "SHOP_DATA_DIR": str(data_dir)} | environment
        self.process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._watchdog = threading.Timer(PATIENCE, self.process.kill)
        self._watchdog.start()

    @property
    def url(self) -> str:
        """Where the shop is."""
        return f"http://localhost:{self.port}"

    def wait_until_open(self) -> str:
        """Wait for the welcome. Returns what was said until then; raises when the program ended instead."""
        said = ""
        assert self.process.stdout
        for line in self.process.stdout:
            said += line
            if "Ctrl+C stops all of it" in line:
                self._watchdog.cancel()
                return said
        raise AssertionError(said)

    def wait_until_over(self) -> tuple[int, str]:
        """Wait for the end. Returns the exit status and what was said."""
        said, _ = self.process.communicate(timeout=PATIENCE)
        self._watchdog.cancel()
        return self.process.returncode, said

    def health(self) -> list[int]:
        """The answers of the three health checks."""
        return [requests.get(f"http://127.0.0.1:{self.port + i}/healthz", timeout=5).status_code for i in range(3)]

    def kill(self) -> None:
        """Whatever happened, leave nothing behind."""
        self._watchdog.cancel()
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


@contextmanager
def program(data_dir: Path, port: int | None = None, **environment: str) -> Iterator[Program]:
    """A program that is gone in the end."""
    started = Program(data_dir, port, **environment)
    try:
        yield started
    finally:
        started.kill()


def is_free(port: int) -> bool:
    """Whether nobody listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def free_ports() -> int:
    """The first of three consecutive ports that nobody listens on."""
    return next(p for p in iter(lambda: random.randrange(20_000, 30_000), 0) if all(is_free(p + i) for i in range(3)))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """One running shop for the tests that only look at it. In the end SIGTERM stops it, with all that it started."""
    with program(tmp_path_factory.mktemp("running")) as started:
        said = started.wait_until_open()
        assert started.url in said and "sofia.hart@acme.example" in said
        yield started
        started.process.send_signal(signal.SIGTERM)
        status, said = started.wait_until_over()
        assert status == 0 and "Traceback" not in said, said
        assert [is_free(started.port + index) for index in range(3)] == [True, True, True]


def sign_in(shop: Program, email: str) -> requests.Session:
    """A browser that signs in over the wire, from the sign-in page through the provider and back."""
    browser = requests.Session()
    page = browser.get(f"{shop.url}/sign-in", timeout=10).text
    leaving = browser.post(f"{shop.url}/sign-in", data={"email": email, "csrf_token": token_in(page)}, timeout=10)
    to = re.search(r'content="0;\s*url=([^"]+)"', leaving.text, re.I)
    assert to, leaving.text
    picker = browser.get(html.unescape(to.group(1)), timeout=10)
    action = re.search(r'<form method="post" action="([^"]+)"', picker.text)
    name = email.partition("@")[0].replace(".", " ").title()
    card = next(c for c in re.findall(r'<button class="card.*?</button>', picker.text, re.S) if name in c)
    person = re.search(r'value="([^"]+)"', card)
    assert action and person
    origin = "/".join(picker.url.split("/")[:3])
    back = browser.post(origin + html.unescape(action.group(1)), data={"person": person.group(1)}, timeout=10)
    assert back.url == f"{shop.url}/", back.text
    return browser


def token_in(page: str) -> str:
    """The token of a page's forms."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return found.group(1)


def test_shop_and_companions_are_healthy_and_separate(running: Program) -> None:
    """The shop and both identity providers answer on their ports, ready and with their own names."""
    assert running.health() == [200, 200, 200]
    assert requests.get(f"{running.url}/readyz", timeout=5).json() == {"status": "ok"}
    for index in (1, 2):
        origin = f"http://127.0.0.1:{running.port + index}"
        document = requests.get(f"{origin}/.well-known/openid-configuration", timeout=5).json()
        assert document["issuer"] == origin


def test_a_person_signs_in_over_the_wire(running: Program) -> None:
    """From the e-mail through the company's provider and back, with real processes on real ports."""
    browser = sign_in(running, "sofia.hart@acme.example")
    assert "Sofia Hart" in browser.get(f"{running.url}/sessions", timeout=10).text


def test_a_second_instance_runs_beside_the_first_and_stops_alone(running: Program, tmp_path: Path) -> None:
    """On other ports and another folder: both work; Ctrl+C ends the second with all it started, and only that."""
    with program(tmp_path) as second:
        second.wait_until_open()
        first_browser = sign_in(running, "sofia.hart@acme.example")
        first_browser.cookies.update(sign_in(second, "noah.lind@acme.example").cookies)
        pages = [first_browser.get(f"{shop.url}/sessions", timeout=10).text for shop in (running, second)]
        assert "Sofia Hart" in pages[0] and "Noah Lind" in pages[1], "cookies of two shops on one host do not mix"
        os.killpg(second.process.pid, signal.SIGINT)  # a terminal tells the whole group
        status, said = second.wait_until_over()
        assert status in {0, 130} and "Traceback" not in said and "Fatal" not in said, said
        assert [is_free(second.port + index) for index in range(3)] == [True, True, True]
    assert running.health() == [200, 200, 200]


def test_stopping_it_in_mid_start_leaves_nothing_behind(tmp_path: Path) -> None:
    """Told to stop while the companions are starting, it stops them too, without a trace on the terminal."""
    with program(tmp_path) as started:
        while is_free(started.port + 1):
            with pytest.raises(subprocess.TimeoutExpired):
                started.process.wait(0.02)
        started.process.send_signal(signal.SIGTERM)
        _, said = started.wait_until_over()
        assert [is_free(started.port + index) for index in range(3)] == [True, True, True]
        assert "Traceback" not in said, said


def test_after_kill_9_it_starts_again_at_once(tmp_path: Path) -> None:
    """Nothing tells the companions that the shop is gone but the kernel: they end, and their ports are free for the next start."""
    with program(tmp_path) as killed:
        killed.wait_until_open()
        killed.process.kill()
        killed.process.wait(PATIENCE)
        with program(tmp_path, killed.port) as again:
            again.wait_until_open()
            assert again.health() == [200, 200, 200]
            again.process.send_signal(signal.SIGTERM)
            assert again.wait_until_over()[0] == 0


def test_both_loopback_addresses_are_the_shop(running: Program) -> None:
    """Clients try one or the other first for `localhost`; no other program can answer on the one that is left."""
    addresses = listening_addresses("localhost")
    assert "127.0.0.1" in addresses
    for address in addresses:
        for index in range(3):
            where = f"http://{in_url(address)}:{running.port + index}/healthz"
            assert requests.get(where, timeout=PATIENCE).status_code == 200, where


def test_slow_connections_do_not_stop_the_program(running: Program) -> None:
    """More than there are threads, in the middle of a header and of a body, and two hundred that say nothing: pages are served."""
    beginnings = [
        b"GET / HTTP/1.1\r\nHost: x\r\nX",
        b"POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
        b"",
    ]
    with ExitStack() as stack:
        for beginning, count in zip(beginnings, (80, 80, 200), strict=True):
            for _ in range(count):
                connection = socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE)
                stack.enter_context(connection).sendall(beginning)
        assert requests.get(f"{running.url}/healthz", timeout=PATIENCE).status_code == 200
        assert "Context" in requests.get(running.url, timeout=PATIENCE).text


def test_a_body_that_is_too_large_is_answered(running: Program) -> None:
    """5 MB to `/mcp` and to a page: the client reads the answer, in the form that it understands, and not a broken connection."""
    large = b"x" * 5_000_000
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    answers = [
        requests.post(f"{running.url}/oauth/token", data=large, headers=headers, timeout=PATIENCE),
        requests.post(f"{running.url}/sign-in", data=large, headers={"Origin": running.url}, timeout=PATIENCE),
    ]
    assert [answer.status_code for answer in answers] == [413, 413]
    assert answers[0].json()["error"] == "invalid_request" and "too much at once" in answers[1].text
    refused = requests.post(f"{running.url}/mcp", data=large, headers=headers, timeout=PATIENCE)
    assert refused.status_code == 401 and refused.json()["error"], "whoever asks comes first, and is told too"


@pytest.mark.parametrize("taken", [0, 2])
def test_a_port_in_use_is_said_in_a_sentence(running: Program, tmp_path: Path, taken: int) -> None:
    """The shop's own port or a companion's: exit status 1, which port, and what to do. What runs goes on."""
    port = running.port if taken == 0 else running.port - taken
    with program(tmp_path, port) as started:
        status, said = started.wait_until_over()
    assert status == 1
    assert said == f"Port {running.port} is in use. Stop what uses it, or choose others: PORT=6000 uv run app.py\n"
    assert running.health() == [200, 200, 200]


@pytest.mark.holds("I15")
def test_the_demo_providers_refuse_to_run_where_others_can_come(tmp_path: Path) -> None:
    """Bound to every interface without a presenter code: nothing starts, and it says why."""
    with program(tmp_path, HOST="0.0.0.0") as started:
        status, said = started.wait_until_over()
        assert status == 1
        assert "lets anyone in as anyone" in said and "set a presenter code" in said
        assert "so the shop did not either" in said and "Traceback" not in said
        assert [is_free(started.port + index) for index in range(3)] == [True, True, True]


def test_a_setting_that_makes_no_sense_is_said_in_a_sentence(tmp_path: Path) -> None:
    """A port that is none ends in one sentence and exit status 2, not in a stack trace."""
    with program(tmp_path, PORT="five thousand") as started:
        status, said = started.wait_until_over()
    assert (status, said.count("\n")) == (2, 1) and said.startswith("PORT must be a number from 1 to 65000")
    environment, _port = own_environment(tmp_path)
    command = flask(environment | {"PORT": "five thousand"}, "oauth", "clients")
    assert (command.returncode, command.stdout, command.stderr) == (1, "", said)


def flask(environment: dict[str, str], *arguments: str, says: str = "") -> subprocess.CompletedProcess[str]:
    """Run one of the shop's commands to its end."""
    return subprocess.run(
        [sys.executable, "-m", "flask", *arguments],
        cwd=ROOT,
        env=environment,
        input=says,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


PLAYS = ("chat", "--as", "gil", "--script", "-", "--json")


def own_environment(data_dir: Path) -> tuple[dict[str, str], int]:
    """The environment of a program that nothing runs beside, and its first port."""
    port = free_ports()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
    return inherited | {"PORT": str(port), "SHOP_DATA_DIR": str(data_dir)}, port


def test_the_chat_in_a_terminal_runs_beside_the_shop(running: Program) -> None:
    """`flask chat` signs in at the providers that run, and leaves them running; its conversation is on the page too."""
    done = flask(running.environment, "chat", "--as", "sofia", "--script", "-", "--json", says="black hoodies in L\n")
    assert (done.returncode, done.stderr) == (0, "")
    (turn,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert turn["calls"][0]["outcome"] == "succeeded" and turn["reply"]
    assert running.health() == [200, 200, 200]
    browser = sign_in(running, "sofia.hart@acme.example")
    assert "Black hoodies in L" in browser.get(f"{running.url}/assistant/", timeout=10).text


def test_the_chat_in_a_terminal_runs_alone(tmp_path: Path) -> None:
    """Where nothing runs it starts what it needs, says nothing else on standard output, and leaves nothing behind."""
    environment, port = own_environment(tmp_path)
    done = flask(environment, *PLAYS, says="hello\n# nothing\n\nthanks\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line)["message"] for line in done.stdout.splitlines()] == ["hello", "thanks"]
    assert [is_free(port + index) for index in range(3)] == [True, True, True]


def test_the_chat_in_a_terminal_takes_its_companion_along_when_it_is_ended(tmp_path: Path) -> None:
    """Told to end in the middle, it signs out and stops what it started."""
    environment, port = own_environment(tmp_path)
    command = [sys.executable, "-m", "flask", *PLAYS]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running_chat:
        watchdog = threading.Timer(PATIENCE, running_chat.kill)
        watchdog.start()
        assert running_chat.stdin and running_chat.stdout
        running_chat.stdin.write(b"hello\n")
        running_chat.stdin.flush()
        assert json.loads(running_chat.stdout.readline())["reply"]
        running_chat.terminate()
        _, complaints = running_chat.communicate()
        watchdog.cancel()
    assert (running_chat.returncode, complaints) == (128 + signal.SIGTERM, b"")
    assert [is_free(port + index) for index in range(3)] == [True, True, True]


IN_A_FINALIZER = """
import os, signal, sys
from shop.commands import end_when_told

class Last:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)

end_when_told()
last = Last()
del last
sys.stdin.read()
"""


def test_the_word_to_end_is_heard_in_a_finalizer_too() -> None:
    """There the interpreter drops whatever is raised: the program ends all the same, and says nothing."""
    with subprocess.Popen(
        [sys.executable, "-c", IN_A_FINALIZER], cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program_that_waits:
        assert program_that_waits.wait(PATIENCE) == 128 + signal.SIGTERM
        assert program_that_waits.stderr and program_that_waits.stderr.read() == b""


def test_reset_brings_the_first_day_back_while_the_server_runs(running: Program) -> None:
    """`flask reset` beside the running server: sessions end, the cart is empty, and the next person comes right in."""
    browser = sign_in(running, "sofia.hart@acme.example")
    form = {"sku": "long-context-hoodie-black-l", "quantity": "1"}
    form["csrf_token"] = token_in(browser.get(f"{running.url}/sessions", timeout=10).text)
    cart = browser.post(f"{running.url}/cart/add", data=form, headers={"Referer": running.url}, timeout=10)
    assert cart.status_code == 200 and "Long Context" in cart.text
    done = flask(running.environment, "reset")
    assert done.returncode == 0 and "as it was on its first day" in done.stdout, done.stderr
    assert browser.get(f"{running.url}/cart", timeout=10).url.startswith(f"{running.url}/sign-in")
    again = sign_in(running, "sofia.hart@acme.example")
    assert "Nothing in it yet." in again.get(f"{running.url}/cart", timeout=10).text
    assert running.health() == [200, 200, 200]


def test_a_database_of_an_earlier_version_is_told_in_a_sentence(tmp_path: Path) -> None:
    """One that no known version made, so that nothing can upgrade it, is neither read nor changed."""
    with sqlite3.connect(tmp_path / "shop.db") as old:
        old.execute("CREATE TABLE products (slug TEXT PRIMARY KEY, name TEXT)")
    with program(tmp_path) as started:
        status, said = started.wait_until_over()
    assert (status, said.count("\n")) == (1, 1) and "made by an earlier version" in said and str(tmp_path) in said
