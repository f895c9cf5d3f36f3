// A team of threads that meet at barriers: one call of a kernel runs on all of them, from its first step to its last.
//
//     Team::shared().run(threads, [&](Member& me) {
//         for (long t = 0; t < T; ++t) {
//             ... the part of step t that belongs to me.index of me.count ...
//             me.barrier();
//         }
//     });
//
// A recurrent kernel has from a handful to hundreds of thousands of barriers, 1 µs to 1 ms apart. To sleep at each
// would cost more than the work between; to spin alone would burn a processor whenever another member has none. So
// whoever waits first spins for a bounded time and then sleeps.
//
// What a caller may count on:
// - me.count is at most what was asked for and may be 1: somebody else has the team, the call is made from inside a
//   member, or the system gives no more threads. What f computes must not depend on it.
// - Every member calls barrier() equally often. f does not throw (std::terminate otherwise) and does not fork.
// - run() returns when every member has returned from f, and sees all that they wrote.
// - A forked child starts with a team of its own, whatever the parent's threads were doing.
//
// Everything here is hidden, so each shared library that includes this has its own team. Its threads run its code for
// as long as the process lives: it must not be unloaded (ctypes never does).
#pragma once

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <type_traits>

// LATCHWORK_NO_FUTEX makes Linux take the condition variables of the other systems, for the tests.
#if defined(__linux__) && !defined(LATCHWORK_NO_FUTEX)
#define LATCHWORK_FUTEX 1
#include <linux/futex.h>
#include <sys/syscall.h>
#else
#define LATCHWORK_FUTEX 0
#endif

#pragma GCC visibility push(hidden)

namespace latchwork {

// Two lines of 64 bytes: x86 fetches lines in pairs, and Apple's are 128 bytes.
constexpr int line_bytes = 128;

constexpr int max_members = 256;

// How long to spin before sleeping. Sleeping and being woken costs 20 to 50 µs (on a virtual machine), so having spun
// for as long is at worst twice as dear as the better choice would have been.
constexpr std::chrono::microseconds spin_time{50};

// A sched_yield() that took this long has let another process compute, or a member with so much to do that the way of
// waiting does not matter.
constexpr std::chrono::microseconds slow_yield{1000};

inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    asm volatile("yield" ::: "memory");
#endif
}

// The rounding and flush-to-zero mode of this thread. torch.set_flush_denormal changes the caller's alone, and members
// that computed under another mode would make the results depend on the number of threads.
struct FloatMode {
#if defined(__x86_64__)
    static constexpr uint64_t flags = 0x3f;  // exceptions so far: a record, not a mode
    static uint64_t get() { return __builtin_ia32_stmxcsr() & ~flags; }
    static void put(uint64_t mode) { __builtin_ia32_ldmxcsr(uint32_t(mode)); }
#elif defined(__aarch64__)
    static uint64_t get() {
        uint64_t mode;
        asm volatile("mrs %0, fpcr" : "=r"(mode));
        return mode;
    }
    static void put(uint64_t mode) { asm volatile("msr fpcr, %0" ::"r"(mode)); }
#else
    static uint64_t get() { return 0; }
    static void put(uint64_t) {}
#endif
};

// Which processor each member was last seen on, so that one who waits knows whether another may need this very one.
//
// It often does, and not only where members outnumber processors: on a virtual machine two members were seen on one
// processor for 10 ms and more after a start, and for good where another process had the other one. They then take
// turns, each spinning in vain until it sleeps and so lets the other run: 77 µs a barrier, and since one of them mostly
// sleeps, the scheduler sees little to balance. With sched_yield() while waiting, a turn takes 1 to 2 µs, and both are
// runnable, so that one is moved as soon as there is room.
//
// But beside another process that computes, one sched_yield() may cost a time slice of 3 ms. So it is used only here,
// and after one that took long a member sleeps at once for a while: dearer per turn, but a sleeper gets its processor
// back.
struct alignas(line_bytes) Places {
    // relaxed throughout: hints, by which nothing is published. A stale one makes a wait longer, never wrong.
    std::atomic<int16_t> seen[max_members];
    int16_t naps[max_members];  // how often yet to sleep at once; each belongs to its member's thread

    constexpr Places() : seen{}, naps{} {}

    void note(int index) {
#if defined(__linux__)
        seen[index].store(int16_t(sched_getcpu()), std::memory_order_relaxed);
#else
        seen[index].store(int16_t(index), std::memory_order_relaxed);  // cannot be asked: nobody shares
#endif
    }

