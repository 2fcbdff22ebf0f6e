"""Where this machine gets Debian from: for tests that make a Debian of their own."""

import os
import subprocess

RELEASE = "bookworm"


def mirror():
    """The address that this machine's own apt uses; nothing where it does not, and then the tools know a place."""
    lines = subprocess.run(["apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI)", "Created-By: Packages", "Origin: Debian",
                            "Label: Debian"], capture_output=True, text=True).stdout.splitlines()
    mirrors = [line.split(" ", 1) for line in lines]
    mirrors.sort(key=lambda mirror: mirror[0] != RELEASE)
    return [mirrors[0][1]] if mirrors else []


def run(*command):
    """Runs debootstrap or mmdebstrap with apt's proxy, in namespaces of its own: whatever it has mounted or started there ends with it, also
    when it is interrupted."""
    proxy = subprocess.run(["apt-config", "shell", "proxy", "Acquire::http::Proxy"], capture_output=True, text=True).stdout
    environment = {"http_proxy": proxy.strip().removeprefix("proxy='").removesuffix("'")} if proxy.strip() else {}
    done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", *map(str, command)], env={**os.environ, **environment},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{command[0]} failed: " + " / ".join((done.stdout + done.stderr).strip().splitlines()[-5:]))
