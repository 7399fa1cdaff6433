#!/usr/bin/env python3
"""Every command of the tool, and every option it names, is in its help, its man page and three shells' completion."""
import os
import re
import subprocess

SOURCE = os.environ.get("WW_SRCDIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = os.environ.get("WW_BUILDDIR") or os.path.join(SOURCE, "build")
PROGRAMS = {"wirewatch": os.path.join(BUILD, "client", "wirewatch"),
            "wirewatchd": os.path.join(BUILD, "daemon", "wirewatchd")}


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


def help_of(*command):
    done = subprocess.run([PROGRAMS[command[0]], *command[1:], "--help"], capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert done.stdout.startswith("usage: " + " ".join(command)), done.stdout
    return done.stdout


def commands():
    """Their names as the code has them."""
    table = read("client", "main.c").split("commands[] = {")[1].split("};")[0]
    return re.findall(r'\{"([a-z-]+)", client_', table)


def long_options(help_text):
    return sorted(set(re.findall(r"(?<![\w-])--([a-z][a-z-]+)", help_text)))


def test_every_command_is_listed():
    manual, listed = read("docs", "wirewatch.1"), help_of("wirewatch")
    shells = {"bash": read("client", "completion", "bash", "wirewatch"), "zsh": read("client", "completion", "zsh", "_wirewatch"),
              "fish": read("client", "completion", "fish", "wirewatch.fish")}
    for name in commands():
        assert re.search(r"^  %s +\w" % name, listed, re.M), name
        assert ".Xr wirewatch-%s 1" % name in manual and ".Cm %s\n" % name in manual, name
        for shell, text in shells.items():
            assert re.search(r"\b%s\b" % name, text), (shell, name)


def test_every_option_is_explained_and_completed():
    zsh = read("client", "completion", "zsh", "_wirewatch")
    wanted = [(("wirewatch", name), "wirewatch-%s.1" % name, "wirewatch") for name in commands()]
    wanted.append((("wirewatchd",), "wirewatchd.8", "wirewatchd"))
    for command, page, completion in wanted:
        manual = read("docs", page).replace("\\", "")
        bash, fish = read("client", "completion", "bash", completion), read("client", "completion", "fish", completion + ".fish")
        for option in long_options(help_of(*command)):
            assert "-" + option in manual, (page, option)
            assert "--" + option in bash, ("bash", command, option)
            assert "--" + option in zsh, ("zsh", command, option)
            assert re.search(r"-l %s\b" % option, fish), ("fish", command, option)


def options_explained(help_text):
    """For each line that explains an option, its names: ["c", "config"], ["json"]."""
    lines = re.findall(r"^ +((?:-\w|--[a-z-]+)(?:, --[a-z-]+)?)", help_text, re.M)
    return [re.findall(r"(?:^|\s)--?([a-z-]+)", line) for line in lines]


def synopses(page, name):
    """What the page's synopses of this command say, in one text."""
    synopsis = page.split(".Sh SYNOPSIS")[1].split(".Sh")[0]
    return "".join(part for part in synopsis.split(".Nm")[1:] if re.match(r"[ a-z]*\n\.Cm %s\n" % name, part))


def test_every_option_is_in_both_synopses():
    overview = read("docs", "wirewatch.1")
    for name in commands():
        for page in (overview, read("docs", "wirewatch-%s.1" % name)):
            synopsis = synopses(page, name)
            assert synopsis, name
            for names in options_explained(help_of("wirewatch", name)):
                assert "help" in names or any(re.search(r"\bFl %s(?![\w-])" % ("-" + n if len(n) > 1 else n), synopsis)
                                              for n in names), (name, names, synopsis)


def test_every_manual_page_is_installed():
    listed = read("docs", "include.am") + read("config", "include.am")
    for page in os.listdir(os.path.join(SOURCE, "docs")):
        if re.search(r"\.[158]$", page):
            assert "docs/" + page in listed, page


def main():
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    print("1..%d" % len(tests))
    for number, (name, test) in enumerate(tests, 1):
        try:
            test()
            print("ok %d - %s" % (number, name[len("test_"):].replace("_", " ")))
        except AssertionError as error:
            print("# %s" % str(error).replace("\n", "\n# "))
            print("not ok %d - %s" % (number, name[len("test_"):].replace("_", " ")))


main()