    bool shared(int index, int count) const {
        const int16_t here = seen[index].load(std::memory_order_relaxed);
        for (int i = 0; i < count; ++i) {
            if (i != index && seen[i].load(std::memory_order_relaxed) == here) return true;
        }
        return false;
    }
};

// A number that only grows (modulo 2^32, compared as a signed difference) and that threads wait for. One thread at a
// time raises it.
struct alignas(line_bytes) Signal {
    std::atomic<uint32_t> value{0};
    // On the line of `value`: it is written only on the way to sleep, and whoever raises has just taken the line.
    std::atomic<uint32_t> sleepers{0};
#if !LATCHWORK_FUTEX
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t raised = PTHREAD_COND_INITIALIZER;
#endif

    // For a signal that nobody uses: a new thread's, or any in a forked child. The condition variable and the mutex are
    // made anew because a child may find them locked by threads that it does not have.
    void reset() {
        value.store(0, std::memory_order_relaxed);  // pthread_create, or being the only thread, publishes both
        sleepers.store(0, std::memory_order_relaxed);
#if !LATCHWORK_FUTEX
        pthread_mutex_init(&mutex, nullptr);
        pthread_cond_init(&raised, nullptr);
#endif
    }

    bool reached(uint32_t target) const {
        // acquire: pairs with the store in raise(), so that who is let through sees all that came before it.
        return int32_t(value.load(std::memory_order_acquire) - target) >= 0;
    }

    void raise(uint32_t to) {
        // seq_cst, here and in sleep(): each side writes one variable and then reads the other's, and at least one must
        // see the other's write, or a sleeper would be missed. Release and acquire alone allow both to see the old.
        value.store(to, std::memory_order_seq_cst);
        if (sleepers.load(std::memory_order_seq_cst) != 0) wake();
    }

    // For member `index` of `count`.
    void wait(uint32_t target, Places& places, int index, int count) {
        // At first without a look at the clock, which takes as long as the whole of a good barrier.
        for (int k = 0; k < 32; ++k) {
            if (reached(target)) return;
            relax();
        }
        wait_longer(target, places, index, count);
    }

    __attribute__((noinline)) void wait_longer(uint32_t target, Places& places, int index, int count) {
        using Clock = std::chrono::steady_clock;
        places.note(index);
        const bool shared = places.shared(index, count);
        int16_t& naps = places.naps[index];
        if (shared && naps > 0) {
            --naps;
        } else {
            Clock::time_point now = Clock::now();
            const auto until = now + spin_time;
            do {
                for (int k = 0; k < (shared ? 1 : 16); ++k) {
                    if (reached(target)) return;
                    relax();
                }
                const auto before = now;
                if (shared) sched_yield();
                now = Clock::now();
                if (shared && now - before > slow_yield) naps = 1000;
            } while (now < until);
            if (reached(target)) return;
        }
        sleep(target);
        places.note(index);  // one is often woken elsewhere
    }

    __attribute__((noinline, cold)) void sleep(uint32_t target) {
        sleepers.fetch_add(1, std::memory_order_seq_cst);  // see raise()
#if LATCHWORK_FUTEX
        for (;;) {
            const uint32_t now = value.load(std::memory_order_seq_cst);
            if (int32_t(now - target) >= 0) break;
            // Sleeps only if the value is still `now`, which the kernel checks under its lock: a raise() since the load
            // is not missed. Signals and stray wakes return as well, hence the loop.
            syscall(SYS_futex, &value, FUTEX_WAIT_PRIVATE, now, nullptr, nullptr, 0);
        }
#else
        pthread_mutex_lock(&mutex);
        while (int32_t(value.load(std::memory_order_seq_cst) - target) < 0) pthread_cond_wait(&raised, &mutex);
        pthread_mutex_unlock(&mutex);
#endif
        // relaxed: a number too high for a while costs a needless wake and nothing else.
        sleepers.fetch_sub(1, std::memory_order_relaxed);
    }

    __attribute__((noinline, cold)) void wake() {
#if LATCHWORK_FUTEX
        syscall(SYS_futex, &value, FUTEX_WAKE_PRIVATE, INT32_MAX, nullptr, nullptr, 0);
#else
        // With the lock, a sleeper has either not yet read the value, which is the new one by now, or is in the wait.
        pthread_mutex_lock(&mutex);
        pthread_cond_broadcast(&raised);
        pthread_mutex_unlock(&mutex);
#endif
    }
};

// Where members meet. Arrivals are counted on one line and waited for on another, so those who wait do not take the
// line from those who arrive. Neither number ever starts again: the `target` of a meeting is the number of arrivals
// after it, which every member counts for itself, and nothing has to be set back between two meetings or two calls.
struct Meeting {
    alignas(line_bytes) std::atomic<uint32_t> arrivals{0};
    Signal open;
    Places places;

