"""Clusters on this machine alone, for tests and benchmarks: Ray with two nodes, Slurm with one."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from regattn_fairseq.installation import how_to_install

BIN = Path(sys.executable).parent


class UnavailableError(RuntimeError):
    """Such a cluster cannot be had on this machine; the message says why."""


@dataclass(frozen=True)
class RayCluster:
    """A cluster of Ray's.

    Args:
        environment: what a command needs to find it.
        nodes: the process ``ray start --block`` of each node; the first is the head.
    """

    environment: dict[str, str]
    nodes: list[subprocess.Popen[bytes]]

    def processes(self, number: int) -> list[psutil.Process]:
        """All processes of a node."""
        root = psutil.Process(self.nodes[number].pid)
        return [root, *root.children(recursive=True)]

    def kill_node(self, number: int) -> None:
        """End every process of a node with SIGKILL, as if its machine had lost power."""
        for process in self.processes(number):
            process.kill()
        self.nodes[number].wait()


@contextmanager
def ray_cluster(nodes: int = 2) -> Iterator[RayCluster]:
    """Start Ray with nodes of one CPU each, and stop it in the end.

    Raises:
        UnavailableError: Ray is not installed, or does not start.
    """
    ray = BIN / "ray"
    if not ray.exists():
        raise UnavailableError(f"Ray is not installed: {how_to_install('ray')}")
    port = _free_ports(1)[0]
    address = f"127.0.0.1:{port}"
    # Without agents that only serve the dashboard.
    quiet = ("--num-cpus=1", "--disable-usage-stats", "--block")
    with ExitStack() as stack:
        # Ray's sockets lie in it, and their names may have no more than 107 bytes.
        folder = stack.enter_context(_short_folder("ray"))
        cluster = RayCluster({"RAY_ADDRESS": address}, [])
        for number in range(nodes):
            place = (
                ("--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}")
                if number == 0
                else (f"--address={address}",)
            )
            log = folder / f"node{number}.log"
            node = stack.enter_context(
                _daemon([str(ray), "start", *place, *quiet], log, {"RAY_ADDRESS": address})
            )
            cluster.nodes.append(node)
            _wait_for(lambda log=log: "Ray runtime started" in log.read_text(), node, log)
        yield cluster


@dataclass(frozen=True)
class SlurmCluster:
    """A cluster of Slurm's.

    Args:
        environment: what a command needs to find it.
    """

    environment: dict[str, str]

    def call(self, *command: str) -> str:
        """What one of Slurm's commands prints."""
        return subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **self.environment},
        ).stdout

    def running(self) -> list[str]:
        """The numbers of the jobs that run."""
        return self.call("squeue", "--array", "--noheader", "--states=R", "--format=%i").split()

    def job_of(self, pid: int) -> str:
        """The number of the job, one of an array, that a process on this machine belongs to."""
        variables = psutil.Process(pid).environ()
        return f"{variables['SLURM_ARRAY_JOB_ID']}_{variables['SLURM_ARRAY_TASK_ID']}"


