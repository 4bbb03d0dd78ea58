from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from warm import WARM

from engine.errors import Cancelled
from engine.models import mlx_thread

ROOT = Path(__file__).resolve().parents[2]

TRAIN_AND_GENERATE = """
import sys, pathlib
from engine.models import mlx_thread
from engine.models.loading import load
from engine.models.decoding import Sampling, decode

loaded = load(pathlib.Path(sys.argv[1]))

def train():
    import mlx.core as mx, mlx.nn as nn, mlx.optimizers as optim
    tokens = mx.array([loaded.tokenizer.encode("The gears of the world turn.", add_special_tokens=False)])
    step = nn.value_and_grad(loaded.model, lambda m: nn.losses.cross_entropy(m(tokens[:, :-1]), tokens[:, 1:]).mean())
    optimizer = optim.Adam(learning_rate=1e-2)
    losses = []
    for _ in range(5):
        loss, gradients = step(loaded.model)
        optimizer.update(loaded.model, gradients)
        mx.eval(loaded.model.parameters(), optimizer.state, loss)
        losses.append(loss.item())
        mlx_thread.serve_waiting()
    return losses

losses = mlx_thread.run(train)
assert losses[-1] < losses[0], losses
prompt = loaded.tokenizer.encode("The gears", add_special_tokens=False)
texts = decode(loaded.model, loaded.tokenizer, [prompt] * 2, max_tokens=8, sampling=Sampling(), seed=1)
assert all(text.tokens for text in texts)
"""

COMPUTE = """
import sys
from engine.models import mlx_thread

def work():
    import mlx.core as mx
    weights = mx.random.normal((64, 64))
    for _ in range(5):
        weights = weights - 0.1 * mx.grad(lambda w: (w @ w).square().mean())(weights)
        mx.eval(weights)
    return weights

kept = mlx_thread.run(work)
"""


def test_calls_run_on_one_thread_and_bring_their_results_back() -> None:
    names = {mlx_thread.run(lambda: threading.current_thread().name) for _ in range(3)}
    assert names == {"mlx"}
    assert mlx_thread.run(lambda a, b: a + b, 2, b=3) == 5
    assert mlx_thread.run(lambda: mlx_thread.run(mlx_thread.is_current))  # on the thread already: a plain call


def test_an_exception_reaches_the_caller() -> None:
    def fail() -> None:
        raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        mlx_thread.run(fail)
    assert mlx_thread.run(lambda: 1) == 1


def test_an_owned_function_runs_on_the_thread_whoever_calls_it() -> None:
    @mlx_thread.owned
    def where() -> bool:
        return mlx_thread.is_current()

    assert where()
    assert not mlx_thread.is_current()


def test_short_calls_are_answered_between_the_steps_of_long_work_and_others_wait() -> None:
    order: list[str] = []
    started, asked = threading.Event(), threading.Event()

    def long() -> None:
        started.set()
        assert asked.wait(5)
        for step in range(3):
            order.append(f"step {step}")
            mlx_thread.serve_waiting()
            assert mlx_thread.serve_waiting() == 0

    def nested() -> int:
        order.append("answer")
        return mlx_thread.serve_waiting()  # answers never nest

    running = mlx_thread.submit(long)
    assert started.wait(5)
    after = mlx_thread.submit(order.append, "after")
    answer: Future[int] = mlx_thread.submit(nested, between_steps=True)
    mlx_thread.submit(nested, between_steps=True)
    asked.set()
    running.result(5)
    after.result(5)
    assert answer.result(5) == 0
    assert order == ["step 0", "answer", "answer", "step 1", "step 2", "after"]


def test_a_failing_answer_does_not_disturb_the_work_around_it() -> None:
    def fail() -> None:
        raise ValueError("no such passage")

    started, asked = threading.Event(), threading.Event()

    def long() -> int:
        started.set()
        asked.wait(5)
        return mlx_thread.serve_waiting()

    running = mlx_thread.submit(long)
    assert started.wait(5)
    answer = mlx_thread.submit(fail, between_steps=True)
    asked.set()
    assert running.result(5) == 1
    with pytest.raises(ValueError, match="passage"):
        answer.result(5)


def test_a_call_given_up_before_it_began_is_never_made() -> None:
    made: list[int] = []
    hold = threading.Event()
    running = mlx_thread.submit(hold.wait, 5)
    waiting = mlx_thread.submit(made.append, 1)
    waiting.cancel()
    hold.set()
    running.result(5)
    assert mlx_thread.run(lambda: len(made)) == 0


def python(code: str, *arguments: str, by: tuple[str, ...] = (sys.executable,)) -> subprocess.CompletedProcess[str]:
    command = [*by, "-c", code, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_a_process_that_trained_and_generated_ends_cleanly_six_times_of_six(tiny_model: Path) -> None:
    with ThreadPoolExecutor(2) as two_at_a_time:
        ways = [(sys.executable,), WARM, WARM] * 2
        ended = list(two_at_a_time.map(lambda by: python(TRAIN_AND_GENERATE, str(tiny_model), by=by), ways))
    assert [(one.returncode, one.stderr) for one in ended] == [(0, "")] * 6


@pytest.mark.parametrize(
    ("ending", "code", "last_line"),
    [
        ("raise ValueError('broken')", 1, "ValueError: broken"),
        ("sys.exit(7)", 7, ""),
        ("raise KeyboardInterrupt", -signal.SIGINT, "KeyboardInterrupt"),
        ("mlx_thread.shutdown()", 0, ""),
    ],
)
def test_other_ways_to_end_keep_their_exit_code(ending: str, code: int, last_line: str) -> None:
    ended = python(COMPUTE + ending)
    assert ended.returncode == code
    assert (ended.stderr.strip().splitlines() or [""])[-1] == last_line


INTERRUPTED = """
import time
from engine.models import mlx_thread
def work():
    import mlx.core as mx
    total = mx.zeros((8, 8))
    print("started", flush=True)
    while True:
        total = total + 1
        mx.eval(total)
        time.sleep(0.01)
        mlx_thread.serve_waiting()
try:
    mlx_thread.run(work)
finally:
    print("over", flush=True)
"""


def test_ctrl_c_while_waiting_stops_the_work_and_the_process() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert time.monotonic() - begun < 10
    assert out == "over\n"
    assert err.strip().endswith("KeyboardInterrupt")
    assert process.returncode == -signal.SIGINT


def test_ctrl_c_that_does_not_wake_whoever_waits_is_seen_all_the_same() -> None:
    """As one that comes just before the caller goes to sleep, which the system does not wake it for either."""
    code = INTERRUPTED.replace(
        'print("started", flush=True)',
        "import signal, threading; signal.pthread_kill(threading.get_ident(), signal.SIGINT)",
    )
    ended = python(code)
    assert (ended.returncode, ended.stdout) == (-signal.SIGINT, "over\n")


def test_work_whose_process_is_ending_is_told_to_stop() -> None:
    code = """
import threading, sys
from engine.errors import Cancelled
from engine.models import mlx_thread
started = threading.Event()
def work():
    started.set()
    try:
        while True:
            mlx_thread.serve_waiting()
    except Cancelled:
        print("told")
        raise
mlx_thread.submit(work)
started.wait()
"""
    ended = python(code)
    assert (ended.returncode, ended.stdout) == (0, "told\n")


def test_cancelled_work_is_cancelled_for_its_caller() -> None:
    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        mlx_thread.run(stop)