    // True for the last one, who has opened the meeting for the others.
    bool arrive(uint32_t target) {
        // release: what this member wrote; acquire: what those before it wrote, which the last one hands on to all with
        // raise(). A chain of read-modify-writes keeps every earlier release visible to the last.
        if (arrivals.fetch_add(1, std::memory_order_acq_rel) + 1 != target) return false;
        open.raise(target);
        return true;
    }
};

// Threads that somebody else keeps, by OpenMP's functions: how to run one function on several of them, and who and how
// many one is there. Where a program's other work runs on an OpenMP pool, that pool's threads spin for milliseconds
// after each of its regions, and a team of our own would have to wait until they let go of the processors.
struct Pool {
    void (*parallel)(void (*)(void*), void*, unsigned threads, unsigned flags) = nullptr;
    int (*index)() = nullptr;
    int (*count)() = nullptr;
};

class Team;

// One thread's part in a call. It belongs to that thread: not to be copied or handed on.
class Member {
public:
    const int index;  // 0 is the caller
    const int count;

    // Returns when all `count` members have called it; each then sees all that the others wrote before.
    void barrier() {
        if (count == 1) return;
        target += uint32_t(count);
        if (!meeting->arrive(target)) meeting->open.wait(target, meeting->places, index, count);
    }

    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

private:
    friend class Team;
    Member() : index(0), count(1), meeting(nullptr), target(0) {}
    Member(int index, int count, Meeting* meeting, uint32_t start)
        : index(index), count(count), meeting(meeting), target(start) {}

    Meeting* const meeting;
    uint32_t target;
};

class Team {
public:
    // Constant-initialised and never destroyed: no lock at first use, and at exit nothing is taken from under threads
    // that still sleep or spin.
    static Team& shared() {
        static Team team;
        static_assert(std::is_trivially_destructible_v<Team>);
        return team;
    }

    // Calls f(Member&) on up to `threads` threads, this one among them, and returns when all have returned.
    // `pooled` asks for another pool's threads, if there is one: see share().
    template <class F>
    void run(int threads, F&& f, bool pooled = false) noexcept {
        using Body = std::remove_reference_t<F>;
        run(threads, [](void* body, Member& me) noexcept { (*static_cast<Body*>(body))(me); },
            const_cast<void*>(static_cast<const void*>(&f)), pooled);
    }

    void run(int threads, void (*body)(void*, Member&), void* with, bool pooled = false) noexcept {
        // A call from inside a member runs alone even where the team happens to be free: its threads have work already.
        bool& inside = Team::inside();
        const bool nested = inside;
        inside = true;
        if (threads <= 1 || nested || !take()) {
            Member alone;
            body(with, alone);
        } else if (pooled && pool.parallel) {
            job = {body, with, threads, meeting.arrivals.load(std::memory_order_relaxed), FloatMode::get()};
            pool.parallel(work_in_pool, this, unsigned(threads < max_members ? threads : max_members), 0);
            leave();
        } else {
            const int count = grow(threads < max_members ? threads : max_members);
            if (count == 1) {
                leave();
                Member alone;
                body(with, alone);
            } else {
                lead(count, body, with);
                leave();
            }
        }
        inside = nested;
    }

    // From now on calls may run on another pool's threads.
    void share(const Pool& with) {
        if (fork_is_seen() && take()) {
            pool = with;
            leave();
        }
    }

    // In a forked child, where this thread is the only one. The parent's threads may have been anywhere.
    void forked() {
        pool = Pool();  // OpenMP's pools do not outlive a fork
        workers = 0;
        refused = 0;
        // What a meeting that was cut short has counted need not go: a call starts from the number it finds.
        const uint32_t now = meeting.arrivals.load(std::memory_order_relaxed);
        meeting.open.reset();
        meeting.open.value.store(now, std::memory_order_relaxed);
        busy.store(false, std::memory_order_relaxed);  // relaxed: there is no other thread yet
    }

private:
    struct Job {
        void (*body)(void*, Member&) = nullptr;
        void* with = nullptr;
        int count = 0;
        uint32_t start = 0;  // arrivals before the call
        uint64_t mode = 0;
    };

    constexpr Team() = default;

    static bool& inside() {
        static thread_local bool inside = false;
        return inside;
    }

    bool take() {
        // The load keeps callers who come in vain from taking the line away. acquire: pairs with leave(), so that all
        // the plain fields below pass from one caller to the next.
        return !busy.load(std::memory_order_relaxed) && !busy.exchange(true, std::memory_order_acquire);
    }

