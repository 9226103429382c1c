"""Crontabs, systemd units and logrotate's configuration, read as the programs that they are for read them.

Only as much as the files in `deploy/` use; what is not known here is an error. Sources: crontab(5), systemd.syntax(7),
systemd.unit(5), systemd.exec(5), systemd.service(5), logrotate(8).
"""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_FIELD = re.compile(r"(\*|\d+(-\d+)?(,\d+(-\d+)?)*)(/\d+)?")
_VARIABLE = re.compile(r"([A-Za-z_]\w*)\s*=\s*(.*)")
_LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


@dataclass(frozen=True, slots=True)
class CronJob:
    """A line of a crontab.

    Attributes:
        when: minute, hour, day of the month, month, day of the week.
        command: for a shell.
        variables: set above it.
    """

    when: tuple[str, ...]
    command: str
    variables: Mapping[str, str]


def crontab(text: str) -> Iterator[CronJob]:
    """The jobs of a user's crontab.

    Raises:
        ValueError: cron would not take it, or take another command than is meant.
    """
    variables: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if found := _VARIABLE.fullmatch(line):
            variables[found[1]] = found[2].strip("\"'")
            continue
        *when, command = line.split(None, 5)
        for one, (least, most) in zip(when, _LIMITS, strict=True):
            if not _FIELD.fullmatch(one) or not all(least <= int(number) <= most for number in re.findall(r"\d+", one)):
                raise ValueError(f'"{one}" is no time')
        if "%" in command:
            raise ValueError("cron takes a % for the end of the command")
        yield CronJob(tuple(when), command, dict(variables))


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of systemd.

    Attributes:
        name: of its file.
        sections: section → name of a setting → its values, in order.
        instance: of a template.
    """

    name: str
    sections: Mapping[str, Mapping[str, list[str]]]
    instance: str = ""

    @classmethod
    def read(cls, name: str, text: str, instance: str = "") -> Unit:
        """Read a unit, or an instance of a template.

        Raises:
            ValueError: a line is neither a section, a setting nor a comment.
        """
        sections: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        section = ""
        for line in text.splitlines():
            if not line or line[0] in "#;":
                continue
            if found := re.fullmatch(r"\[(\w+)\]", line):
                section = found[1]
                continue
            setting, equals, value = line.partition("=")
            if not section or not equals or not re.fullmatch(r"[A-Z]\w*", setting):
                raise ValueError(f"{name}: {line}")
            sections[section][setting].append(value)
        return cls(name, {one: dict(settings) for one, settings in sections.items()}, instance)

    def one(self, section: str, setting: str) -> str:
        """The last value of a setting, with its specifiers replaced."""
        return self._specified(self.sections[section][setting][-1])

    @property
    def environment(self) -> dict[str, str]:
        """What Environment= sets."""
        words = [word for one in self.sections["Service"].get("Environment", []) for word in shlex.split(one)]
        return dict(self._specified(word).split("=", 1) for word in words)

    @property
    def command(self) -> list[str]:
        """The arguments of ExecStart=.

        Raises:
            ValueError: it is not an absolute path with arguments, or has a variable, which systemd would replace.
        """
        (line,) = self.sections["Service"]["ExecStart"]
        words = shlex.split(self._specified(line))
        if not words[0].startswith("/") or "$" in line:
            raise ValueError(f"{self.name}: {line}")
        return words

    @property
    def writable(self) -> list[str]:
        """The folders that it may write to with ProtectSystem=strict."""
        service = self.sections["Service"]
        places = {"StateDirectory": "/var/lib", "CacheDirectory": "/var/cache", "LogsDirectory": "/var/log"}
        own = [f"{root}/{service[name][-1]}" for name, root in places.items() if name in service]
        return own + [path.lstrip("-") for one in service.get("ReadWritePaths", []) for path in one.split()]

    def _specified(self, text: str) -> str:
        prefix = self.name.partition(".")[0].partition("@")[0]
        meanings = {
            "%": "%",
            "C": "/var/cache",
            "H": "host.example.org",
            "S": "/var/lib",
            "i": self.instance,
            "p": prefix,
        }
        return re.sub("%(.)", lambda found: meanings[found[1]], text)


@dataclass(slots=True)
class Rotation:
    """What logrotate does with some files.

    Attributes:
        pattern: which.
        keep: how many old ones remain.
        user: whose rights it has meanwhile.
    """

    pattern: str
    keep: int = 0
    user: str = "root"
    flags: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, text: str) -> Rotation:
        """Read a configuration with one block.

        Raises:
            ValueError: a directive is not known here.
        """
        found = re.fullmatch(r"(?:#.*\n)*(\S+) \{\n((?:    .*\n)+)\}\n", text)
        if found is None:
            raise ValueError("it is not one block")
        made = cls(found[1])
        for line in found[2].splitlines():
            name, *values = line.split()
            if name == "rotate":
                made.keep = int(values[0])
            elif name == "su":
                made.user = " ".join(values)
            elif name in {"weekly", "compress", "delaycompress", "missingok", "notifempty"} and not values:
                made.flags.add(name)
            else:
                raise ValueError(f"{line.strip()} is not known here")
        return made

    def rotate(self, folder: Path) -> list[Path]:
        """Rotate the logs in a folder: move each out of the way, and make no new one (`delaycompress`)."""
        logs = sorted(folder.glob(self.pattern.rpartition("/")[2]))
        return [path.rename(path.with_name(f"{path.name}.1")) for path in logs if path.stat().st_size]
