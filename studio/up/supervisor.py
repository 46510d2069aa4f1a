"""Starts the processes in order, keeps them running, and stops them in order. One thread, one loop."""

import contextlib
import json
import os
import selectors
import signal
import sys
import threading
import time
import urllib.error
import urllib.request

from lazuli import processes

from studio import redis_server
from studio.socket_handover import choose_socket
from studio.up import console
from studio.up.children import Child
from studio.up.lifeline import Lifeline, kill_runners, list_jobs
from studio.up.preflight import REPOSITORY, Settings, StartRefused

# The order of ending, and the seconds of each group before it is killed. Host and runners end while the web server
# still answers, so that runners can report the end of their scripts; Redis ends last, because all others need it. 9 s in total.
WORKERS = ({"host", "control"}, 5.0)
ENDING = [({"set-up"}, 1.0), WORKERS, ({"web", "gateway"}, 2.0), ({"redis"}, 1.0)]
# Before the first page, the start is given up after a process has ended this many times in a row.
PATIENCE = 5
# Seconds between two starts of a Redis that keeps failing.
REDIS_PAUSE = 60.0
NO_REDIS = (
    f"Redis ended {PATIENCE + 1} times in a row; the lines above say why. It is started again at longer intervals, up to once "
    "a minute. Until it runs, running jobs continue, and new nodes and clusters wait. REDIS_URL names another one."
)
# The variable that tells studio/serving.py the pipe to wait for.
GATE = "STUDIO_GATE"
# Warnings of libraries are for developers. (The host keeps them: scripts inherit its environment.)
QUIET = {"PYTHONWARNINGS": os.environ.get("PYTHONWARNINGS", "ignore")}
# For the C library: memory that a page or a task needed once goes back to the system.
# Celery's worker need not run Django's checks, which load all pages: the web server does.
LEAN = {
    "CELERY_SKIP_CHECKS": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "1048576",
    "MALLOC_TRIM_THRESHOLD_": "1048576",
}
# `make` forwards a signal that the terminal or service manager has already sent; both count as one.
SAME_SIGNAL_SECONDS = 0.7


