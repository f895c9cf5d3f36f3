"""The kernels' thread team (csrc/team.h), in a small library of its own."""

import ctypes
import faulthandler
import multiprocessing
import os
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

CSRC = Path(__file__).parents[2] / "src" / "latchwork" / "kernels" / "csrc"
CXX = shlex.split(os.environ.get("CXX", "g++"))
FLAGS = ["-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", f"-I{CSRC}"]
MAX = 256

pytestmark = pytest.mark.skipif(shutil.which(CXX[0]) is None, reason=f"no C++ compiler {CXX[0]}")

SOURCE = r"""
#include <pthread.h>

#include <cerrno>

// Threads that the system refuses: all after the first `allowed`.
static int allowed = 1 << 30;
static int create_or_refuse(pthread_t* thread, const pthread_attr_t* attributes, void* (*work)(void*), void* with) {
    if (allowed == 0) return EAGAIN;
    --allowed;
    return pthread_create(thread, attributes, work, with);
}
#define pthread_create create_or_refuse
#include "team.h"
#undef pthread_create

using namespace latchwork;

extern "C" void allow(int threads) { allowed = threads; }

// calls[i] += 1 by member i; the count.
extern "C" int visit(int threads, int* calls) {
    int count = 0;
    Team::shared().run(threads, [&](Member& me) {
        calls[me.index] += 1;
        if (me.index == 0) count = me.count;
    });
    return count;
}

// Every member writes the round into a number of its own and, behind the barrier, finds it in everybody's. Two lots of
// numbers take turns, so that one barrier a round is enough. Returns how often a number was wrong. `sway`: idle turns
// of one member in a round, so that all come to be the last one and the others wait.
extern "C" long stress(int threads, long rounds, int sway, int* count) {
    struct alignas(64) Slot { long value[2]; };
    static Slot slots[256];  // plain: ThreadSanitizer is to see a missing order
    std::atomic<long> wrong{0};
    for (Slot& slot : slots) slot = {};
    Team::shared().run(threads, [&](Member& me) {
        if (me.index == 0) *count = me.count;
        long found = 0;
        for (long round = 0; round < rounds; ++round) {
            if (sway != 0 && (round / 7) % me.count == me.index)
                for (int k = 0; k < sway; ++k) relax();
            slots[me.index].value[round & 1] = round + 1;
            me.barrier();
            for (int i = 0; i < me.count; ++i) found += slots[i].value[round & 1] != round + 1;
        }
        wrong.fetch_add(found, std::memory_order_relaxed);
    });
    return wrong.load(std::memory_order_relaxed);
}

// The counts of a call in the caller and, nested, in each of its members.
extern "C" int nested(int threads, int wanted, int* inner) {
    int count = 0;
    Team::shared().run(threads, [&](Member& me) {
        if (me.index == 0) count = me.count;
        Team::shared().run(wanted, [&](Member& in) {
            in.barrier();
            inner[me.index] = in.count;
        });
        me.barrier();
    });
    return count;
}

// Members wait for `release` to become nonzero: a call that lasts as long as the test wants.
extern "C" int hold(int threads, std::atomic<int>* entered, std::atomic<int>* release) {
    int count = 0;
    Team::shared().run(threads, [&](Member& me) {
        if (me.index == 0) count = me.count;
        entered->fetch_add(1);
        while (release->load() == 0) sched_yield();
        me.barrier();
    });
    return count;
}

// How many members compute in the caller's rounding mode (flush to zero as well: one register).
extern "C" int same_mode(int threads, int* count) {
    std::atomic<int> same{0};
    const uint64_t before = FloatMode::get();
#if defined(__x86_64__)
    FloatMode::put(before | 0x8040);
#elif defined(__aarch64__)
    FloatMode::put(before | (uint64_t(1) << 24));
#endif
    const uint64_t mode = FloatMode::get();
    Team::shared().run(threads, [&](Member& me) {
        if (me.index == 0) *count = me.count;
        same += FloatMode::get() == mode;
    });
    FloatMode::put(before);
    return same;
}

#ifdef MAIN
#include <cstdio>
#include <thread>
int main() {
    int count = 0;
    long wrong = 0;
    for (int threads : {2, 3, 8, 2}) wrong += stress(threads, 400, 20, &count) + (count != threads);
    for (int call = 0; call < 2000; ++call) wrong += stress(2 + call % 2, 2, 0, &count);
    int inner[256] = {};
    nested(3, 3, inner);
    // Callers beside each other: each number is the caller's own unless the team hands one's call to another.
    std::atomic<long> lost{0};
    auto caller = [&] {
        for (int call = 0; call < 500; ++call) {
            int calls[256] = {};
            int members = visit(3, calls);
            for (int i = 0; i < 256; ++i) lost += calls[i] != (i < members);
        }
    };
    std::thread first(caller), second(caller);
    first.join();
    second.join();
    std::printf("wrong %ld lost %ld\n", wrong, lost.load());
    return wrong != 0 || lost.load() != 0;
}
#endif
"""


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    """A member that waits for ever cannot be interrupted: after three minutes, every thread's place, and the end."""
    faulthandler.dump_traceback_later(180, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def build(folder: Path, name: str, *flags: str) -> Path:
    source = folder / f"{name}.cpp"
    source.write_text(SOURCE)
    done = subprocess.run([*CXX, *FLAGS, *flags, str(source), "-o", str(folder / name)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / name


def load(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    library.stress.restype = ctypes.c_long
    library.stress.argtypes = [ctypes.c_int, ctypes.c_long, ctypes.c_int, ctypes.POINTER(ctypes.c_int)]
    return library


@pytest.fixture(scope="module", params=["futex", "condition"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library with each way of sleeping (the second is what systems other than Linux have)."""
    flags = ["-DLATCHWORK_NO_FUTEX"] if request.param == "condition" else []
    return build(tmp_path_factory.mktemp("team"), f"team_{request.param}.so", "-shared", "-fPIC", *flags)


@pytest.fixture(scope="module")
def library(path: Path) -> ctypes.CDLL:
    return load(path)


def visit(library: ctypes.CDLL, threads: int) -> tuple[int, list[int]]:
    calls = (ctypes.c_int * MAX)()
    return library.visit(threads, calls), list(calls)


def stress(library: ctypes.CDLL, threads: int, rounds: int, sway: int = 0) -> tuple[int, int]:
    count = ctypes.c_int()
    return library.stress(threads, rounds, sway, ctypes.byref(count)), count.value


def test_every_member_runs_once(library):
    for threads in [1, 2, 3, 8, 5, 40, 2] * 10:
        assert visit(library, threads) == (threads, [1] * threads + [0] * (MAX - threads))


@pytest.mark.parametrize("threads", [-1, 0])
def test_no_threads_is_one(library, threads):
    assert visit(library, threads) == (1, [1] + [0] * (MAX - 1))


@pytest.mark.parametrize(("threads", "rounds"), [(1, 100_000), (2, 100_000), (3, 100_000), (8, 100_000)])
def test_barrier_holds(library, threads, rounds):
    assert stress(library, threads, rounds) == (0, threads)


@pytest.mark.parametrize("threads", [2, 3])
def test_barrier_holds_when_members_sleep(library, threads):
    # Some 100 µs or more of idle turns: longer than anybody spins.
    assert stress(library, threads, 1_000, sway=10_000) == (0, threads)


def test_second_caller_runs_alone_at_once(library):
    entered, release = ctypes.c_int(), ctypes.c_int()
    counts = []
    first = threading.Thread(
        target=lambda: counts.append(library.hold(3, ctypes.byref(entered), ctypes.byref(release)))
    )
    first.start()
    try:
        wait_for(lambda: entered.value == 3)
        assert visit(library, 3) == (1, [1] + [0] * (MAX - 1))
    finally:
        release.value = 1
        first.join()
    assert counts == [3]
    assert visit(library, 3)[0] == 3


def test_callers_beside_each_other(library):
    results = []

    def call() -> None:
        for _ in range(200):
            count, calls = visit(library, 2)
            results.append(count in (1, 2) and calls == [1] * count + [0] * (MAX - count))

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert results == [True] * 800


def test_call_inside_a_member_runs_alone(library):
    inner = (ctypes.c_int * MAX)()
    assert library.nested(3, 3, inner) == 3
    assert list(inner) == [1, 1, 1] + [0] * (MAX - 3)
    # One thread wanted is one thread, whatever is called in it.
    assert library.nested(1, 3, inner) == 1
    assert inner[0] == 1


def test_members_compute_in_the_callers_mode(library):
    count = ctypes.c_int()
    assert library.same_mode(4, ctypes.byref(count)) == 4
    assert count.value == 4


def test_refused_threads_make_a_smaller_team(path, tmp_path):
    copy = tmp_path / path.name  # a library, and so a team, of its own
    shutil.copy(path, copy)
    fresh = load(copy)
    fresh.allow(0)
    assert visit(fresh, 4) == (1, [1] + [0] * (MAX - 1))
    fresh.allow(2)
    counts = [visit(fresh, 4)[0] for _ in range(1_100)]
    assert counts[0] == 1  # asking is not repeated at every call
    assert counts[-1] == 3
    assert stress(fresh, 4, 1_000) == (0, 3)
    assert visit(fresh, 1_000)[0] == 3
    fresh.allow(1_000)
    for _ in range(1_100):
        visit(fresh, 4)
    assert visit(fresh, 1_000) == (MAX, [1] * MAX)  # never more than that


def fork_and(check) -> int:
    """The exit status of a forked child that does `check()`; -1 if it had to be killed after 10 s."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if check() else 2
        finally:
            os._exit(status)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return -1


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_child_has_a_team_of_its_own(library):
    assert visit(library, 3)[0] == 3
    assert fork_and(lambda: stress(library, 3, 1_000) == (0, 3)) == 0
    assert fork_and(lambda: fork_and(lambda: stress(library, 2, 1_000) == (0, 2)) == 0) == 0
    assert stress(library, 3, 1_000) == (0, 3)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork_while_another_thread_is_in_a_call(library):
    entered, release = ctypes.c_int(), ctypes.c_int()
    caller = threading.Thread(target=lambda: library.hold(3, ctypes.byref(entered), ctypes.byref(release)))
    caller.start()
    try:
        wait_for(lambda: entered.value == 3)
        for _ in range(5):
            assert fork_and(lambda: stress(library, 3, 200) == (0, 3)) == 0
    finally:
        release.value = 1
        caller.join()

    # And at any moment of a call, members asleep in a barrier among them.
    caller = threading.Thread(target=lambda: stress(library, 3, 20_000, sway=2_000))
    caller.start()
    for _ in range(20):
        assert fork_and(lambda: stress(library, 3, 20) == (0, 3)) == 0
    caller.join()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_multiprocessing_fork(library):
    assert visit(library, 2)[0] == 2
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=child_of_multiprocessing, args=(library,)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(10)
    assert [child.exitcode for child in children] == [0, 0]


def child_of_multiprocessing(library: ctypes.CDLL) -> None:
    assert stress(library, 2, 1_000) == (0, 2)


def test_idle_workers_use_no_processor(library):
    assert visit(library, 8)[0] == 8
    time.sleep(0.02)  # they spin for some 50 µs after a call
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.03


def wait_for(condition) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_each_library_has_its_own_team(path):
    listing = shutil.which("nm")
    if listing is None:
        pytest.skip("no nm")
    symbols = subprocess.run([listing, "-D", "-C", str(path)], capture_output=True, text=True, check=True).stdout
    assert "stress" in symbols
    assert "latchwork::" not in symbols


@pytest.mark.parametrize("sleep", ["futex", "condition"])
def test_thread_sanitizer_finds_nothing(tmp_path, sleep):
    (tmp_path / "probe.cpp").write_text("int main() { return 0; }")
    probe = [*CXX, "-fsanitize=thread", str(tmp_path / "probe.cpp"), "-o", str(tmp_path / "probe")]
    # What is built may still not run: some kernels lay out memory in a way that the sanitizer cannot have.
    if any(subprocess.run(command, capture_output=True).returncode for command in (probe, [tmp_path / "probe"])):
        pytest.skip("no ThreadSanitizer here")
    flags = ["-DLATCHWORK_NO_FUTEX"] if sleep == "condition" else []
    program = build(tmp_path, "stress", "-DMAIN", "-fsanitize=thread", "-g", *flags)
    done = subprocess.run([program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