    void leave() { busy.store(false, std::memory_order_release); }

    // Starts the threads that are missing for `count` members; the number of members there can be.
    int grow(int count) {
        if (workers >= count - 1) return count;
        if (!fork_is_seen() || refused > 0) {
            if (refused > 0) --refused;
            return workers + 1;
        }
        return start_workers(count);
    }

    __attribute__((noinline, cold)) int start_workers(int count) {
        pthread_attr_t attributes;
        if (pthread_attr_init(&attributes) != 0) return workers + 1;
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        // What a main thread has. The default is far less on some systems, and only members 1 and up would overflow.
        pthread_attr_setstacksize(&attributes, size_t(8) << 20);
        // Signals are for the program's own threads (Python's main thread is to be woken by Ctrl-C); only those which a
        // thread causes itself stay, for fault handlers. A new thread inherits the mask of the one that starts it.
        sigset_t blocked, before;
        sigfillset(&blocked);
        for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS}) sigdelset(&blocked, fault);
        pthread_sigmask(SIG_SETMASK, &blocked, &before);
        while (workers < count - 1) {
            calls[workers].reset();
            pthread_t thread;
            if (pthread_create(&thread, &attributes, work, &calls[workers]) != 0) {
                // A limit on threads seldom goes away at once, and a vain try costs more than a small call.
                refused = 1000;
                break;
            }
            ++workers;
        }
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        pthread_attr_destroy(&attributes);
        return workers + 1;
    }

    void lead(int count, void (*body)(void*, Member&), void* with) {
        // relaxed: all arrivals of earlier calls happened before take().
        const uint32_t start = meeting.arrivals.load(std::memory_order_relaxed);
        meeting.places.note(0);
        job = {body, with, count, start, FloatMode::get()};
        for (int i = 0; i < count - 1; ++i) {
            // Raising is a release, so the worker sees the job. relaxed: only the holder of `busy` ever writes it.
            calls[i].raise(calls[i].value.load(std::memory_order_relaxed) + 1);
        }
        Member me(0, count, &meeting, start);
        body(with, me);
        // A last barrier, for which only the caller waits. After it nobody reads the job.
        me.barrier();
    }

    static void work_in_pool(void* at) {
        Team& team = *static_cast<Team*>(at);
        const Job& job = team.job;
        const int index = team.pool.index(), count = team.pool.count();
        const uint64_t mode = FloatMode::get();
        if (mode != job.mode) FloatMode::put(job.mode);
        bool& inside = Team::inside();
        const bool before = inside;
        inside = true;
        if (count == 1) {
            Member alone;
            job.body(job.with, alone);
        } else {
            team.meeting.places.note(index);
            Member me(index, count, &team.meeting, job.start);
            job.body(job.with, me);
            me.barrier();  // so that the arrivals of the next call begin with a whole number of meetings
        }
        inside = before;
        if (mode != job.mode) FloatMode::put(mode);  // the thread is not ours
    }

    static void* work(void* at) {
#if defined(__linux__)
        pthread_setname_np(pthread_self(), "latchwork");
#elif defined(__APPLE__)
        pthread_setname_np("latchwork");
#endif
        Team& team = shared();
        Signal& calls = *static_cast<Signal*>(at);
        const int index = int(&calls - team.calls) + 1;
        inside() = true;
        int count = 1;
        for (uint32_t call = 1;; ++call) {
            calls.wait(call, team.meeting.places, index, count);
            const Job& job = team.job;  // stays as it is until this thread has arrived at the call's last meeting
            if (FloatMode::get() != job.mode) FloatMode::put(job.mode);
            count = job.count;
            Member me(index, count, &team.meeting, job.start);
            job.body(job.with, me);
            me.target += uint32_t(count);
            team.meeting.arrive(me.target);
        }
    }

    // Registered when the library is loaded, so that there is no moment in which a fork could go unseen.
    static bool fork_is_seen() { return at_fork == 0; }
    static const int at_fork;

    alignas(line_bytes) std::atomic<bool> busy{false};
    // Written by the holder of `busy` alone; workers read the job, between raise() and their last arrival.
    int workers = 0;
    int refused = 0;  // calls until threads are asked for again
    Pool pool;
    Job job;
    Meeting meeting;
    // How many calls each worker has had. One signal each, so that a call leaves asleep whom it has no need of.
    Signal calls[max_members - 1];
};

inline const int Team::at_fork = pthread_atfork(nullptr, nullptr, [] { Team::shared().forked(); });

}  // namespace latchwork

#pragma GCC visibility pop
#undef LATCHWORK_FUTEX