class Supervisor:
    def __init__(self, settings: Settings, sock):
        self.settings, self.sock = settings, sock
        self.children: dict[str, Child] = {}
        self.selector = selectors.DefaultSelector()
        self.stop_requested: float | None = None
        self.is_waiting_for_jobs = False
        self.impatient = False
        self._signaled_at = 0.0
        self.lifeline = Lifeline()
        # The name under which this machine is a host; empty until that one is started.
        self.host_name = ""
        self.answered = False
        self._has_set_aside_redis_data = False
        self.started = time.monotonic()
        self.gateway_socket = choose_socket(settings.data_dir)
        self.env = {"DATA_DIR": str(settings.data_dir), "HOST": settings.host, "PORT": str(settings.port)}
        self._gate_write: int | None
        self._gate_read, self._gate_write = os.pipe()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.selector.register(self._wake_read, selectors.EVENT_READ)

    def run(self) -> int:
        """Run until a stop signal; returns the exit code."""
        self._listen_to_signals()
        processes.become_subreaper()
        try:
            self._start_redis()
            self._start_web()
            report = self._set_up()
            if report is not None:
                self._open_gate()
                self._start_the_others(report)
                while self.stop_requested is None:
                    self._turn()
        except StartRefused as refused:
            console.print_line("up", str(refused))
            return 1
        finally:
            self._open_gate()
            self._end_all()
        return 0

    def _listen_to_signals(self) -> None:
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _on_stop(self, number, frame) -> None:
        before, self._signaled_at = self._signaled_at, time.monotonic()
        if self.stop_requested is None:
            self.stop_requested = self._signaled_at
        elif self._signaled_at - before < SAME_SIGNAL_SECONDS:
            return
        elif self.is_waiting_for_jobs:
            self.is_waiting_for_jobs = False
        elif number == signal.SIGINT:
            self.impatient = True

    # Starting

    def _start_redis(self) -> None:
        if self.settings.redis_url:
            return
        program = redis_server.find_binary()
        if not program:
            raise StartRefused(redis_server.NONE_FOUND)
        socket = redis_server.socket_path(self.settings.data_dir)
        with contextlib.suppress(FileNotFoundError):
            socket.unlink()
        child = Child("redis", redis_server.build_command(program, self.settings.data_dir, socket))
        # It holds only notifications: a background save that fails for lack of memory does no harm.
        child.unsaid, child.max_pause = "overcommit", REDIS_PAUSE
        self._start(child)
        self.env["REDIS_URL"] = redis_server.build_private_url(self.settings.data_dir, socket)

    def _set_up(self) -> dict | None:
        """Migrations and the first start, in a child; its report, or None if it was interrupted."""
        read, write = os.pipe()
        command = [sys.executable, "manage.py", "first_start", "--report", str(write)]
        child = Child("set-up", command, env=self.env | QUIET, fds=(write,))
        self._start(child)
        os.close(write)
        while child.is_running and self.stop_requested is None:
            self._turn()
        with os.fdopen(read) as pipe:
            report = pipe.read() if not child.is_running else ""
        self._drain(child)
        if self.stop_requested is not None:
            return None
        if child.exit_code != 0:
            raise StartRefused("The set-up failed; the lines above say why.")
        del self.children["set-up"]
        return json.loads(report)

    def _start_web(self) -> None:
        """Start the web server, which loads its code during the set-up and then waits for the end of a pipe."""
        env, fds = {GATE: str(self._gate_read)}, (self.sock.fileno(), self._gate_read)
        env["GATEWAY_SOCKET"] = str(self.gateway_socket)
        child = Child("web", self._web_command(), env=self.env | QUIET | LEAN | env, fds=fds)
        # The set-up reports the same errors in one line.
        child.is_muted = True
        self._start(child)

    def _open_gate(self) -> None:
        if self._gate_write is not None:
            os.close(self._gate_write)
            self._gate_write = None

    def _start_the_others(self, report: dict) -> None:
        """Start the others once the web server responds, because somebody is waiting for the page."""
        self.children["web"].is_muted = False
        threading.Thread(target=self._wait_for_first_page, daemon=True).start()
        while self.stop_requested is None and not self.answered:
            self._turn()
        if self.answered:
            self._start_workers(report)
            self._say_ready(report)

    def _start_workers(self, report: dict) -> None:
        python = sys.executable
        celery = [python, "-m", "celery", "-A", "studio.celery", "--quiet"]
        worker = ["worker", "-l", "WARNING", "-Q", "control", "-n", "control@%h", "-P", "threads", "-c", "4"]
        alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        self._start(Child("control", [*celery, *worker, *alone], env=self.env | QUIET | LEAN))
        self.host_name = report["host_name"]
        own = {"HOST_NAME": self.host_name, "HOST_KEY": report["host_key"], "SERVER_URL": self.settings.local_url}
        env = self.env | own | self.lifeline.variables
        self._start(Child("host", [python, "-m", "lazuli.agent.host"], env=env, fds=(self.lifeline.descriptor,)))
        if report["apps_url"]:
            self._start_gateway(report)

    def _start_gateway(self, report: dict) -> None:
        """Start the gateway to applications. Its connections stay open while the web server restarts."""
        own = {
            "SERVER_URL": self.settings.local_url,
            "GATEWAY_SOCKET": str(self.gateway_socket),
            "GATEWAY_KEY": report["gateway_key"],
            "APPS_URL": report["apps_url"],
            "PUBLIC_URL": report["public_url"],
        }
        self._start(Child("gateway", [sys.executable, "-m", "studio.gateway"], env=self.env | own | LEAN))

    def _web_command(self) -> list[str]:
        options = {
            "config": "python:studio.serving",
            "worker-class": "studio.serving.Worker",
            "workers": self.settings.workers,
            "threads": self.settings.threads,
            "bind": f"fd://{self.sock.fileno()}",
            "graceful-timeout": 2,
            "timeout": 120,
            "log-level": "warning",
        }
        flags = [f"--{name}={value}" for name, value in options.items()]
        return [sys.executable, "-m", "gunicorn", "--preload", "--no-control-socket", *flags, "studio.wsgi"]

    def _start(self, child: Child) -> None:
        self.children[child.name] = child
        self.selector.register(child.start(), selectors.EVENT_READ, child)

    def _wait_for_first_page(self) -> None:
        """In a thread that starts no process: a child ends with the thread that started it."""
        while self.stop_requested is None and not self._answers():
            time.sleep(0.05)
        self.answered = self.stop_requested is None
        os.write(self._wake_write, b"answered")

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(self.settings.local_url + "/signin/", timeout=10).close()
        except urllib.error.HTTPError as error:
            return error.code < 500
        except OSError:
            return False
        return True

    def _say_ready(self, report: dict) -> None:
        lines = [f"Lazuli Studio is ready: {report['public_url']}   ({time.monotonic() - self.started:.1f} s)"]
        if report["signin_link"]:
            lines.append(f"Sign in as {report['owner']}, once: {report['signin_link']}")
        else:
            lines.append("Signed out? `make signin` prints a new link.")
        lines.append(f"Data: {self.settings.data_dir}   Stop: Ctrl-C")
        console.print_banner(lines)

    # Running

    def _turn(self) -> None:
        """Print the output of half a second, notice ended processes, and restart those whose pause is over."""
        for key, _ in self.selector.select(0.5):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
            elif not key.data.read():
                self.selector.unregister(key.fd)
        processes.wait_for_lost([child.process.pid for child in self.children.values() if child.process])
        if self.stop_requested is None or self.is_waiting_for_jobs:
            for child in list(self.children.values()):
                self._look_after(child)

    def _look_after(self, child: Child) -> None:
        is_early = child.name == "web" and self._gate_write is not None
        if child.is_running or child.is_ending or child.name == "set-up" or is_early:
            return
        if child.start_at is None:
            self._drain(child)
            if not self.answered and child.quick_deaths >= PATIENCE:
                raise StartRefused(f"{child.name} {child.ending} {PATIENCE + 1} times; the lines above say why.")
            if child.name == "redis":
                self._set_aside_redis_data(child.has_failed_at_start)
            child.plan_restart()
            if child.name == "redis" and child.quick_deaths == PATIENCE + 1:
                console.print_line("up", NO_REDIS)
        elif time.monotonic() >= child.start_at:
            self._start(child)

    def _set_aside_redis_data(self, has_failed_at_start: bool) -> None:
        """Once in a row: if it still fails, something else is wrong. What it saves once it runs may be damaged too."""
        is_done, self._has_set_aside_redis_data = self._has_set_aside_redis_data, has_failed_at_start
        if is_done or not has_failed_at_start:
            return
        folder = redis_server.set_aside_data(self.settings.data_dir)
        if folder:
            console.print_line(
                "up", f"Redis could not read its saved data, which was moved to {folder}; nothing is lost."
            )

    def _drain(self, child: Child) -> None:
        """Print the last output of an ended process and close its pipe; others may hold the other end."""
        for _ in range(100):
            if not child.read():
                break
        with contextlib.suppress(KeyError, ValueError):
            self.selector.unregister(child.output)
        child.output.close()

    # Ending

    def _end_all(self) -> None:
        if self.stop_requested is None:
            self.stop_requested = time.monotonic()
        if self.settings.waits_for_jobs and self.host_name:
            self._wait_for_jobs()
        console.print_line("up", "Stopping …")
        self.lifeline.cut()
        for names, seconds in ENDING:
            self._end([self.children[name] for name in names if name in self.children], seconds, names is WORKERS[0])
        # Orphaned processes, such as those of a killed runner.
        processes.kill_descendants()
        console.print_line("up", "Stopped.")

    def _wait_for_jobs(self) -> None:
        """Let the running jobs end, while everything else except nodes keeps running, so no other job starts."""
        self.is_waiting_for_jobs = True
        self._end([self.children["host"]], WORKERS[1])
        self.lifeline.hand_out_no_more()
        before: list[str] = []
        while self.is_waiting_for_jobs and self.lifeline.is_held():
            jobs = list_jobs(self.settings.data_dir, self.host_name)
            if jobs and jobs != before:
                console.print_line("up", _say_waiting(jobs))
            before = jobs
            self._turn()
        self.is_waiting_for_jobs = False

    def _end(self, children: list[Child], seconds: float, with_runners: bool = False) -> None:
        for child in children:
            child.is_ending = True
            child.is_muted = child.name in ("redis", "control")
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while any(child.is_running for child in children) or (with_runners and self.lifeline.is_held()):
            if self.impatient or time.monotonic() > deadline:
                for child in children:
                    child.kill()
                if with_runners and self.host_name:
                    kill_runners(self.settings.data_dir, self.host_name)
                return
            self._turn()


def _say_waiting(jobs: list[str]) -> str:
    number = "1 job is" if len(jobs) == 1 else f"{len(jobs)} jobs are"
    return f"{number} still running: {', '.join(jobs)}. Stopping when they have ended; Ctrl-C again ends them now."


def serve(settings: Settings, sock) -> int:
    os.chdir(REPOSITORY)
    console.print_line("up", "Starting Lazuli Studio …")
    return Supervisor(settings, sock).run()