@contextmanager
def slurm_cluster(cpus: int = 2) -> Iterator[SlurmCluster]:
    """Start Slurm with this machine as its only node, and stop it in the end.

    Its configuration, key, state and ports are its own, apart from any Slurm of the machine's.
    Accounting is off, so that ``sacct`` finds nothing and submitit goes by the jobs' results.

    Raises:
        UnavailableError: not root, Slurm or munge is not installed, or does not start.
    """
    if os.geteuid() != 0:
        raise UnavailableError("only root can start Slurm's daemons")
    # Debian keeps the daemons where only root's PATH leads.
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    missing = [
        name
        for name in ("munged", "slurmctld", "slurmd", "sbatch")
        if not shutil.which(name, path=path)
    ]
    if missing:
        raise UnavailableError(f"{', '.join(missing)} not found: apt-get install slurm-wlm munge")
    with ExitStack() as stack:
        folder = stack.enter_context(_short_folder("slurm"))
        munge = folder / "munge"
        munge.mkdir(mode=0o755)
        key = munge / "key"
        key.touch(mode=0o400)
        key.write_bytes(secrets.token_bytes(1024))
        own = ("socket", "pid-file", "log-file", "seed-file")
        options = [f"--key-file={key}", *(f"--{name}={munge / name}" for name in own)]
        environment = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": path}
        _write_slurm_conf(folder, munge / "socket", cpus)

        def start(name: str, *arguments: str) -> tuple[subprocess.Popen[bytes], Path]:
            log = folder / f"{name}.log"
            return stack.enter_context(_daemon([name, *arguments], log, environment)), log

        _wait_for((munge / "socket").exists, *start("munged", "--foreground", *options))
        start("slurmctld", "-D")
        daemon, log = start("slurmd", "-D")
        cluster = SlurmCluster(environment)

        def is_idle() -> bool:
            try:
                return "idle" in cluster.call("sinfo", "--noheader", "--format=%t")
            except subprocess.CalledProcessError:  # slurmctld does not answer yet
                return False

        _wait_for(is_idle, daemon, log)
        yield cluster
        cluster.call("scancel", "--user=root")
        _wait_for(lambda: not cluster.call("squeue", "--noheader"), daemon, log)


def _write_slurm_conf(folder: Path, munge: Path, cpus: int) -> None:
    host = socket.gethostname().partition(".")[0]
    control, daemon = _free_ports(2)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    settings = {
        "ClusterName": "local",
        "SlurmctldHost": f"{host}(127.0.0.1)",
        "SlurmUser": "root",
        "SlurmctldPort": control,
        "SlurmdPort": daemon,
        "AuthType": "auth/munge",
        # A job that is requeued waits until its credential has expired, two minutes by default.
        "AuthInfo": f"socket={munge},cred_expire=5",
        "CredType": "cred/munge",
        "StateSaveLocation": folder / "state",
        "SlurmdSpoolDir": folder / "spool",
        "SlurmctldPidFile": folder / "slurmctld.pid",
        "SlurmdPidFile": folder / "slurmd.pid",
        # Neither cgroups, which a container may not change, nor MPI.
        "ProctrackType": "proctrack/linuxproc",
        "TaskPlugin": "task/none",
        "JobAcctGatherType": "jobacct_gather/none",
        "AccountingStorageType": "accounting_storage/none",
        "MpiDefault": "none",
        "PlugStackConfig": "/dev/null",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_Core",
        "ReturnToService": 2,
        "KillWait": 20,
    }
    lines = [f"{name}={value}" for name, value in settings.items()]
    # As many CPUs as wished, whatever the machine has.
    lines.append("SlurmdParameters=config_overrides")
    lines.append(f"NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus}")
    lines.append("PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP")
    (folder / "slurm.conf").write_text("\n".join(lines) + "\n")


@contextmanager
def _daemon(
    command: list[str], log: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in the foreground of its own session; end it, and what it started."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            children = psutil.Process(process.pid).children(recursive=True)
            process.terminate()
            process.wait(60)
            for child in psutil.wait_procs(children, timeout=20)[1]:
                child.kill()


def _wait_for(
    condition: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, seconds: float = 120
) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            last = log.read_text(errors="replace").splitlines()[-1:]
            raise UnavailableError(f"{process.args[0]} does not start: {' '.join(last)}")  # type: ignore[index]
        time.sleep(0.2)


@contextmanager
def _short_folder(name: str) -> Iterator[Path]:
    """A folder that every user can enter, as munge demands, with a short path."""
    with tempfile.TemporaryDirectory(
        prefix=f"{name}-", dir="/tmp", ignore_cleanup_errors=True
    ) as path:
        folder = Path(path)
        folder.chmod(0o755)
        yield folder


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for found in sockets:
            found.bind(("127.0.0.1", 0))
        return [found.getsockname()[1] for found in sockets]
